/** The pool of a cross-origin isolated page: plain Web Workers that share the memory. */
import { DeviceError, HourglassError } from '../../errors.ts'
import { disposedDuringCall } from '../checks.ts'
import { REMEDY, startPoolWorker } from './browser-files.ts'
import type { PoolAnswer, PoolMessage } from './browser-worker.ts'
import type { WorkerPool } from './core.ts'

/**
 * All that run. Firefox (153) collects a worker that another worker has started and that nothing but its own
 * listeners refers to, even while its answer is awaited.
 */
const running = new Set<Worker>()

interface PooledWorker {
  ask(message: PoolMessage): Promise<void>
  terminate(): void
}

/** A worker that answers one message after the other. */
function startWorker(): PooledWorker {
  const worker = startPoolWorker()
  running.add(worker)
  let settle: ((answer: PoolAnswer | HourglassError) => void) | undefined
  worker.addEventListener('message', (event: MessageEvent<PoolAnswer>) => settle?.(event.data))
  worker.addEventListener('error', (event) =>
    // What fails to start has no message.
    settle?.(
      event.message
        ? { error: event.message }
        : new DeviceError(`expected a worker to start, found that it does not; ${REMEDY}`),
    ),
  )
  return {
    ask: (message) =>
      new Promise<void>((resolve, reject) => {
        settle = (answer) => {
          if (answer instanceof HourglassError) reject(answer)
          else if (answer.error === undefined) resolve()
          else reject(new Error(answer.error))
        }
        worker.postMessage(message)
      }),
    terminate: () => {
      running.delete(worker)
      worker.terminate()
      settle?.(disposedDuringCall())
    },
  }
}

/** Starts `size` workers over the memory; resolves when all are ready. */
export async function createWebWorkerPool(
  size: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<WorkerPool> {
  const workers = Array.from({ length: size }, startWorker)
  const close = async () => {
    for (const worker of workers) worker.terminate()
  }
  try {
    await Promise.all(workers.map((worker) => worker.ask({ module, memory })))
  } catch (error) {
    await close()
    throw error
  }
  return { size, run: (task) => workers[task.worker].ask({ task }), close }
}
