/** Parts of the core by themselves, for tests. Structures come as addresses, since the host has no others. */
import { AdamStep, adam as adamOf, beginAdamStep as beginAdamStepOf } from '../kernels/adam'
import { SAMPLE_SCRATCH, SAMPLED_PAIRS, SampledProduct, sampleRows } from '../kernels/sddmm'
import { extendRowList as extendRowListOf, listColumns as listColumnsOf } from '../operands/lists'
import { pairUnits as pairUnitsOf } from '../operands/pairing'
import { BatchPlan, Job, LayerPlan, Operand } from '../plan/structures'

export { spmmTile } from '../kernels/tiles'
export { normals16 } from '../random'

/** See `kernels/adam.ts`; `step`: three floats. */
export function beginAdamStep(step: usize, learningRate: f32, weightDecay: f32, t: i32): void {
  beginAdamStepOf(changetype<AdamStep>(step), learningRate, weightDecay, t)
}
export function adam(step: usize, w: usize, g: usize, m: usize, v: usize, count: i32): void {
  adamOf(changetype<AdamStep>(step), w, g, m, v, count)
}

/** See `sampleRows` in `kernels/sddmm.ts`. `scratch`: `sampleScratch` bytes. */
export function sampleProduct(
  wide: bool,
  c: usize,
  cStride: usize,
  pairs: i32,
  marks: usize,
  markBytes: usize,
  a: usize,
  aPanelBytes: usize,
  b: usize,
  bPanelBytes: usize,
  terms: i32,
  scratch: usize,
): void {
  const product = changetype<SampledProduct>(scratch)
  product.wide = i32(wide)
  product.c = c
  product.cStride = cStride
  product.a = a
  product.aPanelBytes = aPanelBytes
  product.b = b
  product.bPanelBytes = bPanelBytes
  product.terms = terms
  sampleRows(product, pairs, marks, markBytes)
}
export function sampleScratch(): usize {
  return SAMPLE_SCRATCH
}
/** Most pairs of rows at once. */
export function sampledPairs(): i32 {
  return SAMPLED_PAIRS
}

/** See `operands/pairing.ts`. */
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

/** See `operands/lists.ts`. */
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

/** Bytes of the plan structures, for the host's own. */
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
