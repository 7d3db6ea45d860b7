/**
 * Asynchronous successive halving (ASHA): runs stop at rungs, and of those that have come to a rung the best
 * go on. Nobody waits for a rung to fill: whoever is among the best so far goes on as soon as a worker is
 * free.
 *
 * Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2, for a
 * plan that ends. Runs in a browser.
 */
import { UsageError } from '../errors.ts'
import type { SweepPiece, SweepRecord, SweepSchedule } from '../experiments/sweep.ts'
import type { SweepRun } from '../experiments/sweep-plan.ts'
import { settingText } from '../run/settings.ts'

/**
 * Of so many runs that have come to a rung one goes on: the reduction factor η of the paper. Its own 4 throws
 * away the slower of two learning rates after a sixteenth of the epochs, though it ends lower: on the plan of
 * `npm run test:cluster-speed`, whose curves were run through 400 orders of its trials, the winner was found
 * in 30 of 100, and by 2 in all.
 */
export const REDUCTION = 2

/** So the first lies at a sixteenth of the epochs: before it an error says too little of the end. */
const MOST_RUNGS = 5

/**
 * Epochs after which runs stop, the last of them all epochs: each `REDUCTION` times the one before. As many
 * as epochs and runs allow, and at most `MOST_RUNGS`.
 */
export function rungsOf(epochs: number, runs: number): number[] {
  const possible = Math.floor(Math.log(Math.min(epochs, runs)) / Math.log(REDUCTION) + 1e-9)
  const halvings = Math.min(possible, MOST_RUNGS - 1)
  return Array.from({ length: halvings + 1 }, (_, k) => Math.ceil(epochs / REDUCTION ** (halvings - k)))
}

/** Throws UsageError for runs that cannot be compared on their way, or are too few to be. */
export function checkPruning(runs: readonly SweepRun[]): void {
  for (const name of ['epochs', 'loss'] as const) {
    const values = [...new Set(runs.map(({ settings }) => settingText(settings[name])))]
    if (values.length > 1) {
      throw new UsageError(`--prune: expected runs of one ${name}, found ${values.slice(0, 4).join(', ')}`)
    }
  }
  const { epochs } = runs[0].settings
  if (rungsOf(epochs, runs.length).length > 1) return
  throw new UsageError(
    `--prune: expected at least ${REDUCTION} runs of ${REDUCTION} epochs, found ${runs.length} of ${epochs}`,
  )
}

interface Entry {
  readonly run: SweepRun
  testLosses: readonly number[]
  /** Epochs that it was told to train to. */
  until: number
  isUnderWay: boolean
  hasFailed: boolean
}

/**
 * The schedule of `runSweep` for `runs`, all of one plan.
 *
 * @param known records of earlier calls: what they stopped goes on where that was
 */
export function halving(runs: readonly SweepRun[], known: readonly SweepRecord[]): SweepSchedule {
  return new Halving(runs, known)
}

class Halving implements SweepSchedule {
  readonly expectedShare: number
  readonly #rungs: readonly number[]
  readonly #entries: Map<string, Entry>
  /** In the order of their names, which are digests: chance, and the same at every call. */
  readonly #fresh: Entry[]

  constructor(runs: readonly SweepRun[], known: readonly SweepRecord[]) {
    const { epochs } = runs[0].settings
    const rungs = rungsOf(epochs, runs.length)
    this.#rungs = rungs
    this.#entries = new Map(
      runs.map((run) => [run.id, { run, testLosses: [], until: 0, isUnderWay: false, hasFailed: false }]),
    )
    for (const record of known) if (record.status !== 'failed') this.add(record)
    this.#fresh = Array.from(this.#entries.values())
      .filter(({ until }) => until === 0)
      .sort((a, b) => (a.run.id < b.run.id ? -1 : 1))
    const expected = rungs.map(
      (rung, k) => Math.floor(runs.length / REDUCTION ** k) * (rung - (rungs[k - 1] ?? 0)),
    )
    this.expectedShare = expected.reduce((sum, part) => sum + part, 0) / (runs.length * epochs)
  }

  add(record: SweepRecord): void {
    const entry = this.#entries.get(record.id)
    if (entry === undefined) return
    entry.isUnderWay = false
    if (record.status === 'failed') {
      entry.hasFailed = true
      return
    }
    entry.testLosses = record.testLosses ?? []
    entry.until = record.status === 'done' ? entry.run.settings.epochs : record.testLosses.length
  }

  next(): SweepPiece | 'wait' | undefined {
    const { epochs } = this.#last
    for (let k = this.#rungs.length - 2; k >= 0; k--) {
      const arrived = this.#arrivedAt(k)
      const best = arrived.slice(0, Math.floor(arrived.length / REDUCTION))
      const promoted = best.find((entry) => this.#canGoOn(entry, k))
      if (promoted) return this.#begin(promoted, this.#rungs[k + 1])
    }
    const fresh = this.#fresh.shift()
    if (fresh) return this.#begin(fresh, this.#rungs[0])
    const entries = [...this.#entries.values()]
    if (entries.some(({ isUnderWay }) => isUnderWay)) return 'wait'
    // Of few runs none may be in the better half of a rung: one is to have a result.
    if (entries.some(({ until, hasFailed }) => until === epochs && !hasFailed)) return undefined
    for (let k = this.#rungs.length - 2; k >= 0; k--) {
      const best = this.#arrivedAt(k).find((entry) => this.#canGoOn(entry, k))
      if (best) return this.#begin(best, this.#rungs[k + 1])
    }
    return undefined
  }

  get #last(): { epochs: number } {
    return { epochs: this.#rungs[this.#rungs.length - 1] }
  }

  /** Those that have come to the rung, the best first. */
  #arrivedAt(k: number): Entry[] {
    const at = this.#rungs[k] - 1
    return Array.from(this.#entries.values())
      .filter(({ testLosses }) => testLosses.length > at)
      .sort((a, b) => a.testLosses[at] - b.testLosses[at] || (a.run.id < b.run.id ? -1 : 1))
  }

  #canGoOn({ until, hasFailed }: Entry, k: number): boolean {
    return !hasFailed && until < this.#rungs[k + 1]
  }

  #begin(entry: Entry, until: number): SweepPiece {
    entry.until = until
    entry.isUnderWay = true
    return { run: entry.run, until }
  }
}
