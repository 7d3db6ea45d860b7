/**
 * The exports of the core. Nothing here or below allocates or keeps state between calls: every address comes
 * from the host, so that any number of instances can work in one shared memory.
 */
import { multiplyAdd } from './kernels/multiply-add'
import { Job } from './plan/structures'
import { Worker } from './plan/worker'
import { shuffle, xavierUniform } from './random'
import { inferSteps, trainSteps } from './schedule'
import { checkWorker, workerBytes as workerBytesOf } from './scratch'

// For the probe at start-up: which tile is quicker here.
export { gemmTile } from './kernels/tiles'
export { arrangeBatches, signRows } from './operands/arrange'
export { packWeights, unpackWeights } from './operands/packing'

/**
 * Trains the job's steps, sharing them with every other worker that calls this with the same job and a region
 * of its own.
 */
export function train(job: usize, worker: usize): void {
  checkWorker(changetype<Job>(job))
  trainSteps(changetype<Job>(job), changetype<Worker>(worker))
}

/**
 * Runs the job's inference, sharing it with every other worker; each has a slice of the activation buffers,
 * numbered from 0.
 */
export function infer(job: usize, worker: usize, slice: i32): void {
  checkWorker(changetype<Job>(job))
  inferSteps(changetype<Job>(job), changetype<Worker>(worker), slice)
}

/** Bytes of a worker's region for a network of `inputs` inputs whose widest layer has `widest` outputs. */
export function workerBytes(inputs: i32, widest: i32): usize {
  return workerBytesOf(inputs, widest)
}

/** Xavier-uniform weights of a layer in canonical order; room for the next multiple of 16 floats at `out`. */
export function initializeWeights(
  out: usize,
  scratch: usize,
  inputs: i32,
  outputs: i32,
  layer: i32,
  seed: u32,
): void {
  xavierUniform(out, scratch, inputs, outputs, layer, seed)
}

/** The shuffled order of an epoch, (count) 32-bit indices at `order`. */
export function shuffleOrder(order: usize, scratch: usize, count: i32, seed: u32, epoch: u32): void {
  shuffle(order, scratch, count, seed, epoch)
}

/** x · x + y as the kernels compute it: the host gives numbers that tell one rounding from two. */
export function squareAndAdd(x: f32, y: f32): f32 {
  return f32x4.extract_lane(multiplyAdd(f32x4.splat(x), f32x4.splat(x), f32x4.splat(y)), 0)
}
