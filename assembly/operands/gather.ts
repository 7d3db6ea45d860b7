/**
 * From rows of bytes or floats to the operands of the first layer: a pair of rows becomes floats (bytes as
 * value / 255, plus noise on the input), and row pairs or the lists of what is not zero, by pair of rows for
 * the forward product and by pair of columns for the weight gradient. MNIST is 81 % zeros.
 */
import { ROWS_BYTES } from '../plan/codes'
import {
  BYTE_GROUP,
  FLOAT,
  floatAt,
  PAIR,
  PAIR_ROWS,
  PANEL,
  padded,
  ROW,
  SEGMENT_ROWS,
  WORD,
  wordAt,
} from '../plan/sizes'
import { BatchPlan, Job, layerAt } from '../plan/structures'
import { DRAWS, normals16, RANDOM_SCRATCH } from '../random'
import { clearRows, copyRows, panelAt } from './layouts'
import { listColumns } from './lists'
import { extendOperand, isDense } from './operand'
import { NEIGHBOURS } from './pairing'

const BYTE_SCALE: f32 = 255.0

/**
 * `count` ≤ 40 bytes, in whole groups, → 40 floats value / 255 at out, rounded as one division; zero beyond.
 */
function unitFloats40(out: usize, bytes: usize, count: i32): void {
  const scale = f32x4.splat(BYTE_SCALE)
  const end = out + ROW
  for (const last = bytes + <usize>count; bytes < last; bytes += <usize>BYTE_GROUP) {
    const words = v128.load_ext<u8>(bytes)
    const low = f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(words)), scale)
    const high = f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(words)), scale)
    v128.store(out, high, 16)
    v128.store(out, low)
    out += 32
  }
  if (out < end) memory.fill(out, 0, end - out)
}

/**
 * The normal numbers of one row, one for each of `inputs` columns and some more, to out. `scratch`:
 * RANDOM_SCRATCH bytes.
 */
function rowNormals(out: usize, scratch: usize, inputs: i32, row: u32, job: Job): void {
  for (let column = 0; column < inputs; column += DRAWS) {
    normals16(floatAt(out, column), scratch, column, row, job.epoch, job.seed)
  }
}

/** x[n] ← x + σ normal, not below `least` nor above `most`, for the first n of 40. */
function addNoise(x: usize, normals: usize, n: i32, sigma: f32, least: f32, most: f32): void {
  const sigmas = f32x4.splat(sigma)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at = floatAt(0, i)
    const noisy = f32x4.add(v128.load(x + at), f32x4.mul(sigmas, v128.load(normals + at)))
    v128.store(x + at, f32x4.min(f32x4.max(noisy, f32x4.splat(least)), f32x4.splat(most)))
  }
  for (; i < n; i++) {
    const at = floatAt(0, i)
    store<f32>(x + at, min(max(load<f32>(x + at) + sigma * load<f32>(normals + at), least), most))
  }
}

/** Address of row `row` of the job's rows. */
function inputRowAt(job: Job, row: u32): usize {
  return <usize>job.rows + <usize>row * <usize>job.rowBytes
}

/**
 * Bytes of the values of a row at `row` from `column` on, at most a panel's; of a row of bytes with its
 * padding.
 */
function bytesFrom(job: Job, column: i32, columns: i32): i32 {
  return job.rowKind === ROWS_BYTES
    ? min(PANEL, job.rowBytes - column)
    : min(PANEL, columns - column) * <i32>FLOAT
}

/** Where the value of column `column` lies in the row at `row`. */
function valueAt(job: Job, row: usize, column: i32): usize {
  return row + ((<usize>column) << (job.rowKind === ROWS_BYTES ? 0 : 2))
}

/** 40 values at `from`, of which `bytes` bytes exist, as floats to out[40]; zero beyond. */
function loadValues40(job: Job, out: usize, from: usize, bytes: i32): void {
  if (job.rowKind === ROWS_BYTES) {
    unitFloats40(out, from, bytes)
  } else if (<usize>bytes === ROW) {
    copyRows(out, from, ROW)
  } else {
    memory.copy(out, from, <usize>bytes)
    memory.fill(out + <usize>bytes, 0, ROW - <usize>bytes)
  }
}

/** Whether any of `bytes` bytes, whole words, is not zero. */
function anyByte(from: usize, bytes: i32): bool {
  let any: u64 = 0
  for (const last = from + <usize>(bytes & ~7); from < last; from += 8) any |= load<u64>(from)
  if (bytes & 4) any |= load<u32>(from)
  return any !== 0
}

/** Bytes of the normal numbers of a row of `inputs`. */
function normalsBytes(inputs: i32): usize {
  return floatAt(0, padded(inputs) + DRAWS)
}

