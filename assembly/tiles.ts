/**
 * What happens to a 4 × 16 tile of sums once the product is done: bias and activation, the loss and its derivative, the
 * derivative of an activation. Each reads the tile from scratch and writes it in the layouts that later products read.
 *
 * `row` is the tile's first row (image), `column` its first column; the tile's rows lie 64 bytes apart, as in a panel. A row is
 * loaded, computed and only then stored: V8 fuses neighbouring stores only if nothing is loaded between them.
 */
import { appendToRowList, copyTile, storeColumnQuads, storeRowQuads } from './layouts'
import { sigmoid4 } from './math'
import { ACTIVATION_RELU, Job, LayerPlan, PANEL, QUAD } from './plan'

/** Bytes of a tile's row. */
const ROW: usize = 64
/** Bytes of a tile. */
const TILE: usize = 256

/** Address of a tile's 256 bytes in panels [column / 16][B][16]. */
export function panelAt(panels: usize, row: i32, column: i32, rowCapacity: i32): usize {
  return panels + ((<usize>((column / PANEL) * rowCapacity + row)) << 6)
}

/** 16 neighbouring floats. */
function storeRow(to: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(to, v0)
  v128.store(to, v1, 16)
  v128.store(to, v2, 32)
  v128.store(to, v3, 48)
}

/** tile += bias[16], then max(tile, 0) for ReLU, in place. */
function biasAndActivation(tile: usize, bias: usize, relu: bool): void {
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-Infinity)
  const b0 = v128.load(bias),
    b1 = v128.load(bias, 16),
    b2 = v128.load(bias, 32),
    b3 = v128.load(bias, 48)
  const end = tile + TILE
  while (tile < end) {
    const y0 = f32x4.max(f32x4.add(v128.load(tile), b0), floor)
    const y1 = f32x4.max(f32x4.add(v128.load(tile, 16), b1), floor)
    const y2 = f32x4.max(f32x4.add(v128.load(tile, 32), b2), floor)
    const y3 = f32x4.max(f32x4.add(v128.load(tile, 48), b3), floor)
    storeRow(tile, y0, y1, y2, y3)
    tile += ROW
  }
}

/** Forward, hidden layer: y = f(sum + b), kept as a row list and as column quads. Columns of a row come in order. */
export function finishHidden(
  job: Job,
  layer: LayerPlan,
  tile: usize,
  row: i32,
  column: i32,
  paddedOutputs: i32,
): void {
  biasAndActivation(tile, <usize>layer.bias + ((<usize>column) << 2), layer.activation === ACTIVATION_RELU)
  const quad = <usize>(row / QUAD)
  const count = <usize>layer.outputCounts + (quad << 2)
  const list = quad * <usize>paddedOutputs
  const before = column === 0 ? 0 : load<i32>(count)
  const values = <usize>layer.outputValues + (list << 4)
  store<i32>(count, appendToRowList(values, <usize>layer.outputOffsets + (list << 2), before, tile, column))
  storeColumnQuads(layer.outputColumns, tile, row, column, job.rowCapacity)
}

/** Forward, last layer: y = sigmoid(sum + b), in place. */
export function finishSigmoid(layer: LayerPlan, tile: usize, column: i32): void {
  const bias = <usize>layer.bias + ((<usize>column) << 2)
  const b0 = v128.load(bias),
    b1 = v128.load(bias, 16),
    b2 = v128.load(bias, 32),
    b3 = v128.load(bias, 48)
  const end = tile + TILE
  while (tile < end) {
    const y0 = sigmoid4(f32x4.add(v128.load(tile), b0))
    const y1 = sigmoid4(f32x4.add(v128.load(tile, 16), b1))
    const y2 = sigmoid4(f32x4.add(v128.load(tile, 32), b2))
    const y3 = sigmoid4(f32x4.add(v128.load(tile, 48), b3))
    storeRow(tile, y0, y1, y2, y3)
    tile += ROW
  }
}

/** losses[row][16] += (y − x)² for the tile's outputs y and targets x (16 columns of a panel). */
export function addSquaredErrors(tile: usize, target: usize, losses: usize): void {
  const end = tile + TILE
  while (tile < end) {
    const e0 = f32x4.sub(v128.load(tile), v128.load(target))
    const e1 = f32x4.sub(v128.load(tile, 16), v128.load(target, 16))
    const e2 = f32x4.sub(v128.load(tile, 32), v128.load(target, 32))
    const e3 = f32x4.sub(v128.load(tile, 48), v128.load(target, 48))
    const l0 = f32x4.add(v128.load(losses), f32x4.mul(e0, e0))
    const l1 = f32x4.add(v128.load(losses, 16), f32x4.mul(e1, e1))
    const l2 = f32x4.add(v128.load(losses, 32), f32x4.mul(e2, e2))
    const l3 = f32x4.add(v128.load(losses, 48), f32x4.mul(e3, e3))
    storeRow(losses, l0, l1, l2, l3)
    tile += ROW
    target += ROW
    losses += ROW
  }
}

/** y, or 0 where y < least. NaN stays NaN. */
function orZero(y: v128, least: v128): v128 {
  return v128.andnot(y, f32x4.lt(y, least))
}

