/** The forward pass, alike in training and in inference: sums of a layer, hidden layers, and the logits of a last one. */
import { gemmTile, PAIR_BYTES, spmmTile } from './gemm'
import { clearRows, copyRows } from './layouts'
import { listColumns, rowMark } from './lists'
import { extendOperand, isDense, rowPairsAt } from './operand'
import { isPairingStep, pairingOf, pairUnits } from './pairing'
import {
  BatchPlan,
  BLOCK_ROWS,
  Job,
  layerAt,
  Operand,
  operandAt,
  PAIR,
  PAIR_ROWS,
  PANEL,
  ROW,
  roundUp,
} from './plan'
import { addBias, finishHidden, panelAt } from './tiles'

/** Rows whose sums a worker's scratch holds while all blocks of a panel pass: 10 kB, beside a block of 32 kB. */
export const CHUNK_ROWS: i32 = 64
/** Where two rows of logits lie: behind the sums of a worker's scratch, [2][⌈O⌉]. */
export const LOGITS_OFFSET: usize = <usize>CHUNK_ROWS * ROW

/** Sums x Wᵀ of rows [row0, row1), at most CHUNK_ROWS, for one panel of outputs of layer `index`, to sums[row1 − row0][40]. */
export function forwardSums(
  job: Job,
  batch: BatchPlan,
  index: i32,
  sums: usize,
  row0: i32,
  row1: i32,
  panel: i32,
): void {
  const layer = layerAt(job, index)
  const x = operandAt(job, batch, index)
  const wide = job.wideTile !== 0
  const weights = <usize>layer.weight + <usize>(panel * roundUp(layer.inputs, PANEL)) * ROW
  clearRows(sums, <usize>roundUp(row1 - row0, PAIR) * ROW)
  for (let column = 0; column < layer.inputs; column += BLOCK_ROWS) {
    if (isDense(x)) addDenseSums(wide, x, column, weights, sums, row0, row1)
    else addListedSums(wide, x, column, weights, sums, row0, row1)
  }
}

/** The part of `forwardSums` that a block of inputs from `column` on gives. */
function addListedSums(
  wide: bool,
  x: Operand,
  column: i32,
  weights: usize,
  sums: usize,
  row0: i32,
  row1: i32,
): void {
  let mark = rowMark(x, row0 / PAIR, column / BLOCK_ROWS)
  const nextPair = rowMark(x, 1, 0) - rowMark(x, 0, 0)
  for (let row = row0; row < row1; row += PAIR) {
    spmmTile(wide, sums, sums + ROW, load<u32>(mark), load<u32>(mark, 4), weights)
    mark += nextPair
    sums += PAIR_ROWS
  }
}

function addDenseSums(
  wide: bool,
  x: Operand,
  column: i32,
  weights: usize,
  sums: usize,
  row0: i32,
  row1: i32,
): void {
  const terms = min(BLOCK_ROWS, x.columns - column)
  let pairs = rowPairsAt(x, row0, column)
  const nextPair = rowPairsAt(x, PAIR, 0) - rowPairsAt(x, 0, 0)
  const from = weights + <usize>column * ROW
  for (let row = row0; row < row1; row += PAIR) {
    gemmTile(wide, sums, pairs, PAIR_BYTES, from, terms)
    pairs += nextPair
    sums += PAIR_ROWS
  }
}

/** For `forwardHidden`: nobody asks for the outputs' column lists. */
export const NO_SHARD: i32 = -1

/**
 * Hidden layer `index` for rows [row0, row1): y = f(x Wᵀ + b) as the next layer reads it; and, in step `step`, as column lists of
 * shard `shard` for the weight gradient of the next layer. Panels outside: a panel of weights serves all rows from cache.
 */
export function forwardHidden(
  job: Job,
  batch: BatchPlan,
  index: i32,
  sums: usize,
  row0: i32,
  row1: i32,
  step: i32,
  shard: i32,
): void {
  const layer = layerAt(job, index)
  const output = layer.output
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let first = row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      forwardSums(job, batch, index, sums, first, end, column / PANEL)
      const to = panelAt(output.panels, first, column, job.rowCapacity)
      finishHidden(layer, to, sums, end - first, column)
      for (let row = first; row < end; row += PAIR) {
        extendOperand(output, row, to + <usize>(row - first) * ROW, column)
      }
    }
    if (shard !== NO_SHARD && !isDense(output)) {
      const panel = column / PANEL
      listColumns(output, pairingOf(output, step), panel, shard, row0, max(row1 - row0, 0))
      // By the first shard's rows, for it always has some.
      if (shard === 0 && isPairingStep(step)) {
        pairUnits(
          output,
          step,
          panel,
          panelAt(output.panels, row0, column, job.rowCapacity),
          row1 - row0,
          sums,
        )
      }
    }
  }
}

/** Logits of the last layer for rows row and row + 1, as rows [2][⌈O⌉] at `logits`. */
export function pairLogits(job: Job, batch: BatchPlan, sums: usize, logits: usize, row: i32): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    forwardSums(job, batch, index, sums, row, row + PAIR, column / PANEL)
    addBias(layer, sums, PAIR, column)
    const to = logits + ((<usize>column) << 2)
    copyRows(to, sums, ROW)
    copyRows(to + ((<usize>paddedOutputs) << 2), sums + ROW, ROW)
  }
}
