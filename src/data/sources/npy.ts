/**
 * NumPy's arrays: a magic string, the version, a header that is a Python dict, then the elements
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Runs in a browser.
 */
import { FileError } from '../../errors.ts'
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
  readonly read: ReadElement
}

function kind(name: string, bytes: number, isSingle: boolean, read: ReadElement): Kind {
  return { name, bytes, isSingle, read, isWhole: !name.startsWith('float') }
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
  budget.arrays(count * (isBytes ? 1 : element.isSingle ? 4 : 8) * (isFortran ? 2 : 1), 'the array')
  const data = isBytes ? bytes.slice(start) : readElements(bytes.subarray(start), count, header)
  return { shape, type, isWhole: element.isWhole, data: isFortran ? toRowMajor(data, shape) : data }
}

function readElements(bytes: Uint8Array, count: number, { kind: element, isLittle }: Header): FloatArray {
  const data = element.isSingle ? new Float32Array(count) : new Float64Array(count)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < count; i++) data[i] = element.read(view, i * element.bytes, isLittle)
  return data
}

/** From column-major order, in which the first index runs fastest. */
function toRowMajor<Data extends Uint8Array | FloatArray>(data: Data, shape: readonly number[]): Data {
  const sorted = data.slice() as Data
  const strides: number[] = []
  shape.reduce((stride, size) => {
    strides.push(stride)
    return stride * size
  }, 1)
  const index = new Array<number>(shape.length).fill(0)
  let from = 0
  for (let to = 0; to < data.length; to++) {
    sorted[to] = data[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return sorted
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

const DESCR = /^'([<>|=])?([a-zA-Z])(\d+)'$/

/** The three entries of the dict, in whatever order. */
function parseHeader(text: string, file: string): Omit<Header, 'start'> {
  const entry = (name: string, value: string): string => {
    const found = new RegExp(`'${name}': *(${value})`).exec(text)
    if (found) return found[1]
    throw new FileError(file, `expected a header with ${quote(name)}, found ${quote(text.trim(), 80)}`)
  }
  const descr = entry('descr', "'[^']*'|\\[[^\\]]*\\]?")
  const [, order = '|', letter = '', size = ''] = DESCR.exec(descr) ?? []
  const found = KINDS[letter + size]
  if (!found) {
    const hint = letter === 'O' ? ' (Python objects)' : letter === '' ? ' (a structured array)' : ''
    throw new FileError(
      file,
      `expected an array of numbers (bool, int8 to uint64, float16 to float64), found ${quote(descr, 40)}${hint}`,
    )
  }
  const isFortran = entry('fortran_order', 'True|False') === 'True'
  const shape = entry('shape', '\\([^)]*\\)')
    .slice(1, -1)
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map((size) => (/^\d{1,15}L?$/.test(size) ? Number.parseInt(size, 10) : Number.NaN))
  if (shape.some((size) => Number.isNaN(size)) || shape.length > MOST_DIMENSIONS) {
    throw new FileError(
      file,
      `expected a shape of whole numbers, found ${quote(entry('shape', '\\([^)]*\\)'), 40)}`,
    )
  }
  return { kind: found, isLittle: order !== '>', isFortran, shape }
}
