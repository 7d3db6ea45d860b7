/**
 * Runs a plan: several runs side by side, each result kept as it comes, none stopped by another's failure.
 */

import type { StopSignal } from '../engines/stop-signal.ts'
import type { RunSettings } from '../run/settings.ts'
import type { AutoencoderMeasures } from './measures.ts'
import type { SweepRun } from './sweep-plan.ts'

/** What came of one run. */
export type SweepRecord = SweepResult | SweepStopped | SweepFailure

interface RecordOfRun {
  readonly id: string
  readonly settings: RunSettings
}

/** What is known of a run that has trained. */
interface TrainedRun extends RecordOfRun {
  /** Mean training loss of the last epoch. */
  readonly trainLoss: number
  /** Mean loss of the test set after each epoch; absent in records of earlier versions. */
  readonly testLosses?: readonly number[] | undefined
  /** SHA-256 of the weights, as `npm run train` says it; absent in records of earlier versions. */
  readonly weights?: string | undefined
  /** Wall-clock seconds of training alone. With runs side by side it depends on the neighbours. */
  readonly seconds: number
  /** What computed it, such as `wasm, 1 thread`. */
  readonly device: string
  /** Name of the machine, where it was told. */
  readonly host?: string | undefined
}

export interface SweepResult extends TrainedRun {
  readonly status: 'done'
  readonly measures: AutoencoderMeasures
  /** Reconstructions of the first test images of each class, (height · width) bytes each, in base64. */
  readonly samples: readonly string[]
}

/** A run that others were ahead of, after the epochs that its test losses count. It may go on later. */
export interface SweepStopped extends TrainedRun {
  readonly status: 'stopped'
  readonly testLosses: readonly number[]
}

export interface SweepFailure extends RecordOfRun {
  readonly status: 'failed'
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
  /** Runs that are stopped for now. */
  readonly stopped: number
  /** Share of the whole work that is done, in [0, 1], runs under way included. */
  readonly share: number
  /** Estimate from the speed so far; NaN before the first news. */
  readonly secondsLeft: number
}

/** A run, to be trained until so many of its epochs are done. */
export interface SweepPiece {
  readonly run: SweepRun
  readonly until: number
}

/** Decides what is trained next. */
export interface SweepSchedule {
  /**
   * The next piece of work; `wait` where a result under way decides; undefined where nothing is left to do.
   */
  next(): SweepPiece | 'wait' | undefined
  /** Hears of every new record. */
  add(record: SweepRecord): void
  /** About which share of all epochs will be trained, in (0, 1]. */
  readonly expectedShare: number
}

export interface SweepOptions {
  /** Runs side by side. */
  readonly jobs: number
  readonly signal?: StopSignal | undefined
  readonly onProgress?: ((progress: SweepProgress) => void) | undefined
  /** Called for each record that is new. */
  readonly onRecord?: ((record: SweepRecord) => void) | undefined
  /**
   * Makes the order of work for the runs that are open, from what is known of them; default: each in turn, to
   * its end.
   */
  readonly schedule?:
    | ((open: readonly SweepRun[], known: readonly SweepRecord[]) => SweepSchedule)
    | undefined
}

export interface RunHooks {
  /** Share of the run that is done, in [0, 1]. */
  readonly onShare: (share: number) => void
  readonly signal?: StopSignal | undefined
  /** Epochs after which it stops, to go on another time; default: all. */
  readonly until?: number | undefined
}

/** Trains and measures one run, or as much of it as is asked for; undefined where the signal aborted it. */
export type RunTrainer = (run: SweepRun, hooks: RunHooks) => Promise<SweepResult | SweepStopped | undefined>

/**
 * Trains every run that the store has no result of; earlier failures are tried again. Resolves with one
 * record for each run, in the plan's order; after an abort, with those there are. Rejects only where the
 * store cannot be written.
 */
export async function runSweep(
  runs: readonly SweepRun[],
  store: SweepStore,
  trainRun: RunTrainer,
  options: SweepOptions,
): Promise<SweepRecord[]> {
  const { jobs, signal, onProgress, onRecord, schedule: makeSchedule = inTurn } = options
  const records = latestRecords(runs, store.records)
  const open = runs.filter(({ id }) => records.get(id)?.status !== 'done')
  const schedule = makeSchedule(open, [...records.values()])
  for (const { id } of open) if (records.get(id)?.status === 'failed') records.delete(id)

  const progress = new ProgressMeter(runs, open, records, schedule.expectedShare, onProgress)
  let underWay = 0
  let hasFailed = false
  let news = Promise.withResolvers<void>()
  const finish = async ({ run, until }: SweepPiece) => {
    const hooks = { signal, until, onShare: (share: number) => progress.advance(run.id, share) }
    const record = await attempt(run, trainRun, hooks)
    if (record === undefined) return
    await store.append(record)
    records.set(run.id, record)
    schedule.add(record)
    progress.finish(record)
    onRecord?.(record)
  }
  const take = async (piece: SweepPiece) => {
    underWay++
    try {
      await finish(piece)
    } catch (error) {
      hasFailed = true
      throw error
    } finally {
      underWay--
      news.resolve()
      news = Promise.withResolvers()
    }
  }
  const work = async () => {
    while (!signal?.aborted && !hasFailed) {
      const piece = schedule.next()
      if (piece === undefined) return
      if (piece !== 'wait') await take(piece)
      else if (underWay > 0) await news.promise
      else throw new Error('internal: a schedule waits for nothing')
    }
  }
  progress.report()
  await Promise.all(Array.from({ length: Math.min(jobs, open.length) }, work))
  if (!signal?.aborted) progress.end()
  return runs.flatMap(({ id }) => records.get(id) ?? [])
}

