/** The pool of a cross-origin isolated page: plain Web Workers that share the memory. */
import type { PoolAnswer, PoolMessage } from './browser-worker.ts'
import type { WorkerPool } from './core.ts'

interface PooledWorker {
  ask(message: PoolMessage): Promise<void>
  terminate(): void
}

/** A worker that answers one message after the other. */
function startWorker(): PooledWorker {
  const worker = new Worker(new URL('./browser-worker.ts', import.meta.url), { type: 'module' })
  let settle: ((answer: PoolAnswer) => void) | undefined
  worker.addEventListener('message', (event: MessageEvent<PoolAnswer>) => settle?.(event.data))
  worker.addEventListener('error', (event) =>
    settle?.({ error: event.message || 'the worker could not start' }),
  )
  return {
    ask: (message) =>
      new Promise<void>((resolve, reject) => {
        settle = ({ error }) => (error === undefined ? resolve() : reject(new Error(error)))
        worker.postMessage(message)
      }),
    terminate: () => {
      worker.terminate()
      settle?.({ error: 'the worker was ended' })
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
