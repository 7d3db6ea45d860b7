/**
 * What hyparquet believes of a file is checked here before it reads it: sizes, counts and runs, so that a
 * small or damaged file never makes it take much memory or time. Format:
 * https://parquet.apache.org/docs/file-format/. Runs in a browser.
 */
import type { FileMetaData } from 'hyparquet'
import { viewOf } from '../../formats/bytes.ts'
import { quote } from '../../quote.ts'
import { INFLATED_BESIDES, ReaderBudget } from '../../reader-budget.ts'

/** Unpacks a page to exactly `length` bytes, or throws. */
export type Decompress = (input: Uint8Array, length: number) => Uint8Array

/** By the names of the codecs. */
export type Decompressors = Readonly<Record<string, Decompress>>

/** Magic and the length of the metadata before it. */
export const FOOTER_BYTES = 8

const MOST_LEVELS = 20
const ENCODINGS = ['PLAIN', '', 'PLAIN_DICTIONARY', 'RLE', 'BIT_PACKED', 'DELTA_BINARY_PACKED'].concat([
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
  'ALP',
])
const DATA_PAGE = 0
const DICTIONARY_PAGE = 2
const DATA_PAGE_V2 = 3
/** Values by which a bit-packed run may end after the last value: writers pad them to whole groups. */
const MOST_PADDING = 504

/** What is wrong with a file, whose name the caller knows. Text from outside is quoted in it. */
export class ParquetFault extends Error {}

function refuse(problem: string): never {
  throw new ParquetFault(problem)
}

type Value = number | boolean | Uint8Array | Value[] | Struct
type Struct = Map<number, Value>

/**
 * Thrift's compact protocol
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 */
class ThriftReader {
  readonly #bytes: Uint8Array
  readonly #budget: ReaderBudget
  at: number

  constructor(bytes: Uint8Array, at: number, budget: ReaderBudget) {
    this.#bytes = bytes
    this.#budget = budget
    this.at = at
  }

  struct(level = 0): Struct {
    if (level > MOST_LEVELS) refuse(`metadata of more than ${MOST_LEVELS} levels`)
    const fields: Struct = new Map()
    let id = 0
    for (;;) {
      const byte = this.#byte()
      const type = byte & 15
      if (type === 0) return fields
      id = byte >> 4 ? id + (byte >> 4) : this.#signed(5)
      this.#budget.objects(1, 64)
      fields.set(id, this.#value(type, level))
    }
  }

  #value(type: number, level: number): Value {
    switch (type) {
      case 1:
      case 2:
        return type === 1
      case 3:
        return this.#byte()
      case 4:
      case 5:
        return this.#signed(5)
      case 6:
        return this.#signed(10)
      case 7:
        return this.#take(8)
      case 8:
        return this.#take(this.#varint(5))
      case 9:
        return this.#list(level)
      case 12:
        return this.struct(level + 1)
      default:
        return refuse(`metadata with a field of type ${type}`)
    }
  }

  #list(level: number): Value {
    if (level > MOST_LEVELS) refuse(`metadata of more than ${MOST_LEVELS} levels`)
    const byte = this.#byte()
    const type = byte & 15
    const size = byte >> 4 === 15 ? this.#varint(5) : byte >> 4
    // Each element takes a byte at least.
    if (size > this.#bytes.length - this.at) refuse(`a list of ${size} elements`)
    this.#budget.objects(size, 64)
    const isBoolean = type === 1 || type === 2
    return Array.from({ length: size }, () => (isBoolean ? this.#byte() : this.#value(type, level + 1)))
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) refuse('metadata that is cut')
    return this.#bytes[this.at++]
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.at) refuse('metadata that is cut')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  /** At most `most` bytes of seven bits each. */
  #varint(most: number): number {
    let value = 0
    for (let i = 0; i < most; i++) {
      const byte = this.#byte()
      value += (byte & 127) * 2 ** (7 * i)
      if (byte < 128) return most === 5 && value >= 2 ** 32 ? refuse('a number of more than 32 bits') : value
    }
    return refuse(`a number of more than ${most} bytes`)
  }

