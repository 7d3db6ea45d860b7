/**
 * Small files that ask for much: memory, time or depth. Each is refused, or read for what its size allows.
 */
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { concatBytes } from '../../src/formats/bytes.ts'
import { Op } from '../../src/formats/pickle.ts'
import { PickleWriter } from '../../src/formats/pickle-writer.ts'
import { writeStoredZip } from '../../src/formats/zip.ts'
import { checkpoint, TARGETS, type Target } from './targets.ts'
import { withHeader } from './trees.ts'

export interface Bomb {
  readonly name: string
  readonly target: Target
  readonly make: () => Uint8Array
  /** What the budget must say where another check would as well, but too late. */
  readonly says?: RegExp
}

const targetOf = (name: string): Target => {
  const target = TARGETS.find((target) => target.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  return target
}
const torch = targetOf('tensors of a .pth')
const model = targetOf('a model as .safetensors')
const text = (value: string) => new TextEncoder().encode(value)

/** The bytes again and again. */
function repeated(bytes: readonly number[], times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times)
  for (let i = 0; i < all.length; i++) all[i] = bytes[i % bytes.length]
  return all
}

/** A .pth of this pickle and these storages. */
function torchFile(pickle: Uint8Array, storages: Record<string, Uint8Array> = {}): Uint8Array {
  const entries = new Map([
    ['x/data.pkl', pickle],
    ['x/version', text('3\n')],
  ])
  for (const [key, data] of Object.entries(storages)) entries.set(`x/data/${key}`, data)
  return writeStoredZip(entries, 64)
}

const PROTO = Uint8Array.of(Op.PROTO, 2)
const STOP = Uint8Array.of(Op.STOP)

const pickleOf = (...parts: readonly Uint8Array[]) => concatBytes([PROTO, ...parts, STOP])
/** An opcode, or a few, again and again. */
const opcodes = (times: number, ...bytes: readonly number[]) => torchFile(pickleOf(repeated(bytes, times)))
/** What a writer writes, without begin and end. */
const written = (write: (pickle: PickleWriter) => void) => {
  const pickle = new PickleWriter()
  write(pickle)
  return pickle.finish().subarray(2, -1)
}

/** A long tuple or text, remembered as 0, and then `again` many times. */
function rememberedAgain(
  what: (pickle: PickleWriter) => void,
  again: readonly number[],
  times: number,
): Uint8Array {
  return torchFile(
    pickleOf(
      written((pickle) => {
        what(pickle)
        pickle.bytes(Op.BINPUT, 0)
      }),
      repeated(again, times),
    ),
  )
}

/** The instructions by which `global` is called with what is remembered as 0, and more after it. */
const callWith = (global: string, more: (pickle: PickleWriter) => void = () => {}) => [
  ...written((pickle) => {
    pickle.global(global).tuple(() => {
      pickle.bytes(Op.BINGET, 0)
      more(pickle)
    })
    pickle.reduce()
  }),
]

/** Views of one small storage whose shape is remembered and checked again for each. */
function rebuiltAgain(dimensions: number, times: number): Uint8Array {
  const ones = Array.from({ length: dimensions }, () => 1)
  const start = written((pickle) => {
    pickle.integers(ones).bytes(Op.BINPUT, 0)
    pickle.global('torch._utils._rebuild_tensor_v2').bytes(Op.BINPUT, 1)
    pickle.tuple(() => {
      pickle.text('storage').global('torch.FloatStorage').text('0').text('cpu').integer(1)
    })
    pickle.persistentId().bytes(Op.BINPUT, 2)
    pickle.emptyOrderedDict().bytes(Op.BINPUT, 3)
  })
  const again = [
    ...[Op.BINGET, 1, Op.MARK, Op.BINGET, 2, Op.BININT1, 0, Op.BINGET, 0, Op.BINGET, 0],
    ...[Op.NEWFALSE, Op.BINGET, 3, Op.TUPLE, Op.REDUCE],
  ]
  return torchFile(pickleOf(start, repeated(again, times)), { 0: new Uint8Array(4) })
}

/** A state_dict of one view of stride 0, of `length` float16. */
function strideZero(length: number, fileBytes: number): Uint8Array {
  const pickle = written((pickle) => {
    pickle.dict().items(() => {
      pickle.text('t').global('torch._utils._rebuild_tensor_v2')
      pickle.tuple(() => {
        pickle.tuple(() => {
          pickle
            .text('storage')
            .global('torch.HalfStorage')
            .text('0')
            .text('cpu')
            .integer(fileBytes / 2)
        })
        pickle.persistentId().integer(0).integers([length]).integers([0]).false()
        pickle.emptyOrderedDict()
      })
      pickle.reduce()
    })
  })
  return torchFile(pickleOf(pickle), { 0: new Uint8Array(fileBytes) })
}

