/**
 * The product of which few places are wanted: the gradient of a layer's inputs, where no gradient passes a ReLU that is off. Of an
 * (images × outputs) · (outputs × inputs) product only the inputs on an image's row list are computed, each as a dot product
 * (sampled dense-dense matrix multiplication, SDDMM):
 *
 *   C[2][6] = Σₖ A[2][k] · B[6][k]
 *
 * A is two rows of δ, B six rows of Wᵀ, both contiguous in k. A dot product is eight sums, of the k that are equal modulo 8, added as
 * a tree: the same bits however wide the vectors. What the tile is not good at, a small k, costs little here.
 *
 * `sddmm2x6` keeps 24 vectors of accumulators, 12 registers where V8 fuses; `…half` does four of the eight sums. The loop does one step
 * only: unrolled, Binaryen orders the sums one after the other, and V8 then spills.
 */
import { ENTRY, multiplyAdd } from './gemm'
import { ROW } from './plan'

/** Sums of a dot product: lengths are padded to whole multiples. */
export const DOT_LANES: i32 = 8
/** Rows of B in a tile. */
const UNITS: i32 = 6
/** Bytes of a tile's sums, 12 of 8 lanes each. */
const SUMS: usize = 384
/** Bytes that `sampleProduct` needs for itself. */
export const SAMPLE_SCRATCH: usize = 2 * SUMS + 64

/** dots[2][6][8]: eight sums of each of twelve dot products, over `bytes` of the rows, a multiple of 32. */
function sddmm2x6(
  dots: usize,
  zeros: usize,
  a0: usize,
  a1: usize,
  b0: usize,
  b1: usize,
  b2: usize,
  b3: usize,
  b4: usize,
  b5: usize,
  bytes: usize,
): void {
  let c00l = v128.load(zeros, 0),
    c00h = v128.load(zeros, 16),
    c01l = v128.load(zeros, 32),
    c01h = v128.load(zeros, 48)
  let c02l = v128.load(zeros, 64),
    c02h = v128.load(zeros, 80),
    c03l = v128.load(zeros, 96),
    c03h = v128.load(zeros, 112)
  let c04l = v128.load(zeros, 128),
    c04h = v128.load(zeros, 144),
    c05l = v128.load(zeros, 160),
    c05h = v128.load(zeros, 176)
  let c10l = v128.load(zeros, 192),
    c10h = v128.load(zeros, 208),
    c11l = v128.load(zeros, 224),
    c11h = v128.load(zeros, 240)
  let c12l = v128.load(zeros, 256),
    c12h = v128.load(zeros, 272),
    c13l = v128.load(zeros, 288),
    c13h = v128.load(zeros, 304)
  let c14l = v128.load(zeros, 320),
    c14h = v128.load(zeros, 336),
    c15l = v128.load(zeros, 352),
    c15h = v128.load(zeros, 368)
  for (let k: usize = 0; k < bytes; k += 32) {
    const x0l = v128.load(a0 + k),
      x0h = v128.load(a0 + k, 16),
      x1l = v128.load(a1 + k),
      x1h = v128.load(a1 + k, 16)
    const y0l = v128.load(b0 + k),
      y0h = v128.load(b0 + k, 16)
    c00l = multiplyAdd(x0l, y0l, c00l)
    c00h = multiplyAdd(x0h, y0h, c00h)
    c10l = multiplyAdd(x1l, y0l, c10l)
    c10h = multiplyAdd(x1h, y0h, c10h)
    const y1l = v128.load(b1 + k),
      y1h = v128.load(b1 + k, 16)
    c01l = multiplyAdd(x0l, y1l, c01l)
    c01h = multiplyAdd(x0h, y1h, c01h)
    c11l = multiplyAdd(x1l, y1l, c11l)
    c11h = multiplyAdd(x1h, y1h, c11h)
    const y2l = v128.load(b2 + k),
      y2h = v128.load(b2 + k, 16)
    c02l = multiplyAdd(x0l, y2l, c02l)
    c02h = multiplyAdd(x0h, y2h, c02h)
    c12l = multiplyAdd(x1l, y2l, c12l)
    c12h = multiplyAdd(x1h, y2h, c12h)
    const y3l = v128.load(b3 + k),
      y3h = v128.load(b3 + k, 16)
    c03l = multiplyAdd(x0l, y3l, c03l)
    c03h = multiplyAdd(x0h, y3h, c03h)
    c13l = multiplyAdd(x1l, y3l, c13l)
    c13h = multiplyAdd(x1h, y3h, c13h)
    const y4l = v128.load(b4 + k),
      y4h = v128.load(b4 + k, 16)
    c04l = multiplyAdd(x0l, y4l, c04l)
    c04h = multiplyAdd(x0h, y4h, c04h)
    c14l = multiplyAdd(x1l, y4l, c14l)
    c14h = multiplyAdd(x1h, y4h, c14h)
    const y5l = v128.load(b5 + k),
      y5h = v128.load(b5 + k, 16)
    c05l = multiplyAdd(x0l, y5l, c05l)
    c05h = multiplyAdd(x0h, y5h, c05h)
    c15l = multiplyAdd(x1l, y5l, c15l)
    c15h = multiplyAdd(x1h, y5h, c15h)
  }
  v128.store(dots, c00h, 16)
  v128.store(dots, c00l, 0)
  v128.store(dots, c01h, 48)
  v128.store(dots, c01l, 32)
  v128.store(dots, c02h, 80)
  v128.store(dots, c02l, 64)
  v128.store(dots, c03h, 112)
  v128.store(dots, c03l, 96)
  v128.store(dots, c04h, 144)
  v128.store(dots, c04l, 128)
  v128.store(dots, c05h, 176)
  v128.store(dots, c05l, 160)
  v128.store(dots, c10h, 208)
  v128.store(dots, c10l, 192)
  v128.store(dots, c11h, 240)
  v128.store(dots, c11l, 224)
  v128.store(dots, c12h, 272)
  v128.store(dots, c12l, 256)
  v128.store(dots, c13h, 304)
  v128.store(dots, c13l, 288)
  v128.store(dots, c14h, 336)
  v128.store(dots, c14l, 320)
  v128.store(dots, c15h, 368)
  v128.store(dots, c15l, 352)
}

