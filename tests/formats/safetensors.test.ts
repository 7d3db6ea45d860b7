import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileError } from '../../src/errors.ts'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { assertRefused } from './refusal.ts'

/** A file with any header, sound or not, written apart from the writer under test. */
function fileWith(header: unknown, data: Uint8Array = new Uint8Array(0), claimedLength?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + data.length)
  new DataView(file.buffer).setBigUint64(0, claimedLength ?? BigInt(json.length), true)
  file.set(json, 8)
  file.set(data, 8 + json.length)
  return file
}

const refuse = (bytes: Uint8Array, expected: RegExp) =>
  assertRefused((file) => readSafetensors(bytes, file), expected)

const entry = (dtype: unknown, shape: unknown, begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

test('every dtype decodes to the values that its specification gives', () => {
  // 1.5, -2, smallest subnormal, -infinity, NaN as IEEE binary16; 1.5, -2 as bfloat16.
  const half = Uint8Array.from([0x00, 0x3e, 0x00, 0xc0, 0x01, 0x00, 0x00, 0xfc, 0x01, 0x7e])
  const readOne = (dtype: string, shape: number[], data: Uint8Array) =>
    readSafetensors(fileWith({ t: entry(dtype, shape, 0, data.length) }, data), 'f').tensors.get(
      't',
    ) as Tensor
  const [nan, ...finite] = [...(readOne('F16', [5], half).data as Float32Array)].reverse()
  assert.ok(Number.isNaN(nan))
  assert.equal(finite, [-Infinity, 2 ** -24, -2, 1.5])
  assert.equal(readOne('BF16', [2], Uint8Array.of(0xc0, 0x3f, 0, 0xc0)).data, Float32Array.of(1.5, -2))
  assert.equal(readOne('F32', [], Uint8Array.of(0, 0, 0x20, 0xc0)).data, Float32Array.of(-2.5))
  assert.equal(readOne('F64', [1], Uint8Array.of(0, 0, 0, 0, 0, 0, 4, 0xc0)).data, Float64Array.of(-2.5))
  assert.equal(readOne('I64', [1], new Uint8Array(8).fill(255)).data, BigInt64Array.of(-1n))
  assert.equal(readOne('U64', [1], new Uint8Array(8).fill(255)).data, BigUint64Array.of(2n ** 64n - 1n))
  assert.equal(readOne('I32', [1], Uint8Array.of(1, 2, 3, 0x84)).data, Int32Array.of(0x84030201 - 2 ** 32))
  assert.equal(readOne('U32', [1], Uint8Array.of(1, 2, 3, 0x84)).data, Uint32Array.of(0x84030201))
  assert.equal(readOne('I16', [1], Uint8Array.of(1, 0x82)).data, Int16Array.of(0x8201 - 2 ** 16))
  assert.equal(readOne('U16', [1], Uint8Array.of(1, 0x82)).data, Uint16Array.of(0x8201))
  assert.equal(readOne('I8', [2], Uint8Array.of(1, 0xfe)).data, Int8Array.of(1, -2))
  assert.equal(readOne('U8', [2], Uint8Array.of(1, 0xfe)).data, Uint8Array.of(1, 0xfe))
  assert.equal(readOne('BOOL', [1, 2], Uint8Array.of(1, 0)).data, Uint8Array.of(1, 0))
})

test('what is written is read back, in order, with metadata; data begins at a multiple of 8', () => {
  const tensors = new Map<string, Tensor>([
    ['odd', { shape: [3], data: Int8Array.of(1, -2, 3) }],
    ['fc1.weight', { shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => i * 1000 - 2.5) }],
    ['steps', { shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
    ['losses', { shape: [2], data: Float64Array.of(Math.PI, -1e300) }],
    ['empty', { shape: [0, 7], data: new Float32Array(0) }],
    ['__proto__', { shape: [1], data: Uint8Array.of(9) }],
  ])
  const metadata = { format: 'pt', 'naïve "key"': 'line\nbreak' }
  const bytes = writeSafetensors(tensors, metadata)
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  assert.is(headerBytes % 8, 0)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)))
  for (const [name, { data }] of tensors) {
    assert.is(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0, `${name} is aligned`)
  }
  const read = readSafetensors(bytes, 'f')
  assert.equal([...read.tensors], [...tensors])
  assert.equal(read.metadata, metadata)
  // The same bytes at an odd address, in a Buffer: nothing may depend on alignment or on slice().
  const shifted = Buffer.concat([Buffer.of(0), bytes]).subarray(1)
  const unaligned = readSafetensors(shifted, 'f').tensors
  shifted.fill(0)
  assert.equal([...unaligned], [...tensors])
})

test('a header may be padded with spaces, hold no tensor, and lack metadata', () => {
  assert.equal(readSafetensors(fileWith('{}     '), 'f'), { tensors: new Map(), metadata: {} })
})

test('a writer given a shape that is not the data’s throws', () => {
  assert.throws(() => writeSafetensors(new Map([['t', { shape: [2], data: new Float32Array(3) }]])), /shape/)
})

