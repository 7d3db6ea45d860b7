/**
 * What happens to sums once the product is done: bias and activation, the loss and its derivative, the derivative of an
 * activation. Sums are `rows` rows of one panel, 160 bytes apart as everywhere, and so are the panels they are written to.
 *
 * Eight columns are loaded, computed and only then stored: V8 fuses neighbouring stores only if nothing is loaded between them.
 */
import { binaryCrossEntropy4, decay4, sigmoid4, sigmoidOfDecay4, tanh4 } from './math'
import {
  ACTIVATION_RELU,
  ACTIVATION_SIGMOID,
  ACTIVATION_TANH,
  Job,
  LayerPlan,
  LOSS_BINARY_CROSS_ENTROPY,
  PANEL,
  ROW,
} from './plan'

/** Address of row `row` in the panel of column `column`, in panels [column / 40][B][40]. */
export function panelAt(panels: u32, row: i32, column: i32, rowCapacity: i32): usize {
  return <usize>panels + <usize>((column / PANEL) * rowCapacity + row) * ROW
}

function biasAt(layer: LayerPlan, column: i32): usize {
  return <usize>layer.bias + ((<usize>column) << 2)
}

// ——— Activations ———

/** Forward, hidden layer: y = f(sum + b) to the panel `to`. Columns that do not exist are zero. */
export function finishHidden(layer: LayerPlan, to: usize, sums: usize, rows: i32, column: i32): void {
  const bias = biasAt(layer, column)
  if (layer.activation === ACTIVATION_TANH) {
    biasedTanh(to, sums, bias, rows)
  } else if (layer.activation === ACTIVATION_SIGMOID) {
    biasedSigmoid(to, sums, bias, rows)
    // Of a column that does not exist the sum is zero, but not its sigmoid.
    clearColumns(to, rows, min(PANEL, layer.outputs - column))
  } else {
    const floor: f32 = layer.activation === ACTIVATION_RELU ? 0 : -Infinity
    biasedMaximum(to, sums, bias, rows, floor)
  }
}

/** Forward, last layer of an autoencoder: y = f(sum + b), in place. */
export function finishOutputs(layer: LayerPlan, sums: usize, rows: i32, column: i32): void {
  if (layer.activation === ACTIVATION_SIGMOID) biasedSigmoid(sums, sums, biasAt(layer, column), rows)
  else addBias(layer, sums, rows, column)
}

/** Sums → logits, sum + b, in place. */
export function addBias(layer: LayerPlan, sums: usize, rows: i32, column: i32): void {
  biasedMaximum(sums, sums, biasAt(layer, column), rows, -Infinity)
}

/** The larger of sum + b and `least`: ReLU, or nothing. */
function biasedMaximum(to: usize, sums: usize, bias: usize, rows: i32, least: f32): void {
  const floor = f32x4.splat(least)
  for (const end = sums + <usize>rows * ROW; sums < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const y0 = f32x4.max(f32x4.add(v128.load(sums), v128.load(bias + v)), floor)
      const y1 = f32x4.max(f32x4.add(v128.load(sums, 16), v128.load(bias + v, 16)), floor)
      v128.store(to, y1, 16)
      v128.store(to, y0)
      sums += 32
      to += 32
    }
  }
}

function biasedSigmoid(to: usize, sums: usize, bias: usize, rows: i32): void {
  for (const end = sums + <usize>rows * ROW; sums < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const y0 = sigmoid4(f32x4.add(v128.load(sums), v128.load(bias + v)))
      const y1 = sigmoid4(f32x4.add(v128.load(sums, 16), v128.load(bias + v, 16)))
      v128.store(to, y1, 16)
      v128.store(to, y0)
      sums += 32
      to += 32
    }
  }
}

function biasedTanh(to: usize, sums: usize, bias: usize, rows: i32): void {
  for (const end = sums + <usize>rows * ROW; sums < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const y0 = tanh4(f32x4.add(v128.load(sums), v128.load(bias + v)))
      const y1 = tanh4(f32x4.add(v128.load(sums, 16), v128.load(bias + v, 16)))
      v128.store(to, y1, 16)
      v128.store(to, y0)
      sums += 32
      to += 32
    }
  }
}

/** Columns from `existing` on become zero. */
function clearColumns(at: usize, rows: i32, existing: i32): void {
  if (existing === PANEL) return
  const first = (<usize>existing) << 2
  for (const end = at + <usize>rows * ROW; at < end; at += ROW) memory.fill(at + first, 0, ROW - first)
}

/** Backward through the activation of `layer`, from ∂loss/∂y and y: δ = ∂loss/∂y · f′. */
export function finishInputGradient(
  layer: LayerPlan,
  delta: usize,
  gradient: usize,
  y: usize,
  rows: i32,
): void {
  if (layer.activation === ACTIVATION_TANH) {
    tanhBackward(delta, gradient, y, rows)
  } else if (layer.activation === ACTIVATION_SIGMOID) {
    sigmoidBackward(delta, gradient, y, rows)
  } else {
    maximumBackward(delta, gradient, y, rows, layer.activation === ACTIVATION_RELU)
  }
}