  #signed(most: number): number {
    const value = this.#varint(most)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}

/** Walks over the metadata of a file, as hyparquet will. Throws ParquetFault or FileError. */
export function checkMetadata(bytes: Uint8Array, file: string): void {
  const end = bytes.length - FOOTER_BYTES
  const length = viewOf(bytes).getUint32(end, true)
  if (length > end - 4) refuse(`metadata of ${length} bytes`)
  const budget = new ReaderBudget(file, bytes.length)
  new ThriftReader(bytes.subarray(0, end), end - length, budget).struct()
}

/** Walks over every page of a file. Throws ParquetFault or FileError. */
export function checkPages(
  bytes: Uint8Array,
  file: string,
  { row_groups: groups, schema }: FileMetaData,
  decompressors: Decompressors,
): void {
  const headers = new ReaderBudget(file, bytes.length)
  for (const [i, { name, type, repetition_type: repetition }] of schema.slice(1).entries()) {
    // A column's own: values that repeat take a few bits in the file.
    const budget = new ReaderBudget(file, bytes.length, INFLATED_BESIDES)
    for (const { columns, num_rows: rows } of groups) {
      const { meta_data: chunk, file_path: path } = columns[i] ?? {}
      if (!chunk || path || columns.length !== schema.length - 1) refuse('a group of other columns')
      if (chunk.path_in_schema.length !== 1 || chunk.path_in_schema[0] !== name || chunk.type !== type) {
        refuse(`column ${quote(name)} of another kind`)
      }
      const { codec } = chunk
      if (codec !== 'UNCOMPRESSED' && decompressors[codec] === undefined) {
        refuse(
          `column ${quote(name)} compressed by ${codec}: write it with ${Object.keys(decompressors).join(' or ')}`,
        )
      }
      const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
      const end = start + Number(chunk.total_compressed_size)
      if (!(start >= 4 && start <= end && end <= bytes.length - FOOTER_BYTES)) {
        refuse(`column ${quote(name)} beyond the file`)
      }
      const column: ColumnPages = {
        name,
        type: String(type),
        mayBeEmpty: repetition !== 'REQUIRED',
        bytes: bytes.subarray(0, end),
        decompress: decompressors[codec] ?? ((page) => page),
        budget,
        headers,
      }
      const found = checkChunk(column, start, Number(rows))
      if (found !== Number(rows)) refuse(`column ${quote(name)} of ${found} values in ${rows} rows`)
    }
  }
}

interface ColumnPages {
  readonly name: string
  readonly type: string
  readonly mayBeEmpty: boolean
  /** The file as far as the column goes. */
  readonly bytes: Uint8Array
  readonly decompress: Decompress
  readonly budget: ReaderBudget
  readonly headers: ReaderBudget
}

/** Values that the data pages from `start` on hold. */
function checkChunk(column: ColumnPages, start: number, rows: number): number {
  const { bytes, budget, headers } = column
  let count = 0
  let at = start
  while (count < rows && at < bytes.length - 1) {
    const reader = new ThriftReader(bytes, at, headers)
    const header = reader.struct()
    const packedBytes = numberIn(header, 3)
    const plainBytes = numberIn(header, 2)
    if (packedBytes > bytes.length - reader.at) refuse(`a page of ${packedBytes} bytes`)
    budget.arrays(plainBytes, `column ${quote(column.name)}`)
    const body = bytes.subarray(reader.at, reader.at + packedBytes)
    at = reader.at + packedBytes
    const type = header.get(1)
    if (type === DICTIONARY_PAGE) {
      const values = numberIn(structIn(header, 7), 1)
      budget.arrays(8 * values, `the dictionary of ${quote(column.name)}`)
      // hyparquet reads a value from at least a bit.
      if (values > 8 * plainBytes) refuse(`a dictionary of ${values} values in ${plainBytes} bytes`)
    } else if (type === DATA_PAGE || type === DATA_PAGE_V2) {
      const page = structIn(header, type === DATA_PAGE ? 5 : 8)
      const values = numberIn(page, 1)
      if (values > rows - count) refuse(`more values than rows in column ${quote(column.name)}`)
      budget.arrays(8 * values, `column ${quote(column.name)}`)
      if (type === DATA_PAGE) checkPage(column, body, plainBytes, page)
      else checkPageV2(column, body, plainBytes, page)
      count += values
    } else {
      refuse(`a page of type ${String(type)}`)
    }
  }
  return count
}

function checkPage(column: ColumnPages, body: Uint8Array, plainBytes: number, page: Struct): void {
  const plain = column.decompress(body, plainBytes)
  if (plain.length !== plainBytes) refuse(`a page of ${plain.length} bytes where it says ${plainBytes}`)
  const values = numberIn(page, 1)
  let filled = values
  let at = 0
  if (column.mayBeEmpty) {
    if (numberIn(page, 3) !== ENCODINGS.indexOf('RLE')) refuse('levels of another encoding')
    const end = 4 + lengthAt(plain, 0)
    filled = checkRuns(plain.subarray(0, end), 4, 1, values)
    at = end
  }
  checkValues(column, plain, at, filled, numberIn(page, 2))
}

function checkPageV2(column: ColumnPages, body: Uint8Array, plainBytes: number, page: Struct): void {
  const [values, empty, levelBytes, listBytes] = [1, 2, 5, 6].map((id) => numberIn(page, id))
  const left = plainBytes - levelBytes
  if (empty > values || listBytes !== 0 || levelBytes > body.length || left < 0) {
    refuse(`a page of ${empty} empty cells in ${values}`)
  }
  if (column.mayBeEmpty) {
    const filled = checkRuns(body.subarray(0, levelBytes), 0, 1, values)
    if (filled !== values - empty) refuse(`a page of ${values - filled} empty cells where it says ${empty}`)
  } else if (empty > 0) {
    refuse('empty cells in a column that has none')
  }
  const data = body.subarray(levelBytes)
  const isPacked = page.get(7) !== false && left > 0
  const plain = isPacked ? column.decompress(data, left) : data
  if (plain.length !== left) refuse(`a page of ${plain.length} bytes where it says ${left}`)
  checkValues(column, plain, 0, values - empty, numberIn(page, 4))
}

/** The values of a page, none of which is empty. */
function checkValues(
  { name, type }: ColumnPages,
  plain: Uint8Array,
  at: number,
  count: number,
  encoding: number,
): void {
  if (count === 0) return
  const kind = ENCODINGS[encoding] ?? ''
  if (kind === 'PLAIN' || kind === 'BYTE_STREAM_SPLIT') {
    const bits: Readonly<Record<string, number>> = {
      BOOLEAN: 1,
      INT32: 32,
      FLOAT: 32,
      INT64: 64,
      DOUBLE: 64,
      INT96: 96,
    }
    // Texts have their length before them.
    if (count * (bits[type] ?? (type === 'BYTE_ARRAY' ? 32 : 8)) > 8 * (plain.length - at)) {
      refuse(`a page that is too short for its ${count} values`)
    }
  } else if (kind === 'RLE' && type === 'BOOLEAN') {
    const end = at + 4 + lengthAt(plain, at)
    checkRuns(plain.subarray(0, end), at + 4, 1, count)
  } else if (kind.endsWith('_DICTIONARY') && type !== 'BOOLEAN') {
    const width = plain[at] ?? 33
    if (width > 32) refuse(`places in a dictionary of ${width} bits`)
    if (width > 0) checkRuns(plain, at + 1, width, count)
  } else {
    refuse(`column ${quote(name)} in the encoding ${kind || encoding}: write it plain or with a dictionary`)
  }
}

/** Runs of equal or of packed values, `count` in all. Returns the sum of those of one bit. */
function checkRuns(bytes: Uint8Array, start: number, width: number, count: number): number {
  let at = start
  let ones = 0
  for (let seen = 0; seen < count; ) {
    let header = 0
    for (let i = 0; ; i++) {
      if (at >= bytes.length || i === 5) refuse('runs that are cut')
      header += (bytes[at] & 127) * 2 ** (7 * i)
      if (bytes[at++] < 128) break
    }
    const length = Math.floor(header / 2) * (header % 2 === 1 ? 8 : 1)
    const left = count - seen
    if (length === 0 || length > left + (header % 2 === 1 ? MOST_PADDING : 0)) {
      refuse(`a run of ${length} where ${left} values are left`)
    }
    const used = Math.min(length, left)
    if (header % 2 === 1) {
      if (at + Math.ceil((used * width) / 8) > bytes.length) refuse('runs that are cut')
      if (width === 1) for (let i = 0; i < used; i++) ones += (bytes[at + (i >> 3)] >> (i & 7)) & 1
      at += (length * width) / 8
    } else {
      if (at + ((width + 7) >> 3) > bytes.length) refuse('runs that are cut')
      if (width === 1) ones += used * (bytes[at] & 1)
      at += (width + 7) >> 3
    }
    seen += used
  }
  return ones
}

function lengthAt(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) refuse('a page that is cut')
  const length = viewOf(bytes).getUint32(at, true)
  return length <= bytes.length - at - 4 ? length : refuse('a page that is cut')
}

function numberIn(struct: Struct, id: number): number {
  const value = struct.get(id)
  return typeof value === 'number' && value >= 0 ? value : refuse(`a page whose field ${id} is no size`)
}

function structIn(struct: Struct, id: number): Struct {
  const value = struct.get(id)
  return value instanceof Map ? value : refuse('a page without a header')
}
