/**
 * safetensors, read and written. Specification: https://github.com/huggingface/safetensors#format
 *
 * 8 bytes little-endian header length N | N bytes of JSON | the tensors' bytes, without overlap and without
 * holes.
 */
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { viewOf } from './bytes.ts'
import { duplicateKey, parseJson } from './json.ts'
import {
  DECODED_BYTES,
  DTYPE_BYTES,
  type DType,
  decodeElements,
  dtypeOf,
  elementCount,
  type Tensor,
  tensorBytes,
} from './tensor.ts'

export interface Safetensors {
  /** In the header's order. */
  readonly tensors: Map<string, Tensor>
  /** `__metadata__`; empty where the file has none. */
  readonly metadata: Record<string, string>
}

const LENGTH_BYTES = 8
/** The specification's limit on the header. */
const MAX_HEADER_BYTES = 100_000_000
const METADATA_KEY = '__metadata__'
/** About what a tensor takes beside its elements: entry, typed array and its buffer. */
const TENSOR_BYTES = 512

/**
 * Reads a whole file, with every check that the specification demands.
 *
 * @param file its name, for errors
 * @returns arrays of their own: `bytes` may be reused. float16 and bfloat16 come as Float32Array, BOOL as
 *   Uint8Array.
 * @throws FileError for any fault
 */
export function readSafetensors(
  bytes: Uint8Array,
  file: string,
  budget = new ReaderBudget(file, bytes.length),
): Safetensors {
  const { header, dataStart } = readHeader(bytes, file, budget)
  const data = bytes.subarray(dataStart)
  let metadata: Record<string, string> = {}
  const entries: TensorEntry[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA_KEY) metadata = checkedMetadata(value, file)
    else entries.push(checkedEntry(name, value, data.length, file))
  }
  checkCoverage(entries, data.length, file)
  budget.objects(entries.length, TENSOR_BYTES)
  const tensors = new Map<string, Tensor>()
  for (const { name, dtype, shape, begin, end } of entries) {
    budget.arrays(((end - begin) / DTYPE_BYTES[dtype]) * DECODED_BYTES[dtype], `tensor ${quote(name)}`)
    tensors.set(name, { shape, data: decodeElements(data.subarray(begin, end), dtype) })
  }
  return { tensors, metadata }
}