/** Bytes of scratch of `gatherTrainingPair`, which are for noise. */
export function gatherScratch(inputs: i32): usize {
  return RANDOM_SCRATCH + <usize>PAIR * normalsBytes(inputs)
}

/**
 * Rows row and row + 1 of a minibatch from the training rows `order[first + row …]`, of which `rows` exist in
 * all: clean target, noisy input where asked for, and how the first layer reads it. `scratch`:
 * gatherScratch(I) bytes.
 */
export function gatherTrainingPair(
  job: Job,
  batch: BatchPlan,
  scratch: usize,
  first: i32,
  row: i32,
  rows: i32,
): void {
  const inputs = layerAt(job, 0).inputs
  const second = row + 1 < rows
  const indices = wordAt(job.order, first + row)
  const row0 = inputRowAt(job, load<u32>(indices))
  const row1 = second ? inputRowAt(job, load<u32>(indices, WORD)) : 0
  const noisy = job.noiseStd > 0
  const isBytes = job.rowKind === ROWS_BYTES
  const least: f32 = isBytes ? 0 : -Infinity
  const most: f32 = isBytes ? 1 : Infinity
  const normals0 = scratch + RANDOM_SCRATCH
  const normals1 = normals0 + normalsBytes(inputs)
  if (noisy) {
    rowNormals(normals0, scratch, inputs, load<u32>(indices), job)
    if (second) rowNormals(normals1, scratch, inputs, load<u32>(indices, WORD), job)
  }
  for (let column = 0; column < inputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    const from0 = valueAt(job, row0, column)
    const from1 = valueAt(job, row1, column)
    const bytes = bytesFrom(job, column, inputs)
    let seen = target
    if (!noisy && !anyByte(from0, bytes) && (!second || !anyByte(from1, bytes))) {
      clearRows(target, PAIR_ROWS)
      seen = 0
    } else {
      loadValues40(job, target, from0, bytes)
      if (second) loadValues40(job, target + ROW, from1, bytes)
      else memory.fill(target + ROW, 0, ROW)
      if (noisy) {
        seen = panelAt(batch.input.panels, row, column, job.rowCapacity)
        copyRows(seen, target, PAIR_ROWS)
        const existing = min(PANEL, inputs - column)
        addNoise(seen, floatAt(normals0, column), existing, job.noiseStd, least, most)
        if (second) addNoise(seen + ROW, floatAt(normals1, column), existing, job.noiseStd, least, most)
      }
    }
    extendOperand(batch.input, row, seen, column)
  }
}

/** The column lists of the inputs of panel `panel`, over `rows` rows, if the first layer reads lists. */
export function listInputs(batch: BatchPlan, panel: i32, rows: i32): void {
  const input = batch.input
  if (isDense(input)) return
  for (let row = 0; row < rows; row += SEGMENT_ROWS) {
    listColumns(input, NEIGHBOURS, panel, row / SEGMENT_ROWS, row, min(SEGMENT_ROWS, rows - row))
  }
}

/**
 * 40 values of an inference row at `column` of `columns`, zero where row or column does not exist, to
 * out[40].
 */
function loadInference40(job: Job, columns: i32, out: usize, row: i32, column: i32): void {
  if (row < job.rowCount) {
    loadValues40(job, out, valueAt(job, inputRowAt(job, row), column), bytesFrom(job, column, columns))
  } else {
    memory.fill(out, 0, ROW)
  }
}

/**
 * Rows inputRow and inputRow + 1 of the inference as rows of the batch: target (the input itself), and as the
 * first layer reads it.
 */
export function gatherInferencePair(job: Job, batch: BatchPlan, inputRow: i32, row: i32): void {
  const inputs = layerAt(job, 0).inputs
  for (let column = 0; column < inputs; column += PANEL) {
    const target = panelAt(batch.target, row, column, job.rowCapacity)
    loadInference40(job, inputs, target, inputRow, column)
    loadInference40(job, inputs, target + ROW, inputRow + 1, column)
    extendOperand(batch.input, row, target, column)
  }
}

/** Bytes of two rows of a panel. */
export const CODES_SCRATCH: usize = PAIR_ROWS

/**
 * Rows inputRow and inputRow + 1 of the inference as outputs of the layer before `firstLayer`: how codes
 * enter the decoder. `scratch`: CODES_SCRATCH bytes.
 */
export function gatherCodesPair(job: Job, scratch: usize, inputRow: i32, row: i32): void {
  const inputs = layerAt(job, job.firstLayer).inputs
  const codes = layerAt(job, job.firstLayer - 1).output
  for (let column = 0; column < inputs; column += PANEL) {
    loadInference40(job, inputs, scratch, inputRow, column)
    loadInference40(job, inputs, scratch + ROW, inputRow + 1, column)
    extendOperand(codes, row, scratch, column)
  }
}