/** The first four of each eight sums; for the others every address is 16 more. */
function sddmm2x6half(
  dots: usize,
  zeros: usize,
  a0: usize,
  a1: usize,
  b0: usize,
  b1: usize,
  b2: usize,
  b3: usize,
  b4: usize,
  b5: usize,
  bytes: usize,
): void {
  let c00 = v128.load(zeros, 0),
    c01 = v128.load(zeros, 32),
    c02 = v128.load(zeros, 64),
    c03 = v128.load(zeros, 96)
  let c04 = v128.load(zeros, 128),
    c05 = v128.load(zeros, 160),
    c10 = v128.load(zeros, 192),
    c11 = v128.load(zeros, 224)
  let c12 = v128.load(zeros, 256),
    c13 = v128.load(zeros, 288),
    c14 = v128.load(zeros, 320),
    c15 = v128.load(zeros, 352)
  for (let k: usize = 0; k < bytes; k += 32) {
    const x0 = v128.load(a0 + k),
      x1 = v128.load(a1 + k)
    const y0 = v128.load(b0 + k)
    c00 = multiplyAdd(x0, y0, c00)
    c10 = multiplyAdd(x1, y0, c10)
    const y1 = v128.load(b1 + k)
    c01 = multiplyAdd(x0, y1, c01)
    c11 = multiplyAdd(x1, y1, c11)
    const y2 = v128.load(b2 + k)
    c02 = multiplyAdd(x0, y2, c02)
    c12 = multiplyAdd(x1, y2, c12)
    const y3 = v128.load(b3 + k)
    c03 = multiplyAdd(x0, y3, c03)
    c13 = multiplyAdd(x1, y3, c13)
    const y4 = v128.load(b4 + k)
    c04 = multiplyAdd(x0, y4, c04)
    c14 = multiplyAdd(x1, y4, c14)
    const y5 = v128.load(b5 + k)
    c05 = multiplyAdd(x0, y5, c05)
    c15 = multiplyAdd(x1, y5, c15)
  }
  v128.store(dots, c00, 0)
  v128.store(dots, c01, 32)
  v128.store(dots, c02, 64)
  v128.store(dots, c03, 96)
  v128.store(dots, c04, 128)
  v128.store(dots, c05, 160)
  v128.store(dots, c10, 192)
  v128.store(dots, c11, 224)
  v128.store(dots, c12, 256)
  v128.store(dots, c13, 288)
  v128.store(dots, c14, 320)
  v128.store(dots, c15, 352)
}

