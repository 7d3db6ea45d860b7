/**
 * From images as bytes to the operands of the first layer: a quad of images becomes floats (value / 255, plus noise on the
 * input), and the lists of what is not zero, by quad of images for the forward product and by quad of pixels for the weight
 * gradient. MNIST is 81 % zeros, and a product with zero changes no bit of a sum, so the lists alone are multiplied.
 */
import { appendToRowList, clearRows, copyTile } from './layouts'
import { BatchPlan, INPUT_BYTES, Job, LayerPlan, layerAt, PANEL, QUAD, roundUp } from './plan'
import { normals16 } from './random'
import { panelAt } from './tiles'

const BYTE_SCALE: f32 = 255.0

/** 16 bytes → 16 floats value / 255 at out, rounded as one division. */
function unitFloats16(out: usize, bytes: v128): void {
  const scale = f32x4.splat(BYTE_SCALE)
  const low = i16x8.extend_low_i8x16_u(bytes)
  const high = i16x8.extend_high_i8x16_u(bytes)
  v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), scale))
  v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), scale), 16)
  v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), scale), 32)
  v128.store(out, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), scale), 48)
}

/** x[16] ← clip(x + σ n, 0, 1) with the image's own normal numbers. `scratch` holds 32 floats. */
function addNoise16(x: usize, scratch: usize, pixel: i32, image: u32, job: Job): void {
  normals16(scratch, scratch + 64, pixel, image, job.epoch, job.seed)
  const sigma = f32x4.splat(job.noiseStd)
  for (let v: usize = 0; v < 64; v += 16) {
    const noisy = f32x4.add(v128.load(x + v), f32x4.mul(sigma, v128.load(scratch + v)))
    v128.store(x + v, f32x4.min(f32x4.max(noisy, f32x4.splat(0)), f32x4.splat(1)))
  }
}

/**
 * Rows row … row + 3 of a minibatch from the training images `order[first + row …]`, of which `rows` exist in all: clean target,
 * noisy input where asked for, and its row list. `scratch` holds 96 floats.
 */
export function gatherTrainingQuad(
  job: Job,
  batch: BatchPlan,
  scratch: usize,
  first: i32,
  row: i32,
  rows: i32,
): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const noisy = job.noiseStd > 0
  const quad = row / QUAD
  const list = <usize>(quad * paddedInputs)
  const values = <usize>batch.rowValues + (list << 4)
  const offsets = <usize>batch.rowOffsets + (list << 2)
  const none = i32x4.splat(0)
  const image0 = imageAt(job, first + row, paddedInputs)
  const image1 = row + 1 < rows ? imageAt(job, first + row + 1, paddedInputs) : 0
  const image2 = row + 2 < rows ? imageAt(job, first + row + 2, paddedInputs) : 0
  const image3 = row + 3 < rows ? imageAt(job, first + row + 3, paddedInputs) : 0
  let count = 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    const bytes0 = v128.load(image0 + <usize>column)
    const bytes1 = image1 !== 0 ? v128.load(image1 + <usize>column) : none
    const bytes2 = image2 !== 0 ? v128.load(image2 + <usize>column) : none
    const bytes3 = image3 !== 0 ? v128.load(image3 + <usize>column) : none
    if (!noisy && !v128.any_true(v128.or(v128.or(bytes0, bytes1), v128.or(bytes2, bytes3)))) {
      clearRows(target, 256)
      continue
    }
    unitFloats16(target, bytes0)
    unitFloats16(target + 64, bytes1)
    unitFloats16(target + 128, bytes2)
    unitFloats16(target + 192, bytes3)
    let seen = target
    if (noisy) {
      seen = panelAt(batch.input, row, column, job.rowCapacity)
      copyTile(seen, target)
      for (let r = 0; r < QUAD && row + r < rows; r++) {
        const image = load<u32>(<usize>job.order + ((<usize>(first + row + r)) << 2))
        addNoise16(seen + ((<usize>r) << 6), scratch, column, image, job)
      }
      if (column + PANEL > layer.inputs) clearPadding(seen, layer.inputs - column)
    }
    count = appendToRowList(values, offsets, count, seen, column)
  }
  store<i32>(<usize>batch.rowCounts + ((<usize>quad) << 2), count)
}

