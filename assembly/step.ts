/**
 * The phases of a training step and of inference, each for a range of rows (images) or of panels: which worker calls them, and
 * when, is `schedule.ts`. Forward reads as the network, backward as its mirror.
 */
import { adam, adamSecondMomentScale, adamStepSize } from './adam'
import { gatherCodesQuad, gatherInferenceQuad } from './gather'
import { gemmTile, spmmTile } from './gemm'
import { clearRows, storeRows, storeTransposedQuad } from './layouts'
import {
  ACTIVATION_SOFTMAX,
  BatchPlan,
  batchAt,
  Job,
  LayerPlan,
  layerAt,
  PANEL,
  QUAD,
  roundUp,
  rowsOfStep,
} from './plan'
import { crossEntropyRow, softmaxRow } from './softmax'
import {
  addSquaredErrors,
  clearMissing,
  finishHidden,
  finishInputGradient,
  finishSigmoid,
  finishSquaredError,
  panelAt,
  storeDelta,
} from './tiles'

/** The tile of sums x Wᵀ for quad `quad` of rows and panel `panel` of outputs of layer `index`. */
function forwardTile(job: Job, batch: BatchPlan, index: i32, tile: usize, quad: i32, panel: i32): void {
  const layer = layerAt(job, index)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const list = <usize>(quad * paddedInputs)
  let counts = batch.rowCounts
  let offsets = batch.rowOffsets
  let values = batch.rowValues
  if (index > 0) {
    const before = layerAt(job, index - 1)
    counts = before.outputCounts
    offsets = before.outputOffsets
    values = before.outputValues
  }
  spmmTile(
    job.wideTile !== 0,
    tile,
    <usize>values + (list << 4),
    <usize>offsets + (list << 2),
    <usize>layer.weight + ((<usize>(panel * paddedInputs)) << 6),
    load<i32>(<usize>counts + ((<usize>quad) << 2)),
  )
}

/** Hidden layer `index` for rows [row0, row1): y = f(x Wᵀ + b). Panels outside: a panel of weights serves all rows from cache. */
export function forwardHidden(
  job: Job,
  batch: BatchPlan,
  index: i32,
  tile: usize,
  row0: i32,
  row1: i32,
): void {
  const layer = layerAt(job, index)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let row = row0; row < row1; row += QUAD) {
      forwardTile(job, batch, index, tile, row / QUAD, column / PANEL)
      finishHidden(job, layer, tile, row, column, paddedOutputs)
    }
  }
}

/** Last layer for rows [row0, row1) of a minibatch of `rows`: outputs, loss of each row, and δ. */
export function forwardLoss(job: Job, batch: BatchPlan, step: i32, tile: usize, row0: i32, row1: i32): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const rows = rowsOfStep(job, step)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  memory.fill(<usize>job.rowLosses + ((<usize>row0) << 6), 0, (<usize>(row1 - row0)) << 6)
  if (layer.activation === ACTIVATION_SOFTMAX) {
    forwardCrossEntropy(job, batch, step, tile, row0, row1)
    return
  }
  const scale = <f32>(2.0 / (<f64>rows * <f64>layer.outputs))
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let row = row0; row < row1; row += QUAD) {
      forwardTile(job, batch, index, tile, row / QUAD, column / PANEL)
      finishSquaredError(job, layer, tile, batch.target, row, rows, column, paddedOutputs, scale)
    }
  }
}

/** Logits of `layer` for one quad of rows as rows [4][⌈O⌉] at `logits`. */
function quadLogits(job: Job, batch: BatchPlan, index: i32, tile: usize, logits: usize, row: i32): void {
  const layer = layerAt(job, index)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    forwardTile(job, batch, index, tile, row / QUAD, column / PANEL)
    for (let r = 0; r < QUAD; r++) {
      for (let v: usize = 0; v < 64; v += 16) {
        const bias = v128.load(<usize>layer.bias + ((<usize>column) << 2) + v)
        const sum = v128.load(tile + ((<usize>r) << 6) + v)
        v128.store(logits + ((<usize>(r * paddedOutputs + column)) << 2) + v, f32x4.add(sum, bias))
      }
    }
  }
}

