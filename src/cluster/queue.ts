/**
 * The queue of trials, on BullMQ, which keeps it in Redis: how to get there, and what a trial is called and
 * carries on it. Both packages are loaded only here, and only when somebody asks for a queue. Node only.
 */
import type * as Bull from 'bullmq'
import type * as IORedis from 'ioredis'
import { FileError, UsageError } from '../errors.ts'
import type { SweepData, SweepRun } from '../experiments/sweep-plan.ts'
import { reason } from '../files/reason.ts'
import type { JsonObject } from '../formats/canonical-json.ts'
import { JsonFields } from '../formats/json-fields.ts'
import { readSweepData, readTrial } from './trial-plan.ts'

/** Where the keys of the queue begin, in Redis. */
export const QUEUE_PREFIX = 'hourglass'
export const QUEUE_NAME = 'trials'

/**
 * A trial is given up when it has been begun and not finished so often: its workers died, or failed for
 * reasons that are not the trial's.
 */
export const MOST_DEATHS = 5

/** Between two tries of a trial whose worker failed. */
const RETRY_MS = 1000

/** Waits between attempts to find a Redis again that went away. */
const RECONNECT_MS = 500

/** How long a Redis may take to answer at first. */
const CONNECT_MS = 5000

/** What a job carries: all that a worker needs to know. */
export interface TrialJob {
  readonly data: SweepData
  readonly run: SweepRun
  /** Epochs after which it stops, all of them or fewer. */
  readonly until: number
}

/** A Redis, as both packages want to be told of it. */
interface Connection {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly db?: number
  readonly tls?: object
}

/** What is asked of BullMQ and Redis, at one address. */
export interface QueueAccess {
  readonly bull: typeof Bull
  readonly queue: Bull.Queue
  /** For all that opens a connection of its own. */
  readonly options: { readonly connection: Connection; readonly prefix: string }
  /** Without user and password. */
  readonly address: string
  /** Those of the jobs that the queue does not know. */
  missing(ids: readonly string[]): Promise<string[]>
  close(): Promise<void>
}

/**
 * The packages and the queue.
 *
 * @param url `redis://[[USER:]PASSWORD@]HOST:PORT[/DATABASE]`, or `rediss://` for TLS
 * @param onNotice hears, in a line, when Redis goes away and when it is back
 * @throws UsageError for another URL; FileError where the packages are not installed, and where no Redis
 *   answers
 */
export async function openQueue(url: string, onNotice: (line: string) => void): Promise<QueueAccess> {
  const target = parseUrl(url)
  const [bull, ioredis] = (await Promise.all([load('bullmq'), load('ioredis')])) as [
    typeof Bull,
    typeof IORedis,
  ]
  await checkThere(ioredis, target)
  const { address } = target
  const connection = {
    ...target.options,
    maxRetriesPerRequest: null,
    retryStrategy: () => RECONNECT_MS,
  }
  const client = new ioredis.Redis(connection)
  watch(client, address, onNotice)
  const queue = new bull.Queue(QUEUE_NAME, { connection: client, prefix: QUEUE_PREFIX })
  // The client itself says that Redis is gone.
  queue.on('error', () => undefined)
  const missing = async (ids: readonly string[]) => {
    const asked = client.pipeline()
    for (const id of ids) asked.exists(queue.toKey(id))
    const answers = (await asked.exec()) ?? []
    // What could not be asked is asked again another time.
    return ids.filter((_, i) => answers[i]?.[0] === null && answers[i][1] === 0)
  }
  const close = async () => {
    client.disconnect()
    await queue.close().catch(() => undefined)
  }
  return { bull, queue, options: { connection, prefix: QUEUE_PREFIX }, address, missing, close }
}

/** Says once that the connection is lost, and once that it is there again. */
function watch(client: IORedis.Redis, address: string, onNotice: (line: string) => void): void {
  let isLost = false
  client.on('error', (error: Error) => {
    if (!isLost) onNotice(`${address}: lost (${redisReason(error)}); waiting for it`)
    isLost = true
  })
  client.on('ready', () => {
    if (isLost) onNotice(`${address}: there again`)
    isLost = false
  })
}

async function load(name: 'bullmq' | 'ioredis'): Promise<unknown> {
  try {
    return await import(name)
  } catch (cause) {
    throw new FileError(
      name,
      'expected this npm package for --queue, found it not installed: run npm install bullmq ioredis',
      { cause },
    )
  }
}

interface Target {
  readonly address: string
  readonly options: Connection
}

const EXPECTED_URL = 'redis://HOST:PORT, or rediss:// for TLS'

function parseUrl(text: string): Target {
  // A URL may hold a password: it is not repeated.
  const fail = (found: string): never => {
    throw new UsageError(`--queue: expected ${EXPECTED_URL}, found ${found}`)
  }
  if (!URL.canParse(text)) return fail('no URL')
  const url = new URL(text)
  const { protocol, hostname, port, username, password, pathname } = url
  if (protocol !== 'redis:' && protocol !== 'rediss:') return fail(`a URL of ${protocol}`)
  if (hostname === '') return fail('a URL without a host')
  if (!/^\/?\d{0,6}$/.test(pathname)) return fail('a path that is no number of a database')
  const database = Number(pathname.slice(1))
  return {
    address: `${protocol}//${hostname}:${port || '6379'}`,
    options: {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || 6379),
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(database > 0 && { db: database }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  }
}

async function checkThere(ioredis: typeof IORedis, { address, options }: Target): Promise<void> {
  const client = new ioredis.Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  let first: Error | undefined
  client.on('error', (error: Error) => {
    first ??= error
  })
  try {
    await client.connect()
    await client.ping()
  } catch (cause) {
    throw new FileError(address, `expected a Redis server, found: ${redisReason(first ?? cause)}`, { cause })
  } finally {
    client.disconnect()
  }
}

function redisReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ECONNREFUSED') return 'nobody listens there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'no such host'
  if (code === 'ETIMEDOUT' || message === 'Command timed out') return 'no answer'
  return (message || reason(error)).split('\n')[0]
}

/** Equal ids are the same work: what is on the queue already is not put there again. */
export function jobId({ run, until }: Pick<TrialJob, 'run' | 'until'>): string {
  return `${run.id}-${until}`
}

/**
 * A job as BullMQ takes it.
 *
 * @param isUrgent whether it goes before those that wait
 */
export function bullJob(job: TrialJob, isUrgent: boolean) {
  const { data, run, until } = job
  return {
    name: 'trial',
    data: { data, trial: { name: run.id, settings: run.settings }, until } as unknown as JsonObject,
    opts: {
      jobId: jobId(job),
      attempts: MOST_DEATHS,
      backoff: { type: 'fixed', delay: RETRY_MS },
      ...(isUrgent && { lifo: true }),
    },
  }
}

/** What the data of a job say. Rejects with a FileError for what nobody of ours has put there. */
export async function readJob(data: unknown, address: string): Promise<TrialJob> {
  const fields = new JsonFields(address, 'job', data)
  fields.only(['data', 'trial', 'until'])
  const sweepData = readSweepData(fields.fields('data'))
  const run = await readTrial(fields.fields('trial'), sweepData)
  return { data: sweepData, run, until: fields.integer('until', 1, run.settings.epochs) }
}
