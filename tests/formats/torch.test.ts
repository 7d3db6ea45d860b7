import { readFileSync } from 'node:fs'
import { zipSync } from 'fflate'
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
    // A wrapper's prefix is taken off where a model is made of the tensors.
    const prefix = file === 'module-prefix.pth' ? 'module._orig_mod.' : ''
    const names = Object.keys(tensors).map((name) => prefix + name)
    assert.equal([...read.keys()].sort(), names.sort())
    for (const [name, { shape, values }] of Object.entries(tensors)) {
      assert.equal(read.get(prefix + name)?.shape, shape)
      assert.equal(Array.from(read.get(prefix + name)?.data ?? [], Number), values, name)
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
  const pickle = new PickleWriter().emptyOrderedDict()
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
        pickle.emptyOrderedDict()
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
  assertRefused((name) => readTorch(file(50), name), /beyond 6 times the file/)
})

/** {'t0': rebuilt by `global` from storage '0' of six floats, with what `rest` writes after strides} */
function rebuiltBy(global: string, rest: (pickle: PickleWriter) => void, storage = 'torch.FloatStorage') {
  const pickle = new PickleWriter()
  pickle.emptyOrderedDict()
  pickle.items(() => {
    pickle.text('t0').global(global)
    pickle.tuple(() => {
      const length = storage.endsWith('UntypedStorage') ? 24 : 6
      pickle
        .tuple(() => pickle.text('storage').global(storage).text('0').text('cpu').integer(length))
        .persistentId()
      pickle.integer(0).integers([6]).integers([1])
      rest(pickle)
    })
    pickle.reduce()
  })
  return torchFile(pickle.finish(), { 0: SIX })
}

const V2 = 'torch._utils._rebuild_tensor_v2'
const orderedDict = (pickle: PickleWriter) => pickle.emptyOrderedDict()

test('a tensor’s neg flag turns its signs, as torch.load does; other flags are refused', () => {
  const flagged = (rest: (pickle: PickleWriter) => void) =>
    rebuiltBy(V2, (pickle) => {
      orderedDict(pickle.false())
      rest(pickle)
    })
  const neg = flagged((pickle) => pickle.dict().items(() => pickle.text('neg').true()))
  assert.equal([...(readTorch(neg, 'f').tensors.get('t0')?.data ?? [])], [-10, 11, -12, 13, -14, 15])
  const none = flagged((pickle) => pickle.dict())
  assert.equal([...(readTorch(none, 'f').tensors.get('t0')?.data ?? [])], [10, -11, 12, -13, 14, -15])
  for (const flag of ['conj', 'other']) {
    const file = flagged((pickle) => pickle.dict().items(() => pickle.text(flag).true()))
    assertRefused((name) => readTorch(file, name), /arguments that do not fit/)
  }
  const both = flagged((pickle) => pickle.dict().items(() => pickle.text('neg').true().text('conj').true()))
  assertRefused((name) => readTorch(both, name), /arguments that do not fit/)
  const wrongKind = flagged((pickle) => pickle.text('neg'))
  assertRefused((name) => readTorch(wrongKind, name), /arguments that do not fit/)
})

test('a tensor of a dtype without storage of its own is read by its dtype', () => {
  const file = rebuiltBy(
    'torch._utils._rebuild_tensor_v3',
    (pickle) => orderedDict(pickle.false()).global('torch.float32'),
    'torch.storage.UntypedStorage',
  )
  assert.equal([...(readTorch(file, 'f').tensors.get('t0')?.data ?? [])], [10, -11, 12, -13, 14, -15])
})

test('rebuild functions take the arguments that PyTorch takes, and no others', () => {
  const refuse = (rest: (pickle: PickleWriter) => void, storage?: string) =>
    assertRefused((name) => readTorch(rebuiltBy(V2, rest, storage), name), /arguments that do not fit/)
  refuse(() => {})
  refuse((pickle) => pickle.false())
  refuse((pickle) => orderedDict(orderedDict(pickle.false())).false())
  refuse((pickle) => pickle.false().text('hooks'))
  refuse((pickle) => pickle.false().dict())
  refuse((pickle) => orderedDict(pickle.false()).items(() => pickle.text('hook').text('x')))
  refuse((pickle) => orderedDict(pickle.text('requires grad')))
  refuse((pickle) => orderedDict(pickle.false()), 'torch.storage.UntypedStorage')
})

/** 1.0 */
const FLOAT = [Op.BINFLOAT, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]