test('header length: too short a file, beyond the file, beyond the limit, zero', () => {
  refuse(new Uint8Array(0), /at least 8 bytes, found 0/)
  refuse(new Uint8Array(7), /at least 8 bytes, found 7/)
  refuse(new Uint8Array(8), /begin with \{/)
  refuse(fileWith({}, undefined, 3n), /header length 3 reaches beyond the file's 10 bytes/)
  refuse(fileWith({}, undefined, 100_000_001n), /limit/)
  refuse(fileWith({}, undefined, 2n ** 53n), /limit/)
  refuse(fileWith({}, undefined, 2n ** 64n - 1n), /limit/)
})

test('a header that is no JSON object', () => {
  refuse(fileWith(' {}'), /begin with \{/)
  refuse(fileWith('[]'), /begin with \{/)
  refuse(fileWith('{"a":'), /not JSON/)
  refuse(fileWith('{} {}'), /not JSON/)
  refuse(fileWith(`{"a":${'['.repeat(99)}`), /not JSON/)
  refuse(fileWith(`{"a":${'['.repeat(200_000)}`), /more than 100 levels deep/)
  const notUtf8 = fileWith('{"a":1}')
  notUtf8[10] = 0xff
  refuse(notUtf8, /UTF-8/)
})

test('duplicate keys, plain, escaped and nested', () => {
  const e = JSON.stringify(entry('U8', [1], 0, 1))
  const data = Uint8Array.of(1)
  refuse(fileWith(`{"a":${e},"a":${e}}`, data), /"a" twice/)
  refuse(fileWith(`{"a":${e},"\\u0061":${e}}`, data), /"a" twice/)
  refuse(fileWith('{"a":{"dtype":"U8","shape":[0],"shape":[1],"data_offsets":[0,1]}}', data), /"shape" twice/)
  refuse(fileWith('{"__metadata__":{"k":"1","k":"2"}}'), /"k" twice/)
  // The same key in two objects, and braces and colons inside strings, are no duplicates.
  assert.is(
    readSafetensors(
      fileWith(
        '{"__metadata__":{"a{":"a{\\":","b":"a"}, "a" :{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      'f',
    ).tensors.size,
    1,
  )
})

test('entries that are not what the specification demands', () => {
  const data = new Uint8Array(8)
  const refused = (value: unknown, expected: RegExp) => refuse(fileWith({ t: value }, data), expected)
  refused(7, /tensor "t": expected an object/)
  refused(null, /tensor "t": expected an object/)
  refused({ shape: [2], data_offsets: [0, 8] }, /dtype is missing/)
  refused(entry('F8_E4M3', [8], 0, 8), /dtype among F64, .*found "F8_E4M3"/)
  refused(entry('toString', [8], 0, 8), /dtype among/)
  refused({ dtype: 'F32', data_offsets: [0, 8] }, /shape is missing/)
  refused(entry('F32', 'x', 0, 8), /shape is missing/)
  for (const shape of [[-1], [1.5], ['2'], [2 ** 53], [2 ** 32, 2 ** 32], [2 ** 27, 2 ** 27, 0], [null]]) {
    refused(entry('F32', shape, 0, 8), /whole numbers with a product below 2\^53/)
  }
  refused(entry('F64', [2 ** 52], 0, 8), /product below 2\^53/)
  refused(entry('F32', [3], 0, 8), /takes 12 bytes, data_offsets hold 8/)
  refused({ dtype: 'F32', shape: [2] }, /data_offsets \[begin, end\]/)
  refused({ dtype: 'F32', shape: [2], data_offsets: [0] }, /data_offsets \[begin, end\]/)
  refused({ dtype: 'F32', shape: [2], data_offsets: [0, 8.5] }, /data_offsets \[begin, end\]/)
  refused({ dtype: 'F32', shape: [2], data_offsets: [-8, 0] }, /data_offsets \[begin, end\]/)
  refused(entry('F32', [2], 8, 0), /do not lie within the file's 8 bytes/)
  refused(entry('F32', [2], 1, 9), /do not lie within the file's 8 bytes/)
  refused(entry('F32', [2 ** 50], 0, 2 ** 52), /do not lie within the file's 8 bytes/)
})

test('overlaps and holes', () => {
  const data = new Uint8Array(8)
  refuse(fileWith({ a: entry('U8', [5], 0, 5), b: entry('U8', [4], 4, 8) }, data), /"a" and "b" overlap/)
  refuse(fileWith({ a: entry('U8', [8], 0, 8), b: entry('U8', [8], 0, 8) }, data), /overlap/)
  refuse(
    fileWith({ a: entry('U8', [4], 0, 4), b: entry('U8', [3], 5, 8) }, data),
    /bytes 4 to 5 .* no tensor/,
  )
  refuse(fileWith({ a: entry('U8', [4], 0, 4) }, data), /bytes 4 to 8 .* no tensor/)
  refuse(fileWith({}, data), /bytes 0 to 8 .* no tensor/)
})

test('metadata must map text to text', () => {
  refuse(fileWith({ __metadata__: [] }), /__metadata__: expected an object of strings/)
  refuse(fileWith({ __metadata__: { epoch: 3 } }), /expected text for "epoch", found number/)
})

test('a file truncated anywhere is refused', () => {
  const whole = writeSafetensors(new Map([['w', { shape: [2, 2], data: Float32Array.of(1, -2, 3, -4) }]]))
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => readSafetensors(whole.subarray(0, length), 'f'),
      (error: unknown) => error instanceof FileError,
    )
  }
})

test('a key of megabytes', () => {
  const key = 'x\\"'.repeat(2_000_000)
  const e = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
  assert.is(readSafetensors(fileWith(`{"${key}":${e}}`), 'f').tensors.size, 1)
  refuse(fileWith(`{"${key}":${e},"${key}":${e}}`), /twice/)
})

test('names from a hostile file stay on one line and short', () => {
  refuse(fileWith({ [`a\nb${'x'.repeat(10_000)}`]: 1 }), /^.{1,250}$/)
})

test.run()
