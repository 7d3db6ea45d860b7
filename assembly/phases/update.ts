/** The weight gradient of a layer and Adam, for one panel of its outputs. */
import { AdamStep, adam, beginAdamStep } from '../kernels/adam'
import { gemmTile, spmmTile, tileFor } from '../kernels/tiles'
import { clearRows, panelAt, storeTransposedBlock } from '../operands/layouts'
import { columnEnds, columnEntries, pairsOfPanel } from '../operands/lists'
import { isDense } from '../operands/operand'
import { pairingOf, unitAt } from '../operands/pairing'
import { INPUT_GRADIENT_DENSE } from '../plan/codes'
import { floatAt, LINE, PAIR, PAIR_ROWS, PANEL, padded, ROW, roundUp, rowAt, wordAt } from '../plan/sizes'
import { BatchPlan, Job, layerAt, Operand, operandAt, rowsOfStep } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'

/**
 * Rows at a time of a dense weight gradient: panels of values and of deltas, 20 kB each, stay in the first
 * cache.
 */
const DENSE_ROWS: i32 = 128
/** Bytes of a 40 × 40 block. */
const BLOCK: usize = <usize>PANEL * ROW
/** Bytes of scratch: the gradient of a block of weights, and an `AdamStep`. */
export const UPDATE_SCRATCH: usize = BLOCK + LINE

/**
 * Weight gradient and Adam for panel `panel` of layer `index`, 40 inputs at a time: the gradient of a 40 × 40
 * block of Wᵀ is Σ over all rows of x ⊗ δ, and is used up while it is in cache; no gradient is ever stored.
 */
export function updatePanel(
  job: Job,
  batch: BatchPlan,
  index: i32,
  panel: i32,
  step: i32,
  worker: Worker,
): void {
  const layer = layerAt(job, index)
  const x = operandAt(job, batch, index)
  const rows = roundUp(rowsOfStep(job, step), PAIR)
  const paddedInputs = padded(layer.inputs)
  const paddedOutputs = padded(layer.outputs)
  const gradient = scratchOf(worker)
  const adamStep = changetype<AdamStep>(gradient + BLOCK)
  const done = step - job.firstStep
  const learningRate = load<f32>(floatAt(job.learningRates, done))
  beginAdamStep(adamStep, learningRate, job.weightDecay, job.adamSteps + done + 1)
  const deltas = panelAt(layer.delta, 0, panel * PANEL, job.rowCapacity)
  const tile = tileFor(job.wideTile !== 0, layer.outputs - panel * PANEL)
  for (let column = 0; column < paddedInputs; column += PANEL) {
    weightGradient(tile, x, step, gradient, column / PANEL, deltas, rows)
    // Rows of inputs that do not exist stay zero.
    const inputs = min(PANEL, layer.inputs - column)
    const block = rowAt(0, panel * paddedInputs + column)
    const weights = <usize>layer.weight + block
    adam(
      adamStep,
      weights,
      gradient,
      <usize>layer.weightM + block,
      <usize>layer.weightV + block,
      inputs * PANEL,
    )
    if (layer.inputGradient === INPUT_GRADIENT_DENSE) {
      const transposed = (column / PANEL) * paddedOutputs + panel * PANEL
      storeTransposedBlock(rowAt(layer.weightT, transposed), weights)
    }
  }
  sumDeltas(gradient, deltas, rows)
  const bias = floatAt(0, panel * PANEL)
  adam(
    adamStep,
    <usize>layer.bias + bias,
    gradient,
    <usize>layer.biasM + bias,
    <usize>layer.biasV + bias,
    PANEL,
  )
}

/**
 * Σ over `rows` rows of x ⊗ δ for the inputs of panel `inputPanel` and one panel of deltas, to
 * gradient[40][40].
 */
function weightGradient(
  tile: i32,
  x: Operand,
  step: i32,
  gradient: usize,
  inputPanel: i32,
  deltas: usize,
  rows: i32,
): void {
  clearRows(gradient, BLOCK)
  if (isDense(x)) denseWeightGradient(tile, x, gradient, inputPanel, deltas, rows)
  else listedWeightGradient(tile, x, pairingOf(x, step), gradient, inputPanel, deltas, rows)
}

function listedWeightGradient(
  tile: i32,
  x: Operand,
  pairing: usize,
  gradient: usize,
  inputPanel: i32,
  deltas: usize,
  rows: i32,
): void {
  const pairs = pairsOfPanel(x.columns, inputPanel)
  for (let row = 0; row < rows; row += x.segmentRows) {
    const ends = columnEnds(x, inputPanel, row / x.segmentRows)
    let list = columnEntries(x, inputPanel, row)
    for (let p = 0; p < pairs; p++) {
      const end = <usize>load<u32>(wordAt(ends, p))
      if (list !== end) {
        const c0 = rowAt(gradient, unitAt(pairing, inputPanel, PAIR * p))
        const c1 = rowAt(gradient, unitAt(pairing, inputPanel, PAIR * p + 1))
        spmmTile(tile, c0, c1, list, end, deltas)
      }
      list = end
    }
  }
}

/** Pairs of columns are read where they lie, in the panels. */
function denseWeightGradient(
  tile: i32,
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
      gemmTile(tile, rowAt(gradient, PAIR * p), floatAt(values, PAIR * p), ROW, rowAt(deltas, row), count)
    }
  }
}

/** Bias gradient of a panel: Σ over rows of δ, to out[40]. */
function sumDeltas(out: usize, deltas: usize, rows: i32): void {
  clearRows(out, PAIR_ROWS)
  for (const end = rowAt(deltas, rows); deltas < end; ) {
    for (let v: usize = 0; v < ROW; v += 32) {
      const s0 = f32x4.add(v128.load(out + v), v128.load(deltas))
      const s1 = f32x4.add(v128.load(out + v, 16), v128.load(deltas, 16))
      v128.store(out + v, s1, 16)
      v128.store(out + v, s0)
      deltas += 32
    }
  }
}
