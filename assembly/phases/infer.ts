/**
 * Inference: each worker runs all layers for a slice of rows of its own; who takes which rows is
 * `schedule.ts`.
 */
import { finishOutputs } from '../kernels/activations'
import { judgeOutputs } from '../kernels/losses'
import { crossEntropyRow, softmaxRow } from '../kernels/softmax'
import { gatherCodesPair, gatherInferencePair } from '../operands/gather'
import { panelAt, storeRows } from '../operands/layouts'
import { ACTIVATION_SOFTMAX } from '../plan/codes'
import { FLOAT, floatAt, lossRowAt, PAIR, PANEL, padded, roundUp } from '../plan/sizes'
import { BatchPlan, batchAt, Job, layerAt } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'
import { CHUNK_ROWS, forwardHidden, forwardSums, logitsOf, pairLogits } from './forward'
import { rowLoss } from './loss'

/**
 * Inference for input rows [inputRow, inputRow + sliceRows) in the worker's own slice of the activation
 * buffers, which begins at row `slice`: layers firstLayer … lastLayer, then outputs or losses as the job
 * wants them.
 */
export function inferRows(job: Job, worker: Worker, inputRow: i32, slice: i32): void {
  const batch = batchAt(job, 0)
  const rows = min(job.sliceRows, job.rowCount - inputRow)
  worker.row0 = slice
  worker.row1 = slice + roundUp(rows, PAIR)
  worker.listsColumns = 0
  for (let row = 0; row < rows; row += PAIR) {
    if (job.firstLayer === 0) gatherInferencePair(job, batch, inputRow + row, slice + row)
    else gatherCodesPair(job, scratchOf(worker), inputRow + row, slice + row)
  }
  const last = layerAt(job, job.lastLayer)
  for (let index = job.firstLayer; index <= job.lastLayer; index++) {
    if (index < job.layerCount - 1) forwardHidden(job, batch, index, worker)
  }
  if (job.lastLayer < job.layerCount - 1) copyHiddenRows(job, inputRow, slice, rows)
  else if (last.activation === ACTIVATION_SOFTMAX) inferClasses(job, batch, worker, inputRow, rows)
  else if (job.losses !== 0) inferLosses(job, batch, worker, inputRow, rows)
  else inferOutputs(job, batch, worker, inputRow, rows)
}

/** Outputs of hidden layer `lastLayer` from panels to output rows. */
function copyHiddenRows(job: Job, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    const from = panelAt(layer.output.panels, slice, column, job.rowCapacity)
    storeRows(job.outputs, from, inputRow, rows, column, layer.outputs)
  }
}

/** Probabilities, or the cross-entropy of each row against its label. */
function inferClasses(job: Job, batch: BatchPlan, worker: Worker, inputRow: i32, rows: i32): void {
  const outputs = layerAt(job, job.lastLayer).outputs
  const logits = logitsOf(worker)
  for (let row = 0; row < rows; row += PAIR) {
    pairLogits(job, batch, worker, worker.row0 + row)
    for (let r = 0; r < PAIR && row + r < rows; r++) {
      const at = floatAt(logits, r * padded(outputs))
      const index = inputRow + row + r
      softmaxRow(at, outputs)
      if (job.losses !== 0) {
        const label = load<u8>(<usize>job.labels + <usize>index)
        store<f32>(floatAt(job.losses, index), crossEntropyRow(at, outputs, label, 1))
      } else {
        memory.copy(<usize>job.outputs + <usize>index * <usize>outputs * FLOAT, at, floatAt(0, outputs))
      }
    }
  }
}

function inferOutputs(job: Job, batch: BatchPlan, worker: Worker, inputRow: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  const sums = scratchOf(worker)
  const slice = worker.row0
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = 0; first < rows; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, rows)
      forwardSums(job, batch, job.lastLayer, column / PANEL, sums, slice + first, slice + end)
      finishOutputs(layer, sums, end - first, column)
      storeRows(job.outputs, sums, inputRow + first, end - first, column, layer.outputs)
    }
  }
}

/** Loss of each row against the row itself. */
function inferLosses(job: Job, batch: BatchPlan, worker: Worker, inputRow: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  const sums = scratchOf(worker)
  const slice = worker.row0
  const losses = lossRowAt(job.rowLosses, slice)
  memory.fill(losses, 0, lossRowAt(0, roundUp(rows, PAIR)))
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = 0; first < rows; first += CHUNK_ROWS) {
      const count = min(CHUNK_ROWS, rows - first)
      forwardSums(job, batch, job.lastLayer, column / PANEL, sums, slice + first, slice + first + count)
      const target = panelAt(batch.target, slice + first, column, job.rowCapacity)
      judgeOutputs(layer, job.loss, sums, target, lossRowAt(losses, first), count, count, column)
    }
  }
  for (let row = 0; row < rows; row++) {
    const mean = rowLoss(lossRowAt(losses, row)) / <f64>layer.outputs
    store<f32>(floatAt(job.losses, inputRow + row), <f32>mean)
  }
}
