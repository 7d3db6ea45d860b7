/** Inference: each worker runs all layers for a slice of rows of its own; who takes which rows is `schedule.ts`. */
import { CHUNK_ROWS, forwardHidden, forwardSums, LOGITS_OFFSET, NO_SHARD, pairLogits } from './forward'
import { gatherCodesPair, gatherInferencePair } from './gather'
import { storeRows } from './layouts'
import { ACTIVATION_SOFTMAX, BatchPlan, batchAt, Job, layerAt, PAIR, PANEL, roundUp } from './plan'
import { crossEntropyRow, softmaxRow } from './softmax'
import { finishOutputs, judgeOutputs, panelAt } from './tiles'

/**
 * Inference for input rows [inputRow, inputRow + sliceRows) in the worker's own slice of the activation buffers, which begins at
 * row `slice`: layers firstLayer … lastLayer, then outputs or losses as the job wants them.
 */
export function inferRows(job: Job, sums: usize, inputRow: i32, slice: i32): void {
  const batch = batchAt(job, 0)
  const rows = min(job.sliceRows, job.rowCount - inputRow)
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
    const from = panelAt(layer.output.panels, slice, column, job.rowCapacity)
    storeRows(job.outputs, from, inputRow, rows, column, layer.outputs)
  }
}

/** The last layer: outputs or losses of the rows, as the job wants them. */
function inferLastLayer(job: Job, batch: BatchPlan, sums: usize, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  if (layer.activation === ACTIVATION_SOFTMAX) inferClasses(job, batch, sums, inputRow, slice, rows)
  else if (job.losses !== 0) inferLosses(job, batch, sums, inputRow, slice, rows)
  else inferOutputs(job, batch, sums, inputRow, slice, rows)
}

/** Probabilities, or the cross-entropy of each row against its label. */
function inferClasses(job: Job, batch: BatchPlan, sums: usize, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const logits = sums + LOGITS_OFFSET
  for (let row = 0; row < rows; row += PAIR) {
    pairLogits(job, batch, sums, logits, slice + row)
    for (let r = 0; r < PAIR && row + r < rows; r++) {
      const at = logits + ((<usize>(r * paddedOutputs)) << 2)
      const index = <usize>(inputRow + row + r)
      softmaxRow(at, layer.outputs)
      if (job.losses !== 0) {
        const label = load<u8>(<usize>job.labels + index)
        store<f32>(<usize>job.losses + (index << 2), crossEntropyRow(at, layer, label, 1))
      } else {
        memory.copy(
          <usize>job.outputs + ((index * <usize>layer.outputs) << 2),
          at,
          (<usize>layer.outputs) << 2,
        )
      }
    }
  }
}

function inferOutputs(job: Job, batch: BatchPlan, sums: usize, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = 0; first < rows; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, rows)
      forwardSums(job, batch, job.lastLayer, sums, slice + first, slice + end, column / PANEL)
      finishOutputs(layer, sums, end - first, column)
      storeRows(job.outputs, sums, inputRow + first, end - first, column, layer.outputs)
    }
  }
}

/** Loss of each row against the row itself. */
function inferLosses(job: Job, batch: BatchPlan, sums: usize, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  const losses = <usize>job.rowLosses + ((<usize>slice) << 5)
  memory.fill(losses, 0, (<usize>roundUp(rows, PAIR)) << 5)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = 0; first < rows; first += CHUNK_ROWS) {
      const count = min(CHUNK_ROWS, rows - first)
      forwardSums(job, batch, job.lastLayer, sums, slice + first, slice + first + count, column / PANEL)
      const target = panelAt(batch.target, slice + first, column, job.rowCapacity)
      judgeOutputs(layer, job.loss, sums, target, losses + ((<usize>first) << 5), count, count, column)
    }
  }
  for (let row = 0; row < rows; row++) {
    let sum: f64 = 0
    for (let lane: usize = 0; lane < 32; lane += 4) sum += <f64>load<f32>(losses + ((<usize>row) << 5) + lane)
    store<f32>(<usize>job.losses + ((<usize>(inputRow + row)) << 2), <f32>(sum / <f64>layer.outputs))
  }
}
