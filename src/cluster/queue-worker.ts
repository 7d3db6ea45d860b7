/**
 * A worker's end of the queue: takes trials, trains them on threads, brings back what came of them. Node
 * only.
 */
import { setTimeout } from 'node:timers/promises'
import type { Job } from 'bullmq'
import type { SweepRecord } from '../experiments/sweep.ts'
import type { SweepData, SweepRun } from '../experiments/sweep-plan.ts'
import type { QueueAccess } from './queue.ts'
import { MOST_DEATHS, QUEUE_NAME, readJob } from './queue.ts'
import type { TrialPool } from './trial-pool.ts'
import type { Workload } from './workload.ts'

/** After so many trials in a row that failed by the machine's fault a worker ends. */
const MOST_FAULTS = 3

/** A trial's progress is told no more often. */
const PROGRESS_MS = 1000

/** How long a worker that is stopped may take to give back what it is at. */
const GIVE_BACK_MS = 10_000

/** How often a worker that is to end with the queue looks whether there is anything left. */
const IDLE_CHECK_MS = 500

export interface QueueWorkerOptions {
  readonly access: QueueAccess
  readonly pool: TrialPool
  /** Trials side by side. */
  readonly jobs: number
  /** A worker that is not heard of for so long is taken for dead, and its trials go to others. */
  readonly lockMs: number
  readonly host: string
  /**
   * Data and measures of a plan. Rejects where this machine cannot train its trials: the worker then ends
   * with that.
   */
  readonly workloadOf: (data: SweepData, run: SweepRun) => Promise<Workload>
  /** Stops taking trials and gives back those under way. */
  readonly signal: AbortSignal
  /** Whether it ends when nothing waits and nothing is under way, on any worker. */
  readonly isToDrain: boolean
  readonly onRecord: (record: SweepRecord) => void
  readonly onNotice: (line: string) => void
}

/**
 * Works until the signal aborts or, if so wanted, the queue is empty. Rejects with what this machine is at
 * fault for.
 */
export async function workOffQueue(options: QueueWorkerOptions): Promise<void> {
  const { access, pool, jobs, lockMs, host, workloadOf, isToDrain, onRecord, onNotice } = options
  const { bull, queue, address } = access
  const ended = new AbortController()
  const signal = AbortSignal.any([options.signal, ended.signal])
  let failure: unknown
  let faults = 0

  const giveBack = async (job: Job, token: string | undefined): Promise<never> => {
    await job.moveToWait(token)
    throw new bull.WaitingError()
  }
  const fail = (error: unknown) => {
    failure ??= error
    ended.abort()
  }
  const process = async (job: Job, token?: string): Promise<SweepRecord> => {
    if (signal.aborted) return giveBack(job, token)
    const { data, run, until } = await readJob(job.data, address).catch((error: Error) => {
      throw new bull.UnrecoverableError(error.message)
    })
    let workload: Workload
    try {
      workload = await workloadOf(data, run)
    } catch (error) {
      fail(error)
      return giveBack(job, token)
    }
    const onShare = throttle((share: number) => {
      job.updateProgress(share).catch(() => undefined)
    })
    let record: SweepRecord | undefined
    try {
      record = await pool.train(run, workload, { signal, until, onShare })
    } catch (error) {
      if (signal.aborted) return giveBack(job, token)
      faults++
      if (faults >= MOST_FAULTS) fail(error)
      throw error
    }
    if (record === undefined) return giveBack(job, token)
    faults = 0
    onRecord(record)
    return record
  }

  const worker = new bull.Worker(QUEUE_NAME, process, {
    ...access.options,
    name: host,
    concurrency: jobs,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: MOST_DEATHS - 1,
    drainDelay: 1,
    runRetryDelay: 1000,
  })
  worker.on('error', (error: Error) => {
    // The queue itself says that Redis is gone. A lock that was lost is another worker's: both find the same.
    if (/could not renew lock|Missing lock/i.test(error.message)) onNotice(`taken for dead: ${error.message}`)
  })
  worker.on('failed', (job, error) => {
    if (job) onNotice(`trial ${String(job.id).slice(0, 12)}: ${error.message}`)
  })
  await (isToDrain ? drained(queue, signal) : aborted(signal))
  // Without Redis nothing can be given back: locks then run out by themselves.
  await Promise.race([worker.close(), setTimeout(GIVE_BACK_MS, undefined, { ref: false })])
  worker.disconnect().catch(() => undefined)
  if (failure !== undefined) throw failure
}

/** Resolves when nothing waits and nothing is under way, or when the signal aborts. */
async function drained(queue: QueueAccess['queue'], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized').catch(() => undefined)
    if (counts && Object.values(counts).every((count) => count === 0)) return
    await Promise.race([aborted(signal), setTimeout(IDLE_CHECK_MS)])
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function throttle(tell: (share: number) => void): (share: number) => void {
  let lastMs = 0
  return (share) => {
    const now = performance.now()
    if (now - lastMs < PROGRESS_MS) return
    lastMs = now
    tell(share)
  }
}