/** An output below this passes no gradient: it would be subnormal, or nothing beside Adam's ε. See `adam.ts`. */
const DARK: f32 = 1e-9

/** δ = scale · (y − x) · y (1 − y), from outputs y and targets x. */
function squaredErrorDelta(delta: usize, tile: usize, target: usize, scale: f32): void {
  const one = f32x4.splat(1)
  const dark = f32x4.splat(DARK)
  const scales = f32x4.splat(scale)
  const end = tile + TILE
  while (tile < end) {
    const y0 = orZero(v128.load(tile), dark)
    const y1 = orZero(v128.load(tile, 16), dark)
    const y2 = orZero(v128.load(tile, 32), dark)
    const y3 = orZero(v128.load(tile, 48), dark)
    const e0 = f32x4.mul(f32x4.sub(y0, v128.load(target)), scales)
    const e1 = f32x4.mul(f32x4.sub(y1, v128.load(target, 16)), scales)
    const e2 = f32x4.mul(f32x4.sub(y2, v128.load(target, 32)), scales)
    const e3 = f32x4.mul(f32x4.sub(y3, v128.load(target, 48)), scales)
    const d0 = f32x4.mul(f32x4.mul(e0, y0), f32x4.sub(one, y0))
    const d1 = f32x4.mul(f32x4.mul(e1, y1), f32x4.sub(one, y1))
    const d2 = f32x4.mul(f32x4.mul(e2, y2), f32x4.sub(one, y2))
    const d3 = f32x4.mul(f32x4.mul(e3, y3), f32x4.sub(one, y3))
    storeRow(delta, d0, d1, d2, d3)
    tile += ROW
    target += ROW
    delta += ROW
  }
}

/** Outputs of rows and columns that do not exist become their targets (zero): no error, no gradient. */
export function clearMissing(tile: usize, target: usize, existingRows: i32, existingColumns: i32): void {
  for (let r = 0; r < QUAD; r++) {
    for (let c = 0; c < PANEL; c++) {
      if (r < existingRows && c < existingColumns) continue
      const at = (<usize>(r * PANEL + c)) << 2
      store<f32>(tile + at, load<f32>(target + at))
    }
  }
}

/**
 * Loss of a tile of outputs y against the targets x, and its derivative before the sigmoid:
 *
 *   loss[row] += (y − x)²,   δ = 2 / (B O) · (y − x) · y (1 − y)
 *
 * Rows beyond `rows` and columns beyond O give zero. `scale` is 2 / (B O).
 */
export function finishSquaredError(
  job: Job,
  layer: LayerPlan,
  tile: usize,
  targets: usize,
  row: i32,
  rows: i32,
  column: i32,
  paddedOutputs: i32,
  scale: f32,
): void {
  finishSigmoid(layer, tile, column)
  const target = panelAt(targets, row, column, job.rowCapacity)
  const existingRows = rows - row
  const existingColumns = layer.outputs - column
  if (existingRows < QUAD || existingColumns < PANEL)
    clearMissing(tile, target, existingRows, existingColumns)
  addSquaredErrors(tile, target, <usize>job.rowLosses + ((<usize>row) << 6))
  const delta = panelAt(layer.delta, row, column, job.rowCapacity)
  squaredErrorDelta(delta, tile, target, scale)
  if (layer.deltaRows !== 0) storeRowQuads(layer.deltaRows, delta, row, column, paddedOutputs)
}

/** A tile of δ that is computed already, into the layouts of `layer`. */
export function storeDelta(
  job: Job,
  layer: LayerPlan,
  tile: usize,
  row: i32,
  column: i32,
  paddedOutputs: i32,
): void {
  copyTile(panelAt(layer.delta, row, column, job.rowCapacity), tile)
  if (layer.deltaRows !== 0) storeRowQuads(layer.deltaRows, tile, row, column, paddedOutputs)
}

/** Backward through the activation of `layer`: the tile of ∂loss/∂y becomes δ = ∂loss/∂y · f′, with f′ = [y > 0] for ReLU. */
export function finishInputGradient(
  job: Job,
  layer: LayerPlan,
  tile: usize,
  row: i32,
  column: i32,
  paddedOutputs: i32,
): void {
  const delta = panelAt(layer.delta, row, column, job.rowCapacity)
  const relu = layer.activation === ACTIVATION_RELU
  const zero = f32x4.splat(0)
  const all = i32x4.splat(-1)
  for (let v = 0; v < 4; v++) {
    const y = <usize>layer.outputColumns + ((<usize>((column / 4 + v) * job.rowCapacity + row)) << 4)
    const from = tile + ((<usize>v) << 4)
    const to = delta + ((<usize>v) << 4)
    v128.store(to, v128.and(v128.load(from), relu ? f32x4.gt(v128.load(y), zero) : all))
    v128.store(to, v128.and(v128.load(from, 64), relu ? f32x4.gt(v128.load(y, 16), zero) : all), 64)
    v128.store(to, v128.and(v128.load(from, 128), relu ? f32x4.gt(v128.load(y, 32), zero) : all), 128)
    v128.store(to, v128.and(v128.load(from, 192), relu ? f32x4.gt(v128.load(y, 48), zero) : all), 192)
  }
  if (layer.deltaRows !== 0) storeRowQuads(layer.deltaRows, delta, row, column, paddedOutputs)
}
