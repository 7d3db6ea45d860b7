/**
 * What happens to sums once the product is done: bias and activation, and the derivative of an activation.
 * Sums are `rows` rows of one panel, side by side as everywhere, and so are the panels they are written to.
 *
 * Eight columns are loaded, computed and only then stored: V8 fuses neighbouring stores only if nothing is
 * loaded between them.
 */
import { ACTIVATION_RELU, ACTIVATION_SIGMOID, ACTIVATION_TANH } from '../plan/codes'
import { floatAt, PANEL, ROW, rowAt } from '../plan/sizes'
import { LayerPlan } from '../plan/structures'
import { sigmoid4, tanh4 } from './math'

function biasAt(layer: LayerPlan, column: i32): usize {
  return floatAt(layer.bias, column)
}

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
  for (const end = rowAt(sums, rows); sums < end; ) {
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
  for (const end = rowAt(sums, rows); sums < end; ) {
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
  for (const end = rowAt(sums, rows); sums < end; ) {
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
  const first = floatAt(0, existing)
  for (const end = rowAt(at, rows); at < end; at += ROW) memory.fill(at + first, 0, ROW - first)
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
  for (const end = rowAt(gradient, rows); gradient < end; ) {
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
  for (const end = rowAt(gradient, rows); gradient < end; ) {
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
  for (const end = rowAt(gradient, rows); gradient < end; ) {
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
export function orZero(y: v128, least: v128): v128 {
  return v128.andnot(y, f32x4.lt(y, least))
}

/**
 * A sigmoid below this passes no gradient: it would be subnormal, or nothing beside Adam's ε. See `adam.ts`.
 */
export const DARK: f32 = 1e-9
