/**
 * Learning rates from step to step: a warm-up, then what the schedule says. The rules are PyTorch's (version
 * 2.13), of schedulers that are stepped after every minibatch: `LinearLR` for the warm-up,
 * `CosineAnnealingLR` or `LinearLR` after it, one after the other in a `SequentialLR`. ReduceLROnPlateau,
 * which goes by epochs, is in `plateau.ts`.
 */
import { type Schedule, spreadsOverRun, type TrainingConfig } from './config.ts'

/** What decides the rate of step t = 0, 1, … */
export interface StepSchedule {
  readonly kind: Exclude<Schedule, 'plateau'>
  /** Rate after the warm-up, and to which the schedule's end comes near. */
  readonly learningRate: number
  readonly finalLearningRate: number
  /**
   * Steps of the warm-up (`total_iters` of LinearLR), and what its first rate is of `learningRate`
   * (`start_factor`).
   */
  readonly warmupSteps: number
  readonly warmupStart: number
  /** Steps in all, those of the warm-up included. */
  readonly steps: number
}

/**
 * What a warm-up begins with: torchvision's reference training has the same (`--lr-warmup-decay`,
 * references/classification).
 */
const WARMUP_START = 0.01

/** Rate of step t, below `steps`. */
export function rateOfStep(schedule: StepSchedule, t: number): number {
  const { kind, learningRate, finalLearningRate, warmupSteps, warmupStart, steps } = schedule
  if (t < warmupSteps) return learningRate * (warmupStart + (1 - warmupStart) * (t / warmupSteps))
  if (kind === 'constant') return learningRate
  const done = (t - warmupSteps) / (steps - warmupSteps)
  const left = kind === 'linear' ? 1 - done : (1 + cosineOfHalfTurns(done)) / 2
  return learningRate * left + finalLearningRate * (1 - left)
}

/**
 * The rates of an epoch: one for all of its steps, or one for each, (stepsPerEpoch).
 *
 * @param epoch from 1
 * @param plateauRate rate after the warm-up, by the schedule `plateau`
 */
export function ratesOfEpoch(
  config: TrainingConfig,
  epoch: number,
  stepsPerEpoch: number,
  plateauRate: number,
): number | Float64Array {
  const { schedule: kind = 'plateau', finalLearningRate = 0, warmup = 0 } = config
  const warmupSteps = Math.round(warmup * stepsPerEpoch)
  const firstStep = (epoch - 1) * stepsPerEpoch
  const learningRate = kind === 'plateau' ? plateauRate : config.learningRate
  if (!spreadsOverRun(config) && firstStep >= warmupSteps) return learningRate
  const schedule: StepSchedule = {
    kind: kind === 'plateau' ? 'constant' : kind,
    learningRate,
    finalLearningRate,
    warmupSteps,
    warmupStart: WARMUP_START,
    steps: config.epochs * stepsPerEpoch,
  }
  return Float64Array.from({ length: stepsPerEpoch }, (_, i) => rateOfStep(schedule, firstStep + i))
}

/**
 * cos(π x) for x in [0, 1], within 3e-16, by +, − and × alone: every JavaScript engine rounds those alike,
 * and `Math.cos` as it likes, which would be another run.
 */
export function cosineOfHalfTurns(x: number): number {
  if (x > 0.5) return -cosineOfHalfTurns(1 - x)
  return x > 0.25 ? series(Math.PI * (0.5 - x), 1) : series(Math.PI * x, 0)
}

/** Terms of a Taylor series that count for angles up to π / 4. */
const TERMS = 9

/** Taylor series of the sine (`odd` 1) or cosine (0) of an angle. */
function series(angle: number, odd: 0 | 1): number {
  const square = angle * angle
  let sum = 1
  for (let k = TERMS; k > 0; k--) sum = 1 - (square / ((2 * k + odd) * (2 * k + odd - 1))) * sum
  return odd ? angle * sum : sum
}
