/** Parquet tables, by hyparquet: uncompressed, Snappy and what else it reads by itself. Runs in a browser. */
import { FileError } from '../../errors.ts'
import { quote } from '../../quote.ts'
import { ReaderBudget } from '../../reader-budget.ts'
import type { Column, Table } from '../table.ts'

const MAGIC = 'PAR1'
/** Cells of dictionaries and runs take a few bits in the file, and eight bytes here. */
const ARRAYS_BESIDES = 2 ** 27

/** Throws FileError for what is no Parquet, is damaged, or uses what hyparquet does not read. */
export async function readParquet(bytes: Uint8Array, file: string): Promise<Table> {
  const isMarked = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4)) === MAGIC
  if (bytes.length < 12 || !isMarked(0) || !isMarked(bytes.length - 4)) {
    throw new FileError(file, `expected Parquet, which begins and ends with ${MAGIC}, found something else`)
  }
  const { parquetMetadata, parquetRead } = await import('hyparquet')
  // Of its own: hyparquet reads from an ArrayBuffer that begins with the file.
  const buffer = Uint8Array.from(bytes).buffer
  const budget = new ReaderBudget(file, bytes.length, ARRAYS_BESIDES)
  try {
    const metadata = parquetMetadata(buffer)
    const count = Number(metadata.num_rows)
    const names = metadata.schema.slice(1).map(({ name }) => name)
    checkFlat(metadata.schema, file)
    budget.arrays(8 * count * names.length, 'the table')
    if (!(count > 0)) throw new FileError(file, 'expected rows, found none')
    const columns: Column[] = []
    await parquetRead({
      file: buffer,
      metadata,
      onComplete(rows: unknown[][]) {
        names.forEach((name, i) => {
          columns.push(columnOf(name, rows, i, file))
        })
      },
    })
    return { kind: 'table', file, count, firstRow: 1, columns: columns.filter(({ name }) => !isIndex(name)) }
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new FileError(file, `expected Parquet that can be read, found: ${quote(reason, 160)}`, { cause })
  }
}

/** The index that pandas writes. */
function isIndex(name: string): boolean {
  return /^__index_level_\d+__$/.test(name)
}

function checkFlat(schema: readonly { name: string; num_children?: number }[], file: string): void {
  const nested = schema.slice(1).find(({ num_children: children }) => (children ?? 0) > 0)
  if (nested) {
    throw new FileError(file, `expected columns of single values, found ${quote(nested.name)} of nested ones`)
  }
}

function columnOf(name: string, rows: readonly unknown[][], i: number, file: string): Column {
  const cells = rows.map((row) => row[i])
  const numbers = new Float64Array(cells.length)
  const isNumber = cells.every((cell, row) => {
    const value = numberOf(cell)
    if (value === undefined) return false
    numbers[row] = value
    return true
  })
  if (isNumber) return { kind: 'number', name, values: numbers }
  const values = cells.map((cell, row) => {
    if (cell === null || cell === undefined) return ''
    if (typeof cell === 'object' && !(cell instanceof Date)) {
      throw new FileError(
        file,
        `row ${row + 1}, column ${quote(name)}: expected a single value, found a list`,
      )
    }
    return cell instanceof Date ? cell.toISOString() : String(cell)
  })
  return { kind: 'text', name, values }
}

function numberOf(cell: unknown): number | undefined {
  if (cell === null || cell === undefined) return Number.NaN
  if (typeof cell === 'number') return cell
  if (typeof cell === 'bigint') return Number(cell)
  if (typeof cell === 'boolean') return cell ? 1 : 0
  return undefined
}
