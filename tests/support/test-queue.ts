/** The queue of sweeps as a test sees it, from outside. */
import { type EventEmitter, once } from 'node:events'
import { Queue, QueueEvents } from 'bullmq'
import { QUEUE_NAME, QUEUE_PREFIX } from '../../src/cluster/queue.ts'

export interface TestQueue {
  readonly jobs: Queue
  /** Trials that others have taken up because their worker was not heard of, so far. */
  stalled(): number
  /** Resolves when the next worker begins a trial. */
  nextTaken(): Promise<unknown>
  close(): Promise<void>
}

export async function watchQueue(url: string): Promise<TestQueue> {
  const options = { connection: { url, maxRetriesPerRequest: null }, prefix: QUEUE_PREFIX }
  const jobs = new Queue(QUEUE_NAME, options)
  const queueEvents = new QueueEvents(QUEUE_NAME, options)
  // Their types are for listeners of one event at a time.
  const events = queueEvents as unknown as EventEmitter
  let stalled = 0
  events.on('stalled', () => {
    stalled++
  })
  // Tests take Redis away on purpose.
  events.on('error', () => undefined)
  jobs.on('error', () => undefined)
  await queueEvents.waitUntilReady()
  return {
    jobs,
    stalled: () => stalled,
    nextTaken: () => once(events, 'active'),
    async close() {
      await Promise.allSettled([jobs.close(), queueEvents.close()])
    },
  }
}
