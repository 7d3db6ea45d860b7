/** The compiled core as the host sees it, and what a worker is told to do with it. */
import { demangle } from '@assemblyscript/loader'

/** Exports of `assembly/index.ts`; addresses and counts are numbers. */
export interface CoreExports extends Record<string, unknown> {
  train(job: number, scratch: number): void
  infer(job: number, scratch: number, worker: number): void
  initializeWeights(
    out: number,
    scratch: number,
    inputs: number,
    outputs: number,
    layer: number,
    seed: number,
  ): void
  shuffleOrder(order: number, scratch: number, count: number, seed: number, epoch: number): void
  signRows(
    signatures: number,
    rows: number,
    count: number,
    rowKind: number,
    columns: number,
    rowBytes: number,
  ): void
  arrangeBatches(order: number, count: number, batchSize: number, signatures: number, scratch: number): void
  packWeights(packed: number, transposed: number, weights: number, inputs: number, outputs: number): void
  unpackWeights(weights: number, packed: number, inputs: number, outputs: number): void
  relaxed(): number
  jobBytes(): number
  layerPlanBytes(): number
  batchPlanBytes(): number
  operandBytes(): number
  gemmTile(wide: number, c: number, a: number, aStride: number, b: number, n: number): void
  spmmTile(wide: number, c0: number, c1: number, list: number, end: number, b: number): void
  registerOnlyMultiplyAdd(c: number, n: number): void
}

/**
 * An instance of the compiled core over a memory. Not by the loader's `instantiate`: that asks for the global `Response`, for
 * which Node loads the whole of fetch, some 30 ms and up to 19 MB in every thread.
 */
export async function instantiateCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<CoreExports> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  return demangle<CoreExports>(exports)
}

/** One worker's share of a job; all workers of the job get the same, but for their scratch and number. */
export interface WorkerTask {
  readonly kind: 'train' | 'infer'
  readonly job: number
  readonly scratch: number
  readonly worker: number
}

/** What a worker does with a task. Returns when no work is left. */
export function runTask(core: CoreExports, task: WorkerTask): void {
  if (task.kind === 'train') core.train(task.job, task.scratch)
  else core.infer(task.job, task.scratch, task.worker)
}

/** Threads that each hold an instance of the core over the same memory. */
export interface WorkerPool {
  readonly size: number
  /** Runs one task on some free worker. Rejects if the worker throws or dies. */
  run(task: WorkerTask): Promise<void>
  /** Ends the threads. Idempotent. */
  close(): Promise<void>
}
