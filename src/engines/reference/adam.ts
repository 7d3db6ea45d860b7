/**
 * Adam as `torch.optim.Adam` computes it: Kingma & Ba 2015, algorithm 1, with PyTorch's coupled weight decay.
 */
import { BETA_1, BETA_2, EPSILON } from '../../model/adam.ts'

/** Parameters and moments, (parameterCount) each, in canonical order. */
export interface AdamSlabs {
  readonly parameters: Float64Array
  readonly firstMoment: Float64Array
  readonly secondMoment: Float64Array
}

/**
 * One step on elements `first` … of the slabs, in place; what lies before is frozen.
 *
 *     g = gradient + weightDecay · w
 *     m = β₁ m + (1 − β₁) g
 *     v = β₂ v + (1 − β₂) g²
 *     w = w − learningRate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 *
 * `step` is t, 1 for the first step.
 */
export function adamStep(
  { parameters, firstMoment, secondMoment }: AdamSlabs,
  gradient: Float64Array,
  step: number,
  learningRate: number,
  weightDecay: number,
  first = 0,
): void {
  const stepSize = learningRate / (1 - BETA_1 ** step)
  const correction2 = Math.sqrt(1 - BETA_2 ** step)
  for (let i = first; i < parameters.length; i++) {
    const g = gradient[i] + weightDecay * parameters[i]
    firstMoment[i] += (1 - BETA_1) * (g - firstMoment[i])
    secondMoment[i] = BETA_2 * secondMoment[i] + (1 - BETA_2) * g * g
    parameters[i] -= (stepSize * firstMoment[i]) / (Math.sqrt(secondMoment[i]) / correction2 + EPSILON)
  }
}
