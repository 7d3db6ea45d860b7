/**
 * From images as bytes to the operands of the first layer: a pair of images becomes floats (value / 255, plus noise on the
 * input), and the lists of what is not zero, by pair of images for the forward product and by pair of pixels for the weight
 * gradient. MNIST is 81 % zeros.
 */
import { clearRows, copyRows } from './layouts'
import { extendRowList, listColumns, pairsOfPanel } from './lists'
import { NEIGHBOURS } from './pairing'
import {
  BatchPlan,
  INPUT_BYTES,
  Job,
  LayerPlan,
  layerAt,
  PAIR,
  PAIR_ROWS,
  PANEL,
  pieces,
  ROW,
  roundUp,
  SEGMENT_ROWS,
} from './plan'
import { DRAWS, normals16 } from './random'
import { panelAt } from './tiles'

const BYTE_SCALE: f32 = 255.0
/** Bytes that are converted at a time; rows of bytes are padded to whole groups. */
const BYTE_GROUP: usize = 8

/** `count` ≤ 40 bytes, in whole groups, → 40 floats value / 255 at out, rounded as one division; zero beyond. */
function unitFloats40(out: usize, bytes: usize, count: i32): void {
  const scale = f32x4.splat(BYTE_SCALE)
  const end = out + ROW
  for (const last = bytes + <usize>count; bytes < last; bytes += BYTE_GROUP) {
    const words = v128.load_ext<u8>(bytes)
    const low = f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(words)), scale)
    const high = f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(words)), scale)
    v128.store(out, high, 16)
    v128.store(out, low)
    out += 32
  }
  if (out < end) memory.fill(out, 0, end - out)
}

/** Whether any of `count` bytes, in whole groups, is not zero. */
function anyByte(bytes: usize, count: i32): bool {
  let any: u64 = 0
  for (const last = bytes + <usize>count; bytes < last; bytes += BYTE_GROUP) any |= load<u64>(bytes)
  return any !== 0
}

/** The normal numbers of one image, one for each of `inputs` pixels and some more, to out. `scratch` holds 16 floats. */
function imageNormals(out: usize, scratch: usize, inputs: i32, image: u32, job: Job): void {
  for (let pixel = 0; pixel < inputs; pixel += DRAWS) {
    normals16(out + ((<usize>pixel) << 2), scratch, pixel, image, job.epoch, job.seed)
  }
}

/** x[n] ← clip(x + σ normal, 0, 1) for the first n of 40. */
function addNoise(x: usize, normals: usize, n: i32, sigma: f32): void {
  const sigmas = f32x4.splat(sigma)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at = (<usize>i) << 2
    const noisy = f32x4.add(v128.load(x + at), f32x4.mul(sigmas, v128.load(normals + at)))
    v128.store(x + at, f32x4.min(f32x4.max(noisy, f32x4.splat(0)), f32x4.splat(1)))
  }
  for (; i < n; i++) {
    const at = (<usize>i) << 2
    store<f32>(x + at, min(max(load<f32>(x + at) + sigma * load<f32>(normals + at), <f32>0), <f32>1))
  }
}

/** Bytes of a row of `inputs` bytes, padding included. */
function byteRow(inputs: i32): i32 {
  return roundUp(inputs, <i32>BYTE_GROUP)
}

function imageAt(job: Job, position: i32): usize {
  const image = load<u32>(<usize>job.order + ((<usize>position) << 2))
  return <usize>job.images + <usize>image * <usize>byteRow(layerAt(job, 0).inputs)
}

/**
 * Rows row and row + 1 of a minibatch from the training images `order[first + row …]`, of which `rows` exist in all: clean target,
 * noisy input where asked for, and its row list. `scratch` holds 16 floats and, for noise, two rows of ⌈I⌉ + 16.
 */
