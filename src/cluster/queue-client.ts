/** The sweep's end of the queue: puts trials there and waits for what comes of them. Node only. */
import { setTimeout } from 'node:timers/promises'
import { HourglassError } from '../errors.ts'
import type { RunHooks, RunTrainer, SweepRecord, SweepStore } from '../experiments/sweep.ts'
import type { SweepData, SweepRun } from '../experiments/sweep-plan.ts'
import { JsonFields } from '../formats/json-fields.ts'
import type { QueueAccess } from './queue.ts'
import { bullJob, jobId, MOST_DEATHS, QUEUE_NAME } from './queue.ts'
import { readRecordOf } from './trial-plan.ts'

/** How often is looked for results whose event was missed, and for trials that a Redis forgot. */
const CHECK_MS = 5000

/** How long the end may take. */
const CLOSE_MS = 1000

/** Jobs that are put on the queue, or looked at, in one go. */
const AT_ONCE = 500

interface Waiting {
  readonly run: SweepRun
  readonly until: number
  readonly isUrgent: boolean
  readonly onShare: (share: number) => void
  readonly settle: (record: SweepRecord | undefined) => void
  readonly fail: (error: Error) => void
}

/** Trains trials on whatever workers the queue has. */
export class QueueClient {
  readonly #access: QueueAccess
  readonly #data: SweepData
  readonly #events: InstanceType<QueueAccess['bull']['QueueEvents']>
  readonly #waiting = new Map<string, Waiting>()
  /** Jobs whose results are on their way to the store, by the run's id. */
  readonly #taken = new Map<string, string>()
  /** Runs that were sent before: what they do now, they were chosen to go on with. */
  readonly #begun = new Set<string>()
  #unsent: string[] = []
  #check: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  #isClosed = false

  /** @param access is closed with the client */
  static async open(access: QueueAccess, data: SweepData): Promise<QueueClient> {
    const client = new QueueClient(access, data)
    await client.#events.waitUntilReady()
    return client
  }

  private constructor(access: QueueAccess, data: SweepData) {
    this.#access = access
    this.#data = data
    this.#events = new access.bull.QueueEvents(QUEUE_NAME, access.options)
    // The queue itself says that Redis is gone.
    this.#events.on('error', () => undefined)
    this.#events.on('progress', ({ jobId, data }) => {
      if (typeof data === 'number') this.#waiting.get(jobId)?.onShare(data)
    })
    const collect = ({ jobId }: { jobId: string }) => void this.#collect(jobId).catch(() => undefined)
    this.#events.on('completed', collect)
    this.#events.on('failed', collect)
  }

  /** Puts the trial on the queue and waits for its record. An abort leaves it there. */
  readonly trainRun: RunTrainer = (run, { onShare, signal, until = run.settings.epochs }: RunHooks) => {
    const id = jobId({ run, until })
    return new Promise((resolve, reject) => {
      const stop = () => settle(undefined)
      const end = () => {
        this.#waiting.delete(id)
        signal?.removeEventListener('abort', stop)
      }
      const settle = (record: SweepRecord | undefined) => {
        end()
        if (record?.status === 'failed') reject(new HourglassError(record.error))
        else resolve(record)
      }
      const fail = (error: Error) => {
        end()
        reject(error)
      }
      if (signal?.aborted) return resolve(undefined)
      signal?.addEventListener('abort', stop)
      const isUrgent = this.#begun.has(run.id)
      this.#begun.add(run.id)
      this.#waiting.set(id, { run, until, isUrgent, onShare, settle, fail })
      this.#send(id)
    })
  }

  /** How many workers wait for trials, as far as Redis tells. */
  async workers(): Promise<number | undefined> {
    return this.#access.queue.getWorkersCount().catch(() => undefined)
  }

  /** A store that takes a record's job off the queue when the record is safe. */
  storeOf(store: SweepStore): SweepStore {
    return {
      records: store.records,
      append: async (record) => {
        await store.append(record)
        const id = this.#taken.get(record.id)
        this.#taken.delete(record.id)
        // If it stays, it is found again by the next sweep of this trial.
        if (id !== undefined) await this.#access.queue.remove(id).catch(() => undefined)
      },
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#check)
    const closing = Promise.allSettled([this.#events.close(), this.#access.close()])
    // Without Redis it may never be over.
    await Promise.race([closing, setTimeout(CLOSE_MS, undefined, { ref: false })])
  }

  /** Collects what is asked for in one turn, and puts it on the queue together. */
  #send(id: string): void {
    this.#unsent.push(id)
    if (this.#unsent.length > 1) return
    setImmediate(() => {
      const ids = this.#unsent
      this.#unsent = []
      this.#put(ids)
        .then(() => this.#lookSoon(0))
        .catch((error: Error) => {
          for (const id of ids) this.#waiting.get(id)?.fail(error)
        })
    })
  }

  /** Jobs that are on the queue already stay as they are. */
  async #put(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const jobs = ids.slice(at, at + AT_ONCE).flatMap((id) => {
        const waiting = this.#waiting.get(id)
        if (waiting === undefined) return []
        const { run, until, isUrgent } = waiting
        return [bullJob({ data: this.#data, run, until }, isUrgent)]
      })
      await this.#access.queue.addBulk(jobs)
    }
  }

  #lookSoon(afterMs: number): void {
    if (this.#isClosed) return
    clearTimeout(this.#check)
    this.#check = globalThis.setTimeout(() => {
      this.#checking ??= this.#look()
        // Redis is away: the next look finds what there is.
        .catch(() => undefined)
        .finally(() => {
          this.#checking = undefined
          this.#lookSoon(CHECK_MS)
        })
    }, afterMs)
  }

  /** Collects results whose events were missed; puts trials back that the queue does not know any more. */
  async #look(): Promise<void> {
    if (this.#waiting.size === 0) return
    const { queue, missing } = this.#access
    const finished = await queue.getRanges(['completed', 'failed'], 0, -1)
    for (const id of finished) if (this.#waiting.has(id)) await this.#collect(id)
    await this.#put(await missing([...this.#waiting.keys()]))
  }

  async #collect(id: string): Promise<void> {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    const { bull, queue, address } = this.#access
    const job = await bull.Job.fromId(queue, id)
    // Another sweep with this trial has taken it: it is put back by the next look.
    if (job === undefined || job.finishedOn === undefined || !this.#waiting.has(id)) return
    const { run, settle, fail } = waiting
    this.#taken.set(run.id, id)
    if (job.failedReason) return fail(new HourglassError(failureText(job.failedReason)))
    try {
      settle(readRecordOf(run, new JsonFields(address, `result of ${run.id.slice(0, 12)}`, job.returnvalue)))
    } catch (error) {
      fail(error as Error)
    }
  }
}

/** BullMQ's own words for a job whose workers died, in ours. */
function failureText(text: string): string {
  if (!/stalled more than allowable limit/.test(text)) return text
  return `given up: ${MOST_DEATHS} workers died while they trained it`
}
