/** Receiver operating characteristic of a score that should be higher for positives. */
import { UsageError } from '../errors.ts'

export interface RocCurve {
  /** Rising from 0 to 1, one point per distinct score and the origin. */
  readonly falsePositiveRate: number[]
  readonly truePositiveRate: number[]
  /** Scores at or above the threshold count as positive; the origin's is Infinity. */
  readonly thresholds: number[]
  /** Area under the curve by the trapezoidal rule: P(positive > negative) + ½ P(equal). */
  readonly area: number
}

/**
 * The curve of `positives` (the anomalies' scores) against `negatives`. Equal scores make one point, which
 * gives ties their half (Fawcett 2006, "An introduction to ROC analysis", algorithm 1). Throws a UsageError
 * where either is empty or a score is NaN.
 */
export function rocCurve(negatives: ArrayLike<number>, positives: ArrayLike<number>): RocCurve {
  if (negatives.length === 0 || positives.length === 0) {
    throw new UsageError(
      `ROC: expected scores of both classes, found ${negatives.length} negative and ${positives.length} positive`,
    )
  }
  const scored = [
    ...Array.from(negatives, (score) => ({ score, positive: false })),
    ...Array.from(positives, (score) => ({ score, positive: true })),
  ]
  if (scored.some(({ score }) => Number.isNaN(score)))
    throw new UsageError('ROC: expected numbers, found NaN')
  scored.sort((a, b) => (a.score === b.score ? 0 : b.score > a.score ? 1 : -1))

  const falsePositiveRate = [0]
  const truePositiveRate = [0]
  const thresholds = [Number.POSITIVE_INFINITY]
  let falsePositives = 0
  let truePositives = 0
  let area = 0
  for (let i = 0; i < scored.length; ) {
    const { score } = scored[i]
    const before = { falsePositives, truePositives }
    for (; i < scored.length && scored[i].score === score; i++) {
      if (scored[i].positive) truePositives++
      else falsePositives++
    }
    area += ((falsePositives - before.falsePositives) * (truePositives + before.truePositives)) / 2
    falsePositiveRate.push(falsePositives / negatives.length)
    truePositiveRate.push(truePositives / positives.length)
    thresholds.push(score)
  }
  return {
    falsePositiveRate,
    truePositiveRate,
    thresholds,
    area: area / negatives.length / positives.length,
  }
}
