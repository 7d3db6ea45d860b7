/**
 * The phases of a training step behind the hidden layers, each for a range of rows (images) or for a panel: which worker calls them,
 * and when, is `schedule.ts`. Backward reads as the mirror of `forward.ts`.
 */
import { adam, adamSecondMomentScale, adamStepSize } from './adam'
import { CHUNK_ROWS, forwardSums, LOGITS_OFFSET, pairLogits } from './forward'
import { gemmTile, PAIR_BYTES, spmmTile } from './gemm'
import { clearRows, copyRows, storeRowPairs, storeTransposedBlock } from './layouts'
import { columnEnd, columnEntries, PANEL_PAIRS, pairsOfPanel, rowMark } from './lists'
import { isDense } from './operand'
import { pairingOf, unitAt } from './pairing'
import {
  BatchPlan,
  BLOCK_ROWS,
  INPUT_GRADIENT_DENSE,
  INPUT_GRADIENT_NONE,
  INPUT_GRADIENT_SAMPLED,
  Job,
  LayerPlan,
  LOSS_CROSS_ENTROPY,
  layerAt,
  Operand,
  operandAt,
  PAIR,
  PAIR_ROWS,
  PANEL,
  ROW,
  roundUp,
  rowsOfStep,
} from './plan'
import { SAMPLE_SCRATCH, sampleProduct } from './sddmm'
import { crossEntropyRow, softmaxRow } from './softmax'
import { finishInputGradient, judgeOutputs, outputDelta, panelAt } from './tiles'

/** Rows at a time of a dense weight gradient: panels of values and of deltas, 20 kB each, stay in the first cache. */
const DENSE_ROWS: i32 = 128
/** Bytes of a 40 × 40 block. */
const BLOCK: usize = <usize>PANEL * ROW

/** Last layer for rows [row0, row1) of a minibatch: outputs, loss of each row, and δ. */
export function forwardLoss(job: Job, batch: BatchPlan, step: i32, sums: usize, row0: i32, row1: i32): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const rows = rowsOfStep(job, step)
  const losses = <usize>job.rowLosses
  memory.fill(losses + ((<usize>row0) << 5), 0, (<usize>(row1 - row0)) << 5)
  if (job.loss === LOSS_CROSS_ENTROPY) {
    forwardCrossEntropy(job, batch, step, sums, row0, row1)
    return
  }
  const terms = <f64>rows * <f64>layer.outputs
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      const count = end - first
      forwardSums(job, batch, index, sums, first, end, column / PANEL)
      const target = panelAt(batch.target, first, column, job.rowCapacity)
      judgeOutputs(layer, job.loss, sums, target, losses + ((<usize>first) << 5), count, rows - first, column)
      const delta = panelAt(layer.delta, first, column, job.rowCapacity)
      outputDelta(layer, job.loss, delta, sums, target, count, terms)
      storeDeltaPairs(layer, delta, first, end, column)
    }
  }
}

/** Rows [row0, row1) of a panel of δ at `delta` also as the layer's input gradient reads them, if it has one. */
function storeDeltaPairs(layer: LayerPlan, delta: usize, row0: i32, row1: i32, column: i32): void {
  if (layer.inputGradient === INPUT_GRADIENT_NONE) return
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let row = row0; row < row1; row += PAIR) {
    const to = <usize>layer.deltaPairs + ((<usize>((row / PAIR) * paddedOutputs + column)) << 3)
    if (layer.inputGradient === INPUT_GRADIENT_SAMPLED) copyRows(to, delta, PAIR_ROWS)
    else storeRowPairs(to, delta)
    delta += PAIR_ROWS
  }
}

function forwardCrossEntropy(job: Job, batch: BatchPlan, step: i32, sums: usize, row0: i32, row1: i32): void {
  const layer = layerAt(job, job.layerCount - 1)
  const rows = rowsOfStep(job, step)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const logits = sums + LOGITS_OFFSET
  const first = step * job.batchSize
  for (let row = row0; row < row1; row += PAIR) {
    pairLogits(job, batch, sums, logits, row)
    for (let r = 0; r < PAIR; r++) {
      const at = logits + ((<usize>(r * paddedOutputs)) << 2)
      if (row + r < rows) {
        const image = load<u32>(<usize>job.order + ((<usize>(first + row + r)) << 2))
        softmaxRow(at, layer.outputs)
        const loss = crossEntropyRow(
          at,
          layer,
          load<u8>(<usize>job.labels + <usize>image),
          <f32>(1.0 / <f64>rows),
        )
        store<f32>(<usize>job.rowLosses + ((<usize>(row + r)) << 5), loss)
      } else {
        memory.fill(at, 0, (<usize>paddedOutputs) << 2)
      }
    }
    for (let column = 0; column < paddedOutputs; column += PANEL) {
      const from = logits + ((<usize>column) << 2)
      const delta = panelAt(layer.delta, row, column, job.rowCapacity)
      copyRows(delta, from, ROW)
      copyRows(delta + ROW, from + ((<usize>paddedOutputs) << 2), ROW)
      storeDeltaPairs(layer, delta, row, row + PAIR, column)
    }
  }
}