export function gatherTrainingPair(
  job: Job,
  batch: BatchPlan,
  scratch: usize,
  first: i32,
  row: i32,
  rows: i32,
): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const pair = row / PAIR
  const second = row + 1 < rows
  const image0 = imageAt(job, first + row)
  const image1 = second ? imageAt(job, first + row + 1) : 0
  const noisy = job.noiseStd > 0
  const normals0 = scratch + 64
  const normals1 = normals0 + ((<usize>(paddedInputs + DRAWS)) << 2)
  if (noisy) {
    const images = <usize>job.order + ((<usize>(first + row)) << 2)
    imageNormals(normals0, scratch, layer.inputs, load<u32>(images), job)
    if (second) imageNormals(normals1, scratch, layer.inputs, load<u32>(images, 4), job)
  }
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    const bytes0 = image0 + <usize>column
    const bytes1 = image1 + <usize>column
    const count = min(PANEL, byteRow(layer.inputs) - column)
    let seen = target
    if (!noisy && !anyByte(bytes0, count) && (!second || !anyByte(bytes1, count))) {
      clearRows(target, PAIR_ROWS)
      seen = 0
    } else {
      unitFloats40(target, bytes0, count)
      if (second) unitFloats40(target + ROW, bytes1, count)
      else memory.fill(target + ROW, 0, ROW)
      if (noisy) {
        seen = panelAt(batch.input, row, column, job.rowCapacity)
        copyRows(seen, target, PAIR_ROWS)
        const existing = min(PANEL, layer.inputs - column)
        const at = (<usize>column) << 2
        addNoise(seen, normals0 + at, existing, job.noiseStd)
        if (second) addNoise(seen + ROW, normals1 + at, existing, job.noiseStd)
      }
    }
    extendRowList(batch.rowLists, batch.rowMarks, pair, paddedInputs, seen, column)
  }
}

/** The column lists of the pixels of panel `panel`, over `rows` rows. */
export function listPixels(job: Job, batch: BatchPlan, panel: i32, rows: i32): void {
  const pairs = pairsOfPanel(layerAt(job, 0).inputs, panel)
  const segments = pieces(job.rowCapacity, SEGMENT_ROWS)
  for (let row = 0; row < rows; row += SEGMENT_ROWS) {
    listColumns(
      batch.columnLists,
      batch.columnEnds,
      batch.input,
      NEIGHBOURS,
      panel,
      pairs,
      row / SEGMENT_ROWS,
      segments,
      row,
      min(SEGMENT_ROWS, rows - row),
      job.rowCapacity,
    )
  }
}

/** 40 values of an inference row at `column`, zero where row or column does not exist, to out[40]. */
function loadInference40(job: Job, layer: LayerPlan, out: usize, row: i32, column: i32): void {
  if (row < job.rows && job.inputKind === INPUT_BYTES) {
    const rowBytes = byteRow(layer.inputs)
    const bytes = <usize>job.inputs + <usize>row * <usize>rowBytes + <usize>column
    unitFloats40(out, bytes, min(PANEL, rowBytes - column))
    return
  }
  memory.fill(out, 0, ROW)
  if (row >= job.rows) return
  const width = min(PANEL, layer.inputs - column)
  memory.copy(
    out,
    <usize>job.inputs + ((<usize>row * <usize>layer.inputs + <usize>column) << 2),
    (<usize>width) << 2,
  )
}

/** Rows inputRow and inputRow + 1 of the inference inputs as rows of the batch: target (the input itself) and row list. */
export function gatherInferencePair(job: Job, batch: BatchPlan, inputRow: i32, row: i32): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    loadInference40(job, layer, target, inputRow, column)
    loadInference40(job, layer, target + ROW, inputRow + 1, column)
    extendRowList(batch.rowLists, batch.rowMarks, row / PAIR, paddedInputs, target, column)
  }
}

/**
 * Rows inputRow and inputRow + 1 of the inference inputs as outputs of the layer before `firstLayer`: how codes enter the decoder.
 * `scratch` holds two rows of a panel.
 */
export function gatherCodesPair(job: Job, scratch: usize, inputRow: i32, row: i32): void {
  const entered = layerAt(job, job.firstLayer)
  const before = layerAt(job, job.firstLayer - 1)
  const paddedInputs = roundUp(entered.inputs, PANEL)
  for (let column = 0; column < paddedInputs; column += PANEL) {
    loadInference40(job, entered, scratch, inputRow, column)
    loadInference40(job, entered, scratch + ROW, inputRow + 1, column)
    extendRowList(before.rowLists, before.rowMarks, row / PAIR, paddedInputs, scratch, column)
  }
}
