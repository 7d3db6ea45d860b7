/** What training measured, one record an epoch. */

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number
  /** Mean of the epoch's batch losses, each taken before its update: mean squared error per pixel. */
  readonly trainLoss: number
  /** Mean squared error per pixel over the whole test set, after the epoch. */
  readonly testLoss: number
  /** Learning rate of this epoch's steps. */
  readonly learningRate: number
  /** Wall-clock time of the training steps, without the test; of a resumed epoch, of its resumed part. */
  readonly seconds: number
  /** Training images a second in that time. */
  readonly imagesPerSecond: number
}

const COLUMNS = ['epoch', 'trainLoss', 'testLoss', 'learningRate', 'seconds', 'imagesPerSecond'] as const

/** The records as CSV (RFC 4180 with line feeds) under a header line. Numbers keep every digit. */
export function historyToCsv(history: readonly EpochRecord[]): string {
  const rows = history.map((record) => COLUMNS.map((column) => record[column]).join(','))
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`
}
