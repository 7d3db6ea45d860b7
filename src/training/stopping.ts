/**
 * When training stops before its last epoch, and which epoch was the best. Both follow from the history
 * alone.
 */
import type { EpochRecord } from './history.ts'

/**
 * What an epoch is judged by: the loss over the validation or test set; where there is none, the training
 * loss.
 */
export function judgedLoss({ trainLoss, testLoss }: EpochRecord): number {
  return testLoss ?? trainLoss
}

/** The epoch of the lowest judged loss, the first of equal ones; undefined before there is one. */
export function bestEpoch(history: readonly EpochRecord[]): EpochRecord | undefined {
  let best: EpochRecord | undefined
  for (const record of history) {
    if (best === undefined || judgedLoss(record) < judgedLoss(best)) best = record
  }
  return best
}

/** Epochs done since the best one. */
export function epochsWithoutGain(history: readonly EpochRecord[]): number {
  const best = bestEpoch(history)
  return best === undefined ? 0 : history[history.length - 1].epoch - best.epoch
}

/** Whether so many epochs in a row were no better than one before; never without a number. */
export function hasStalled(history: readonly EpochRecord[], patience: number | undefined): boolean {
  return patience !== undefined && epochsWithoutGain(history) >= patience
}
