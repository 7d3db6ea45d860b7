/**
 * A Piscina worker: its own instance of the core over the shared memory, and whatever share of a job it is
 * given.
 */
// Piscina's own `workerData` is this one, and would load all of Piscina in every thread.
import { workerData } from 'node:worker_threads'
import type { CoreExports, WorkerTask } from './core.ts'
import { instantiateCore, runTask } from './core.ts'

/** What a thread is told as it starts. */
export interface ThreadData {
  readonly memory: WebAssembly.Memory
  /** Undefined where it is still being chosen: a meeting brings it then. */
  module: WebAssembly.Module | undefined
}

/** A task that ends when as many workers as `size` do it: all threads are there then. */
export interface Meeting {
  /** One word, shared: the workers that have come. */
  readonly meeting: Int32Array
  readonly size: number
  /** What each of them makes an instance of. */
  readonly module?: WebAssembly.Module
}

const { memory, module } = workerData as ThreadData
let core: CoreExports | undefined
if (module) core = await instantiateCore(module, memory)

export default async function work(task: WorkerTask | Meeting): Promise<void> {
  if ('meeting' in task) {
    if (task.module) core = await instantiateCore(task.module, memory)
    meet(task)
  } else {
    if (!core) throw new Error('internal: a task came before the core')
    runTask(core, task)
  }
}

/** Where one does not come, the pool ends the thread. */
function meet({ meeting, size }: Meeting): void {
  let present = Atomics.add(meeting, 0, 1) + 1
  Atomics.notify(meeting, 0)
  for (; present < size; present = Atomics.load(meeting, 0)) Atomics.wait(meeting, 0, present)
}