/** Where the logits of a worker's quad lie: behind its tile scratch, [4][⌈O⌉]. */
const LOGITS_OFFSET: usize = 4096

function forwardCrossEntropy(job: Job, batch: BatchPlan, step: i32, tile: usize, row0: i32, row1: i32): void {
  const index = job.layerCount - 1
  const layer = layerAt(job, index)
  const rows = rowsOfStep(job, step)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const logits = tile + LOGITS_OFFSET
  const first = step * job.batchSize
  for (let row = row0; row < row1; row += QUAD) {
    quadLogits(job, batch, index, tile, logits, row)
    for (let r = 0; r < QUAD; r++) {
      const at = logits + ((<usize>(r * paddedOutputs)) << 2)
      if (row + r < rows) {
        const image = load<u32>(<usize>job.order + ((<usize>(first + row + r)) << 2))
        softmaxRow(at, layer.outputs)
        const loss = crossEntropyRow(
          at,
          layer,
          load<u8>(<usize>job.labels + <usize>image),
          <f32>(1.0 / <f64>rows),
        )
        store<f32>(<usize>job.rowLosses + ((<usize>(row + r)) << 6), loss)
      } else {
        memory.fill(at, 0, (<usize>paddedOutputs) << 2)
      }
    }
    for (let column = 0; column < paddedOutputs; column += PANEL) {
      for (let r = 0; r < QUAD; r++) {
        memory.copy(tile + ((<usize>r) << 6), logits + ((<usize>(r * paddedOutputs + column)) << 2), 64)
      }
      storeDelta(job, layer, tile, row, column, paddedOutputs)
    }
  }
}

/**
 * Tiles that a worker's scratch holds. Adam takes so many at a time: enough for the processor to see that parameters and moments
 * are read in order and to fetch ahead, few enough to stay in the first cache.
 */
const SCRATCH_TILES: i32 = 16
/** Rows of a panel that stay in the first cache, 32 KiB, while every quad of rows meets them. */
const CACHED_ROWS: i32 = 512

/** δ of layer `index` − 1 from δ of layer `index` for rows [row0, row1): δ W, times the derivative of the activation. */
export function backwardInput(job: Job, index: i32, tile: usize, row0: i32, row1: i32): void {
  const layer = layerAt(job, index)
  const before = layerAt(job, index - 1)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const wide = job.wideTile !== 0
  const stretches = roundUp(layer.outputs, CACHED_ROWS) / CACHED_ROWS
  const stretch = (layer.outputs + stretches - 1) / stretches
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const weights = <usize>layer.weightT + ((<usize>((column / PANEL) * paddedOutputs)) << 6)
    for (let first = row0; first < row1; first += SCRATCH_TILES * QUAD) {
      const end = min(first + SCRATCH_TILES * QUAD, row1)
      clearRows(tile, (<usize>(end - first)) << 6)
      for (let k = 0; k < layer.outputs; k += stretch) {
        for (let row = first; row < end; row += QUAD) {
          const deltas = <usize>layer.deltaRows + ((<usize>((row / QUAD) * paddedOutputs + k)) << 4)
          const sums = tile + ((<usize>(row - first)) << 6)
          gemmTile(wide, sums, deltas, weights + ((<usize>k) << 6), min(stretch, layer.outputs - k))
        }
      }
      for (let row = first; row < end; row += QUAD) {
        finishInputGradient(job, before, tile + ((<usize>(row - first)) << 6), row, column, paddedInputs)
      }
    }
  }
}

/**
 * Weight gradient and Adam for panel `panel` of layer `index`, some tiles at a time: the gradient of a 4 × 16 block of Wᵀ is one tile of
 * Σ over all rows of x ⊗ δ, and is used up while it is in cache; no gradient is ever stored.
 */
