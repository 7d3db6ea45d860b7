/** Inference: each worker runs all layers for a slice of rows of its own; who takes which rows is `schedule.ts`. */
import { CHUNK_ROWS, forwardHidden, forwardSums, LOGITS_OFFSET, NO_SHARD, pairLogits } from './forward'
import { gatherCodesPair, gatherInferencePair } from './gather'
import { storeRows } from './layouts'
import { ACTIVATION_SOFTMAX, BatchPlan, batchAt, Job, layerAt, PAIR, PANEL, roundUp } from './plan'
import { softmaxRow } from './softmax'
import { addSquaredErrors, clearMissing, finishSigmoid, panelAt } from './tiles'

/**
 * Inference for input rows [inputRow, inputRow + sliceRows) in the worker's own slice of the activation buffers, which begins at
 * row `slice`: layers firstLayer … lastLayer, then outputs and row errors as the job wants them.
 */
export function inferRows(job: Job, sums: usize, inputRow: i32, slice: i32): void {
  const batch = batchAt(job, 0)
  const rows = min(job.sliceRows, job.rows - inputRow)
  const row1 = slice + roundUp(rows, PAIR)
  for (let row = slice; row < row1; row += PAIR) {
    if (job.firstLayer === 0) gatherInferencePair(job, batch, inputRow + row - slice, row)
    else gatherCodesPair(job, sums, inputRow + row - slice, row)
  }
  for (let index = job.firstLayer; index <= job.lastLayer; index++) {
    if (index < job.layerCount - 1) forwardHidden(job, batch, index, sums, slice, row1, 0, NO_SHARD)
  }
  if (job.lastLayer < job.layerCount - 1) copyHiddenRows(job, inputRow, slice, rows)
  else inferLastLayer(job, batch, sums, inputRow, slice, rows)
}

/** Outputs of hidden layer `lastLayer` from panels to output rows. */
function copyHiddenRows(job: Job, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    const from = panelAt(layer.output, slice, column, job.rowCapacity)
    storeRows(job.outputs, from, inputRow, rows, column, layer.outputs)
  }
}

function inferLastLayer(job: Job, batch: BatchPlan, sums: usize, inputRow: i32, slice: i32, rows: i32): void {
  const index = job.lastLayer
  const layer = layerAt(job, index)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  if (layer.activation === ACTIVATION_SOFTMAX) {
    const logits = sums + LOGITS_OFFSET
    for (let row = 0; row < rows; row += PAIR) {
      pairLogits(job, batch, sums, logits, slice + row)
      for (let r = 0; r < PAIR && row + r < rows; r++) {
        const at = logits + ((<usize>(r * paddedOutputs)) << 2)
        softmaxRow(at, layer.outputs)
        const to = <usize>job.outputs + ((<usize>(inputRow + row + r) * <usize>layer.outputs) << 2)
        memory.copy(to, at, (<usize>layer.outputs) << 2)
      }
    }
    return
  }
  const losses = <usize>job.rowLosses + ((<usize>slice) << 5)
  memory.fill(losses, 0, (<usize>roundUp(rows, PAIR)) << 5)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let first = 0; first < rows; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, rows)
      forwardSums(job, batch, index, sums, slice + first, slice + end, column / PANEL)
      finishSigmoid(layer, sums, end - first, column)
      if (job.outputs !== 0)
        storeRows(job.outputs, sums, inputRow + first, end - first, column, layer.outputs)
      if (job.rowErrors !== 0) {
        const target = panelAt(batch.target, slice + first, column, job.rowCapacity)
        if (column + PANEL > layer.outputs) {
          clearMissing(sums, target, end - first, end - first, layer.outputs - column)
        }
        addSquaredErrors(sums, target, end - first, losses + ((<usize>first) << 5))
      }
    }
  }
  if (job.rowErrors === 0) return
  for (let row = 0; row < rows; row++) {
    let sum: f64 = 0
    for (let lane: usize = 0; lane < 32; lane += 4) sum += <f64>load<f32>(losses + ((<usize>row) << 5) + lane)
    store<f32>(<usize>job.rowErrors + ((<usize>(inputRow + row)) << 2), <f32>(sum / <f64>layer.outputs))
  }
}
