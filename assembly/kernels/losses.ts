/**
 * The losses of an autoencoder and their derivatives, from the sums of its last layer: `rows` rows of one
 * panel, side by side. Losses are kept as partial sums of each row, losses[row][8], until all panels are
 * done.
 */
import { ACTIVATION_SIGMOID, LOSS_BCE } from '../plan/codes'
import { floatAt, LOSS_ROW, PANEL, ROW, rowAt } from '../plan/sizes'
import { LayerPlan } from '../plan/structures'
import { addBias, DARK, finishOutputs, orZero } from './activations'
import { binaryCrossEntropy4, decay4, sigmoidOfDecay4 } from './math'

/**
 * Last layer of an autoencoder: `rows` rows of sums of one panel become outputs, and their losses against the
 * targets x are added to losses[row][8]. Of rows from `existingRows` on and columns from `existingColumns`
 * on, the loss and its gradient are zero.
 */
export function judgeOutputs(
  layer: LayerPlan,
  loss: i32,
  sums: usize,
  target: usize,
  losses: usize,
  rows: i32,
  existingRows: i32,
  column: i32,
): void {
  const existingColumns = min(PANEL, layer.outputs - column)
  const isWhole = existingRows >= rows && existingColumns === PANEL
  if (loss === LOSS_BCE) {
    addBias(layer, sums, rows, column)
    if (!isWhole) fillMissing(sums, rows, existingRows, existingColumns)
    addBinaryCrossEntropies(sums, target, rows, losses)
  } else {
    finishOutputs(layer, sums, rows, column)
    if (!isWhole) clearMissing(sums, target, rows, existingRows, existingColumns)
    addSquaredErrors(sums, target, rows, losses)
  }
}

/** δ from the outputs y that `judgeOutputs` left and targets x; the loss is the mean over `terms` values. */
export function outputDelta(
  layer: LayerPlan,
  loss: i32,
  delta: usize,
  y: usize,
  target: usize,
  rows: i32,
  terms: f64,
): void {
  if (loss === LOSS_BCE) {
    differenceDelta(delta, y, target, rows, <f32>(1.0 / terms), DARK)
  } else if (layer.activation === ACTIVATION_SIGMOID) {
    squaredErrorDelta(delta, y, target, rows, <f32>(2.0 / terms))
  } else {
    differenceDelta(delta, y, target, rows, <f32>(2.0 / terms), -Infinity)
  }
}

/** Outputs y of rows and columns that do not exist become their targets (zero): no error, no gradient. */
function clearMissing(y: usize, target: usize, rows: i32, existingRows: i32, existingColumns: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = r < existingRows ? existingColumns : 0; c < PANEL; c++) {
      const at = floatAt(rowAt(0, r), c)
      store<f32>(y + at, load<f32>(target + at))
    }
  }
}

/** A logit so small that neither it nor its sigmoid counts, where the target is zero. */
const MISSING_LOGIT: f32 = -1000

/**
 * Logits of rows and columns that do not exist become such that they have no loss and no gradient; their
 * targets are zero.
 */
function fillMissing(logits: usize, rows: i32, existingRows: i32, existingColumns: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = r < existingRows ? existingColumns : 0; c < PANEL; c++) {
      store<f32>(floatAt(rowAt(logits, r), c), MISSING_LOGIT)
    }
  }
}

/** losses[row][8] += (y − x)² for outputs y and targets x. */
function addSquaredErrors(y: usize, target: usize, rows: i32, losses: usize): void {
  for (const end = rowAt(y, rows); y < end; ) {
    let l0 = v128.load(losses)
    let l1 = v128.load(losses, 16)
    for (let v: usize = 0; v < ROW; v += 32) {
      const e0 = f32x4.sub(v128.load(y), v128.load(target))
      const e1 = f32x4.sub(v128.load(y, 16), v128.load(target, 16))
      l0 = f32x4.add(l0, f32x4.mul(e0, e0))
      l1 = f32x4.add(l1, f32x4.mul(e1, e1))
      y += 32
      target += 32
    }
    v128.store(losses, l1, 16)
    v128.store(losses, l0)
    losses += LOSS_ROW
  }
}

/**
 * losses[row][8] += the binary cross-entropies of logits z against targets x; the logits become outputs σ(z).
 */
function addBinaryCrossEntropies(z: usize, target: usize, rows: i32, losses: usize): void {
  for (const end = rowAt(z, rows); z < end; ) {
    let l0 = v128.load(losses)
    let l1 = v128.load(losses, 16)
    for (let v: usize = 0; v < ROW; v += 32) {
      const z0 = v128.load(z)
      const z1 = v128.load(z, 16)
      const decay0 = decay4(z0)
      const decay1 = decay4(z1)
      l0 = f32x4.add(l0, binaryCrossEntropy4(z0, v128.load(target), decay0))
      l1 = f32x4.add(l1, binaryCrossEntropy4(z1, v128.load(target, 16), decay1))
      const y0 = sigmoidOfDecay4(z0, decay0)
      const y1 = sigmoidOfDecay4(z1, decay1)
      v128.store(z, y1, 16)
      v128.store(z, y0)
      z += 32
      target += 32
    }
    v128.store(losses, l1, 16)
    v128.store(losses, l0)
    losses += LOSS_ROW
  }
}

/** δ = scale · (y − x), where y < least counts as zero. */
function differenceDelta(delta: usize, y: usize, target: usize, rows: i32, scale: f32, least: f32): void {
  const scales = f32x4.splat(scale)
  const floor = f32x4.splat(least)
  for (const end = rowAt(y, rows); y < end; ) {
    const y0 = orZero(v128.load(y), floor)
    const y1 = orZero(v128.load(y, 16), floor)
    const d0 = f32x4.mul(f32x4.sub(y0, v128.load(target)), scales)
    const d1 = f32x4.mul(f32x4.sub(y1, v128.load(target, 16)), scales)
    v128.store(delta, d1, 16)
    v128.store(delta, d0)
    y += 32
    target += 32
    delta += 32
  }
}

/** δ = scale · (y − x) · y (1 − y), from outputs y and targets x. */
function squaredErrorDelta(delta: usize, y: usize, target: usize, rows: i32, scale: f32): void {
  const one = f32x4.splat(1)
  const dark = f32x4.splat(DARK)
  const scales = f32x4.splat(scale)
  for (const end = rowAt(y, rows); y < end; ) {
    const y0 = orZero(v128.load(y), dark)
    const y1 = orZero(v128.load(y, 16), dark)
    const e0 = f32x4.mul(f32x4.sub(y0, v128.load(target)), scales)
    const e1 = f32x4.mul(f32x4.sub(y1, v128.load(target, 16)), scales)
    const d0 = f32x4.mul(f32x4.mul(e0, y0), f32x4.sub(one, y0))
    const d1 = f32x4.mul(f32x4.mul(e1, y1), f32x4.sub(one, y1))
    v128.store(delta, d1, 16)
    v128.store(delta, d0)
    y += 32
    target += 32
    delta += 32
  }
}
