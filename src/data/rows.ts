/** What a network is trained and judged on: rows of as many values as it has inputs. */
import { UsageError } from '../errors.ts'

export interface RowSet {
  readonly count: number
  /** (count, inputs), row-major: bytes, of which the network sees value / 255, or floats. */
  readonly rows: Uint8Array | Float32Array
  /** (count) class indices. */
  readonly labels?: Uint8Array | undefined
}

/** Sums of the columns of rows (count, columns), in the order of the rows. */
export function columnSums(rows: ArrayLike<number>, columns: number): Float64Array {
  const sums = new Float64Array(columns)
  for (let row = 0; row < rows.length; row += columns) {
    for (let column = 0; column < columns; column++) sums[column] += rows[row + column]
  }
  return sums
}

/** Throws UsageError unless `limit` is a whole number in 1 … count. */
export function checkLimit(limit: number, count: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= count) return
  throw new UsageError(`limit: expected a whole number from 1 to ${count}, found ${limit}`)
}
