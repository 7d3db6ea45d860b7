/**
 * The product of which few places are wanted: the gradient of a layer's inputs, where no gradient passes a
 * ReLU that is off. Of an (images × outputs) · (outputs × inputs) product only the inputs on an image's row
 * list are computed, each as a dot product (sampled dense-dense matrix multiplication, SDDMM):
 *
 *   C[2][units] = Σₖ A[2][k] · B[units][k]
 *
 * A is a pair of rows of δ, B the rows of Wᵀ of as many units of the list as a tile takes, k the outputs. A
 * dot product is eight sums, of the k that are equal modulo 8, added as a tree: the same bits on every tile.
 *
 * Named by tile, as in `tiles.ts`: `…2x6` keeps 24 vectors of accumulators, 12 registers where V8 fuses,
 * `…2x3` keeps 12. Both read the panels of weights that the forward pass reads; other layouts would be
 * quicker here, but cost more to keep (results/speed.md). Five steps go by between two panels, each but the
 * first after a way out. Without those branches Binaryen would move the steps of each sum together, and V8
 * would spill.
 */
import { ENTRY, entryAt, FLOAT, PAIR, PAIR_ROWS, PANEL, pieces, ROW } from '../plan/sizes'
import { multiplyAdd } from './multiply-add'

/** Sums of a dot product, and k of one step. */
const LANES: i32 = 8
/** Steps of a panel. */
const PANEL_STEPS: i32 = PANEL / LANES
/** Rows of B in a tile. */
const WIDE_UNITS: usize = 6
const NARROW_UNITS: usize = 3
/** Bytes of the eight sums of a dot product, and of a wide tile's. */
const SUMS: usize = 32
const TILE_SUMS: usize = <usize>PAIR * WIDE_UNITS * SUMS

/** A product that is sampled, pair of rows by pair of rows; what follows it in memory is its scratch. */
@unmanaged
export class SampledProduct {
  wide: i32
  /** Address of C's first row, and bytes to the second. */
  c: usize
  cStride: usize
  /** Panels [⌈terms⌉ / 40][column][40], and bytes from one to the next. */
  b: usize
  panelBytes: usize
  terms: i32
}
/** Bytes of the structure, up to a multiple of 16. */
const PRODUCT_BYTES: usize = 32
/** Bytes of a `SampledProduct` and its scratch: zeros, the sums of a tile, and its dot products. */
export const SAMPLE_SCRATCH: usize = PRODUCT_BYTES + 2 * TILE_SUMS + 64

/**
 * For a tile's way out before step `step` of a panel: the panel in which to take it, which is none or the
 * last.
 */
function exitOf(step: i32, lastPanel: usize, lastSteps: i32): usize {
  return lastSteps === step ? lastPanel : 0
}

/**
 * dots[2][6][8]: the eight sums of each of twelve dot products; `lastSteps` of the steps of the panel at
 * `lastPanel` count.
 */
