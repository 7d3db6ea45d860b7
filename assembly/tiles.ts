/**
 * What happens to a 4 × 16 tile of sums once the product is done: bias and activation, the loss and its derivative, the
 * derivative of an activation. Each reads the tile from scratch and writes it in the layouts that later products read.
 *
 * `row` is the tile's first row (image), `column` its first column; the tile's rows lie 64 bytes apart.
 */
import { storeColumnQuads, storePanel, storeRowQuads } from './layouts'
import { sigmoid4 } from './math'
import { ACTIVATION_RELU, LayerPlan, QUAD } from './plan'

/** tile += bias[16], then max(tile, 0) for ReLU, in place. Loads and stores of neighbours only: V8 can fuse it. */
function biasAndActivation(tile: usize, bias: usize, relu: bool): void {
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-Infinity)
  const b0 = v128.load(bias), b1 = v128.load(bias, 16), b2 = v128.load(bias, 32), b3 = v128.load(bias, 48)
  const end = tile + QUAD * 64
  while (tile < end) {
    v128.store(tile, f32x4.max(f32x4.add(v128.load(tile), b0), floor))
    v128.store(tile, f32x4.max(f32x4.add(v128.load(tile, 16), b1), floor), 16)
    v128.store(tile, f32x4.max(f32x4.add(v128.load(tile, 32), b2), floor), 32)
    v128.store(tile, f32x4.max(f32x4.add(v128.load(tile, 48), b3), floor), 48)
    tile += 64
  }
}

/** Forward, hidden layer: y = f(sum + b), kept as row quads and column quads. */
export function finishHidden(layer: LayerPlan, tile: usize, row: i32, column: i32, paddedOutputs: i32, rowCapacity: i32): void {
  biasAndActivation(tile, <usize>layer.bias + ((<usize>column) << 2), layer.activation === ACTIVATION_RELU)
  storeRowQuads(layer.outputRows, tile, row, column, paddedOutputs)
  storeColumnQuads(layer.outputColumns, tile, row, column, rowCapacity)
}

/** Forward, last layer: y = sigmoid(sum + b), in place. */
export function finishSigmoid(layer: LayerPlan, tile: usize, column: i32): void {
  biasAndActivation(tile, <usize>layer.bias + ((<usize>column) << 2), false)
  const end = tile + QUAD * 64
  while (tile < end) {
    v128.store(tile, sigmoid4(v128.load(tile)))
    v128.store(tile, sigmoid4(v128.load(tile, 16)), 16)
    v128.store(tile, sigmoid4(v128.load(tile, 32)), 32)
    v128.store(tile, sigmoid4(v128.load(tile, 48)), 48)
    tile += 64
  }
}

/** Lane mask of the columns column … column + 3 that exist: all ones below `columns`. */
function existing4(column: i32, columns: i32): v128 {
  return i32x4.lt_s(i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3)), i32x4.splat(columns))
}

/**
 * Loss of a tile of outputs y against the targets x (column quads), and its derivative before the sigmoid, in place:
 *
 *   loss[row] += (y − x)²,   δ = 2 / (B O) · (y − x) · y (1 − y)
 *
 * Rows beyond `rows` and columns beyond O give zero. `scale` is 2 / (B O).
 */
export function finishSquaredError(
  layer: LayerPlan,
  tile: usize,
  target: usize,
  rowLosses: usize,
  row: i32,
  rows: i32,
  column: i32,
  paddedOutputs: i32,
  rowCapacity: i32,
  scale: f32,
): void {
  const partial = column + 16 > layer.outputs
  const one = f32x4.splat(1)
  const scales = f32x4.splat(scale)
  for (let r = 0; r < QUAD; r++) {
    const at = tile + ((<usize>r) << 6)
    const lossAt = rowLosses + ((<usize>(row + r)) << 4)
    const exists = row + r < rows
    let loss = v128.load(lossAt)
    for (let v = 0; v < 4; v++) {
      const cell = at + ((<usize>v) << 4)
      const y = v128.load(cell)
      const x = v128.load(target + ((<usize>((column / 4 + v) * rowCapacity + row + r)) << 4))
      let error = f32x4.sub(y, x)
      if (!exists) error = f32x4.splat(0)
      if (partial) error = v128.and(error, existing4(column + 4 * v, layer.outputs))
      loss = f32x4.add(loss, f32x4.mul(error, error))
      v128.store(cell, f32x4.mul(f32x4.mul(f32x4.mul(error, scales), y), f32x4.sub(one, y)))
    }
    v128.store(lossAt, loss)
  }
  storeDelta(layer, tile, row, column, paddedOutputs, rowCapacity, true)
}

/** δ of a layer → panels, and row quads where the layer before wants its gradient. */
export function storeDelta(
  layer: LayerPlan,
  tile: usize,
  row: i32,
  column: i32,
  paddedOutputs: i32,
  rowCapacity: i32,
  rowQuads: bool,
): void {
  storePanel(layer.delta, tile, row, column, rowCapacity)
  if (rowQuads) storeRowQuads(layer.deltaRows, tile, row, column, paddedOutputs)
}

/** Backward through the activation of `layer`: the tile of ∂loss/∂y becomes δ = ∂loss/∂y · f′, with f′ = [y > 0] for ReLU. */
export function finishInputGradient(
  layer: LayerPlan,
  tile: usize,
  row: i32,
  column: i32,
  paddedOutputs: i32,
  rowCapacity: i32,
  rowQuads: bool,
): void {
  if (layer.activation === ACTIVATION_RELU) {
    const zero = f32x4.splat(0)
    for (let v = 0; v < 4; v++) {
      const y = <usize>layer.outputColumns + ((<usize>((column / 4 + v) * rowCapacity + row)) << 4)
      const cell = tile + ((<usize>v) << 4)
      v128.store(cell, v128.and(v128.load(cell), f32x4.gt(v128.load(y), zero)))
      v128.store(cell, v128.and(v128.load(cell, 64), f32x4.gt(v128.load(y, 16), zero)), 64)
      v128.store(cell, v128.and(v128.load(cell, 128), f32x4.gt(v128.load(y, 32), zero)), 128)
      v128.store(cell, v128.and(v128.load(cell, 192), f32x4.gt(v128.load(y, 48), zero)), 192)
    }
  }
  storeDelta(layer, tile, row, column, paddedOutputs, rowCapacity, rowQuads)
}