/** Of four dot products at `sums`, 8 lanes each, the totals. */
function totals4(sums: usize): v128 {
  const a = f32x4.add(v128.load(sums), v128.load(sums, 16))
  const b = f32x4.add(v128.load(sums, 32), v128.load(sums, 48))
  const c = f32x4.add(v128.load(sums, 64), v128.load(sums, 80))
  const d = f32x4.add(v128.load(sums, 96), v128.load(sums, 112))
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 1, 4, 5), v128.shuffle<f32>(c, d, 2, 3, 6, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7))
}

/** Row of B that entry `at` names, or the last entry: a tile that the list does not fill computes some twice. */
function rowOf(at: usize, last: usize, b: usize, panels: u32): usize {
  return b + <usize>(load<u32>(min(at, last)) * panels)
}

/**
 * For each entry of a row list, from `list` to `end`, and each of its two values that is above 0: the dot product of the value's row of
 * A with the row of B that the entry names, to the place of its column in the value's row of C; 0 for a value that is not.
 *
 * The rows of C are `cStride` bytes apart, those of A and B `rowBytes`, whole panels, of which `bytes` count, a multiple of 32.
 * `scratch`: SAMPLE_SCRATCH bytes.
 */
export function sampleProduct(
  wide: bool,
  c: usize,
  cStride: usize,
  list: usize,
  end: usize,
  a: usize,
  b: usize,
  rowBytes: usize,
  bytes: usize,
  scratch: usize,
): void {
  const a1 = a + rowBytes
  const panels = <u32>(rowBytes / ROW)
  const zeros = scratch
  const sums = scratch + SUMS
  const dots = sums + SUMS
  memory.fill(zeros, 0, SUMS)
  const last = end - ENTRY
  for (; list < end; list += <usize>UNITS * ENTRY) {
    const b0 = rowOf(list, last, b, panels)
    const b1 = rowOf(list + ENTRY, last, b, panels)
    const b2 = rowOf(list + 2 * ENTRY, last, b, panels)
    const b3 = rowOf(list + 3 * ENTRY, last, b, panels)
    const b4 = rowOf(list + 4 * ENTRY, last, b, panels)
    const b5 = rowOf(list + 5 * ENTRY, last, b, panels)
    if (wide) {
      sddmm2x6(sums, zeros, a, a1, b0, b1, b2, b3, b4, b5, bytes)
    } else {
      sddmm2x6half(sums, zeros, a, a1, b0, b1, b2, b3, b4, b5, bytes)
      sddmm2x6half(
        sums + 16,
        zeros,
        a + 16,
        a1 + 16,
        b0 + 16,
        b1 + 16,
        b2 + 16,
        b3 + 16,
        b4 + 16,
        b5 + 16,
        bytes,
      )
    }
    v128.store(dots, totals4(sums))
    v128.store(dots, totals4(sums + 128), 16)
    v128.store(dots, totals4(sums + 256), 32)
    const entries = min(list + <usize>UNITS * ENTRY, end)
    let dot = dots
    for (let entry = list; entry < entries; entry += ENTRY) {
      const to = c + <usize>(load<u32>(entry) / (<u32>ROW / 4))
      // Masks, not branches: which of a pair fires is a coin toss.
      store<i32>(to, load<i32>(dot) & -i32(load<f32>(entry, 4) > 0))
      store<i32>(to + cStride, load<i32>(dot, 24) & -i32(load<f32>(entry, 8) > 0))
      dot += 4
    }
  }
}
