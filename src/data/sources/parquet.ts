/**
 * Parquet tables, by hyparquet: uncompressed, Snappy or gzip; plain values and dictionaries. Runs in a
 * browser.
 *
 * Refused by name: lists and structs, other codecs (ZSTD, LZ4, Brotli), delta encodings, encryption.
 */
import { gunzipSync } from 'fflate'
import type { ColumnData, SchemaElement } from 'hyparquet'
import { FileError } from '../../errors.ts'
import { quote } from '../../quote.ts'
import { ReaderBudget } from '../../reader-budget.ts'
import type { Column, Table } from '../table.ts'
import { checkMetadata, checkPages, type Decompress, FOOTER_BYTES, ParquetFault } from './parquet-check.ts'

const MAGIC = 'PAR1'
/** Cells of dictionaries and runs take a few bits in the file, and eight bytes here. */
const ARRAYS_BESIDES = 2 ** 28
/** What a text takes beside its characters. */
const BYTES_PER_TEXT = 32

const unzip: Decompress = (input, length) => {
  // One byte of room more than promised, so that data which is longer shows; fflate never grows a given
  // buffer.
  return gunzipSync(input, { out: new Uint8Array(length + 1) })
}

/** Throws for days and instants that no calendar has. */
const instant = (milliseconds: number) => new Date(milliseconds).toISOString()
const text = new TextDecoder()
const PARSERS = {
  dateFromDays: (days: number) => instant(days * 86_400_000).slice(0, 10),
  timestampFromMilliseconds: (value: bigint) => instant(Number(value)),
  timestampFromMicroseconds: (value: bigint) => instant(Number(value / 1000n)),
  timestampFromNanoseconds: (value: bigint) => instant(Number(value / 1_000_000n)),
  jsonFromBytes: (bytes: Uint8Array) => bytes && text.decode(bytes),
}

/**
 * A table from the bytes of a Parquet file. Dates and times are text, in ISO 8601. The index that pandas
 * writes is passed over.
 *
 * @param checkBytes throws for a table of too many bytes
 * @param asWritten columns that are carried on and not computed with: text, where float64 would round their
 *   whole numbers, or they are truth values
 * @throws FileError for what is no Parquet, is damaged, or uses what is not read
 */
export async function readParquet(
  bytes: Uint8Array,
  file: string,
  checkBytes: (bytes: number) => void = () => {},
  asWritten: readonly string[] = [],
): Promise<Table> {
  const isMarked = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4)) === MAGIC
  if (bytes.length < 4 + FOOTER_BYTES || !isMarked(0) || !isMarked(bytes.length - 4)) {
    throw new FileError(file, `expected Parquet, which begins and ends with ${MAGIC}, found something else`)
  }
  const { parquetMetadata, parquetRead, snappyUncompress } = await import('hyparquet')
  const compressors = {
    SNAPPY: (input: Uint8Array, length: number) => {
      const plain = new Uint8Array(length)
      snappyUncompress(input, plain)
      return plain
    },
    GZIP: unzip,
  }
  try {
    checkMetadata(bytes, file)
    // Of its own: hyparquet reads from an ArrayBuffer that begins with the file.
    const buffer = Uint8Array.from(bytes).buffer
    const metadata = parquetMetadata(buffer, { geoparquet: false })
    const { schema } = metadata
    const names = namesOf(schema, file)
    const count = Number(metadata.num_rows)
    const grouped = metadata.row_groups.reduce((sum, { num_rows: rows }) => sum + Number(rows), 0)
    if (!(count > 0 && count === grouped)) {
      throw new FileError(file, `expected rows, found ${count}${count === grouped ? '' : ` of ${grouped}`}`)
    }
    const budget = new ReaderBudget(file, bytes.length, ARRAYS_BESIDES)
    budget.arrays(8 * count * names.length, 'the table')
    checkBytes(8 * count * names.length)
    checkPages(bytes, file, metadata, compressors)
    const columns: Column[] = []
    for (const name of names.filter((name) => !isIndex(name))) {
      const column = new ColumnReader(name, count, budget, asWritten.includes(name))
      const onChunk = (chunk: ColumnData) => column.add(chunk)
      // One after the other: what hyparquet makes of a column is garbage by the next.
      await parquetRead({ file: buffer, metadata, columns: [name], parsers: PARSERS, compressors, onChunk })
      columns.push(column.finish())
    }
    return { kind: 'table', file, count, firstRow: 1, columns }
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    if (cause instanceof ParquetFault) {
      throw new FileError(file, `damaged or unusual Parquet: ${cause.message}`, { cause })
    }
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new FileError(file, `expected Parquet that can be read, found ${quote(reason, 160)}`, { cause })
  }
}

/** The index that pandas writes. */
function isIndex(name: string): boolean {
  return /^__index_level_\d+__$/.test(name)
}

/** Names of the columns. Throws FileError for what is no flat table. */
function namesOf(schema: readonly SchemaElement[], file: string): string[] {
  const columns = schema.slice(1)
  const nested = columns.find(
    ({ num_children: children, repetition_type: repetition }) => children || repetition === 'REPEATED',
  )
  if (nested) {
    throw new FileError(file, `expected columns of single values, found ${quote(nested.name)} of nested ones`)
  }
  const names = columns.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new FileError(file, `expected columns of different names, found ${quote(twice)} more than once`)
  }
  if (names.includes('')) throw new FileError(file, 'expected columns with names, found one without')
  return names
}

class ColumnReader {
  readonly #name: string
  readonly #values: Float64Array
  readonly #budget: ReaderBudget
  readonly #isAsWritten: boolean
  #texts: string[] | undefined
  /** Whether the texts are what its numbers cannot say. */
  #isText = false

  constructor(name: string, count: number, budget: ReaderBudget, isAsWritten: boolean) {
    this.#name = name
    this.#isAsWritten = isAsWritten
    this.#values = new Float64Array(count).fill(Number.NaN)
    this.#budget = budget
  }

  add({ columnData, rowStart }: ColumnData): void {
    for (let i = 0; i < columnData.length; i++) {
      const cell: unknown = columnData[i]
      if (typeof cell === 'number') this.#values[rowStart + i] = cell
      else if (cell !== null && cell !== undefined) this.#addOther(rowStart + i, cell)
    }
  }

  finish(): Column {
    if (this.#texts && this.#isText) return { kind: 'text', name: this.#name, values: this.#texts }
    return { kind: 'number', name: this.#name, values: this.#values }
  }

  #addOther(row: number, cell: unknown): void {
    if (typeof cell === 'bigint' || typeof cell === 'boolean') {
      this.#values[row] = Number(cell)
      if (!this.#isAsWritten) return
      this.#addText(row, String(cell))
      this.#isText ||= typeof cell === 'boolean' || !Number.isSafeInteger(Number(cell))
    } else if (typeof cell === 'string') {
      this.#addText(row, cell)
      this.#isText = true
    } else {
      throw new ParquetFault(`row ${row + 1}, column ${quote(this.#name)}: neither number nor text`)
    }
  }

  #addText(row: number, cell: string): void {
    this.#budget.objects(1, BYTES_PER_TEXT + cell.length)
    this.#texts ??= new Array<string>(this.#values.length).fill('')
    this.#texts[row] = cell
  }
}
