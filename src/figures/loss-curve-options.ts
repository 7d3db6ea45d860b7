/** What a loss curve is drawn of. */
import type { Loss } from '../model/network.ts'

/** What the curve needs of an epoch. */
export interface LossCurvePoint {
  readonly epoch: number
  /** Mean of the epoch's batch losses, each before its update. */
  readonly trainLoss: number
  /** Loss over the test set after the epoch, if there is one. */
  readonly testLoss?: number | undefined
  /** Learning rate the epoch was trained with. */
  readonly learningRate: number
}

export interface LossCurveOptions {
  readonly title?: string
  readonly subtitle?: string
  /** What the losses are; default `mse`. */
  readonly loss?: Loss
}
