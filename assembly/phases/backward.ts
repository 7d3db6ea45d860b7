/**
 * Backward through a layer: δ of the layer before, δ W times the derivative of that layer's activation.
 * Mirrors `forward.ts`.
 */
import { finishInputGradient } from '../kernels/activations'
import { SAMPLE_SCRATCH, SampledProduct, sampleBlock } from '../kernels/sddmm'
import { gemmTile } from '../kernels/tiles'
import { deltaPairsAt, storeDeltaPairs } from '../operands/deltas'
import { clearRows, copyRows, panelAt } from '../operands/layouts'
import { rowMark } from '../operands/lists'
import { INPUT_GRADIENT_SAMPLED } from '../plan/codes'
import { BLOCK_ROWS, floatAt, PAIR, PAIR_BYTES, PANEL, padded, ROW, rowAt, WORD } from '../plan/sizes'
import { Job, layerAt } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'
import { CHUNK_ROWS, FORWARD_SCRATCH } from './forward'

/** Bytes of scratch of a dense input gradient: a chunk's sums. */
export const DENSE_SCRATCH: usize = FORWARD_SCRATCH
/** Bytes of scratch of a sampled one: a product and two rows of a block of gradient. */
export const SAMPLED_SCRATCH: usize = SAMPLE_SCRATCH + <usize>BLOCK_ROWS * PAIR_BYTES

/** δ of layer `index` − 1 from δ of layer `index`, for the worker's rows. */
export function backwardInput(job: Job, index: i32, worker: Worker): void {
  if (layerAt(job, index).inputGradient === INPUT_GRADIENT_SAMPLED) backwardSampled(job, index, worker)
  else backwardDense(job, index, worker)
}

/**
 * After a ReLU: only for the inputs on the row lists, since no gradient passes the others. Blocks outside:
 * the weights of a block of inputs serve all rows of δ from the second cache.
 */
function backwardSampled(job: Job, index: i32, worker: Worker): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const paddedInputs = padded(layer.inputs)
  const product = changetype<SampledProduct>(scratchOf(worker))
  const gradient = scratchOf(worker) + SAMPLE_SCRATCH
  product.wide = job.wideTile
  product.b = layer.weight
  product.panelBytes = rowAt(0, paddedInputs)
  product.terms = layer.outputs
  for (let column0 = 0; column0 < paddedInputs; column0 += BLOCK_ROWS) {
    const columns = min(BLOCK_ROWS, paddedInputs - column0)
    const gradientRowBytes = floatAt(0, columns)
    product.c = gradient - floatAt(0, column0)
    product.cStride = gradientRowBytes
    for (let row = worker.row0; row < worker.row1; row += PAIR) {
      const mark = rowMark(before.output, row / PAIR, column0 / BLOCK_ROWS)
      clearRows(gradient, 2 * gradientRowBytes)
      sampleBlock(product, load<u32>(mark), load<u32>(mark, WORD), deltaPairsAt(layer, row, 0))
      for (let column = 0; column < columns; column += PANEL) {
        const delta = panelAt(before.delta, row, column0 + column, job.rowCapacity)
        const from = floatAt(gradient, column)
        copyRows(delta, from, ROW)
        copyRows(delta + ROW, from + gradientRowBytes, ROW)
        storeDeltaPairs(before, delta, row, row + PAIR, column0 + column)
      }
    }
  }
}

/** Where every input's gradient counts, or most; or the sums are too short for dot products to pay. */
function backwardDense(job: Job, index: i32, worker: Worker): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const wide = job.wideTile !== 0
  const row1 = worker.row1
  const sums = scratchOf(worker)
  for (let column = 0; column < layer.inputs; column += PANEL) {
    const weights = rowAt(layer.weightT, (column / PANEL) * padded(layer.outputs))
    for (let first = worker.row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      clearRows(sums, rowAt(0, end - first))
      for (let k = 0; k < layer.outputs; k += BLOCK_ROWS) {
        const n = min(BLOCK_ROWS, layer.outputs - k)
        for (let row = first; row < end; row += PAIR) {
          const tile = rowAt(sums, row - first)
          gemmTile(wide, tile, deltaPairsAt(layer, row, k), PAIR_BYTES, rowAt(weights, k), n)
        }
      }
      const delta = panelAt(before.delta, first, column, job.rowCapacity)
      const output = panelAt(before.output.panels, first, column, job.rowCapacity)
      finishInputGradient(before, delta, sums, output, end - first)
      storeDeltaPairs(before, delta, first, end, column)
    }
  }
}
