import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Op } from '../../src/formats/pickle.ts'
import { PickleWriter } from '../../src/formats/pickle-writer.ts'
import { readSafetensors } from '../../src/formats/safetensors.ts'
import type { Tensor } from '../../src/formats/tensor.ts'
import { readTorch, writeTorch } from '../../src/formats/torch.ts'
import { writeStoredZip } from '../../src/formats/zip.ts'
import { assertRefused } from './refusal.ts'
import { fingerprints, smallNetwork, tensorsOf } from './small-model.ts'

const folder = new URL('../fixtures/interop/', import.meta.url)
const fixture = (name: string) => readFileSync(new URL(name, folder))
const text = (value: string) => new TextEncoder().encode(value)

/** What PyTorch itself read back from each small file (tests/pytorch/make_fixtures.py). */
const expected = JSON.parse(fixture('small/expected.json').toString()) as Record<
  string,
  Record<string, { shape: number[]; values: number[] }>
>

for (const [file, tensors] of Object.entries(expected)) {
  test(`${file} holds the values that PyTorch reads from it`, () => {
    const read = (file.endsWith('.pth') ? readTorch : readSafetensors)(fixture(`small/${file}`), file).tensors
    assert.equal([...read.keys()].sort(), Object.keys(tensors).sort())
    for (const [name, { shape, values }] of Object.entries(tensors)) {
      assert.equal(read.get(name)?.shape, shape)
      assert.equal(Array.from(read.get(name)?.data ?? [], Number), values, name)
    }
  })
}

test('float kinds come as float arrays', () => {
  const weight = (file: string) => readTorch(fixture(`small/${file}`), file).tensors.get('fc1.weight')?.data
  for (const file of ['plain.pth', 'float16.pth', 'bfloat16.pth']) assert.instance(weight(file), Float32Array)
  assert.instance(weight('float64.pth'), Float64Array)
})