/** Columns from `existing` on become zero in the tile's four rows. */
function clearPadding(tile: usize, existing: i32): void {
  for (let r = 0; r < QUAD; r++) {
    for (let c = existing; c < PANEL; c++) store<f32>(tile + ((<usize>(r * PANEL + c)) << 2), 0)
  }
}

function imageAt(job: Job, position: i32, paddedInputs: i32): usize {
  const image = load<u32>(<usize>job.order + ((<usize>position) << 2))
  return <usize>job.images + <usize>image * <usize>paddedInputs
}

/** The column list of pixels 4 · pixelQuad … + 3 over `rows` rows. */
export function listColumnQuad(job: Job, batch: BatchPlan, pixelQuad: i32, rows: i32): void {
  const from = panelAt(batch.input, 0, pixelQuad * QUAD, job.rowCapacity) + ((<usize>(pixelQuad & 3)) << 4)
  const values = <usize>batch.columnValues + ((<usize>(pixelQuad * job.rowCapacity)) << 4)
  const offsets = <usize>batch.columnOffsets + ((<usize>(pixelQuad * job.rowCapacity)) << 2)
  let count = 0
  const end = (<usize>rows) << 6
  for (let offset: usize = 0; offset < end; offset += 64) {
    const quad = v128.load(from + offset)
    v128.store(values + ((<usize>count) << 4), quad)
    store<u32>(offsets + ((<usize>count) << 2), <u32>offset)
    count += i32(v128.any_true(quad))
  }
  store<i32>(<usize>batch.columnCounts + ((<usize>pixelQuad) << 2), count)
}

/** Sixteen values of an inference row at `column`, zero where row or column does not exist, to out[16]. */
function loadInference16(job: Job, layer: LayerPlan, out: usize, row: i32, column: i32): void {
  if (row >= job.rows) {
    memory.fill(out, 0, 64)
    return
  }
  if (job.inputKind === INPUT_BYTES) {
    const paddedInputs = roundUp(layer.inputs, PANEL)
    unitFloats16(out, v128.load(<usize>job.inputs + <usize>row * <usize>paddedInputs + <usize>column))
    return
  }
  memory.fill(out, 0, 64)
  const width = min(PANEL, layer.inputs - column)
  memory.copy(
    out,
    <usize>job.inputs + ((<usize>row * <usize>layer.inputs + <usize>column) << 2),
    (<usize>width) << 2,
  )
}

/** Rows inputRow … + 3 of the inference inputs as rows row … + 3 of the batch: target (the input itself) and row list. */
export function gatherInferenceQuad(job: Job, batch: BatchPlan, inputRow: i32, row: i32): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const quad = <usize>(row / QUAD)
  const list = quad * <usize>paddedInputs
  let count = 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    for (let r = 0; r < QUAD; r++)
      loadInference16(job, layer, target + ((<usize>r) << 6), inputRow + r, column)
    count = appendToRowList(
      <usize>batch.rowValues + (list << 4),
      <usize>batch.rowOffsets + (list << 2),
      count,
      target,
      column,
    )
  }
  store<i32>(<usize>batch.rowCounts + (quad << 2), count)
}

/** Rows inputRow … + 3 of the inference inputs as outputs of the layer before `firstLayer`: how codes enter the decoder. */
export function gatherCodesQuad(job: Job, scratch: usize, inputRow: i32, row: i32): void {
  const entered = layerAt(job, job.firstLayer)
  const before = layerAt(job, job.firstLayer - 1)
  const paddedInputs = roundUp(entered.inputs, PANEL)
  const quad = <usize>(row / QUAD)
  const list = quad * <usize>paddedInputs
  const values = <usize>before.outputValues + (list << 4)
  let count = 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    for (let r = 0; r < QUAD; r++)
      loadInference16(job, entered, scratch + ((<usize>r) << 6), inputRow + r, column)
    count = appendToRowList(values, <usize>before.outputOffsets + (list << 2), count, scratch, column)
  }
  store<i32>(<usize>before.outputCounts + (quad << 2), count)
}
