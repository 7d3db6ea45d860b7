/**
 * How well a model rebuilds the rows it was trained on: what the error of another row is measured by. Kept in
 * the model's file. Runs in a browser.
 */
import { UsageError } from '../errors.ts'
import type { FloatArray } from './state.ts'

/** Quantiles that a fit keeps: steps of a tenth of a percent. */
const KEPT = 1001

/** Share of rows that are taken for outliers where nobody says: PyOD's. */
export const DEFAULT_CONTAMINATION = 0.1

/** The distribution of errors, as equally spaced quantiles with straight lines between them. */
export class ErrorQuantiles {
  /**
   * Ascending: `values[i]` is the quantile of i / (length − 1), the least and the greatest error included.
   */
  readonly values: readonly number[]
  /** Rows that they are of. */
  readonly count: number

  /**
   * Throws UsageError for values that are not at least two, finite, not negative and ascending, or for no
   * rows.
   */
  constructor(values: readonly number[], count: number) {
    const isBad = (value: number, i: number) =>
      !(value >= (i === 0 ? 0 : values[i - 1]) && Number.isFinite(value))
    if (values.length < 2 || values.some(isBad)) {
      throw new UsageError('error quantiles: expected at least two numbers of at least 0 that ascend')
    }
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError(`error quantiles: expected them of at least one row, found ${count}`)
    }
    this.values = values
    this.count = count
  }

  /**
   * Of the errors (n) of n rows, at least one; of no more than are kept all of them. Throws UsageError for
   * errors that are not finite.
   */
  static fit(errors: FloatArray): ErrorQuantiles {
    if (errors.length > 1 && errors.length <= KEPT) return ErrorQuantiles.exact(errors)
    const sorted = Float64Array.from(errors).sort()
    const values = Array.from({ length: KEPT }, (_, i) => quantileOf(sorted, i / (KEPT - 1)))
    return new ErrorQuantiles(values, errors.length)
  }

  /** The same of rows that are at hand: all of their errors are kept. */
  static exact(errors: FloatArray): ErrorQuantiles {
    if (errors.length < 2) return ErrorQuantiles.fit(errors)
    return new ErrorQuantiles(Array.from(Float64Array.from(errors).sort()), errors.length)
  }

  /**
   * The error that a share, from 0 to 1, of the rows does not exceed: as NumPy's `quantile`, between two by a
   * line.
   */
  quantile(share: number): number {
    return quantileOf(this.values, share)
  }

  /**
   * The error above which the given share of the rows lies, from 0 to 1, or less where errors are equal: what
   * tells outliers.
   *
   * @throws UsageError for a share that falls between the last two quantiles, if there are rows between them
   */
  threshold(contamination: number = DEFAULT_CONTAMINATION): number {
    const steps = this.values.length - 1
    if (contamination * steps < 1 && this.count - 1 > steps) {
      throw new UsageError(
        `contamination: expected at least ${1 / steps}, as closely as the errors of ${this.count} rows are kept, ` +
          `found ${contamination}; a threshold can be given in its place`,
      )
    }
    return this.quantile(1 - contamination)
  }

  /**
   * Where an error lies among those of the rows, in per cent: the inverse of `quantile`, 0 at the least error
   * and 100 at the greatest.
   */
  percentileOf(error: number): number {
    const { values } = this
    const last = values.length - 1
    if (!(error >= values[0])) return 0
    if (error >= values[last]) return 100
    // The last quantile that is not above the error.
    let low = 0
    let high = last
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (values[middle] <= error) low = middle
      else high = middle
    }
    return (100 * (low + (error - values[low]) / (values[high] - values[low]))) / last
  }
}

/** Of ascending values, at least one: Hyndman & Fan (1996), definition 7. */
function quantileOf(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  const between = sorted[below] + (place - below) * (sorted[above] - sorted[below])
  // Rounding must not lead beyond the next.
  return Math.min(between, sorted[above])
}
