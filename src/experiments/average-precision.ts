/** Average precision of a score that should be higher for positives. */
import { rocCurve } from './roc.ts'

/**
 * Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores as thresholds, from the highest: no interpolation, as
 * scikit-learn's `average_precision_score`. Throws UsageError where there are no positives or no negatives,
 * or a score is NaN.
 */
export function averagePrecision(negatives: ArrayLike<number>, positives: ArrayLike<number>): number {
  const { falsePositiveRate, truePositiveRate } = rocCurve(negatives, positives)
  let sum = 0
  for (let i = 1; i < truePositiveRate.length; i++) {
    const found = Math.round(truePositiveRate[i] * positives.length)
    const precision = found / (found + Math.round(falsePositiveRate[i] * negatives.length))
    if (found > 0) sum += (truePositiveRate[i] - truePositiveRate[i - 1]) * precision
  }
  return sum
}