/** δ of layer `index` − 1 from δ of layer `index` for rows [row0, row1): δ W, times the derivative of the activation. */
export function backwardInput(job: Job, index: i32, scratch: usize, row0: i32, row1: i32): void {
  const isSampled = layerAt(job, index).inputGradient === INPUT_GRADIENT_SAMPLED
  if (isSampled) backwardSampled(job, index, scratch, row0, row1)
  else backwardDense(job, index, scratch, row0, row1)
}

/**
 * Behind a ReLU: only for the inputs on the row lists, since no gradient passes the others. Blocks outside: the weights of a block of
 * inputs serve all rows of δ from the second cache.
 */
function backwardSampled(job: Job, index: i32, scratch: usize, row0: i32, row1: i32): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const deltaRowBytes = (<usize>roundUp(layer.outputs, PANEL)) << 2
  const gradient = scratch + SAMPLE_SCRATCH
  for (let column0 = 0; column0 < paddedInputs; column0 += BLOCK_ROWS) {
    const columns = min(BLOCK_ROWS, paddedInputs - column0)
    const gradientRowBytes = (<usize>columns) << 2
    for (let row = row0; row < row1; row += PAIR) {
      const mark = rowMark(before.output, row / PAIR, column0 / BLOCK_ROWS)
      clearRows(gradient, 2 * gradientRowBytes)
      sampleProduct(
        job.wideTile !== 0,
        gradient - ((<usize>column0) << 2),
        gradientRowBytes,
        load<u32>(mark),
        load<u32>(mark, 4),
        <usize>layer.deltaPairs + <usize>row * deltaRowBytes,
        layer.weight,
        <usize>paddedInputs * ROW,
        layer.outputs,
        scratch,
      )
      for (let column = 0; column < columns; column += PANEL) {
        const delta = panelAt(before.delta, row, column0 + column, job.rowCapacity)
        const from = gradient + ((<usize>column) << 2)
        copyRows(delta, from, ROW)
        copyRows(delta + ROW, from + gradientRowBytes, ROW)
        storeDeltaPairs(before, delta, row, row + PAIR, column0 + column)
      }
    }
  }
}

/** Where every input's gradient counts, or most; or the sums are too short for dot products to pay. */
function backwardDense(job: Job, index: i32, sums: usize, row0: i32, row1: i32): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const wide = job.wideTile !== 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const weights = <usize>layer.weightT + <usize>((column / PANEL) * paddedOutputs) * ROW
    for (let first = row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      clearRows(sums, <usize>(end - first) * ROW)
      for (let k = 0; k < layer.outputs; k += BLOCK_ROWS) {
        const n = min(BLOCK_ROWS, layer.outputs - k)
        for (let row = first; row < end; row += PAIR) {
          const deltas = <usize>layer.deltaPairs + ((<usize>((row / PAIR) * paddedOutputs + k)) << 3)
          gemmTile(wide, sums + <usize>(row - first) * ROW, deltas, PAIR_BYTES, weights + <usize>k * ROW, n)
        }
      }
      const delta = panelAt(before.delta, first, column, job.rowCapacity)
      const output = panelAt(before.output.panels, first, column, job.rowCapacity)
      finishInputGradient(before, delta, sums, output, end - first)
      storeDeltaPairs(before, delta, first, end, column)
    }
  }
}

/**
 * Weight gradient and Adam for panel `panel` of layer `index`, 40 inputs at a time: the gradient of a 40 × 40 block of Wᵀ is
 * Σ over all rows of x ⊗ δ, and is used up while it is in cache; no gradient is ever stored.
 */
