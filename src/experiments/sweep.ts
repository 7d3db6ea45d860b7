/** Runs a plan: several runs side by side, each result kept as it comes, none stopped by another's failure. */

import type { StopSignal } from '../engines/stop-signal.ts'
import type { AutoencoderMeasures } from './measures.ts'
import type { SweepRun, SweepSettings } from './sweep-plan.ts'

/** What came of one run. */
export type SweepRecord = SweepResult | SweepFailure

export interface SweepResult {
  readonly id: string
  readonly status: 'done'
  readonly settings: SweepSettings
  /** Mean training loss of the last epoch. */
  readonly trainLoss: number
  readonly measures: AutoencoderMeasures
  /** Wall-clock seconds of training alone. With runs side by side it depends on the neighbours. */
  readonly seconds: number
  /** What computed it, such as `wasm, 1 thread`. */
  readonly device: string
  /** Reconstructions of the first test images of each class, (height · width) bytes each, in base64. */
  readonly samples: readonly string[]
}

export interface SweepFailure {
  readonly id: string
  readonly status: 'failed'
  readonly settings: SweepSettings
  readonly error: string
}

/** Where records are kept between calls of a sweep. */
export interface SweepStore {
  /** Those of earlier calls, in order. A later record of an id replaces an earlier one. */
  readonly records: readonly SweepRecord[]
  append(record: SweepRecord): Promise<void>
}

export interface SweepProgress {
  readonly runs: number
  /** Runs that were already in the store. */
  readonly kept: number
  readonly finished: number
  readonly failed: number
  /** Share of the whole work that is done, in [0, 1], runs under way included. */
  readonly share: number
  /** Estimate from the speed so far; NaN before the first news. */
  readonly secondsLeft: number
}

export interface SweepOptions {
  /** Runs side by side. */
  readonly jobs: number
  readonly signal?: StopSignal | undefined
  readonly onProgress?: ((progress: SweepProgress) => void) | undefined
  /** Called for each record that is new. */
  readonly onRecord?: ((record: SweepRecord) => void) | undefined
}

export interface RunHooks {
  /** Share of the run that is done, in [0, 1]. */
  readonly onShare: (share: number) => void
  readonly signal?: StopSignal | undefined
}

/** Trains and measures one run; undefined where the signal aborted it. */
export type RunTrainer = (run: SweepRun, hooks: RunHooks) => Promise<SweepResult | undefined>

/**
 * Trains every run that the store has no result of; earlier failures are tried again. Resolves with one record for each
 * run, in the plan's order; after an abort, with those there are. Rejects only where the store cannot be written.
 */
export async function runSweep(
  runs: readonly SweepRun[],
  store: SweepStore,
  trainRun: RunTrainer,
  options: SweepOptions,
): Promise<SweepRecord[]> {
  const { jobs, signal, onProgress, onRecord } = options
  const records = new Map<string, SweepRecord>()
  const wanted = new Set(runs.map(({ id }) => id))
  for (const record of store.records) if (wanted.has(record.id)) records.set(record.id, record)
  const open = runs.filter(({ id }) => records.get(id)?.status !== 'done')
  for (const { id } of open) records.delete(id)

  const kept = runs.length - open.length
  const progress = new ProgressMeter(open, runs.length, kept, onProgress)
  let next = 0
  const work = async () => {
    while (next < open.length && !signal?.aborted) {
      const run = open[next++]
      const record = await attempt(run, trainRun, {
        signal,
        onShare: (share) => progress.advance(run.id, share),
      })
      if (record === undefined) return
      await store.append(record)
      records.set(run.id, record)
      progress.finish(record)
      onRecord?.(record)
    }
  }
  progress.report()
  await Promise.all(Array.from({ length: Math.min(jobs, open.length) }, work))
  return runs.flatMap(({ id }) => records.get(id) ?? [])
}

async function attempt(
  run: SweepRun,
  trainRun: RunTrainer,
  hooks: RunHooks,
): Promise<SweepRecord | undefined> {
  try {
    return await trainRun(run, hooks)
  } catch (error) {
    // An abort may surface as an error; what it interrupted did not fail.
    if (hooks.signal?.aborted) return undefined
    const message = error instanceof Error ? error.message : String(error)
    return { id: run.id, status: 'failed', settings: run.settings, error: message }
  }
}

/** Adds up the work of runs of unequal length. */
class ProgressMeter {
  readonly #work: Map<string, number>
  readonly #shares = new Map<string, number>()
  readonly #startMs = performance.now()
  readonly #runs: number
  readonly #kept: number
  readonly #onProgress: ((progress: SweepProgress) => void) | undefined
  #finished = 0
  #failed = 0

  constructor(
    open: readonly SweepRun[],
    runs: number,
    kept: number,
    onProgress: ((progress: SweepProgress) => void) | undefined,
  ) {
    this.#work = new Map(open.map((run) => [run.id, runWork(run)]))
    this.#runs = runs
    this.#kept = kept
    this.#onProgress = onProgress
  }

  advance(id: string, share: number): void {
    this.#shares.set(id, share)
    this.report()
  }

  finish(record: SweepRecord): void {
    if (record.status === 'done') this.#finished++
    else this.#failed++
    this.advance(record.id, 1)
  }

  report(): void {
    let total = 0
    let done = 0
    for (const [id, work] of this.#work) {
      total += work
      done += work * (this.#shares.get(id) ?? 0)
    }
    const elapsed = (performance.now() - this.#startMs) / 1000
    this.#onProgress?.({
      runs: this.#runs,
      kept: this.#kept,
      finished: this.#finished,
      failed: this.#failed,
      share: total === 0 ? 1 : done / total,
      secondsLeft: total === 0 ? 0 : done > 0 ? (elapsed * (total - done)) / done : Number.NaN,
    })
  }
}

/** Relative cost of a run: epochs times the multiply-adds of a row, which are about the parameters. */
function runWork({ settings, parameters }: SweepRun): number {
  return settings.epochs * parameters
}
