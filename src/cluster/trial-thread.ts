/**
 * A thread that trains trials, one after the other. The thread that it belongs to stays free: it renews locks
 * and hears of stops meanwhile.
 */
import type { MessagePort } from 'node:worker_threads'
import { workerData } from 'piscina'
import type { EngineOptions } from '../engines/create.ts'
import { createEngine } from '../engines/create.ts'
import type { SweepRecord } from '../experiments/sweep.ts'
import { failureOf } from '../experiments/sweep.ts'
import type { SweepRun } from '../experiments/sweep-plan.ts'
import { createRunTrainer, isOwnFault } from '../experiments/sweep-run.ts'
import { checkpointFolder } from './checkpoint-folder.ts'
import type { Workload } from './workload.ts'

/** What all threads of a pool are told once. */
export interface TrialThreadOptions {
  readonly engine: EngineOptions
  readonly host: string
  /** Folder of the checkpoints of trials that stop on their way. */
  readonly checkpoints: string
}

export interface TrialTask {
  readonly run: SweepRun
  readonly until: number
  readonly workload: Workload
  /** Shares of the trial come from it; a message to it stops the trial. */
  readonly port: MessagePort
}

const options = workerData as TrialThreadOptions

/**
 * Undefined where the trial was stopped from outside. What is the trial's own fault is a record of its
 * failure.
 */
export default async function trainTrial({
  run,
  until,
  workload,
  port,
}: TrialTask): Promise<SweepRecord | undefined> {
  const stop = new AbortController()
  port.once('message', () => stop.abort())
  const trainRun = createRunTrainer({
    ...workload,
    createEngine: (network) => createEngine(network, options.engine),
    host: options.host,
    checkpoints: checkpointFolder(options.checkpoints),
  })
  try {
    return await trainRun(run, {
      signal: stop.signal,
      until,
      onShare: (share) => port.postMessage(share),
    })
  } catch (error) {
    if (isOwnFault(error)) return failureOf(run, error)
    throw error
  } finally {
    port.close()
  }
}
