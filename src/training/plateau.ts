/**
 * Lowers the learning rate when a metric stops improving: PyTorch's
 * `torch.optim.lr_scheduler.ReduceLROnPlateau`, with its options, defaults and order of operations (version
 * 2.13).
 */
import { UsageError } from '../errors.ts'

export interface PlateauOptions {
  /** Whether a lower (`min`) or a higher (`max`) metric is better. Default `min`. */
  readonly mode?: 'min' | 'max'
  /** New rate = old rate · factor, below 1. Default 0.1. */
  readonly factor?: number
  /** Epochs without improvement that are put up with; the next one lowers the rate. Default 10. */
  readonly patience?: number
  /** What counts as an improvement. Default 1e-4. */
  readonly threshold?: number
  /** `rel`: better than best · (1 ∓ threshold); `abs`: better than best ∓ threshold. Default `rel`. */
  readonly thresholdMode?: 'rel' | 'abs'
  /** Epochs after a reduction in which bad epochs do not count. Default 0. */
  readonly cooldown?: number
  /** The rate is never set below this. Default 0. */
  readonly minLearningRate?: number
  /** A change of the rate that is not greater than this is left out. Default 1e-8. */
  readonly epsilon?: number
}

/** All that changes from step to step: what a checkpoint keeps. */
export interface PlateauState {
  readonly learningRate: number
  /** Best metric so far; ±Infinity before the first step. */
  readonly best: number
  readonly badEpochs: number
  readonly cooldownLeft: number
}

const DEFAULTS: Required<PlateauOptions> = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel',
  cooldown: 0,
  minLearningRate: 0,
  epsilon: 1e-8,
}

export class ReduceLROnPlateau {
  readonly #options: Required<PlateauOptions>
  #state: PlateauState

  /**
   * @param start the initial learning rate, or the state to go on from
   * @throws UsageError where the factor is not below 1
   */
  constructor(start: number | PlateauState, options: PlateauOptions = {}) {
    this.#options = { ...DEFAULTS, ...options }
    if (!(this.#options.factor < 1)) {
      throw new UsageError(`plateau factor: expected a number below 1, found ${this.#options.factor}`)
    }
    const best = this.#options.mode === 'min' ? Infinity : -Infinity
    this.#state =
      typeof start === 'number' ? { learningRate: start, best, badEpochs: 0, cooldownLeft: 0 } : { ...start }
  }

  get learningRate(): number {
    return this.#state.learningRate
  }

  get state(): PlateauState {
    return { ...this.#state }
  }

  /** Takes the metric of one epoch; returns the learning rate of the next. */
  step(metric: number): number {
    let { learningRate, best, badEpochs, cooldownLeft } = this.#state
    if (this.#isBetter(metric, best)) {
      best = metric
      badEpochs = 0
    } else {
      badEpochs++
    }
    if (cooldownLeft > 0) {
      cooldownLeft--
      badEpochs = 0
    }
    if (badEpochs > this.#options.patience) {
      learningRate = this.#reduced(learningRate)
      cooldownLeft = this.#options.cooldown
      badEpochs = 0
    }
    this.#state = { learningRate, best, badEpochs, cooldownLeft }
    return learningRate
  }

  #isBetter(metric: number, best: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options
    const sign = mode === 'min' ? -1 : 1
    const bar = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold
    return mode === 'min' ? metric < bar : metric > bar
  }

  #reduced(learningRate: number): number {
    const { factor, minLearningRate, epsilon } = this.#options
    const next = Math.max(learningRate * factor, minLearningRate)
    return learningRate - next > epsilon ? next : learningRate
  }
}