export function updatePanel(
  job: Job,
  batch: BatchPlan,
  index: i32,
  step: i32,
  tile: usize,
  panel: i32,
): void {
  const layer = layerAt(job, index)
  const rows = roundUp(rowsOfStep(job, step), QUAD)
  const t = job.adamSteps + step - job.firstStep + 1
  const stepSize = adamStepSize(job.learningRate, t)
  const scale = adamSecondMomentScale(t)
  const wide = job.wideTile !== 0
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const deltas = <usize>layer.delta + ((<usize>(panel * job.rowCapacity)) << 6)
  const quads = roundUp(layer.inputs, QUAD) / QUAD
  for (let first = 0; first < quads; first += SCRATCH_TILES) {
    const count = min(SCRATCH_TILES, quads - first)
    for (let i = 0; i < count; i++) {
      const quad = first + i
      const list = quad * job.rowCapacity
      const gradient = tile + ((<usize>i) << 8)
      if (index === 0) {
        spmmTile(
          wide,
          gradient,
          <usize>batch.columnValues + ((<usize>list) << 4),
          <usize>batch.columnOffsets + ((<usize>list) << 2),
          deltas,
          load<i32>(<usize>batch.columnCounts + ((<usize>quad) << 2)),
        )
      } else {
        clearRows(gradient, 256)
        gemmTile(
          wide,
          gradient,
          <usize>layerAt(job, index - 1).outputColumns + ((<usize>list) << 4),
          deltas,
          rows,
        )
      }
    }
    const block = (<usize>(panel * paddedInputs + first * QUAD)) << 6
    const weights = <usize>layer.weight + block
    const vectors = count * QUAD * 4
    adam(
      weights,
      tile,
      <usize>layer.weightM + block,
      <usize>layer.weightV + block,
      vectors,
      job.weightDecay,
      stepSize,
      scale,
    )
    if (index > 0) {
      for (let i = 0; i < count; i++) {
        storeTransposedWeights(layer, weights + ((<usize>i) << 8), panel, first + i, paddedOutputs)
      }
    }
  }
  sumDeltas(tile, deltas, rows)
  const block = (<usize>panel) << 6
  adam(
    <usize>layer.bias + block,
    tile,
    <usize>layer.biasM + block,
    <usize>layer.biasV + block,
    4,
    job.weightDecay,
    stepSize,
    scale,
  )
}

/** A 4 × 16 block of Wᵀ into the panels of W. */
function storeTransposedWeights(
  layer: LayerPlan,
  weights: usize,
  panel: i32,
  quad: i32,
  paddedOutputs: i32,
): void {
  // Input columns 4 · quad … + 3 lie in panel quad / 4 of W, at lane 4 · (quad mod 4); outputs are its rows.
  const to =
    <usize>layer.weightT +
    ((<usize>((quad >> 2) * paddedOutputs + panel * PANEL)) << 6) +
    ((<usize>(quad & 3)) << 4)
  for (let v: usize = 0; v < 4; v++) storeTransposedQuad(to + (v << 8), 64, weights, v)
}