export function updatePanel(
  job: Job,
  batch: BatchPlan,
  index: i32,
  step: i32,
  gradient: usize,
  panel: i32,
): void {
  const layer = layerAt(job, index)
  const x = operandAt(job, batch, index)
  const rows = roundUp(rowsOfStep(job, step), PAIR)
  const t = job.adamSteps + step - job.firstStep + 1
  const stepSize = adamStepSize(job.learningRate, t)
  const scale = adamSecondMomentScale(t)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const deltas = panelAt(layer.delta, 0, panel * PANEL, job.rowCapacity)
  for (let column = 0; column < paddedInputs; column += PANEL) {
    weightGradient(job.wideTile !== 0, x, step, gradient, column / PANEL, deltas, rows)
    const block = <usize>(panel * paddedInputs + column) * ROW
    const weights = <usize>layer.weight + block
    adam(
      weights,
      gradient,
      <usize>layer.weightM + block,
      <usize>layer.weightV + block,
      (PANEL * PANEL) / 4,
      job.weightDecay,
      stepSize,
      scale,
    )
    if (layer.inputGradient === INPUT_GRADIENT_DENSE) {
      const transposed = (column / PANEL) * paddedOutputs + panel * PANEL
      storeTransposedBlock(<usize>layer.weightT + <usize>transposed * ROW, weights)
    }
  }
  sumDeltas(gradient, deltas, rows)
  const bias = (<usize>(panel * PANEL)) << 2
  adam(
    <usize>layer.bias + bias,
    gradient,
    <usize>layer.biasM + bias,
    <usize>layer.biasV + bias,
    PANEL / 4,
    job.weightDecay,
    stepSize,
    scale,
  )
}

/** Σ over `rows` rows of x ⊗ δ for the inputs of panel `inputPanel` and one panel of deltas, to gradient[40][40]. */
function weightGradient(
  wide: bool,
  x: Operand,
  step: i32,
  gradient: usize,
  inputPanel: i32,
  deltas: usize,
  rows: i32,
): void {
  clearRows(gradient, BLOCK)
  if (isDense(x)) denseWeightGradient(wide, x, gradient, inputPanel, deltas, rows)
  else listedWeightGradient(wide, x, pairingOf(x, step), gradient, inputPanel, deltas, rows)
}

function listedWeightGradient(
  wide: bool,
  x: Operand,
  pairing: usize,
  gradient: usize,
  inputPanel: i32,
  deltas: usize,
  rows: i32,
): void {
  const pairs = pairsOfPanel(x.columns, inputPanel)
  const firstPair = inputPanel * PANEL_PAIRS
  for (let row = 0; row < rows; row += x.segmentRows) {
    const segment = row / x.segmentRows
    for (let p = 0; p < pairs; p++) {
      const list = columnEntries(x, firstPair + p, row)
      const end = load<u32>(columnEnd(x, firstPair + p, segment))
      if (list === end) continue
      const c0 = gradient + <usize>unitAt(pairing, inputPanel, 2 * p) * ROW
      const c1 = gradient + <usize>unitAt(pairing, inputPanel, 2 * p + 1) * ROW
      spmmTile(wide, c0, c1, list, end, deltas)
    }
  }
}

/** Pairs of columns are read where they lie, in the panels. */
function denseWeightGradient(
  wide: bool,
  x: Operand,
  gradient: usize,
  inputPanel: i32,
  deltas: usize,
  rows: i32,
): void {
  const pairs = pairsOfPanel(x.columns, inputPanel)
  for (let row = 0; row < rows; row += DENSE_ROWS) {
    const count = min(DENSE_ROWS, rows - row)
    const values = panelAt(x.panels, row, inputPanel * PANEL, x.rowCapacity)
    for (let p = 0; p < pairs; p++) {
      const tile = gradient + <usize>(PAIR * p) * ROW
      gemmTile(wide, tile, values + <usize>p * PAIR_BYTES, ROW, deltas + <usize>row * ROW, count)
    }
  }
}

/** Bias gradient of a panel: Σ over rows of δ, to out[40]. */
function sumDeltas(out: usize, deltas: usize, rows: i32): void {
  clearRows(out, PAIR_ROWS)
  for (const end = deltas + <usize>rows * ROW; deltas < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const s0 = f32x4.add(v128.load(out + v), v128.load(deltas))
      const s1 = f32x4.add(v128.load(out + v, 16), v128.load(deltas, 16))
      v128.store(out + v, s1, 16)
      v128.store(out + v, s0)
      deltas += 32
    }
  }
}

/** Mean loss of a minibatch from its rows' sums, in float64 and in the order of the rows. */
export function batchLoss(job: Job, step: i32): f64 {
  const rows = rowsOfStep(job, step)
  let sum: f64 = 0
  for (let i = 0; i < rows * 8; i++) sum += <f64>load<f32>(<usize>job.rowLosses + ((<usize>i) << 2))
  const outputs = layerAt(job, job.layerCount - 1).outputs
  const terms = job.loss === LOSS_CROSS_ENTROPY ? <f64>rows : <f64>rows * <f64>outputs
  return sum / terms
}
