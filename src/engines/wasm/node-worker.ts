/** A Piscina worker: its own instance of the core over the shared memory, and whatever share of a job it is given. */
import { workerData } from 'piscina'
import type { WorkerTask } from './core.ts'
import { instantiateCore, runTask } from './core.ts'

const { module, memory } = workerData as { module: WebAssembly.Module; memory: WebAssembly.Memory }
const core = await instantiateCore(module, memory)

export default function work(task: WorkerTask): void {
  runTask(core, task)
}