/** The last record of each run, under the settings of the plan. */
function latestRecords(runs: readonly SweepRun[], stored: readonly SweepRecord[]): Map<string, SweepRecord> {
  const wanted = new Map(runs.map(({ id, settings }) => [id, settings]))
  const records = new Map<string, SweepRecord>()
  for (const record of stored) {
    const settings = wanted.get(record.id)
    // What is done stays done, whatever was tried again elsewhere.
    if (settings && records.get(record.id)?.status !== 'done') records.set(record.id, { ...record, settings })
  }
  return records
}

/** Every run, to its end. */
function inTurn(open: readonly SweepRun[]): SweepSchedule {
  let next = 0
  return {
    expectedShare: 1,
    next() {
      const run = open[next++]
      return run && { run, until: run.settings.epochs }
    },
    add: () => undefined,
  }
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
    return failureOf(run, error)
  }
}

export function failureOf({ id, settings }: SweepRun, error: unknown): SweepFailure {
  const message = error instanceof Error ? error.message : String(error)
  return { id, status: 'failed', settings, error: message }
}

/** Adds up the work of runs of unequal length. */
class ProgressMeter {
  readonly #work: Map<string, number>
  readonly #total: number
  readonly #shares = new Map<string, number>()
  readonly #statuses = new Map<string, SweepRecord['status']>()
  readonly #startMs = performance.now()
  readonly #runs: number
  readonly #kept: number
  readonly #doneBefore: number
  readonly #onProgress: ((progress: SweepProgress) => void) | undefined
  #isAtEnd = false

  constructor(
    runs: readonly SweepRun[],
    open: readonly SweepRun[],
    records: ReadonlyMap<string, SweepRecord>,
    expectedShare: number,
    onProgress: ((progress: SweepProgress) => void) | undefined,
  ) {
    this.#work = new Map(open.map((run) => [run.id, runWork(run)]))
    this.#total = expectedShare * open.reduce((sum, run) => sum + runWork(run), 0)
    this.#runs = runs.length
    this.#kept = runs.length - open.length
    this.#onProgress = onProgress
    for (const { id, settings } of open) {
      const record = records.get(id)
      if (record?.status !== 'stopped') continue
      this.#shares.set(id, record.testLosses.length / settings.epochs)
      this.#statuses.set(id, 'stopped')
    }
    this.#doneBefore = this.#done()
  }

  advance(id: string, share: number): void {
    this.#shares.set(id, share)
    this.report()
  }

  finish(record: SweepRecord): void {
    const { id, status, settings } = record
    this.#statuses.set(id, status)
    this.advance(id, status === 'stopped' ? record.testLosses.length / settings.epochs : 1)
  }

  /** What was expected may have been more than was to be done. */
  end(): void {
    this.#isAtEnd = true
    this.report()
  }

  report(): void {
    const total = this.#total
    const done = Math.min(total, this.#done())
    const doneNow = done - this.#doneBefore
    const elapsed = (performance.now() - this.#startMs) / 1000
    const isOver = total === 0 || this.#isAtEnd
    const left = doneNow > 0 ? (elapsed * (total - done)) / doneNow : Number.NaN
    this.#onProgress?.({
      runs: this.#runs,
      kept: this.#kept,
      finished: this.#count('done'),
      failed: this.#count('failed'),
      stopped: this.#count('stopped'),
      share: isOver ? 1 : done / total,
      secondsLeft: isOver ? 0 : left,
    })
  }

  #done(): number {
    let done = 0
    for (const [id, work] of this.#work) done += work * (this.#shares.get(id) ?? 0)
    return done
  }

  #count(status: SweepRecord['status']): number {
    let count = 0
    for (const one of this.#statuses.values()) if (one === status) count++
    return count
  }
}

/** Relative cost of a run: epochs times the multiply-adds of a row, which are about the parameters. */
function runWork({ settings, parameters }: SweepRun): number {
  return settings.epochs * parameters
}
