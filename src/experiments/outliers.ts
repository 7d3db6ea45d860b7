/**
 * Rows that are known to be outliers: what a label says, how well a score tells them from the others, and
 * the plainest score that there is. Runs in a browser.
 */
import { cellNumber } from '../data/sources/cell-number.ts'
import type { FloatArray } from '../model/state.ts'
import { averagePrecision } from './average-precision.ts'
import { rocCurve } from './roc.ts'

/** What stands for a row of which nothing is known, where 1 is an outlier and 0 an inlier. */
export const UNKNOWN = 255

/**
 * What the text of a label's cell says: nothing where it is empty, else by default that everything but 0 is
 * an outlier.
 *
 * @param outlier the label of outliers, where only one is
 */
export function judgeLabel(text: string, outlier?: string | undefined): number {
  if (text === '') return UNKNOWN
  return Number(outlier === undefined ? !isSameLabel(text, '0') : isSameLabel(text, outlier))
}

/** Equal as texts or as the numbers that tables hold: `1`, `1.0` and `true`. */
export function isSameLabel(text: string, other: string): boolean {
  if (text === other) return true
  const value = cellNumber(text)
  return value !== undefined && value === cellNumber(other)
}

/** What was measured of a score. */
export interface Separation {
  /** Area under the receiver operating characteristic. */
  readonly auroc: number
  readonly averagePrecision: number
}

/**
 * How well a score that should be higher for outliers tells them from inliers; of both there must be some.
 *
 * @param scores (count)
 * @param truth (count) 1 for an outlier, 0 for an inlier; other rows do not count
 */
export function separation(scores: ArrayLike<number>, truth: ArrayLike<number>): Separation {
  const of = (kind: number) => Array.from(scores).filter((_, row) => truth[row] === kind)
  const [inliers, outliers] = [of(0), of(1)]
  return {
    auroc: rocCurve(inliers, outliers).area,
    averagePrecision: averagePrecision(inliers, outliers),
  }
}

/** (n) squared Euclidean length of each of `rows` (n, inputs), from `mean` (inputs) on, if there is one. */
export function squaredLengths(
  rows: FloatArray | Uint8Array,
  inputs: number,
  mean?: Float64Array | undefined,
): Float64Array {
  const squares = new Float64Array(rows.length / inputs)
  for (let row = 0, at = 0; row < squares.length; row++) {
    for (let i = 0; i < inputs; i++, at++) squares[row] += (rows[at] - (mean?.[i] ?? 0)) ** 2
  }
  return squares
}