/** A file of a safetensors header alone. */
const headerOf = (header: string) => withHeader(header, new Uint8Array(0))

function manyTensors(count: number): Uint8Array {
  const entries = Array.from({ length: count }, (_, i) => {
    return `"${i.toString(36)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
  })
  return headerOf(`{${entries.join(',')}}`)
}

/** The checkpoint whose metadata `key` is this text. */
function checkpointWith(key: string, value: string): Uint8Array {
  const length = Number(new DataView(checkpoint.buffer, checkpoint.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(checkpoint.subarray(8, 8 + length)))
  header.__metadata__[key] = value
  return withHeader(JSON.stringify(header), checkpoint.subarray(8 + length))
}

/** gzip of bytes again and again, until they are `total`, in members of 64 MB. */
function gzippedAgain(bytes: readonly number[], total: number): Uint8Array {
  const member = gzipSync(repeated(bytes, 2 ** 26 / bytes.length), { level: 9 })
  return concatBytes(Array.from({ length: Math.ceil(total / 2 ** 26) }, () => member))
}

/** Lines of distinct texts. */
function distinctLines(count: number): Uint8Array {
  const lines = ['name\n']
  for (let i = 0; i < count; i++) lines.push(`t${i.toString(36)}\n`)
  return text(lines.join(''))
}

/** A .npy header of this shape, and no data. */
function npyHeader(shape: string): Uint8Array {
  const header = `{'descr': '<f8', 'fortran_order': True, 'shape': (${shape}), }\n`
  return concatBytes([
    Uint8Array.of(0x93),
    text('NUMPY'),
    Uint8Array.of(1, 0, header.length, 0),
    text(header),
  ])
}

/** gzip of an IDX header that announces so many images of 28 × 28, and zeros. */
function gzippedImages(count: number, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(16)
  header.set([0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28])
  new DataView(header.buffer).setUint32(4, count)
  // In members of 64 MB: one alone could not be made without the bytes that it stands for.
  const members = [gzipSync(header)]
  const zeros = gzipSync(new Uint8Array(2 ** 26), { level: 9 })
  for (let made = 0; made < bodyBytes; made += 2 ** 26) members.push(zeros)
  return concatBytes(members)
}

const trajectory = targetOf('a trajectory in JSON')
const sound = JSON.parse(new TextDecoder().decode(trajectory.seeds[0]))
const trajectoryWith = (fields: object) => text(JSON.stringify({ ...sound, ...fields }))

export const BOMBS: readonly Bomb[] = [
  // Objects that a byte or two of a pickle make.
  { name: 'empty dicts', target: torch, make: () => opcodes(5e6, Op.EMPTY_DICT) },
  { name: 'empty lists', target: torch, make: () => opcodes(5e6, Op.EMPTY_LIST) },
  { name: 'empty tuples', target: torch, make: () => opcodes(2e7, Op.EMPTY_TUPLE) },
  { name: 'empty sets', target: torch, make: () => opcodes(2e7, Op.EMPTY_SET) },
  { name: 'marks', says: /levels deep/, target: torch, make: () => opcodes(5e6, Op.MARK) },
  { name: 'None', target: torch, make: () => opcodes(5e7, Op.NONE) },
  { name: 'floats', target: torch, make: () => opcodes(3e6, Op.BINFLOAT, 1, 2, 3, 4, 5, 6, 7, 8) },
  { name: 'tuples in tuples', target: torch, make: () => opcodes(5e6, Op.NONE, Op.TUPLE1) },
  { name: 'a tuple around a tuple', target: torch, make: () => opcodes(5e6, Op.TUPLE1) },
  {
    name: 'tuples that double',
    target: torch,
    make: () => rememberedAgain((pickle) => pickle.false(), [Op.BINPUT, 0, Op.BINGET, 0, Op.TUPLE2], 2e6),
  },
  { name: 'dicts of one item', target: torch, make: () => opcodes(2e6, 0x7d, Op.NONE, Op.NONE, Op.SETITEM) },
  {
    name: 'integers of 255 bytes',
    target: torch,
    make: () => opcodes(40_000, Op.LONG1, 255, ...new Uint8Array(255).fill(0x81)),
  },
  {
    name: 'empty texts',
    target: torch,
    make: () => opcodes(2e6, Op.BINUNICODE, 0, 0, 0, 0),
  },
  {
    name: 'short strings',
    target: torch,
    make: () => opcodes(5e6, Op.SHORT_BINSTRING, 0),
  },
  {
    name: 'a memo of many numbers',
    target: torch,
    make: () => {
      const puts = new Uint8Array(5 * 3e6)
      for (let i = 0; i < 3e6; i++) {
        puts[5 * i] = Op.LONG_BINPUT
        new DataView(puts.buffer).setUint32(5 * i + 1, i * 1000, true)
      }
      return torchFile(pickleOf(Uint8Array.of(Op.NONE), puts))
    },
  },
  {
    name: 'a dict of many numbers',
    target: torch,
    make: () => {
      const items = new Uint8Array(6 * 3e6)
      for (let i = 0; i < 3e6; i++) {
        items[6 * i] = Op.BININT
        new DataView(items.buffer).setUint32(6 * i + 1, i, true)
        items[6 * i + 5] = Op.NONE
      }
      return torchFile(pickleOf(Uint8Array.of(Op.EMPTY_DICT, Op.MARK), items, Uint8Array.of(Op.SETITEMS)))
    },
  },
  { name: 'globals', target: torch, make: () => opcodes(5e5, ...text('ctorch\nfloat32\n')) },
  {
    name: 'OrderedDicts',
    target: torch,
    make: () =>
      rememberedAgain(
        (pickle) => pickle.global('collections.OrderedDict'),
        [Op.BINGET, 0, Op.EMPTY_TUPLE, Op.REDUCE],
        1.5e6,
      ),
  },
  // Work that is done again for what is remembered.
  { name: 'a shape of 20,000 checked again', target: torch, make: () => rebuiltAgain(20_000, 10_000) },
  { name: 'a shape of 64 checked again', target: torch, make: () => rebuiltAgain(64, 100_000) },
  {
    name: 'a torch.Size of 50,000 made again',
    target: torch,
    make: () => rememberedAgain((p) => p.integers(new Array(50_000).fill(1)), callWith('torch.Size'), 20_000),
  },
  {
    name: 'a set of 50,000 made again',
    says: /more work/,
    target: torch,
    make: () =>
      rememberedAgain((p) => p.integers(new Array(50_000).fill(1)), callWith('builtins.set'), 20_000),
  },
  {
    name: 'a text of 500 kB encoded again',
    says: /more work/,
    target: torch,
    make: () =>
      rememberedAgain(
        (pickle) => pickle.text('x'.repeat(500_000)),
        callWith('_codecs.encode', (pickle) => pickle.text('latin1')),
        20_000,
      ),
  },
  {
    name: 'a Counter of 50,000 copied again',
    target: torch,
    make: () =>
      rememberedAgain(
        (pickle) =>
          pickle.dict().items(() => {
            for (let i = 0; i < 50_000; i++) pickle.integer(i).integer(i)
          }),
        callWith('collections.Counter'),
        20_000,
      ),
  },
  { name: 'a view of stride 0', target: torch, make: () => strideZero(6e8, 1000) },
  {
    name: 'a view of stride 0 in 21 MB',
    says: /beyond # times/,
    target: torch,
    make: () => strideZero(3e8, 2.1e7),
  },
  { name: 'a view of stride 0 that fits', target: torch, make: () => strideZero(1e7, 2.1e7) },
  // Archives.
  {
    name: 'deflated zeros',
    target: torch,
    make: () => zipSync({ 'x/data.pkl': new Uint8Array(2e8), 'x/version': text('3') }, { level: 9 }),
  },
  {
    name: 'a deflated pickle within the archive’s limit',
    target: torch,
    make: () =>
      zipSync(
        {
          'x/data.pkl': new Uint8Array(2.4e7).fill(Op.NONE),
          'x/version': text('3'),
          'x/noise': [
            Uint8Array.from({ length: 4e6 }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 13),
            { level: 0 },
          ],
        },
        { level: 9 },
      ),
  },
  {
    name: '65,000 entries',
    target: targetOf('zip'),
    make: () => writeStoredZip(new Map(Array.from({ length: 65_000 }, (_, i) => [`${i}`, text('')])), 1),
  },
  // JSON.
  {
    name: 'nested objects',
    says: /levels deep/,
    target: model,
    make: () => headerOf(`${'{"a":'.repeat(4e6)}1${'}'.repeat(4e6)}`),
  },
  {
    name: 'objects beside each other',
    target: model,
    make: () => headerOf(`{"a":[${'{},'.repeat(8e6)}{}]}`),
  },
  { name: 'arrays beside each other', target: model, make: () => headerOf(`{"a":[${'[],'.repeat(8e6)}[]]}`) },
  {
    name: 'a shape of 30 million',
    target: model,
    make: () => headerOf(`{"a":{"shape":[${'1,'.repeat(3e7)}1]}}`),
  },
  { name: '30,000 empty tensors', target: model, make: () => manyTensors(30_000) },
  { name: 'a million empty tensors', target: model, make: () => manyTensors(1e6) },
  {
    name: 'metadata of two million keys',
    target: model,
    make: () => {
      const keys = Array.from({ length: 2e6 }, (_, i) => `"${i.toString(36)}":""`)
      return headerOf(`{"__metadata__":{${keys.join(',')}}}`)
    },
  },
  {
    name: 'objects of a million shapes',
    target: model,
    make: () => headerOf(`{"a":[${Array.from({ length: 1e6 }, (_, i) => `{"${i}":0}`).join(',')}]}`),
  },
  { name: 'a header of spaces', target: model, make: () => headerOf(`{${' '.repeat(99_000_000)}}`) },
  { name: 'a key of 50 MB', target: model, make: () => headerOf(`{"${'\\u0041'.repeat(8e6)}":{}}`) },
  {
    name: 'a key twice, at the end of many',
    target: model,
    make: () => {
      const keys = Array.from({ length: 100_000 }, (_, i) => `"${i}":"${'x'.repeat(200)}"`)
      return headerOf(`{"__metadata__":{${keys.join(',')},"0":""}}`)
    },
  },
  {
    name: 'a checkpoint of a million records',
    target: targetOf('a checkpoint'),
    make: () => checkpointWith('progress', `{"history":[${'{},'.repeat(1e6)}{}]}`),
  },
  {
    name: 'a checkpoint of nested notes',
    target: targetOf('a checkpoint'),
    make: () => checkpointWith('notes', '['.repeat(3e6)),
  },
  {
    name: 'brackets in a trajectory',
    says: /levels deep/,
    target: trajectory,
    make: () => text('['.repeat(5e7)),
  },
  {
    name: 'a trajectory of 10¹⁵ images a step',
    target: trajectory,
    make: () => trajectoryWith({ batch: 1e15 }),
  },
  {
    name: 'a trajectory of 5·10⁹ images a step',
    target: trajectory,
    make: () => trajectoryWith({ batch: 5e9 }),
  },
  {
    name: 'a trajectory of a vast network',
    target: trajectory,
    make: () => trajectoryWith({ network: { input: 2 ** 26, hidden: 2 ** 26, bottleneck: 2 } }),
  },
  // Images.
  {
    name: '2 GiB of images that 2 MB tell of',
    target: targetOf('IDX in gzip'),
    make: () => gzippedImages(2739137, 2 ** 31),
  },
  {
    name: '2 GiB where 784 kB are announced',
    target: targetOf('IDX in gzip'),
    make: () => gzippedImages(1000, 2 ** 31),
  },
  { name: '3·10⁹ images announced', target: targetOf('IDX in gzip'), make: () => gzippedImages(3e9, 0) },
  {
    name: '200,000 empty gzip members',
    target: targetOf('IDX in gzip'),
    make: () => repeated([...gzipSync(new Uint8Array(0))], 200_000),
  },
  // Own data.
  {
    name: '2 GiB of rows that 2 MB tell of',
    target: targetOf('CSV in gzip'),
    make: () => gzippedAgain([...text('1,2\n')], 2 ** 31),
  },
  { name: '20 million columns', target: targetOf('CSV'), make: () => repeated([...text('a,')], 4e7) },
  { name: '20 million cells a row', target: targetOf('CSV'), make: () => repeated([...text(',')], 2e7) },
  { name: '20 million blank rows', target: targetOf('CSV'), make: () => repeated([...text('\n')], 2e7) },
  {
    name: '10 million empty cells',
    target: targetOf('CSV'),
    make: () => concatBytes([text('a,b,c,d\n'), repeated([...text(',,,\n')], 1e7)]),
  },
  {
    name: 'a quote that never ends',
    target: targetOf('CSV'),
    make: () => concatBytes([text('a,b\n1,"'), repeated([...text('2,3\n')], 3e7)]),
  },
  {
    name: 'quotes alone',
    target: targetOf('CSV'),
    make: () => concatBytes([text('a,b\n'), repeated([...text('"')], 2e7)]),
  },
  {
    name: '5 million texts',
    target: targetOf('CSV'),
    says: /more than # objects|times the file/,
    make: () => distinctLines(5e6),
  },
  {
    name: 'a column of text from the last row on',
    target: targetOf('CSV'),
    make: () => concatBytes([text('a,b\n'), repeated([...text('1,2\n')], 4e6), text('x,y\n')]),
  },
  {
    name: 'an array of 10³⁰ rows',
    target: targetOf('NPY'),
    make: () => npyHeader('999999999999999, 999999999999999'),
  },
  {
    name: 'an archive of zeros',
    target: targetOf('NPZ'),
    make: () => zipSync({ 'a.npy': new Uint8Array(4e8) }, { level: 9 }),
  },
]
