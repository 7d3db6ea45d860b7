/** The forward pass, alike in training and in inference: sums of a layer, hidden layers, and the logits of a last one. */
import { spmmTile } from './gemm'
import { clearRows, copyRows } from './layouts'
import { extendRowList, listColumns, pairsOfPanel, rowMark } from './lists'
import { isPairingStep, pairingOf, pairUnits } from './pairing'
import { BatchPlan, BLOCK_ROWS, Job, layerAt, PAIR, PANEL, pieces, ROW, roundUp } from './plan'
import { addBias, finishHidden, panelAt } from './tiles'

/** Rows whose sums a worker's scratch holds while all blocks of a panel pass: 10 kB, beside a block of 32 kB. */
export const CHUNK_ROWS: i32 = 64
/** Where two rows of logits lie: behind the sums of a worker's scratch, [2][⌈O⌉]. */
export const LOGITS_OFFSET: usize = <usize>CHUNK_ROWS * ROW

/** Where the row lists of layer `index`'s inputs begin and end. */
function inputMarks(job: Job, batch: BatchPlan, index: i32): u32 {
  return index === 0 ? batch.rowMarks : layerAt(job, index - 1).rowMarks
}

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
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const marks = inputMarks(job, batch, index)
  const weights = <usize>layer.weight + <usize>(panel * paddedInputs) * ROW
  const blocks = pieces(paddedInputs, BLOCK_ROWS)
  const wide = job.wideTile !== 0
  clearRows(sums, <usize>roundUp(row1 - row0, PAIR) * ROW)
  for (let block = 0; block < blocks; block++) {
    for (let row = row0; row < row1; row += PAIR) {
      const mark = rowMark(marks, row / PAIR, paddedInputs, block)
      const tile = sums + <usize>(row - row0) * ROW
      spmmTile(wide, tile, tile + ROW, load<u32>(mark), load<u32>(mark, 4), weights)
    }
  }
}

/** For `forwardHidden`: nobody asks for the outputs' column lists. */
export const NO_SHARD: i32 = -1

/**
 * Hidden layer `index` for rows [row0, row1): y = f(x Wᵀ + b) as panels and row lists; and, in step `step`, as column lists of shard
 * `shard` for the weight gradient of the layer above. Panels outside: a panel of weights serves all rows from cache.
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
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let first = row0; first < row1; first += CHUNK_ROWS) {
      const end = min(first + CHUNK_ROWS, row1)
      forwardSums(job, batch, index, sums, first, end, column / PANEL)
      const output = panelAt(layer.output, first, column, job.rowCapacity)
      finishHidden(layer, output, sums, end - first, column)
      for (let row = first; row < end; row += PAIR) {
        const rows = output + <usize>(row - first) * ROW
        extendRowList(layer.rowLists, layer.rowMarks, row / PAIR, paddedOutputs, rows, column)
      }
    }
    if (shard !== NO_SHARD) {
      listColumns(
        layer.columnLists,
        layer.columnEnds,
        layer.output,
        pairingOf(layer, step),
        column / PANEL,
        pairsOfPanel(layer.outputs, column / PANEL),
        shard,
        job.shards,
        row0,
        max(row1 - row0, 0),
        job.rowCapacity,
      )
      // By the first shard's images, for it always has some.
      if (shard === 0 && isPairingStep(step)) {
        const rows = panelAt(layer.output, row0, column, job.rowCapacity)
        pairUnits(layer, step, column / PANEL, rows, row1 - row0, sums)
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
