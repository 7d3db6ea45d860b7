/**
 * What happens to sums once the product is done: bias and activation, the loss and its derivative, the derivative of an
 * activation. Sums are `rows` rows of one panel, 160 bytes apart as everywhere, and so are the panels they are written to.
 *
 * Eight columns are loaded, computed and only then stored: V8 fuses neighbouring stores only if nothing is loaded between them.
 */
import { sigmoid4 } from './math'
import { ACTIVATION_RELU, LayerPlan, PANEL, ROW } from './plan'

/** Address of row `row` in the panel of column `column`, in panels [column / 40][B][40]. */
export function panelAt(panels: u32, row: i32, column: i32, rowCapacity: i32): usize {
  return <usize>panels + <usize>((column / PANEL) * rowCapacity + row) * ROW
}

function biasAt(layer: LayerPlan, column: i32): usize {
  return <usize>layer.bias + ((<usize>column) << 2)
}

/** Forward, hidden layer: y = f(sum + b) to the panel `to`. */
export function finishHidden(layer: LayerPlan, to: usize, sums: usize, rows: i32, column: i32): void {
  const floor = layer.activation === ACTIVATION_RELU ? f32x4.splat(0) : f32x4.splat(-Infinity)
  const bias = biasAt(layer, column)
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

/** Sums → logits, sum + b, in place. */
export function addBias(layer: LayerPlan, sums: usize, rows: i32, column: i32): void {
  const bias = biasAt(layer, column)
  for (const end = sums + <usize>rows * ROW; sums < end; ) {
    for (let v: usize = 0; v < ROW; v += 16) {
      v128.store(sums, f32x4.add(v128.load(sums), v128.load(bias + v)))
      sums += 16
    }
  }
}

/** Forward, last layer: y = sigmoid(sum + b), in place. */
export function finishSigmoid(layer: LayerPlan, sums: usize, rows: i32, column: i32): void {
  const bias = biasAt(layer, column)
  for (const end = sums + <usize>rows * ROW; sums < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const y0 = sigmoid4(f32x4.add(v128.load(sums), v128.load(bias + v)))
      const y1 = sigmoid4(f32x4.add(v128.load(sums, 16), v128.load(bias + v, 16)))
      v128.store(sums, y1, 16)
      v128.store(sums, y0)
      sums += 32
    }
  }
}

/** Outputs y of rows and columns that do not exist become their targets (zero): no error, no gradient. */
export function clearMissing(
  y: usize,
  target: usize,
  rows: i32,
  existingRows: i32,
  existingColumns: i32,
): void {
  for (let r = 0; r < rows; r++) {
    for (let c = r < existingRows ? existingColumns : 0; c < PANEL; c++) {
      const at = <usize>r * ROW + ((<usize>c) << 2)
      store<f32>(y + at, load<f32>(target + at))
    }
  }
}

/** losses[row][8] += (y − x)² for outputs y and targets x. */
export function addSquaredErrors(y: usize, target: usize, rows: i32, losses: usize): void {
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

/** y, or 0 where y < least. NaN stays NaN. */
function orZero(y: v128, least: v128): v128 {
  return v128.andnot(y, f32x4.lt(y, least))
}

/** An output below this passes no gradient: it would be subnormal, or nothing beside Adam's ε. See `adam.ts`. */
const DARK: f32 = 1e-9

/** δ = scale · (y − x) · y (1 − y), from outputs y and targets x. */
export function squaredErrorDelta(delta: usize, y: usize, target: usize, rows: i32, scale: f32): void {
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

/** Backward through the activation of `layer`: δ = ∂loss/∂y · f′, with f′ = [y > 0] for ReLU, 1 for identity. */
export function finishInputGradient(
  layer: LayerPlan,
  delta: usize,
  gradient: usize,
  y: usize,
  rows: i32,
): void {
  const zero = f32x4.splat(0)
  // Of the identity every y passes: NaN > 0 is false, so the mask is combined, not compared.
  const always = layer.activation === ACTIVATION_RELU ? zero : i32x4.splat(-1)
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
