/** The compiled core as the host sees it, and what a worker is told to do with it. */

import { demangle } from '@assemblyscript/loader'
import { WASM_BITS } from '../options.ts'

/** Exports of `assembly/index.ts`; addresses and counts are numbers. */
export interface CoreExports extends Record<string, unknown> {
  train(job: number, worker: number): void
  infer(job: number, worker: number, slice: number): void
  workerBytes(inputs: number, widest: number): number
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
  squareAndAdd(x: number, y: number): number
  gemmTile(tile: number, c: number, a: number, aStride: number, b: number, n: number): void
}

/**
 * An instance of the compiled core over a memory. Not by the loader's `instantiate`: that asks for the global
 * `Response`, for which Node loads the whole of fetch, some 30 ms and up to 19 MB in every thread.
 */
export async function instantiateCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<CoreExports> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  return demangle<CoreExports>(exports)
}

/** One worker's share of a job; all workers of the job get the same, but for what is their own. */
export interface WorkerTask {
  readonly kind: 'train' | 'infer'
  readonly job: number
  /** Of the worker's own region. */
  readonly address: number
  /** Its number, from 0. */
  readonly worker: number
}

/** What a worker does with a task. Returns when no work is left. */
export function runTask(core: CoreExports, task: WorkerTask): void {
  if (task.kind === 'train') core.train(task.job, task.address)
  else core.infer(task.job, task.address, task.worker)
}

/** Threads that each hold an instance of the core over the same memory. */
export interface WorkerPool {
  readonly size: number
  /** Runs one task on some free worker. Rejects if the worker throws or dies. */
  run(task: WorkerTask): Promise<void>
  /** Ends the threads. Idempotent. */
  close(): Promise<void>
}

/**
 * What decides the bits of this core here: the relaxed multiply-add rounds once on one kind of processor and
 * twice on another, where it is no other than the plain build's.
 */
export function bitsOf(core: CoreExports): string {
  // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term is lost where the product is rounded by itself.
  const isFused = core.squareAndAdd(1 + 2 ** -12, -(1 + 2 ** -11)) !== 0
  return isFused ? WASM_BITS.fused : WASM_BITS.separate
}
