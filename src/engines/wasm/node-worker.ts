/**
 * A Piscina worker: its own instance of the core over the shared memory, and whatever share of a job it is
 * given.
 */
import { workerData } from 'node:worker_threads'
import type { WorkerTask } from './core.ts'
import { instantiateCore, runTask } from './core.ts'

/** A task that ends when as many workers as `size` do it: all threads are there then. */
export interface Meeting {
  /** One word, shared: the workers that have come. */
  readonly meeting: Int32Array
  readonly size: number
}

const { module, memory } = workerData as { module: WebAssembly.Module; memory: WebAssembly.Memory }
const core = await instantiateCore(module, memory)

export default function work(task: WorkerTask | Meeting): void {
  if ('meeting' in task) meet(task)
  else runTask(core, task)
}

/** Where one does not come, the pool ends the thread. */
function meet({ meeting, size }: Meeting): void {
  let present = Atomics.add(meeting, 0, 1) + 1
  Atomics.notify(meeting, 0)
  for (; present < size; present = Atomics.load(meeting, 0)) Atomics.wait(meeting, 0, present)
}
