/** Bins of equal ratio, for numbers that lie orders apart. Runs in a browser. */

const BINS = 60

export interface Bins {
  /** The lowest edge; of values of which none is above 0, 1. */
  readonly lowest: number
  readonly highest: number
  /** Of each series, (bins) per cent of its values. */
  readonly shares: readonly Float64Array[]
}

/**
 * Bins that all values fall in, and `mark`, where it is above 0. Errors of digits and of what is no digit lie
 * far apart. A value of 0 lies in the lowest bin.
 */
export function ratioBins(series: readonly ArrayLike<number>[], mark = 0): Bins {
  let lowest = mark > 0 ? mark : Number.POSITIVE_INFINITY
  let highest = Math.max(0, mark)
  for (const values of series) {
    for (let i = 0; i < values.length; i++) {
      if (values[i] > 0) lowest = Math.min(lowest, values[i])
      highest = Math.max(highest, values[i])
    }
  }
  // All of them 0.
  if (highest === 0) lowest = highest = 1
  return { lowest, highest, shares: series.map((values) => binShares(values, lowest, highest)) }
}

function binShares(values: ArrayLike<number>, lowest: number, highest: number): Float64Array {
  const shares = new Float64Array(BINS)
  const width = Math.log(highest / lowest) / BINS
  for (let i = 0; i < values.length; i++) {
    const bin = width > 0 ? Math.floor(Math.log(values[i] / lowest) / width) : 0
    shares[Math.min(BINS - 1, Math.max(0, bin))] += 100 / values.length
  }
  return shares
}
