/**
 * The exports of the core. Nothing here or below allocates or keeps state between calls: every address comes from the host, so
 * that any number of instances can work in one shared memory.
 */
import { extendRowList as extendRowListOf, listColumns as listColumnsOf } from './lists'
import { pairUnits as pairUnitsOf } from './pairing'
import { BatchPlan, Job, LayerPlan, Operand } from './plan'
import { shuffle, xavierUniform } from './random'
import { inferSteps, trainSteps } from './schedule'

export { adam, adamSecondMomentScale, adamStepSize } from './adam'
export { arrangeBatches, signRows } from './arrange'
export { gemmPanels, registerOnlyMultiplyAdd12, sddmmPairs, spmmPanels } from './bench'
export { gemmTile, registerOnlyMultiplyAdd, spmmTile } from './gemm'
export { packWeights, unpackWeights } from './packing'
export { normals16 } from './random'
export { sampleProduct } from './sddmm'
export {
  cosTurns4Array,
  exp4Array,
  log1p4Array,
  log4Array,
  sigmoid4Array,
  sinTurns4Array,
  tanh4Array,
} from './vectors'

/** Trains the job's steps, sharing them with every other worker that calls this with the same job. */
export function train(job: usize, scratch: usize): void {
  trainSteps(changetype<Job>(job), scratch)
}

/** Runs the job's inference, sharing it with every other worker; workers are numbered from 0. */
export function infer(job: usize, scratch: usize, worker: i32): void {
  inferSteps(changetype<Job>(job), scratch, worker)
}

/** The pairing of one panel of an operand, for tests: see `pairing.ts`. */
export function pairUnits(
  operand: usize,
  step: i32,
  panel: i32,
  values: usize,
  rows: i32,
  scratch: usize,
): void {
  pairUnitsOf(changetype<Operand>(operand), step, panel, values, rows, scratch)
}

/** Parts of lists, for tests: see `lists.ts`. */
export function extendRowList(operand: usize, pair: i32, rows: usize, column: i32): void {
  extendRowListOf(changetype<Operand>(operand), pair, rows, column)
}
export function listColumns(
  operand: usize,
  pairing: usize,
  panel: i32,
  segment: i32,
  row0: i32,
  rows: i32,
): void {
  listColumnsOf(changetype<Operand>(operand), pairing, panel, segment, row0, rows)
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

/** 1 in the build whose multiply-add is the relaxed instruction. */
export function relaxed(): i32 {
  return i32(ASC_FEATURE_RELAXED_SIMD)
}

/** Bytes of the plan structures, so that the host can check its own table of them. */
export function jobBytes(): i32 {
  return offsetof<Job>()
}
export function layerPlanBytes(): i32 {
  return offsetof<LayerPlan>()
}
export function operandBytes(): i32 {
  return offsetof<Operand>()
}
export function batchPlanBytes(): i32 {
  return offsetof<BatchPlan>()
}
