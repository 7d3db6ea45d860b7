/** The last layer of a training step: outputs, the loss of each row and of a minibatch, and δ. */
import { judgeOutputs, outputDelta } from '../kernels/losses'
import { crossEntropyRow, softmaxRow } from '../kernels/softmax'
import { storeDeltaPairs } from '../operands/deltas'
import { copyRows, panelAt } from '../operands/layouts'
import { LOSS_CROSS_ENTROPY } from '../plan/codes'
import { floatAt, LOSS_LANES, lossRowAt, PAIR, PANEL, padded, ROW, wordAt } from '../plan/sizes'
import { BatchPlan, Job, layerAt, rowsOfStep } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'
import { CHUNK_ROWS, forwardSums, logitsOf, pairLogits } from './forward'

/** Last layer for the worker's rows: outputs, loss of each row, and δ. */
export function forwardLoss(job: Job, batch: BatchPlan, worker: Worker): void {
  const losses = lossRowAt(job.rowLosses, worker.row0)
  memory.fill(losses, 0, lossRowAt(0, worker.row1 - worker.row0))
  if (job.loss === LOSS_CROSS_ENTROPY) classLosses(job, batch, worker)
  else reconstructionLosses(job, batch, worker)
}

function reconstructionLosses(job: Job, batch: BatchPlan, worker: Worker): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const rows = rowsOfStep(job, worker.step)
  const terms = <f64>rows * <f64>layer.outputs
  const row1 = worker.row1
  const sums = scratchOf(worker)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = worker.row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      const count = end - first
      forwardSums(job, batch, index, column / PANEL, sums, first, end)
      const target = panelAt(batch.target, first, column, job.rowCapacity)
      const losses = lossRowAt(job.rowLosses, first)
      judgeOutputs(layer, job.loss, sums, target, losses, count, rows - first, column)
      const delta = panelAt(layer.delta, first, column, job.rowCapacity)
      outputDelta(layer, job.loss, delta, sums, target, count, terms)
      storeDeltaPairs(layer, delta, first, end, column)
    }
  }
}

function classLosses(job: Job, batch: BatchPlan, worker: Worker): void {
  const layer = layerAt(job, job.layerCount - 1)
  const rows = rowsOfStep(job, worker.step)
  const scale = <f32>(1.0 / <f64>rows)
  const all = padded(layer.outputs)
  const logits = logitsOf(worker)
  const order = wordAt(job.order, worker.step * job.batchSize)
  for (let row = worker.row0; row < worker.row1; row += PAIR) {
    pairLogits(job, batch, worker, row)
    for (let r = 0; r < PAIR; r++) {
      const at = floatAt(logits, r * all)
      if (row + r < rows) {
        const label = load<u8>(<usize>job.labels + <usize>load<u32>(wordAt(order, row + r)))
        softmaxRow(at, layer.outputs)
        store<f32>(lossRowAt(job.rowLosses, row + r), crossEntropyRow(at, layer.outputs, label, scale))
      } else {
        memory.fill(at, 0, floatAt(0, all))
      }
    }
    for (let column = 0; column < layer.outputs; column += PANEL) {
      const delta = panelAt(layer.delta, row, column, job.rowCapacity)
      copyRows(delta, floatAt(logits, column), ROW)
      copyRows(delta + ROW, floatAt(logits, all + column), ROW)
      storeDeltaPairs(layer, delta, row, row + PAIR, column)
    }
  }
}

/** Sum of one row's partial losses, in float64 and in their order. */
export function rowLoss(losses: usize): f64 {
  let sum: f64 = 0
  for (let lane = 0; lane < LOSS_LANES; lane++) sum += <f64>load<f32>(floatAt(losses, lane))
  return sum
}

/** Mean loss of a minibatch from its rows' partial losses, in float64 and in their order. */
export function batchLoss(job: Job, step: i32): f64 {
  const rows = rowsOfStep(job, step)
  let sum: f64 = 0
  for (let i = 0; i < rows * LOSS_LANES; i++) sum += <f64>load<f32>(floatAt(job.rowLosses, i))
  const outputs = layerAt(job, job.layerCount - 1).outputs
  return sum / (job.loss === LOSS_CROSS_ENTROPY ? <f64>rows : <f64>rows * <f64>outputs)
}
