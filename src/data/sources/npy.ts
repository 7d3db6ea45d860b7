/**
 * NumPy's arrays: a magic string, the version, a header that is a Python dict, then the elements
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Runs in a browser.
 */
import { FileError } from '../../errors.ts'
import { viewOf } from '../../formats/bytes.ts'
import { halfToNumber } from '../../formats/tensor.ts'
import type { FloatArray } from '../../model/state.ts'
import { quote } from '../../quote.ts'
import { ReaderBudget } from '../../reader-budget.ts'

export interface NpyArray {
  readonly shape: readonly number[]
  /** In C order. Bytes stay bytes; what float32 holds is float32, all other numbers are float64. */
  readonly data: Uint8Array | FloatArray
  /** What the elements were, for people: `uint8`, `big-endian float64`. */
  readonly type: string
  /** Whether the elements are whole numbers. */
  readonly isWhole: boolean
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
/** NumPy itself writes some hundred characters. */
const MOST_HEADER_BYTES = 2 ** 16
const MOST_DIMENSIONS = 32

type ReadElement = (view: DataView, at: number, isLittle: boolean) => number

interface Kind {
  readonly name: string
  readonly bytes: number
  readonly isWhole: boolean
  /** Whether float32 holds every value. */
  readonly isSingle: boolean
  /** Whether the bytes of a little-endian element are those of the array that it becomes. */
  readonly isPlain: boolean
  readonly read: ReadElement
}

function kind(name: string, bytes: number, isSingle: boolean, read: ReadElement): Kind {
  const isPlain = /^(uint8|float32|float64)$/.test(name)
  return { name, bytes, isSingle, isPlain, read, isWhole: !name.startsWith('float') }
}

const KINDS: Readonly<Record<string, Kind>> = {
  b1: kind('bool', 1, true, (view, at) => (view.getUint8(at) === 0 ? 0 : 1)),
  u1: kind('uint8', 1, true, (view, at) => view.getUint8(at)),
  i1: kind('int8', 1, true, (view, at) => view.getInt8(at)),
  u2: kind('uint16', 2, true, (view, at, isLittle) => view.getUint16(at, isLittle)),
  i2: kind('int16', 2, true, (view, at, isLittle) => view.getInt16(at, isLittle)),
  u4: kind('uint32', 4, false, (view, at, isLittle) => view.getUint32(at, isLittle)),
  i4: kind('int32', 4, false, (view, at, isLittle) => view.getInt32(at, isLittle)),
  u8: kind('uint64', 8, false, (view, at, isLittle) => Number(view.getBigUint64(at, isLittle))),
  i8: kind('int64', 8, false, (view, at, isLittle) => Number(view.getBigInt64(at, isLittle))),
  f2: kind('float16', 2, true, (view, at, isLittle) => halfToNumber(view.getUint16(at, isLittle))),
  f4: kind('float32', 4, true, (view, at, isLittle) => view.getFloat32(at, isLittle)),
  f8: kind('float64', 8, false, (view, at, isLittle) => view.getFloat64(at, isLittle)),
}

interface Header {
  readonly kind: Kind
  readonly isLittle: boolean
  readonly isFortran: boolean
  readonly shape: readonly number[]
  /** Of the elements within the file. */
  readonly start: number
}

/**
 * An array from the bytes of a .npy file.
 *
 * @param file its name, for errors; within an archive with its member's
 * @throws FileError for what is no array of numbers, is damaged, or holds more bytes than it says
 */
export function readNpy(
  bytes: Uint8Array,
  file: string,
  budget = new ReaderBudget(file, bytes.length),
): NpyArray {
  const header = readHeader(bytes, file)
  const { shape, start, isFortran, isLittle } = header
  const { kind: element } = header
  const count = shape.reduce((product, size) => product * size, 1)
  const expected = start + count * element.bytes
  if (bytes.length !== expected) {
    throw new FileError(
      file,
      `expected ${expected} bytes for an array of shape (${shape.join(', ')}), found ${bytes.length}`,
    )
  }
  const type = `${isLittle || element.bytes === 1 ? '' : 'big-endian '}${element.name}`
  const isBytes = element.name === 'uint8'
  budget.arrays(count * (isBytes ? 1 : element.isSingle ? 4 : 8), 'the array')
  const data = isBytes
    ? new Uint8Array(count)
    : element.isSingle
      ? new Float32Array(count)
      : new Float64Array(count)
  const elements = bytes.subarray(start)
  if (!isFortran && isLittle && element.isPlain) {
    new Uint8Array(data.buffer).set(elements)
  } else {
    const view = viewOf(elements)
    const read = (i: number) => element.read(view, i * element.bytes, isLittle)
    if (isFortran) fillRowMajor(data, shape, read)
    else for (let i = 0; i < count; i++) data[i] = read(i)
  }
  return { shape, type, isWhole: element.isWhole, data }
}

/** From column-major order, in which the first index runs fastest. */
function fillRowMajor(
  data: Uint8Array | FloatArray,
  shape: readonly number[],
  read: (i: number) => number,
): void {
  const strides: number[] = []
  shape.reduce((stride, size) => {
    strides.push(stride)
    return stride * size
  }, 1)
  const index = new Array<number>(shape.length).fill(0)
  let from = 0
  for (let to = 0; to < data.length; to++) {
    data[to] = read(from)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
}

function readHeader(bytes: Uint8Array, file: string): Header {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new FileError(file, "expected NumPy's .npy, which begins with \\x93NUMPY, found something else")
  }
  const version = bytes[6]
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new FileError(file, `expected version 1, 2 or 3 of .npy, found ${version ?? 'none'}`)
  }
  const lengthBytes = version === 1 ? 2 : 4
  const begin = 8 + lengthBytes
  if (bytes.length < begin)
    throw new FileError(file, `expected a header, found a file of ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, begin)
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MOST_HEADER_BYTES || begin + length > bytes.length) {
    throw new FileError(file, `expected a header within the file, found one of ${length} bytes`)
  }
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(begin, begin + length),
  )
  return { ...parseHeader(text, file), start: begin + length }
}

/** An array of anything but numbers. */
export class NoNumbers extends FileError {}

const DESCR = /^'([<>|=])?([a-zA-Z])(\d+)'$/
const ENTRY = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|\[[^[]*\]|True|False|\([^()]*\))\s*(,|\}\s*$)/y

/** The three entries of the dict, each once, in whatever order, and nothing else. */
function parseEntries(text: string): ReadonlyMap<string, string> | undefined {
  const entries = new Map<string, string>()
  ENTRY.lastIndex = /^\s*\{/.exec(text)?.[0].length ?? text.length
  for (;;) {
    const at = ENTRY.lastIndex
    const [, name = '', value = '', end] = ENTRY.exec(text) ?? []
    if (end === undefined) {
      // A comma may stand before the end.
      const isClosed = entries.size === 3 && /^\s*\}\s*$/.test(text.slice(at))
      return isClosed ? entries : undefined
    }
    if (entries.has(name)) return undefined
    entries.set(name, value)
    if (end !== ',') return entries.size === 3 ? entries : undefined
  }
}

function parseHeader(text: string, file: string): Omit<Header, 'start'> {
  const wrong = (problem: string) => new FileError(file, `expected a header with ${problem}`)
  const entries = parseEntries(text)
  if (!entries) {
    throw wrong(`'descr', 'fortran_order' and 'shape', each once, found ${quote(text.trim(), 80)}`)
  }
  const descr = entries.get('descr') ?? ''
  const [, order = '|', letter = '', size = ''] = DESCR.exec(descr) ?? []
  const found = KINDS[letter + size]
  if (!found) {
    const hint = letter === 'O' ? ' (Python objects)' : letter === '' ? ' (a structured array)' : ''
    throw new NoNumbers(
      file,
      `expected an array of numbers (bool, int8 to uint64, float16 to float64), found ${quote(descr, 40)}${hint}`,
    )
  }
  // NumPy's own writes | for single bytes alone; elsewhere nobody could tell the order.
  if (order === '|' && found.bytes > 1) throw wrong(`an order of bytes, found ${quote(descr, 40)}`)
  const fortran = entries.get('fortran_order') ?? ''
  if (!/^(True|False)$/.test(fortran))
    throw wrong(`True or False for 'fortran_order', found ${quote(fortran, 40)}`)
  const shape = parseShape(entries.get('shape') ?? '')
  if (!shape || shape.length > MOST_DIMENSIONS) {
    throw wrong(`a shape of whole numbers, found ${quote(entries.get('shape') ?? '', 40)}`)
  }
  return { kind: found, isLittle: order !== '>', isFortran: fortran === 'True', shape }
}

/** `(3, 4)`, `(3,)`, `()`; Python 2 wrote `(3L,)`. */
function parseShape(text: string): number[] | undefined {
  const size = '\\s*\\d{1,15}L?\\s*'
  if (!new RegExp(`^\\((\\s*|${size},|${size}(,${size})+,?\\s*)\\)$`).test(text)) return undefined
  return (text.match(/\d+/g) ?? []).map(Number)
}
