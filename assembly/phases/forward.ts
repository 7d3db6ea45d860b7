/**
 * The forward pass, alike in training and in inference: sums of a layer, hidden layers, and the logits of a
 * last one.
 */
import { addBias, finishHidden } from '../kernels/activations'
import { gemmTile, spmmTile, tileFor } from '../kernels/tiles'
import { clearRows, copyRows, panelAt } from '../operands/layouts'
import { listColumns, rowMark, rowMarkBytes } from '../operands/lists'
import { extendOperand, isDense, rowPairsAt } from '../operands/operand'
import { isPairingStep, pairingOf, pairUnits } from '../operands/pairing'
import {
  BLOCK_ROWS,
  DENSE_BLOCK_ROWS,
  floatAt,
  PAIR,
  PAIR_BYTES,
  PAIR_ROWS,
  PANEL,
  padded,
  ROW,
  roundUp,
  rowAt,
  WORD,
} from '../plan/sizes'
import { BatchPlan, Job, layerAt, Operand, operandAt } from '../plan/structures'
import { scratchOf, Worker } from '../plan/worker'

/**
 * Rows whose sums a worker's scratch holds while all blocks of a panel pass: 10 kB, beside a block of 32 kB.
 */
export const CHUNK_ROWS: i32 = 64
/** Bytes of scratch of a chunk's sums. */
export const FORWARD_SCRATCH: usize = <usize>CHUNK_ROWS * ROW

/** Where a pair of rows of logits lies, [2][⌈O⌉]: after the sums. */
export function logitsOf(worker: Worker): usize {
  return scratchOf(worker) + FORWARD_SCRATCH
}

/** Bytes of scratch of sums and of a pair of rows of `outputs` logits. */
export function logitsScratch(outputs: i32): usize {
  return FORWARD_SCRATCH + <usize>padded(outputs) * PAIR_BYTES
}

/**
 * Sums x Wᵀ of rows [row0, row1), at most CHUNK_ROWS, for one panel of outputs of layer `index`, to sums[row1
 * − row0][40].
 */
export function forwardSums(
  job: Job,
  batch: BatchPlan,
  index: i32,
  panel: i32,
  sums: usize,
  row0: i32,
  row1: i32,
): void {
  const layer = layerAt(job, index)
  const x = operandAt(job, batch, index)
  const tile = tileFor(job.wideTile !== 0, layer.outputs - panel * PANEL)
  const weights = rowAt(layer.weight, panel * padded(layer.inputs))
  clearRows(sums, rowAt(0, roundUp(row1 - row0, PAIR)))
  if (isDense(x)) {
    for (let column = 0; column < layer.inputs; column += DENSE_BLOCK_ROWS) {
      addDenseSums(tile, x, column, weights, sums, row0, row1)
    }
  } else {
    for (let column = 0; column < layer.inputs; column += BLOCK_ROWS) {
      addListedSums(tile, x, column, weights, sums, row0, row1)
    }
  }
}

/** The part of `forwardSums` that a block of inputs from `column` on gives. */
function addListedSums(
  tile: i32,
  x: Operand,
  column: i32,
  weights: usize,
  sums: usize,
  row0: i32,
  row1: i32,
): void {
  let mark = rowMark(x, row0 / PAIR, column / BLOCK_ROWS)
  const nextPair = rowMarkBytes(x)
  for (let row = row0; row < row1; row += PAIR) {
    spmmTile(tile, sums, sums + ROW, load<u32>(mark), load<u32>(mark, WORD), weights)
    mark += nextPair
    sums += PAIR_ROWS
  }
}

function addDenseSums(
  tile: i32,
  x: Operand,
  column: i32,
  weights: usize,
  sums: usize,
  row0: i32,
  row1: i32,
): void {
  const terms = min(DENSE_BLOCK_ROWS, x.columns - column)
  let pairs = rowPairsAt(x, row0, column)
  const nextPair = rowPairsAt(x, PAIR, 0) - rowPairsAt(x, 0, 0)
  const from = rowAt(weights, column)
  for (let row = row0; row < row1; row += PAIR) {
    gemmTile(tile, sums, pairs, PAIR_BYTES, from, terms)
    pairs += nextPair
    sums += PAIR_ROWS
  }
}

/**
 * Hidden layer `index` for the worker's rows: y = f(x Wᵀ + b) as the next layer reads it; and as column lists
 * where they are wanted. Panels outside: a panel of weights serves all rows from cache.
 */
export function forwardHidden(job: Job, batch: BatchPlan, index: i32, worker: Worker): void {
  const layer = layerAt(job, index)
  const output = layer.output
  const row0 = worker.row0
  const row1 = worker.row1
  const sums = scratchOf(worker)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    for (let first = row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      forwardSums(job, batch, index, column / PANEL, sums, first, end)
      const to = panelAt(output.panels, first, column, job.rowCapacity)
      finishHidden(layer, to, sums, end - first, column)
      for (let row = first; row < end; row += PAIR) {
        extendOperand(output, row, rowAt(to, row - first), column)
      }
    }
    if (worker.listsColumns && !isDense(output)) listShard(output, column, worker)
  }
}

/**
 * The column lists of one panel of outputs for the worker's shard; and now and then which columns share a
 * list from then on.
 */
function listShard(output: Operand, column: i32, worker: Worker): void {
  const step = worker.step
  const row0 = worker.row0
  const rows = worker.row1 - row0
  const panel = column / PANEL
  listColumns(output, pairingOf(output, step), panel, worker.shard, row0, max(rows, 0))
  // By the first shard's rows, for it always has some.
  if (worker.shard === 0 && isPairingStep(step)) {
    const values = panelAt(output.panels, row0, column, output.rowCapacity)
    pairUnits(output, step, panel, values, rows, scratchOf(worker))
  }
}

/** Logits of the last layer for rows row and row + 1, as rows [2][⌈O⌉] at `logitsOf`. */
export function pairLogits(job: Job, batch: BatchPlan, worker: Worker, row: i32): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const sums = scratchOf(worker)
  const logits = logitsOf(worker)
  for (let column = 0; column < layer.outputs; column += PANEL) {
    forwardSums(job, batch, index, column / PANEL, sums, row, row + PAIR)
    addBias(layer, sums, PAIR, column)
    copyRows(floatAt(logits, column), sums, ROW)
    copyRows(floatAt(logits, padded(layer.outputs) + column), sums + ROW, ROW)
  }
}
