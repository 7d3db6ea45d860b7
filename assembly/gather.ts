/**
 * From images as bytes to the operands of the first layer: a quad of images becomes floats (value / 255, plus noise on the
 * input), and the lists of what is not zero, by quad of images for the forward product and by quad of pixels for the weight
 * gradient. MNIST is 81 % zeros, and a product with zero changes no bit of a sum, so the lists alone are multiplied.
 */
import { storeColumnQuads, storeRowQuads, storeTransposedQuad } from './layouts'
import { BatchPlan, INPUT_BYTES, Job, LayerPlan, PANEL, QUAD, layerAt, roundUp } from './plan'
import { normals16 } from './random'

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

/** Appends the columns of the tile that are not zero in all four rows to a list; returns its new length. */
function appendRowQuads(values: usize, offsets: usize, count: i32, tile: usize, transposed: usize, column: i32): i32 {
  for (let v: usize = 0; v < 4; v++) storeTransposedQuad(transposed + (v << 6), 16, tile, v)
  for (let j = 0; j < PANEL; j++) {
    // Written always, counted only if not zero: no branch to mispredict.
    const quad = v128.load(transposed + ((<usize>j) << 4))
    v128.store(values + ((<usize>count) << 4), quad)
    store<u32>(offsets + ((<usize>count) << 2), <u32>(column + j) * (PANEL * 4))
    count += i32(v128.any_true(f32x4.ne(quad, f32x4.splat(0))))
  }
  return count
}

/**
 * Rows row … row + 3 of a minibatch from the training images `order[first + row …]`, of which `rows` exist in all: clean target,
 * noisy input where asked for, and the list of non-zero inputs. `scratch` holds 160 floats.
 */
export function gatherTrainingQuad(job: Job, batch: BatchPlan, scratch: usize, first: i32, row: i32, rows: i32): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const tile = scratch
  const transposed = scratch + 256
  const noisy = job.noiseStd > 0
  const quad = row / QUAD
  const values = <usize>batch.rowValues + ((<usize>(quad * paddedInputs)) << 4)
  const offsets = <usize>batch.rowOffsets + ((<usize>(quad * paddedInputs)) << 2)
  let count = 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    let any = i32x4.splat(0)
    for (let r = 0; r < QUAD; r++) {
      const bytes = row + r < rows ? v128.load(imageAt(job, first + row + r, paddedInputs) + <usize>column) : i32x4.splat(0)
      any = v128.or(any, bytes)
      unitFloats16(tile + ((<usize>r) << 6), bytes)
    }
    storeColumnQuads(batch.target, tile, row, column, job.rowCapacity)
    if (noisy) {
      for (let r = 0; r < QUAD && row + r < rows; r++) {
        const image = load<u32>(<usize>job.order + ((<usize>(first + row + r)) << 2))
        addNoise16(tile + ((<usize>r) << 6), transposed, column, image, job)
      }
      if (column + PANEL > layer.inputs) clearPadding(tile, layer.inputs - column)
      storeColumnQuads(batch.input, tile, row, column, job.rowCapacity)
      count = appendRowQuads(values, offsets, count, tile, transposed, column)
    } else if (v128.any_true(any)) {
      count = appendRowQuads(values, offsets, count, tile, transposed, column)
    }
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

/** The list of images whose pixels 4 · pixelQuad … + 3 are not all zero, over `rows` rows. */
export function listColumnQuad(job: Job, batch: BatchPlan, pixelQuad: i32, rows: i32): void {
  const from = <usize>batch.input + ((<usize>(pixelQuad * job.rowCapacity)) << 4)
  const values = <usize>batch.columnValues + ((<usize>(pixelQuad * job.rowCapacity)) << 4)
  const offsets = <usize>batch.columnOffsets + ((<usize>(pixelQuad * job.rowCapacity)) << 2)
  let count = 0
  for (let row = 0; row < rows; row++) {
    const quad = v128.load(from + ((<usize>row) << 4))
    v128.store(values + ((<usize>count) << 4), quad)
    store<u32>(offsets + ((<usize>count) << 2), <u32>row * (PANEL * 4))
    count += i32(v128.any_true(f32x4.ne(quad, f32x4.splat(0))))
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
  memory.copy(out, <usize>job.inputs + ((<usize>row * <usize>layer.inputs + <usize>column) << 2), (<usize>width) << 2)
}

/**
 * Rows inputRow … + 3 of the inference inputs as rows `row` … + 3 of the batch buffers: target (the input itself) and the list
 * of non-zero inputs. For networks entered at the first layer.
 */
export function gatherInferenceQuad(job: Job, batch: BatchPlan, scratch: usize, inputRow: i32, row: i32): void {
  const layer = layerAt(job, 0)
  const paddedInputs = roundUp(layer.inputs, PANEL)
  const tile = scratch
  const quad = row / QUAD
  const values = <usize>batch.rowValues + ((<usize>(quad * paddedInputs)) << 4)
  const offsets = <usize>batch.rowOffsets + ((<usize>(quad * paddedInputs)) << 2)
  let count = 0
  for (let column = 0; column < paddedInputs; column += PANEL) {
    for (let r = 0; r < QUAD; r++) loadInference16(job, layer, tile + ((<usize>r) << 6), inputRow + r, column)
    storeColumnQuads(batch.target, tile, row, column, job.rowCapacity)
    count = appendRowQuads(values, offsets, count, tile, scratch + 256, column)
  }
  store<i32>(<usize>batch.rowCounts + ((<usize>quad) << 2), count)
}

/** Rows inputRow … + 3 of the inference inputs as row quads of the layer before `firstLayer`: how codes enter the decoder. */
export function gatherCodesQuad(job: Job, scratch: usize, inputRow: i32, row: i32): void {
  const entered = layerAt(job, job.firstLayer)
  const before = layerAt(job, job.firstLayer - 1)
  const paddedInputs = roundUp(entered.inputs, PANEL)
  const tile = scratch
  for (let column = 0; column < paddedInputs; column += PANEL) {
    for (let r = 0; r < QUAD; r++) loadInference16(job, entered, tile + ((<usize>r) << 6), inputRow + r, column)
    storeRowQuads(before.outputRows, tile, row, column, paddedInputs)
  }
}