function sddmm2x6(
  dots: usize, zeros: usize, a: usize, b0: usize, b1: usize, b2: usize, b3: usize, b4: usize, b5: usize,
  panelBytes: usize, lastPanel: usize, lastSteps: i32,
): void {
  let c00l = v128.load(zeros, 0), c00h = v128.load(zeros, 16), c01l = v128.load(zeros, 32), c01h = v128.load(zeros, 48)
  let c02l = v128.load(zeros, 64), c02h = v128.load(zeros, 80), c03l = v128.load(zeros, 96), c03h = v128.load(zeros, 112)
  let c04l = v128.load(zeros, 128), c04h = v128.load(zeros, 144), c05l = v128.load(zeros, 160), c05h = v128.load(zeros, 176)
  let c10l = v128.load(zeros, 192), c10h = v128.load(zeros, 208), c11l = v128.load(zeros, 224), c11h = v128.load(zeros, 240)
  let c12l = v128.load(zeros, 256), c12h = v128.load(zeros, 272), c13l = v128.load(zeros, 288), c13h = v128.load(zeros, 304)
  let c14l = v128.load(zeros, 320), c14h = v128.load(zeros, 336), c15l = v128.load(zeros, 352), c15h = v128.load(zeros, 368)
  const exit1 = exitOf(1, lastPanel, lastSteps), exit2 = exitOf(2, lastPanel, lastSteps)
  const exit3 = exitOf(3, lastPanel, lastSteps), exit4 = exitOf(4, lastPanel, lastSteps)
  let x0l: v128, x0h: v128, x1l: v128, x1h: v128, yl: v128, yh: v128
  let kb: usize = 0
  while (true) {
    const p0 = b0 + kb, p1 = b1 + kb, p2 = b2 + kb, p3 = b3 + kb, p4 = b4 + kb, p5 = b5 + kb
    x0l = v128.load(a); x0h = v128.load(a, 16); x1l = v128.load(a, ROW); x1h = v128.load(a, ROW + 16)
    yl = v128.load(p0); yh = v128.load(p0, 16)
    c00l = multiplyAdd(x0l, yl, c00l); c00h = multiplyAdd(x0h, yh, c00h); c10l = multiplyAdd(x1l, yl, c10l); c10h = multiplyAdd(x1h, yh, c10h)
    yl = v128.load(p1); yh = v128.load(p1, 16)
    c01l = multiplyAdd(x0l, yl, c01l); c01h = multiplyAdd(x0h, yh, c01h); c11l = multiplyAdd(x1l, yl, c11l); c11h = multiplyAdd(x1h, yh, c11h)
    yl = v128.load(p2); yh = v128.load(p2, 16)
    c02l = multiplyAdd(x0l, yl, c02l); c02h = multiplyAdd(x0h, yh, c02h); c12l = multiplyAdd(x1l, yl, c12l); c12h = multiplyAdd(x1h, yh, c12h)
    yl = v128.load(p3); yh = v128.load(p3, 16)
    c03l = multiplyAdd(x0l, yl, c03l); c03h = multiplyAdd(x0h, yh, c03h); c13l = multiplyAdd(x1l, yl, c13l); c13h = multiplyAdd(x1h, yh, c13h)
    yl = v128.load(p4); yh = v128.load(p4, 16)
    c04l = multiplyAdd(x0l, yl, c04l); c04h = multiplyAdd(x0h, yh, c04h); c14l = multiplyAdd(x1l, yl, c14l); c14h = multiplyAdd(x1h, yh, c14h)
    yl = v128.load(p5); yh = v128.load(p5, 16)
    c05l = multiplyAdd(x0l, yl, c05l); c05h = multiplyAdd(x0h, yh, c05h); c15l = multiplyAdd(x1l, yl, c15l); c15h = multiplyAdd(x1h, yh, c15h)
    if (a === exit1) break
    x0l = v128.load(a, 32); x0h = v128.load(a, 48); x1l = v128.load(a, ROW + 32); x1h = v128.load(a, ROW + 48)
    yl = v128.load(p0, 32); yh = v128.load(p0, 48)
    c00l = multiplyAdd(x0l, yl, c00l); c00h = multiplyAdd(x0h, yh, c00h); c10l = multiplyAdd(x1l, yl, c10l); c10h = multiplyAdd(x1h, yh, c10h)
    yl = v128.load(p1, 32); yh = v128.load(p1, 48)
    c01l = multiplyAdd(x0l, yl, c01l); c01h = multiplyAdd(x0h, yh, c01h); c11l = multiplyAdd(x1l, yl, c11l); c11h = multiplyAdd(x1h, yh, c11h)
    yl = v128.load(p2, 32); yh = v128.load(p2, 48)
    c02l = multiplyAdd(x0l, yl, c02l); c02h = multiplyAdd(x0h, yh, c02h); c12l = multiplyAdd(x1l, yl, c12l); c12h = multiplyAdd(x1h, yh, c12h)
    yl = v128.load(p3, 32); yh = v128.load(p3, 48)
    c03l = multiplyAdd(x0l, yl, c03l); c03h = multiplyAdd(x0h, yh, c03h); c13l = multiplyAdd(x1l, yl, c13l); c13h = multiplyAdd(x1h, yh, c13h)
    yl = v128.load(p4, 32); yh = v128.load(p4, 48)
    c04l = multiplyAdd(x0l, yl, c04l); c04h = multiplyAdd(x0h, yh, c04h); c14l = multiplyAdd(x1l, yl, c14l); c14h = multiplyAdd(x1h, yh, c14h)
    yl = v128.load(p5, 32); yh = v128.load(p5, 48)
    c05l = multiplyAdd(x0l, yl, c05l); c05h = multiplyAdd(x0h, yh, c05h); c15l = multiplyAdd(x1l, yl, c15l); c15h = multiplyAdd(x1h, yh, c15h)
    if (a === exit2) break
    x0l = v128.load(a, 64); x0h = v128.load(a, 80); x1l = v128.load(a, ROW + 64); x1h = v128.load(a, ROW + 80)
    yl = v128.load(p0, 64); yh = v128.load(p0, 80)
    c00l = multiplyAdd(x0l, yl, c00l); c00h = multiplyAdd(x0h, yh, c00h); c10l = multiplyAdd(x1l, yl, c10l); c10h = multiplyAdd(x1h, yh, c10h)
    yl = v128.load(p1, 64); yh = v128.load(p1, 80)
    c01l = multiplyAdd(x0l, yl, c01l); c01h = multiplyAdd(x0h, yh, c01h); c11l = multiplyAdd(x1l, yl, c11l); c11h = multiplyAdd(x1h, yh, c11h)
    yl = v128.load(p2, 64); yh = v128.load(p2, 80)
    c02l = multiplyAdd(x0l, yl, c02l); c02h = multiplyAdd(x0h, yh, c02h); c12l = multiplyAdd(x1l, yl, c12l); c12h = multiplyAdd(x1h, yh, c12h)
    yl = v128.load(p3, 64); yh = v128.load(p3, 80)
    c03l = multiplyAdd(x0l, yl, c03l); c03h = multiplyAdd(x0h, yh, c03h); c13l = multiplyAdd(x1l, yl, c13l); c13h = multiplyAdd(x1h, yh, c13h)
    yl = v128.load(p4, 64); yh = v128.load(p4, 80)
    c04l = multiplyAdd(x0l, yl, c04l); c04h = multiplyAdd(x0h, yh, c04h); c14l = multiplyAdd(x1l, yl, c14l); c14h = multiplyAdd(x1h, yh, c14h)
    yl = v128.load(p5, 64); yh = v128.load(p5, 80)
    c05l = multiplyAdd(x0l, yl, c05l); c05h = multiplyAdd(x0h, yh, c05h); c15l = multiplyAdd(x1l, yl, c15l); c15h = multiplyAdd(x1h, yh, c15h)
    if (a === exit3) break
    x0l = v128.load(a, 96); x0h = v128.load(a, 112); x1l = v128.load(a, ROW + 96); x1h = v128.load(a, ROW + 112)
    yl = v128.load(p0, 96); yh = v128.load(p0, 112)
    c00l = multiplyAdd(x0l, yl, c00l); c00h = multiplyAdd(x0h, yh, c00h); c10l = multiplyAdd(x1l, yl, c10l); c10h = multiplyAdd(x1h, yh, c10h)
    yl = v128.load(p1, 96); yh = v128.load(p1, 112)
    c01l = multiplyAdd(x0l, yl, c01l); c01h = multiplyAdd(x0h, yh, c01h); c11l = multiplyAdd(x1l, yl, c11l); c11h = multiplyAdd(x1h, yh, c11h)
    yl = v128.load(p2, 96); yh = v128.load(p2, 112)
    c02l = multiplyAdd(x0l, yl, c02l); c02h = multiplyAdd(x0h, yh, c02h); c12l = multiplyAdd(x1l, yl, c12l); c12h = multiplyAdd(x1h, yh, c12h)
    yl = v128.load(p3, 96); yh = v128.load(p3, 112)
    c03l = multiplyAdd(x0l, yl, c03l); c03h = multiplyAdd(x0h, yh, c03h); c13l = multiplyAdd(x1l, yl, c13l); c13h = multiplyAdd(x1h, yh, c13h)
    yl = v128.load(p4, 96); yh = v128.load(p4, 112)
    c04l = multiplyAdd(x0l, yl, c04l); c04h = multiplyAdd(x0h, yh, c04h); c14l = multiplyAdd(x1l, yl, c14l); c14h = multiplyAdd(x1h, yh, c14h)
    yl = v128.load(p5, 96); yh = v128.load(p5, 112)
    c05l = multiplyAdd(x0l, yl, c05l); c05h = multiplyAdd(x0h, yh, c05h); c15l = multiplyAdd(x1l, yl, c15l); c15h = multiplyAdd(x1h, yh, c15h)
    if (a === exit4) break
    x0l = v128.load(a, 128); x0h = v128.load(a, 144); x1l = v128.load(a, ROW + 128); x1h = v128.load(a, ROW + 144)
    yl = v128.load(p0, 128); yh = v128.load(p0, 144)
    c00l = multiplyAdd(x0l, yl, c00l); c00h = multiplyAdd(x0h, yh, c00h); c10l = multiplyAdd(x1l, yl, c10l); c10h = multiplyAdd(x1h, yh, c10h)
    yl = v128.load(p1, 128); yh = v128.load(p1, 144)
    c01l = multiplyAdd(x0l, yl, c01l); c01h = multiplyAdd(x0h, yh, c01h); c11l = multiplyAdd(x1l, yl, c11l); c11h = multiplyAdd(x1h, yh, c11h)
    yl = v128.load(p2, 128); yh = v128.load(p2, 144)
    c02l = multiplyAdd(x0l, yl, c02l); c02h = multiplyAdd(x0h, yh, c02h); c12l = multiplyAdd(x1l, yl, c12l); c12h = multiplyAdd(x1h, yh, c12h)
    yl = v128.load(p3, 128); yh = v128.load(p3, 144)
    c03l = multiplyAdd(x0l, yl, c03l); c03h = multiplyAdd(x0h, yh, c03h); c13l = multiplyAdd(x1l, yl, c13l); c13h = multiplyAdd(x1h, yh, c13h)
    yl = v128.load(p4, 128); yh = v128.load(p4, 144)
    c04l = multiplyAdd(x0l, yl, c04l); c04h = multiplyAdd(x0h, yh, c04h); c14l = multiplyAdd(x1l, yl, c14l); c14h = multiplyAdd(x1h, yh, c14h)
    yl = v128.load(p5, 128); yh = v128.load(p5, 144)
    c05l = multiplyAdd(x0l, yl, c05l); c05h = multiplyAdd(x0h, yh, c05h); c15l = multiplyAdd(x1l, yl, c15l); c15h = multiplyAdd(x1h, yh, c15h)
    if (a === lastPanel) break
    a += PAIR_ROWS
    kb += panelBytes
  }
  v128.store(dots, c00h, 16); v128.store(dots, c00l, 0); v128.store(dots, c01h, 48); v128.store(dots, c01l, 32)
  v128.store(dots, c02h, 80); v128.store(dots, c02l, 64); v128.store(dots, c03h, 112); v128.store(dots, c03l, 96)
  v128.store(dots, c04h, 144); v128.store(dots, c04l, 128); v128.store(dots, c05h, 176); v128.store(dots, c05l, 160)
  v128.store(dots, c10h, 208); v128.store(dots, c10l, 192); v128.store(dots, c11h, 240); v128.store(dots, c11l, 224)
  v128.store(dots, c12h, 272); v128.store(dots, c12l, 256); v128.store(dots, c13h, 304); v128.store(dots, c13l, 288)
  v128.store(dots, c14h, 336); v128.store(dots, c14l, 320); v128.store(dots, c15h, 368); v128.store(dots, c15l, 352)
}

