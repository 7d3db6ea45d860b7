/** Threads that train trials side by side on data that they share. Node only. */
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Dataset, ImageSet } from '../data/dataset.ts'
import { createMeasuringSet } from '../experiments/measures.ts'
import type { RunHooks, SweepRecord } from '../experiments/sweep.ts'
import type { SweepData, SweepRun } from '../experiments/sweep-plan.ts'
import { oneImagePerClass } from '../experiments/sweep-run.ts'
import type { TrialTask, TrialThreadOptions } from './trial-thread.ts'
import type { Workload } from './workload.ts'

/** As the local sweep makes it, for threads. */
export function createWorkload(dataset: Dataset, { sigmas, identity }: SweepData): Workload {
  const shared = { ...dataset, train: shareSet(dataset.train), test: shareSet(dataset.test) }
  const { noisy } = createMeasuringSet(shared.test, sigmas, 0)
  const measuring = {
    test: shared.test,
    noisy: noisy.map((level) => {
      const images = new Float32Array(new SharedArrayBuffer(level.images.byteLength))
      images.set(level.images)
      return { ...level, images }
    }),
  }
  return { dataset: shared, measuring, sampleImages: oneImagePerClass(shared), identity }
}

function shareSet(set: ImageSet): ImageSet {
  return { ...set, rows: shareBytes(set.rows), labels: shareBytes(set.labels) }
}

/** The bytes in shared memory, where they are not yet. */
export function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

export interface TrialPool {
  /**
   * Trains a trial on the next free thread, or as much of it as the hooks say; undefined where the signal
   * aborted it. What is the trial's own fault is a record of its failure; rejects with what the machine is at
   * fault for.
   */
  train(run: SweepRun, workload: Workload, hooks: RunHooks): Promise<SweepRecord | undefined>
  /** Ends the threads, whatever they are at. */
  close(): Promise<void>
}

/** @param size threads, each of which trains one trial at a time */
export function createTrialPool(size: number, options: TrialThreadOptions): TrialPool {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const piscina = new Piscina({
    filename: new URL(`./trial-thread.${extension}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: size,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    // A thread that sleeps between tasks would not hear of its engine's threads.
    atomics: 'disabled',
    workerData: options,
  })
  return {
    async train(run, workload, { onShare, signal, until = run.settings.epochs }) {
      const { port1, port2 } = new MessageChannel()
      port1.on('message', onShare)
      const stop = () => port1.postMessage('stop')
      if (signal?.aborted) stop()
      signal?.addEventListener('abort', stop)
      const task: TrialTask = { run, until, workload, port: port2 }
      try {
        // Beside the types of the DOM, Piscina's own take this list for something else.
        return await piscina.run(task, { transferList: [port2] as never })
      } finally {
        signal?.removeEventListener('abort', stop)
        port1.close()
      }
    },
    async close() {
      await piscina.destroy()
    },
  }
}