/** Bias gradient of a panel: Σ over rows of δ, to out[16]. */
function sumDeltas(out: usize, deltas: usize, rows: i32): void {
  let s0 = f32x4.splat(0),
    s1 = f32x4.splat(0),
    s2 = f32x4.splat(0),
    s3 = f32x4.splat(0)
  const end = deltas + ((<usize>rows) << 6)
  while (deltas < end) {
    s0 = f32x4.add(s0, v128.load(deltas))
    s1 = f32x4.add(s1, v128.load(deltas, 16))
    s2 = f32x4.add(s2, v128.load(deltas, 32))
    s3 = f32x4.add(s3, v128.load(deltas, 48))
    deltas += 64
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
  v128.store(out, s2, 32)
  v128.store(out, s3, 48)
}

/** Mean loss of a minibatch from its rows' sums, in float64 and in the order of the rows. */
export function batchLoss(job: Job, step: i32): f64 {
  const layer = layerAt(job, job.layerCount - 1)
  const rows = rowsOfStep(job, step)
  let sum: f64 = 0
  for (let i = 0; i < rows * PANEL; i++) sum += <f64>load<f32>(<usize>job.rowLosses + ((<usize>i) << 2))
  const terms = layer.activation === ACTIVATION_SOFTMAX ? <f64>rows : <f64>rows * <f64>layer.outputs
  return sum / terms
}

/**
 * Inference for input rows [inputRow, inputRow + sliceRows) in the worker's own slice of the activation buffers, which begins at
 * row `slice`: layers firstLayer … lastLayer, then outputs and row errors as the job wants them.
 */
export function inferRows(job: Job, tile: usize, inputRow: i32, slice: i32): void {
  const batch = batchAt(job, 0)
  const rows = min(job.sliceRows, job.rows - inputRow)
  const row1 = slice + roundUp(rows, QUAD)
  for (let row = slice; row < row1; row += QUAD) {
    if (job.firstLayer === 0) gatherInferenceQuad(job, batch, inputRow + row - slice, row)
    else gatherCodesQuad(job, tile, inputRow + row - slice, row)
  }
  for (let index = job.firstLayer; index <= job.lastLayer; index++) {
    if (index < job.layerCount - 1) forwardHidden(job, batch, index, tile, slice, row1)
  }
  if (job.lastLayer < job.layerCount - 1) copyHiddenRows(job, inputRow, slice, rows)
  else inferLastLayer(job, batch, tile, inputRow, slice, row1)
}

/** Outputs of hidden layer `lastLayer` from column quads to output rows. */
function copyHiddenRows(job: Job, inputRow: i32, slice: i32, rows: i32): void {
  const layer = layerAt(job, job.lastLayer)
  for (let r = 0; r < rows; r++) {
    const from = <usize>layer.outputColumns + ((<usize>(slice + r)) << 4)
    const to = <usize>job.outputs + ((<usize>(inputRow + r) * <usize>layer.outputs) << 2)
    for (let o = 0; o < layer.outputs; o++) {
      const quad = (<usize>((o >> 2) * job.rowCapacity)) << 4
      store<f32>(to + ((<usize>o) << 2), load<f32>(from + quad + ((<usize>(o & 3)) << 2)))
    }
  }
}

function inferLastLayer(job: Job, batch: BatchPlan, tile: usize, inputRow: i32, slice: i32, row1: i32): void {
  const index = job.lastLayer
  const layer = layerAt(job, index)
  const paddedOutputs = roundUp(layer.outputs, PANEL)
  const shift = inputRow - slice
  if (layer.activation === ACTIVATION_SOFTMAX) {
    const logits = tile + LOGITS_OFFSET
    for (let row = slice; row < row1; row += QUAD) {
      quadLogits(job, batch, index, tile, logits, row)
      for (let r = 0; r < QUAD && row + shift + r < job.rows; r++) {
        const at = logits + ((<usize>(r * paddedOutputs)) << 2)
        softmaxRow(at, layer.outputs)
        const to = <usize>job.outputs + ((<usize>(row + shift + r) * <usize>layer.outputs) << 2)
        memory.copy(to, at, (<usize>layer.outputs) << 2)
      }
    }
    return
  }
  const losses = <usize>job.rowLosses
  memory.fill(losses + ((<usize>slice) << 6), 0, (<usize>(row1 - slice)) << 6)
  for (let column = 0; column < paddedOutputs; column += PANEL) {
    for (let row = slice; row < row1; row += QUAD) {
      forwardTile(job, batch, index, tile, row / QUAD, column / PANEL)
      finishSigmoid(layer, tile, column)
      if (job.outputs !== 0) storeRows(job.outputs, tile, row + shift, job.rows, column, layer.outputs)
      if (job.rowErrors !== 0) {
        const target = panelAt(batch.target, row, column, job.rowCapacity)
        if (column + PANEL > layer.outputs) clearMissing(tile, target, QUAD, layer.outputs - column)
        addSquaredErrors(tile, target, losses + ((<usize>row) << 6))
      }
    }
  }
  if (job.rowErrors === 0) return
  for (let row = slice; row < row1 && row + shift < job.rows; row++) {
    let sum: f64 = 0
    for (let lane: usize = 0; lane < 64; lane += 4) sum += <f64>load<f32>(losses + ((<usize>row) << 6) + lane)
    store<f32>(<usize>job.rowErrors + ((<usize>(row + shift)) << 2), <f32>(sum / <f64>layer.outputs))
  }
}