test('what lies beside the weights is passed over where weights_only takes it', () => {
  const beside = (write: (pickle: PickleWriter) => void) => {
    const pickle = new PickleWriter().dict()
    pickle.items(() => {
      pickle.text('beside')
      write(pickle)
      pickle.text('model')
      pickle.append(pickleOf({}))
    })
    return torchFile(pickle.finish(), { 0: SIX })
  }
  const call = (name: string, args: (pickle: PickleWriter) => void) => (pickle: PickleWriter) =>
    pickle
      .global(name)
      .tuple(() => args(pickle))
      .reduce()
  const taken: Record<string, (pickle: PickleWriter) => void> = {
    'an integer of 64 bits': (pickle) => pickle.bytes(Op.LONG1, 9, 1, 2, 3, 4, 5, 6, 7, 0x88, 0),
    'an integer of 255 bytes': (pickle) => pickle.bytes(Op.LONG1, 255, ...new Uint8Array(255).fill(0x81)),
    'a set': call('__builtin__.set', (pickle) => pickle.bytes(Op.EMPTY_LIST).text('a').bytes(Op.APPEND)),
    'an empty set': (pickle) => pickle.bytes(Op.EMPTY_SET),
    bytes: call('_codecs.encode', (pickle) => pickle.text('ÿ').text('latin1')),
    'a bytearray': call('__builtin__.bytearray', (pickle) => pickle.text('x').text('latin-1')),
    'a torch.Size': call('torch.Size', (pickle) => pickle.integers([2, 3])),
    'a dtype': (pickle) => pickle.global('torch.float32'),
    'a device': call('torch.device', (pickle) => pickle.text('cuda').integer(0)),
    'a Counter': call('collections.Counter', (pickle) => pickle.dict()),
    'a complex number': call('__builtin__.complex', (pickle) => pickle.bytes(...FLOAT, ...FLOAT)),
    'a short string of Python 2': (pickle) => pickle.bytes(Op.SHORT_BINSTRING, 1, 0x61),
  }
  for (const [what, write] of Object.entries(taken)) {
    assert.equal([...readTorch(beside(write), what).tensors.keys()], ['t0'], what)
  }
  const refused: Record<string, (pickle: PickleWriter) => void> = {
    'a set of lists': call('__builtin__.set', (pickle) =>
      pickle.bytes(Op.EMPTY_LIST, Op.EMPTY_LIST, Op.APPEND),
    ),
    'text that is no Latin-1': call('_codecs.encode', (pickle) => pickle.text('€').text('latin1')),
    'another encoding': call('_codecs.encode', (pickle) => pickle.text('x').text('rot13')),
    'a dict with a list as key': (pickle) => pickle.dict().items(() => pickle.bytes(Op.EMPTY_LIST).false()),
    'a device of no kind': call('torch.device', (pickle) => pickle.text('toaster')),
    'a dtype that is called': call('torch.float32', () => {}),
    'an append to a tuple': (pickle) =>
      pickle
        .tuple(() => {})
        .false()
        .bytes(Op.APPEND),
    'arguments in a list': (pickle) => pickle.global('torch.Size').bytes(Op.EMPTY_LIST, Op.REDUCE),
    'a global that is not listed': (pickle) => pickle.global('os.system'),
  }
  for (const [what, write] of Object.entries(refused)) {
    assertRefused((file) => readTorch(beside(write), file), /pickle/)
    assert.ok(what)
  }
})

test('a storage is described in one way, and tensors beside the weights are whole as well', () => {
  const other = (view: View) => {
    const pickle = new PickleWriter().dict()
    pickle.items(() => {
      pickle.text('optimizer').append(pickleOf(view)).text('model').append(pickleOf({}))
    })
    return torchFile(pickle.finish(), { 0: SIX, 1: SIX })
  }
  assert.is(readTorch(other({ key: '1' }), 'f').tensors.size, 1)
  const refuse = (view: View, problem: RegExp) =>
    assertRefused((file) => readTorch(other(view), file), problem)
  refuse({ type: 'torch.IntStorage' }, /describes the storage "0" in two ways/)
  refuse({ length: 5, shape: [1], strides: [1] }, /describes the storage "0" in two ways/)
  refuse({ key: '1', offset: 1 }, /a tensor beside the weights reaches element 6 of a storage of 6/)
  refuse({ key: '1', length: 5, shape: [1], strides: [1] }, /beside the weights: expected 20 bytes/)
  refuse({ key: '2' }, /"x\/data\/2" is missing/)
})

