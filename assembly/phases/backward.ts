/**
 * Backward through a layer: δ of the layer before, δ W times the derivative of that layer's activation.
 * Mirrors `forward.ts`.
 */
import { finishInputGradient } from '../kernels/activations'
import { SAMPLE_SCRATCH, SAMPLED_PAIRS, SampledProduct, sampleRows } from '../kernels/sddmm'
import { gemmTile, tileFor } from '../kernels/tiles'
import { deltaPairsAt, storeDeltaPairs } from '../operands/deltas'
import { clearRows, copyRows, panelAt } from '../operands/layouts'
import { rowMark, rowMarkBytes } from '../operands/lists'
import { INPUT_GRADIENT_SAMPLED } from '../plan/codes'
import {
  BLOCK_ROWS,
  DENSE_BLOCK_ROWS,
  floatAt,
  PAIR,
  PAIR_BYTES,
  PANEL,
  padded,
  ROW,
  rowAt,
} from '../plan/sizes'
import { Job, layerAt } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'
import { CHUNK_ROWS, FORWARD_SCRATCH } from './forward'

/** Bytes of scratch of a dense input gradient: a chunk's sums. */
export const DENSE_SCRATCH: usize = FORWARD_SCRATCH
/** Bytes of scratch of a sampled one: a product, and a block of gradient of its rows. */
export const SAMPLED_SCRATCH: usize = SAMPLE_SCRATCH + <usize>SAMPLED_PAIRS * BLOCK_ROWS * PAIR_BYTES

/** δ of layer `index` − 1 from δ of layer `index`, for the worker's rows. */
export function backwardInput(job: Job, index: i32, worker: Worker): void {
  if (layerAt(job, index).inputGradient === INPUT_GRADIENT_SAMPLED) backwardSampled(job, index, worker)
  else backwardDense(job, index, worker)
}

/**
 * After a ReLU: only for the inputs on the row lists, since no gradient passes the others. Blocks outside:
 * the gradients of a block of inputs lie together until some rows are done.
 */
function backwardSampled(job: Job, index: i32, worker: Worker): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const paddedInputs = padded(layer.inputs)
  const product = changetype<SampledProduct>(scratchOf(worker))
  const gradient = scratchOf(worker) + SAMPLE_SCRATCH
  product.wide = job.wideTile
  product.aPanelBytes = rowAt(0, job.rowCapacity)
  product.b = layer.weight
  product.bPanelBytes = rowAt(0, paddedInputs)
  product.terms = layer.outputs
  const markBytes = rowMarkBytes(before.output)
  for (let column0 = 0; column0 < paddedInputs; column0 += BLOCK_ROWS) {
    const columns = min(BLOCK_ROWS, paddedInputs - column0)
    const gradientRowBytes = floatAt(0, columns)
    product.c = gradient - floatAt(0, column0)
    product.cStride = gradientRowBytes
    for (let first = worker.row0; first < worker.row1; first += PAIR * SAMPLED_PAIRS) {
      const end = min(first + PAIR * SAMPLED_PAIRS, worker.row1)
      clearRows(gradient, <usize>(end - first) * gradientRowBytes)
      product.a = rowAt(layer.delta, first)
      const marks = rowMark(before.output, first / PAIR, column0 / BLOCK_ROWS)
      sampleRows(product, (end - first) / PAIR, marks, markBytes)
      for (let column = 0; column < columns; column += PANEL) {
        const delta = panelAt(before.delta, first, column0 + column, job.rowCapacity)
        for (let row = 0; row < end - first; row++) {
          copyRows(rowAt(delta, row), floatAt(gradient, column) + <usize>row * gradientRowBytes, ROW)
        }
        storeDeltaPairs(before, delta, first, end, column0 + column)
      }
    }
  }
}

/** Where every input's gradient counts, or most; or the sums are too short for dot products to pay. */
function backwardDense(job: Job, index: i32, worker: Worker): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const row1 = worker.row1
  const sums = scratchOf(worker)
  for (let column = 0; column < layer.inputs; column += PANEL) {
    const tile = tileFor(job.wideTile !== 0, layer.inputs - column)
    const weights = rowAt(layer.weightT, (column / PANEL) * padded(layer.outputs))
    for (let first = worker.row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      clearRows(sums, rowAt(0, end - first))
      for (let k = 0; k < layer.outputs; k += DENSE_BLOCK_ROWS) {
        const n = min(DENSE_BLOCK_ROWS, layer.outputs - k)
        for (let row = first; row < end; row += PAIR) {
          const to = rowAt(sums, row - first)
          gemmTile(tile, to, deltaPairsAt(layer, row, k), PAIR_BYTES, rowAt(weights, k), n)
        }
      }
      const delta = panelAt(before.delta, first, column, job.rowCapacity)
      const output = panelAt(before.output.panels, first, column, job.rowCapacity)
      finishInputGradient(before, delta, sums, output, end - first)
      storeDeltaPairs(before, delta, first, end, column)
    }
  }
}