/** dots[2][3][8], likewise; one half of the sums at a time, for want of registers. */
function sddmm2x3(dots: usize, zeros: usize, a: usize, b0: usize, b1: usize, b2: usize, panelBytes: usize, lastPanel: usize, lastSteps: i32): void {
  let c00l = v128.load(zeros, 0), c00h = v128.load(zeros, 16)
  let c01l = v128.load(zeros, 32), c01h = v128.load(zeros, 48)
  let c02l = v128.load(zeros, 64), c02h = v128.load(zeros, 80)
  let c10l = v128.load(zeros, 96), c10h = v128.load(zeros, 112)
  let c11l = v128.load(zeros, 128), c11h = v128.load(zeros, 144)
  let c12l = v128.load(zeros, 160), c12h = v128.load(zeros, 176)
  const exit1 = exitOf(1, lastPanel, lastSteps), exit2 = exitOf(2, lastPanel, lastSteps)
  const exit3 = exitOf(3, lastPanel, lastSteps), exit4 = exitOf(4, lastPanel, lastSteps)
  let x0: v128, x1: v128, y: v128
  let kb: usize = 0
  while (true) {
    const p0 = b0 + kb, p1 = b1 + kb, p2 = b2 + kb
    x0 = v128.load(a); x1 = v128.load(a, ROW)
    y = v128.load(p0); c00l = multiplyAdd(x0, y, c00l); c10l = multiplyAdd(x1, y, c10l)
    y = v128.load(p1); c01l = multiplyAdd(x0, y, c01l); c11l = multiplyAdd(x1, y, c11l)
    y = v128.load(p2); c02l = multiplyAdd(x0, y, c02l); c12l = multiplyAdd(x1, y, c12l)
    x0 = v128.load(a, 16); x1 = v128.load(a, ROW + 16)
    y = v128.load(p0, 16); c00h = multiplyAdd(x0, y, c00h); c10h = multiplyAdd(x1, y, c10h)
    y = v128.load(p1, 16); c01h = multiplyAdd(x0, y, c01h); c11h = multiplyAdd(x1, y, c11h)
    y = v128.load(p2, 16); c02h = multiplyAdd(x0, y, c02h); c12h = multiplyAdd(x1, y, c12h)
    if (a === exit1) break
    x0 = v128.load(a, 32); x1 = v128.load(a, ROW + 32)
    y = v128.load(p0, 32); c00l = multiplyAdd(x0, y, c00l); c10l = multiplyAdd(x1, y, c10l)
    y = v128.load(p1, 32); c01l = multiplyAdd(x0, y, c01l); c11l = multiplyAdd(x1, y, c11l)
    y = v128.load(p2, 32); c02l = multiplyAdd(x0, y, c02l); c12l = multiplyAdd(x1, y, c12l)
    x0 = v128.load(a, 48); x1 = v128.load(a, ROW + 48)
    y = v128.load(p0, 48); c00h = multiplyAdd(x0, y, c00h); c10h = multiplyAdd(x1, y, c10h)
    y = v128.load(p1, 48); c01h = multiplyAdd(x0, y, c01h); c11h = multiplyAdd(x1, y, c11h)
    y = v128.load(p2, 48); c02h = multiplyAdd(x0, y, c02h); c12h = multiplyAdd(x1, y, c12h)
    if (a === exit2) break
    x0 = v128.load(a, 64); x1 = v128.load(a, ROW + 64)
    y = v128.load(p0, 64); c00l = multiplyAdd(x0, y, c00l); c10l = multiplyAdd(x1, y, c10l)
    y = v128.load(p1, 64); c01l = multiplyAdd(x0, y, c01l); c11l = multiplyAdd(x1, y, c11l)
    y = v128.load(p2, 64); c02l = multiplyAdd(x0, y, c02l); c12l = multiplyAdd(x1, y, c12l)
    x0 = v128.load(a, 80); x1 = v128.load(a, ROW + 80)
    y = v128.load(p0, 80); c00h = multiplyAdd(x0, y, c00h); c10h = multiplyAdd(x1, y, c10h)
    y = v128.load(p1, 80); c01h = multiplyAdd(x0, y, c01h); c11h = multiplyAdd(x1, y, c11h)
    y = v128.load(p2, 80); c02h = multiplyAdd(x0, y, c02h); c12h = multiplyAdd(x1, y, c12h)
    if (a === exit3) break
    x0 = v128.load(a, 96); x1 = v128.load(a, ROW + 96)
    y = v128.load(p0, 96); c00l = multiplyAdd(x0, y, c00l); c10l = multiplyAdd(x1, y, c10l)
    y = v128.load(p1, 96); c01l = multiplyAdd(x0, y, c01l); c11l = multiplyAdd(x1, y, c11l)
    y = v128.load(p2, 96); c02l = multiplyAdd(x0, y, c02l); c12l = multiplyAdd(x1, y, c12l)
    x0 = v128.load(a, 112); x1 = v128.load(a, ROW + 112)
    y = v128.load(p0, 112); c00h = multiplyAdd(x0, y, c00h); c10h = multiplyAdd(x1, y, c10h)
    y = v128.load(p1, 112); c01h = multiplyAdd(x0, y, c01h); c11h = multiplyAdd(x1, y, c11h)
    y = v128.load(p2, 112); c02h = multiplyAdd(x0, y, c02h); c12h = multiplyAdd(x1, y, c12h)
    if (a === exit4) break
    x0 = v128.load(a, 128); x1 = v128.load(a, ROW + 128)
    y = v128.load(p0, 128); c00l = multiplyAdd(x0, y, c00l); c10l = multiplyAdd(x1, y, c10l)
    y = v128.load(p1, 128); c01l = multiplyAdd(x0, y, c01l); c11l = multiplyAdd(x1, y, c11l)
    y = v128.load(p2, 128); c02l = multiplyAdd(x0, y, c02l); c12l = multiplyAdd(x1, y, c12l)
    x0 = v128.load(a, 144); x1 = v128.load(a, ROW + 144)
    y = v128.load(p0, 144); c00h = multiplyAdd(x0, y, c00h); c10h = multiplyAdd(x1, y, c10h)
    y = v128.load(p1, 144); c01h = multiplyAdd(x0, y, c01h); c11h = multiplyAdd(x1, y, c11h)
    y = v128.load(p2, 144); c02h = multiplyAdd(x0, y, c02h); c12h = multiplyAdd(x1, y, c12h)
    if (a === lastPanel) break
    a += PAIR_ROWS
    kb += panelBytes
  }
  v128.store(dots, c00h, 16); v128.store(dots, c00l, 0)
  v128.store(dots, c01h, 48); v128.store(dots, c01l, 32)
  v128.store(dots, c02h, 80); v128.store(dots, c02l, 64)
  v128.store(dots, c10h, 112); v128.store(dots, c10l, 96)
  v128.store(dots, c11h, 144); v128.store(dots, c11l, 128)
  v128.store(dots, c12h, 176); v128.store(dots, c12l, 160)
}