test('pickles that are damaged or of another kind', () => {
  const refuse = (pickle: Uint8Array | number[], problem: RegExp) =>
    assertRefused((file) => readTorch(torchFile(Uint8Array.from(pickle)), file), problem)
  const whole = pickleOf({})
  for (let length = 0; length < whole.length; length++) refuse(whole.subarray(0, length), /truncated/)
  refuse([Op.PROTO, 4, 0x95], /0x95 .*protocol 2 .*found 4/)
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
  refuse([Op.NONE, Op.EMPTY_TUPLE, Op.REDUCE], /do not fit/)
  refuse([Op.NONE, Op.NONE, Op.REDUCE], /no arguments/)
  refuse([Op.NONE, Op.BINPERSID], /not described/)
  refuse([Op.NONE, Op.NONE, Op.BUILD], /no dict/)
  refuse([Op.NONE, Op.EMPTY_DICT, Op.BUILD], /has none/)
  refuse([Op.EMPTY_DICT, Op.EMPTY_DICT, Op.BUILD], /has none/)
  refuse([Op.NONE, Op.STOP], /expected a state_dict/)
  refuse([Op.EMPTY_DICT, Op.STOP], /holds no tensors/)
  refuse(new Uint8Array(99).fill(Op.MARK), /truncated/)
  refuse(new Uint8Array(100_000).fill(Op.MARK), /more than 100 levels deep/)
  refuse([...text('cposix\nsys\ntem')], /"posix\.sys"/)
  refuse([...text('cos\n\u2028')], /truncated/)
})

/** An archive with these entries under any names. */
function archive(entries: Record<string, Uint8Array>): Uint8Array {
  return writeStoredZip(new Map(Object.entries(entries)), 64)
}

test('archives that are not torch.save’s', () => {
  const refuse = (bytes: Uint8Array, problem: RegExp) =>
    assertRefused((file) => readTorch(bytes, file), problem)
  refuse(new Uint8Array(0), /expected a zip/)
  refuse(text('hello, world'), /expected a zip/)
  refuse(text('PK, but no zip'), /expected a zip/)
  refuse(archive({ a: text('b') }), /with "data\.pkl", found none/)
  refuse(archive({ 'data.pkl': pickleOf({}), version: text('3') }), /with "data\.pkl", found none/)
  // PyTorch takes the folder of the first entry, whatever else there is.
  refuse(archive({ 'a/x': text('b'), 'b/data.pkl': pickleOf({}) }), /with "a\/data\.pkl", found none/)
  refuse(archive({ 'a/data.pkl': pickleOf({}) }), /"a\/version" is missing/)
  refuse(
    archive({ 'a/data.pkl': pickleOf({}), 'a/version': text('3'), 'b/x': SIX }),
    /"b\/x" is not in the folder "a\/"/,
  )
  for (const version of ['', 'x', '0', '11', '-3', '3.5', '3x', '1e1']) {
    refuse(torchFile(pickleOf({}), { 0: SIX }, { version: text(version) }), /expected version 1 to 10/)
  }
  refuse(torchFile(pickleOf({}), { 0: SIX }, { 'constants.pkl': text('') }), /TorchScript/)
  refuse(torchFile(pickleOf({}), { 0: SIX }, { 'Data/0': SIX }), /"x\/data\/0" twice, apart from upper case/)
})

test('an archive’s folder may have any name', () => {
  for (const folder of ['z:8', '..', 'C:\\x', ' ', 'naïve', '', '.']) {
    const entries = {
      [`${folder}/data.pkl`]: pickleOf({}),
      [`${folder}/version`]: text('3\n'),
      [`${folder}/data/0`]: SIX,
    }
    assert.is(readTorch(archive(entries), 'f').tensors.size, 1, folder)
  }
})

test('an archive may begin with its folder, as zip -r writes it', () => {
  const whole = zipSync({
    'x/': new Uint8Array(0),
    'x/data.pkl': pickleOf({}),
    'x/version': text('3\n'),
    'x/data/': new Uint8Array(0),
    'x/data/0': SIX,
  })
  assert.is(readTorch(whole, 'f').tensors.size, 1)
})

test('bytes before the archive are refused', () => {
  const whole = torchFile(pickleOf({}), { 0: SIX })
  // A local header of its own in front, and all offsets moved: an archive that other readers begin elsewhere.
  const shift = 64
  const moved = new Uint8Array(whole.length + shift)
  moved.set(whole.subarray(0, shift))
  moved.set(whole, shift)
  const view = new DataView(moved.buffer)
  const end = moved.length - 22
  const directory = view.getUint32(end + 16, true) + shift
  view.setUint32(end + 16, directory, true)
  for (let at = directory; at < end; ) {
    view.setUint32(at + 42, view.getUint32(at + 42, true) + shift, true)
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true)
  }
  assertRefused((file) => readTorch(moved, file), /from the first byte on, found 64 before it/)
})

test('big-endian data and damaged metadata', () => {
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
