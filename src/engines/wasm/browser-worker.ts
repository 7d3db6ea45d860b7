/**
 * A Web Worker of the pool: its own instance of the core over the shared memory, and its share of each job.
 */
import type { CoreExports, WorkerTask } from './core.ts'
import { instantiateCore, runTask } from './core.ts'

export type PoolMessage =
  | { readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly task: WorkerTask }

/** What the worker answers to each message, in order. */
export interface PoolAnswer {
  readonly error?: string
}

let core: CoreExports | undefined

async function answer(message: PoolMessage): Promise<void> {
  if ('module' in message) core = await instantiateCore(message.module, message.memory)
  else if (core) runTask(core, message.task)
  else throw new Error('internal: a task came before the module')
}

addEventListener('message', (event: MessageEvent<PoolMessage>) => {
  answer(event.data).then(
    () => postMessage({} satisfies PoolAnswer),
    (error: unknown) => postMessage({ error: String(error) } satisfies PoolAnswer),
  )
})