/**
 * A file that every safetensors reader takes. Wider elements lie first and the header is padded, so that each
 * tensor begins at a multiple of its element's size.
 *
 * @param metadata string to string; PyTorch's own readers expect `format: 'pt'` in it
 * @throws RangeError (ours to mend) where a tensor's shape and data disagree
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const offsets = new Map<string, number>()
  let dataBytes = 0
  const widestFirst = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
  for (const [name, { shape, data }] of widestFirst) {
    if (name === METADATA_KEY) throw new RangeError(`internal: a tensor cannot be named ${METADATA_KEY}`)
    if (elementCount(shape) !== data.length) {
      throw new RangeError(`internal: ${name} has shape [${shape}] and ${data.length} elements`)
    }
    offsets.set(name, dataBytes)
    dataBytes += data.byteLength
  }

  const header: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) header.push([METADATA_KEY, metadata])
  for (const [name, { shape, data }] of tensors) {
    const begin = offsets.get(name) as number
    header.push([name, { dtype: dtypeOf(data), shape, data_offsets: [begin, begin + data.byteLength] }])
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const headerBytes = Math.ceil(json.length / 8) * 8

  const file = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.set(json, LENGTH_BYTES)
  file.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + headerBytes)
  for (const [name, begin] of offsets) {
    file.set(tensorBytes((tensors.get(name) as Tensor).data), LENGTH_BYTES + headerBytes + begin)
  }
  return file
}

function readHeader(
  bytes: Uint8Array,
  file: string,
  budget: ReaderBudget,
): { header: object; dataStart: number } {
  const fault = (problem: string) => new FileError(file, `not a valid safetensors file: ${problem}`)
  if (bytes.length < LENGTH_BYTES) {
    throw fault(`expected at least ${LENGTH_BYTES} bytes, found ${bytes.length}`)
  }
  const view = viewOf(bytes)
  const headerBytes = view.getBigUint64(0, true)
  if (headerBytes > MAX_HEADER_BYTES) {
    throw fault(`header length ${headerBytes} exceeds the format's limit of ${MAX_HEADER_BYTES} bytes`)
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes)
  if (dataStart > bytes.length) {
    throw fault(`header length ${headerBytes} reaches beyond the file's ${bytes.length} bytes`)
  }
  if (bytes[LENGTH_BYTES] !== 0x7b || headerBytes === 0n) throw fault('the header does not begin with {')

  let text: string
  let header: unknown
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    text = decoder.decode(new Uint8Array(bytes.subarray(LENGTH_BYTES, dataStart)))
  } catch {
    throw fault('the header is not UTF-8')
  }
  try {
    header = parseJson(text, file, budget)
  } catch (error) {
    throw error instanceof FileError ? error : fault('the header is not JSON')
  }
  if (!isObject(header)) throw fault('the header is not a JSON object')
  const duplicate = duplicateKey(text, header)
  if (duplicate !== undefined) throw fault(`the header has the key ${quote(duplicate)} twice`)
  return { header, dataStart }
}

interface TensorEntry {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

function checkedEntry(name: string, value: unknown, dataBytes: number, file: string): TensorEntry {
  const fault = (problem: string) => new FileError(file, `tensor ${quote(name)}: ${problem}`)
  if (!isObject(value)) throw fault('expected an object with dtype, shape and data_offsets')
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>
  if (typeof dtype !== 'string') throw fault('its dtype is missing')
  if (!isDType(dtype)) {
    throw fault(`expected a dtype among ${Object.keys(DTYPE_BYTES).join(', ')}, found ${quote(dtype)}`)
  }
  if (!Array.isArray(shape)) throw fault('its shape is missing')
  const count = elementCount(shape)
  const tensorBytes = count === undefined ? undefined : count * DTYPE_BYTES[dtype]
  if (tensorBytes === undefined || !Number.isSafeInteger(tensorBytes)) {
    throw fault(`expected a shape of whole numbers with a product below 2^53, found ${shortList(shape)}`)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isByteOffset)) {
    throw fault('expected data_offsets [begin, end] in whole bytes')
  }
  const [begin, end] = offsets as [number, number]
  if (begin > end || end > dataBytes) {
    throw fault(`data_offsets [${begin}, ${end}] do not lie within the file's ${dataBytes} bytes of data`)
  }
  if (end - begin !== tensorBytes) {
    throw fault(
      `${dtype} of shape ${shortList(shape)} takes ${tensorBytes} bytes, data_offsets hold ${end - begin}`,
    )
  }
  return { name, dtype, shape: shape as number[], begin, end }
}

/** Together the tensors must cover the data exactly once. */
function checkCoverage(entries: readonly TensorEntry[], dataBytes: number, file: string): void {
  let covered = 0
  let previous = ''
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) {
      throw new FileError(file, `tensors ${quote(previous)} and ${quote(name)} overlap`)
    }
    if (begin > covered) {
      throw new FileError(file, `bytes ${covered} to ${begin} of the data belong to no tensor`)
    }
    covered = end
    previous = name
  }
  if (covered !== dataBytes) {
    throw new FileError(file, `bytes ${covered} to ${dataBytes} of the data belong to no tensor`)
  }
}

function checkedMetadata(value: unknown, file: string): Record<string, string> {
  if (!isObject(value)) throw new FileError(file, `${METADATA_KEY}: expected an object of strings`)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new FileError(file, `${METADATA_KEY}: expected text for ${quote(key)}, found ${typeof text}`)
    }
  }
  return value as Record<string, string>
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPE_BYTES, name)
}

function isByteOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function shortList(shape: readonly unknown[]): string {
  const text = JSON.stringify(shape.slice(0, 8)).slice(0, 80)
  return shape.length > 8 ? `${text}…` : text
}
