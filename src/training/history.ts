/** What training measured, one record an epoch. */

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /**
   * Mean of the epoch's batch losses, each taken before its update: for `mse` the mean squared error per
   * value.
   */
  readonly trainLoss: number
  /** Mean loss over the whole test set, after the epoch; undefined where there is none. */
  readonly testLoss: number | undefined
  /** Learning rate of this epoch's last step. */
  readonly learningRate: number
  /** Wall-clock time of the training steps, without the test; of a resumed epoch, of its resumed part. */
  readonly seconds: number
  /** Training rows a second in that time. */
  readonly imagesPerSecond: number
}

const COLUMNS = ['epoch', 'trainLoss', 'testLoss', 'learningRate', 'seconds', 'imagesPerSecond'] as const

/** The records as CSV (RFC 4180 with line feeds) under a header line. Numbers keep every digit. */
export function historyToCsv(history: readonly EpochRecord[]): string {
  const rows = history.map((record) => COLUMNS.map((column) => record[column] ?? '').join(','))
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`
}