/** Of four dot products at `sums`, 8 lanes each, the totals. */
function totals4(sums: usize): v128 {
  const a = f32x4.add(v128.load(sums), v128.load(sums, 16)), b = f32x4.add(v128.load(sums, 32), v128.load(sums, 48))
  const c = f32x4.add(v128.load(sums, 64), v128.load(sums, 80)), d = f32x4.add(v128.load(sums, 96), v128.load(sums, 112))
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 1, 4, 5), v128.shuffle<f32>(c, d, 2, 3, 6, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7))
}

/**
 * Row of B that entry `at` names, or the last entry: a tile that the list does not fill computes some twice.
 */
function rowOf(b: usize, at: usize, last: usize): usize {
  return b + <usize>load<u32>(min(at, last))
}

/**
 * For each entry of a row list, from `list` to `end`, and each of its two values that is above 0: the dot
 * product of the value's row of A with the row of B that the entry names, to the place of its column in the
 * value's row of C; 0 for a value that is not. A lies as pair panels [⌈terms⌉ / 40][2][40]. Terms are read to
 * the next multiple of 8.
 */
export function sampleBlock(product: SampledProduct, list: usize, end: usize, a: usize): void {
  const wide = product.wide !== 0
  const c = product.c
  const cStride = product.cStride
  const b = product.b
  const panelBytes = product.panelBytes
  const terms = product.terms
  const panels = pieces(terms, PANEL)
  const lastPanel = a + <usize>(panels - 1) * PAIR_ROWS
  const lastSteps = pieces(terms, LANES) - (panels - 1) * PANEL_STEPS
  const units = wide ? WIDE_UNITS : NARROW_UNITS
  const zeros = changetype<usize>(product) + PRODUCT_BYTES
  const sums = zeros + TILE_SUMS
  const dots = sums + TILE_SUMS
  memory.fill(zeros, 0, TILE_SUMS)
  const last = end - ENTRY
  for (; list < end; list += units * ENTRY) {
    const b0 = rowOf(b, list, last), b1 = rowOf(b, entryAt(list, 1), last), b2 = rowOf(b, entryAt(list, 2), last)
    if (wide) {
      const b3 = rowOf(b, entryAt(list, 3), last), b4 = rowOf(b, entryAt(list, 4), last), b5 = rowOf(b, entryAt(list, 5), last)
      sddmm2x6(sums, zeros, a, b0, b1, b2, b3, b4, b5, panelBytes, lastPanel, lastSteps)
      v128.store(dots, totals4(sums + 8 * SUMS), 32)
    } else {
      sddmm2x3(sums, zeros, a, b0, b1, b2, panelBytes, lastPanel, lastSteps)
    }
    v128.store(dots, totals4(sums))
    v128.store(dots, totals4(sums + 4 * SUMS), 16)
    const entries = min(list + units * ENTRY, end)
    let dot = dots
    for (let entry = list; entry < entries; entry += ENTRY) {
      const to = c + <usize>load<u32>(entry) / <usize>PANEL
      // Masks, not branches: which of a pair fires is a coin toss.
      store<i32>(to, load<i32>(dot) & -i32(load<f32>(entry, 4) > 0))
      store<i32>(to + cStride, load<i32>(dot + units * FLOAT) & -i32(load<f32>(entry, 8) > 0))
      dot += FLOAT
    }
  }
}