test('what is written is read back: every dtype, order, metadata', () => {
  const tensors = new Map<string, Tensor>([
    ['naïve', { shape: [2, 0], data: new Float32Array(0) }],
    ['scalar', { shape: [], data: Float64Array.of(Math.PI) }],
    ['long', { shape: [2], data: BigInt64Array.of(-(2n ** 62n), 5n) }],
    ['int', { shape: [1, 1, 2], data: Int32Array.of(-7, 8) }],
    ['short', { shape: [1], data: Int16Array.of(-300) }],
    ['char', { shape: [1], data: Int8Array.of(-3) }],
    ['byte', { shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ['float', { shape: [3, 2], data: Float32Array.of(1, -2, 3, -4, 5, -6) }],
  ])
  const metadata = { key: 'line\nbreak' }
  const bytes = writeTorch(tensors, metadata)
  const read = readTorch(bytes, 'f')
  assert.equal([...read.tensors], [...tensors])
  assert.equal(read.metadata, metadata)
  assert.equal(writeTorch(tensors, metadata), bytes)
})

test('a writer given a shape that is not the data’s, or a dtype PyTorch lacks, throws', () => {
  assert.throws(() => writeTorch(new Map([['t', { shape: [2], data: new Float32Array(3) }]])), /shape/)
  assert.throws(() => writeTorch(new Map([['t', { shape: [3], data: new Uint32Array(3) }]])), /U32/)
})

const RESAVE = /torch\.save\(model\.state_dict\(\), /

test('the legacy form and a pickled whole module are refused with how to re-save', () => {
  for (const name of ['MLP.8.legacy.pth', 'small/legacy.pth']) {
    assertRefused((file) => readTorch(fixture(name), file), /legacy form without zip/)
    assertRefused((file) => readTorch(fixture(name), file), RESAVE)
  }
  assertRefused((file) => readTorch(fixture('MLP.8.module.pth'), file), /"__main__\.autoencoderMLP4Layer"/)
  assertRefused((file) => readTorch(fixture('MLP.8.module.pth'), file), RESAVE)
})

test('a pickle that asks for os.system is refused by that name', () => {
  assertRefused(
    (file) => readTorch(fixture('small/os-system.pth'), file),
    /asks for "posix\.system", which is never executed/,
  )
})

/** A file like torch.save's whose pickle and storages may be anything. */
function torchFile(
  pickle: Uint8Array,
  storages: Record<string, Uint8Array> = {},
  extra: Record<string, Uint8Array> = {},
) {
  const entries = Object.entries({
    'data.pkl': pickle,
    byteorder: text('little'),
    version: text('3\n'),
    ...extra,
  })
  for (const [key, data] of Object.entries(storages)) entries.push([`data/${key}`, data])
  return writeStoredZip(new Map(entries.map(([name, data]) => [`x/${name}`, data])), 64)
}

interface View {
  key?: string
  type?: string
  length?: number
  offset?: number
  shape?: number[]
  strides?: number[]
}

/** {'t': a tensor that views storage '0' of six floats, unless told otherwise} */
function pickleOf(...views: View[]): Uint8Array {
  const pickle = new PickleWriter()
    .global('collections.OrderedDict')
    .tuple(() => {})
    .reduce()
  pickle.items(() => {
    for (const [i, view] of views.entries()) {
      const {
        key = '0',
        type = 'torch.FloatStorage',
        length = 6,
        offset = 0,
        shape = [2, 3],
        strides = [3, 1],
      } = view
      pickle.text(`t${i}`).global('torch._utils._rebuild_tensor_v2')
      pickle.tuple(() => {
        pickle
          .tuple(() => pickle.text('storage').global(type).text(key).text('cpu').integer(length))
          .persistentId()
        pickle.integer(offset).integers(shape).integers(strides).false()
        pickle
          .global('collections.OrderedDict')
          .tuple(() => {})
          .reduce()
      })
      pickle.reduce()
    }
  })
  return pickle.finish()
}

const SIX = new Uint8Array(Float32Array.of(10, -11, 12, -13, 14, -15).buffer)
const readViews = (...views: View[]) => {
  const { tensors } = readTorch(torchFile(pickleOf(...views), { 0: SIX }), 'f')
  return [...tensors.values()].map(({ data }) => [...data].map(Number))
}

test('views: offset, transposition, broadcast, a size of one with any stride, empty', () => {
  assert.equal(readViews({}), [[10, -11, 12, -13, 14, -15]])
  assert.equal(readViews({ shape: [3, 2], strides: [1, 3] }), [[10, -13, -11, 14, 12, -15]])
  assert.equal(readViews({ offset: 1, shape: [2, 2], strides: [3, 1] }), [[-11, 12, 14, -15]])
  assert.equal(readViews({ shape: [2, 2], strides: [0, 1] }), [[10, -11, 10, -11]])
  assert.equal(readViews({ shape: [1, 6, 1], strides: [1000, 1, 1000] }), [[10, -11, 12, -13, 14, -15]])
  assert.equal(readViews({ offset: 6, shape: [0, 3], strides: [3, 1] }), [[]])
  assert.equal(readViews({ offset: 5, shape: [], strides: [] }, { offset: 1, shape: [], strides: [] }), [
    [-15],
    [-11],
  ])
})

test('views that reach beyond their storage, storages of another size, sizes at the scale of 2^53', () => {
  const refuse = (view: View, problem: RegExp) =>
    assertRefused((file) => readTorch(torchFile(pickleOf(view), { 0: SIX }), file), problem)
  refuse({ offset: 1 }, /"t0" reaches element 6 of a storage of 6/)
  refuse({ strides: [4, 1] }, /reaches element 6 of a storage of 6/)
  refuse({ strides: [2 ** 53 - 1, 1] }, /reaches element/)
  refuse({ offset: 2 ** 53 - 1 }, /reaches element/)
  refuse({ shape: [2 ** 27, 2 ** 27] }, /times the file/)
  refuse({ shape: [100_000, 100_000], strides: [0, 0] }, /times the file/)
  refuse({ shape: [2 ** 53 - 1], strides: [0] }, /times the file/)
  refuse({ length: 7 }, /expected 28 bytes in "data\/0", found 24/)
  refuse({ length: 2 ** 53 - 1 }, /expected 36028797018963964 bytes/)
  refuse({ type: 'torch.DoubleStorage' }, /expected 48 bytes/)
  refuse({ type: 'torch.ComplexFloatStorage' }, /asks for "torch\.ComplexFloatStorage"/)
  refuse({ strides: [1] }, /arguments that do not fit/)
  refuse({ key: '1' }, /"x\/data\/1" is missing/)
  refuse({ key: '../../0' }, /"x\/data\/\.\.\/\.\.\/0" is missing/)
})

test('many views of one storage together stay within a multiple of the file', () => {
  const storage = new Uint8Array(4 * 10_000)
  const view = { length: 10_000, shape: [10_000], strides: [1] }
  const file = (count: number) =>
    torchFile(pickleOf(...Array.from({ length: count }, () => view)), { 0: storage })
  assert.is(readTorch(file(7), 'f').tensors.size, 7)
  assertRefused((name) => readTorch(file(50), name), /beyond 8 times the file/)
})

test('pickles that are damaged or of another kind', () => {
  const refuse = (pickle: Uint8Array | number[], problem: RegExp) =>
    assertRefused((file) => readTorch(torchFile(Uint8Array.from(pickle)), file), problem)
  const whole = pickleOf({})
  for (let length = 0; length < whole.length; length++) refuse(whole.subarray(0, length), /truncated/)
  refuse([Op.PROTO, 4], /protocol 2 .*found 4/)
  refuse([Op.PROTO, 2, 0x93], /opcode 0x93/)
  refuse([Op.STOP], /ends in the middle/)
  refuse([Op.MARK, Op.STOP], /ends in the middle/)
  refuse([Op.TUPLE], /mark is missing/)
  refuse([Op.TUPLE1], /stack is empty/)
  refuse([Op.REDUCE], /stack is empty/)
  refuse([Op.NONE, Op.NONE, Op.NONE, Op.SETITEM], /no dict/)
  refuse([Op.EMPTY_DICT, Op.MARK, Op.NONE, Op.SETITEMS], /no dict/)
  refuse([Op.NONE, Op.NONE, Op.APPEND], /no list/)
  refuse([Op.BINGET, 7], /memo 7/)
  refuse([Op.LONG_BINGET, 255, 255, 255, 255], /memo 4294967295/)
  refuse([Op.BINUNICODE, 255, 255, 255, 255], /truncated/)
  refuse([Op.BINUNICODE, 1, 0, 0, 0, 0xff], /UTF-8/)
  refuse([Op.LONG1, 8, 0, 0, 0, 0, 0, 0, 0, 0x40], /2\^53/)
  refuse([Op.NONE, Op.EMPTY_TUPLE, Op.REDUCE], /do not fit/)
  refuse([Op.NONE, Op.NONE, Op.REDUCE], /no arguments/)
  refuse([Op.NONE, Op.BINPERSID], /not described/)
  refuse([Op.NONE, Op.NONE, Op.BUILD], /no dict/)
  refuse([Op.NONE, Op.STOP], /expected a state_dict/)
  refuse([Op.EMPTY_DICT, Op.STOP], /holds no tensors/)
  refuse(new Uint8Array(100_000).fill(Op.MARK), /truncated/)
  refuse([...text('cposix\nsys\ntem')], /"posix\.sys"/)
  refuse([...text('cos\n\u2028')], /truncated/)
})

test('archives that are not torch.save’s', () => {
  assertRefused((file) => readTorch(new Uint8Array(0), file), /expected a zip/)
  assertRefused((file) => readTorch(text('hello, world'), file), /expected a zip/)
  assertRefused(
    (file) => readTorch(writeStoredZip(new Map([['a', text('b')]]), 64), file),
    /one data\.pkl, found 0/,
  )
  const two = new Map([
    ['a/data.pkl', pickleOf({})],
    ['b/data.pkl', pickleOf({})],
  ])
  assertRefused((file) => readTorch(writeStoredZip(two, 64), file), /one data\.pkl, found 2/)
  const bigEndian = torchFile(pickleOf({}), { 0: SIX }, { byteorder: text('big') })
  assertRefused((file) => readTorch(bigEndian, file), /little-endian data, found "big"/)
  for (const metadata of ['{', '[]', 'null', '{"a":1}']) {
    const bytes = torchFile(pickleOf({}), { 0: SIX }, { 'hourglass/metadata.json': text(metadata) })
    assertRefused((file) => readTorch(bytes, file), /metadata\.json: expected a JSON object of strings/)
  }
})

test('a file truncated anywhere is refused', () => {
  const network = smallNetwork()
  const whole = writeTorch(tensorsOf(network, fingerprints(network)))
  for (let length = 0; length < whole.length; length++) {
    assertRefused((file) => readTorch(whole.subarray(0, length), file), /zip/)
  }
})

test.run()