/** f′ = [y > 0] for ReLU, 1 for identity. */
function maximumBackward(delta: usize, gradient: usize, y: usize, rows: i32, isRelu: bool): void {
  const zero = f32x4.splat(0)
  // Of the identity every y passes: NaN > 0 is false, so the mask is combined, not compared.
  const always = isRelu ? zero : i32x4.splat(-1)
  for (const end = gradient + <usize>rows * ROW; gradient < end; ) {
    const mask0 = v128.or(f32x4.gt(v128.load(y), zero), always)
    const mask1 = v128.or(f32x4.gt(v128.load(y, 16), zero), always)
    const d0 = v128.and(v128.load(gradient), mask0)
    const d1 = v128.and(v128.load(gradient, 16), mask1)
    v128.store(delta, d1, 16)
    v128.store(delta, d0)
    gradient += 32
    y += 32
    delta += 32
  }
}

/** f′ = 1 − y². */
function tanhBackward(delta: usize, gradient: usize, y: usize, rows: i32): void {
  const one = f32x4.splat(1)
  for (const end = gradient + <usize>rows * ROW; gradient < end; ) {
    const y0 = v128.load(y)
    const y1 = v128.load(y, 16)
    const d0 = f32x4.mul(v128.load(gradient), f32x4.sub(one, f32x4.mul(y0, y0)))
    const d1 = f32x4.mul(v128.load(gradient, 16), f32x4.sub(one, f32x4.mul(y1, y1)))
    v128.store(delta, d1, 16)
    v128.store(delta, d0)
    gradient += 32
    y += 32
    delta += 32
  }
}

/** f′ = y (1 − y). */
function sigmoidBackward(delta: usize, gradient: usize, y: usize, rows: i32): void {
  const one = f32x4.splat(1)
  const dark = f32x4.splat(DARK)
  for (const end = gradient + <usize>rows * ROW; gradient < end; ) {
    const y0 = orZero(v128.load(y), dark)
    const y1 = orZero(v128.load(y, 16), dark)
    const d0 = f32x4.mul(f32x4.mul(v128.load(gradient), y0), f32x4.sub(one, y0))
    const d1 = f32x4.mul(f32x4.mul(v128.load(gradient, 16), y1), f32x4.sub(one, y1))
    v128.store(delta, d1, 16)
    v128.store(delta, d0)
    gradient += 32
    y += 32
    delta += 32
  }
}

/** y, or 0 where y < least. NaN stays NaN. */
function orZero(y: v128, least: v128): v128 {
  return v128.andnot(y, f32x4.lt(y, least))
}

/** A sigmoid below this passes no gradient: it would be subnormal, or nothing beside Adam's ε. See `adam.ts`. */
const DARK: f32 = 1e-9

// ——— Losses of an autoencoder ———

/**
 * Last layer of an autoencoder: `rows` rows of sums of one panel become outputs, and their losses against the targets x are added to
 * losses[row][8]. Of rows from `existingRows` on and columns from `existingColumns` on, the loss and its gradient are zero.
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
  if (loss === LOSS_BINARY_CROSS_ENTROPY) {
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
  if (loss === LOSS_BINARY_CROSS_ENTROPY) {
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
      const at = <usize>r * ROW + ((<usize>c) << 2)
      store<f32>(y + at, load<f32>(target + at))
    }
  }
}

/** A logit so small that neither it nor its sigmoid counts, where the target is zero. */
const MISSING_LOGIT: f32 = -1000

/** Logits of rows and columns that do not exist become such that they have no loss and no gradient; their targets are zero. */
function fillMissing(logits: usize, rows: i32, existingRows: i32, existingColumns: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = r < existingRows ? existingColumns : 0; c < PANEL; c++) {
      store<f32>(logits + <usize>r * ROW + ((<usize>c) << 2), MISSING_LOGIT)
    }
  }
}

/** losses[row][8] += (y − x)² for outputs y and targets x. */
function addSquaredErrors(y: usize, target: usize, rows: i32, losses: usize): void {
  for (const end = y + <usize>rows * ROW; y < end; ) {
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
    losses += 32
  }
}

/** losses[row][8] += the binary cross-entropies of logits z against targets x; the logits become outputs σ(z). */
function addBinaryCrossEntropies(z: usize, target: usize, rows: i32, losses: usize): void {
  for (const end = z + <usize>rows * ROW; z < end; ) {
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
    losses += 32
  }
}

/** δ = scale · (y − x), where y < least counts as zero. */
function differenceDelta(delta: usize, y: usize, target: usize, rows: i32, scale: f32, least: f32): void {
  const scales = f32x4.splat(scale)
  const floor = f32x4.splat(least)
  for (const end = y + <usize>rows * ROW; y < end; ) {
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
  for (const end = y + <usize>rows * ROW; y < end; ) {
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
