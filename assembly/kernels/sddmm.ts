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
import { ENTRY, entryAt, FLOAT, LINE, PAIR, PANEL, pieces, ROW, rowAt, WORD } from '../plan/sizes'
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

/**
 * Panels of terms at a time, and tiles of a pair of rows: some 40 rows of B in five panels, 30 kB, stay in
 * the first cache while all pairs meet them. Their sums wait in memory meanwhile.
 */
const CHUNK_PANELS: i32 = 5
const GROUP_TILES: usize = 4
/** Most pairs of rows at a time: their sums and rows of A stay in the second cache. */
export const SAMPLED_PAIRS: i32 = 16

/** A product that is sampled; what follows it in memory is its scratch. */
@unmanaged
export class SampledProduct {
  wide: i32
  /** Address of C's first row, and bytes from one to the next. */
  c: usize
  cStride: usize
  /** Panels [⌈terms⌉ / 40][row][40], of which rows follow each other; bytes from one panel to the next. */
  a: usize
  aPanelBytes: usize
  /** Panels [⌈terms⌉ / 40][column][40], likewise. */
  b: usize
  bPanelBytes: usize
  terms: i32
}
/** Bytes of the structure. */
const PRODUCT_BYTES: usize = 32
/** Bytes of the sums of a pair of rows. */
const GROUP_SUMS: usize = GROUP_TILES * TILE_SUMS
/**
 * Where its scratch has zeros, the dot products of a tile, and the sums of all pairs; and bytes of it all.
 */
const ZEROS_AT: usize = PRODUCT_BYTES
const DOTS_AT: usize = ZEROS_AT + TILE_SUMS
const SUMS_AT: usize = DOTS_AT + LINE
export const SAMPLE_SCRATCH: usize = SUMS_AT + <usize>SAMPLED_PAIRS * GROUP_SUMS

/**
 * For a tile's way out before step `step` of a panel: the panel in which to take it, which is none or the
 * last.
 */
function exitOf(step: i32, lastPanel: usize, lastSteps: i32): usize {
  return lastSteps === step ? lastPanel : 0
}

/**
 * to[2][6][8] = from[2][6][8], the eight sums of each of twelve dot products, and the terms from `a` on to
 * the panel at `lastPanel`, of which `lastSteps` steps count.
 */
function sddmm2x6(
  to: usize, from: usize, a: usize, b0: usize, b1: usize, b2: usize, b3: usize, b4: usize, b5: usize,
  aPanelBytes: usize, bPanelBytes: usize, lastPanel: usize, lastSteps: i32,
): void {
  let c00l = v128.load(from, 0), c00h = v128.load(from, 16), c01l = v128.load(from, 32), c01h = v128.load(from, 48)
  let c02l = v128.load(from, 64), c02h = v128.load(from, 80), c03l = v128.load(from, 96), c03h = v128.load(from, 112)
  let c04l = v128.load(from, 128), c04h = v128.load(from, 144), c05l = v128.load(from, 160), c05h = v128.load(from, 176)
  let c10l = v128.load(from, 192), c10h = v128.load(from, 208), c11l = v128.load(from, 224), c11h = v128.load(from, 240)
  let c12l = v128.load(from, 256), c12h = v128.load(from, 272), c13l = v128.load(from, 288), c13h = v128.load(from, 304)
  let c14l = v128.load(from, 320), c14h = v128.load(from, 336), c15l = v128.load(from, 352), c15h = v128.load(from, 368)
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
    a += aPanelBytes
    kb += bPanelBytes
  }
  v128.store(to, c00h, 16); v128.store(to, c00l, 0); v128.store(to, c01h, 48); v128.store(to, c01l, 32)
  v128.store(to, c02h, 80); v128.store(to, c02l, 64); v128.store(to, c03h, 112); v128.store(to, c03l, 96)
  v128.store(to, c04h, 144); v128.store(to, c04l, 128); v128.store(to, c05h, 176); v128.store(to, c05l, 160)
  v128.store(to, c10h, 208); v128.store(to, c10l, 192); v128.store(to, c11h, 240); v128.store(to, c11l, 224)
  v128.store(to, c12h, 272); v128.store(to, c12l, 256); v128.store(to, c13h, 304); v128.store(to, c13l, 288)
  v128.store(to, c14h, 336); v128.store(to, c14l, 320); v128.store(to, c15h, 368); v128.store(to, c15l, 352)
}

/** to[2][3][8], likewise; one half of the sums at a time, for want of registers. */
function sddmm2x3(to: usize, from: usize, a: usize, b0: usize, b1: usize, b2: usize, aPanelBytes: usize, bPanelBytes: usize, lastPanel: usize, lastSteps: i32): void {
  let c00l = v128.load(from, 0), c00h = v128.load(from, 16)
  let c01l = v128.load(from, 32), c01h = v128.load(from, 48)
  let c02l = v128.load(from, 64), c02h = v128.load(from, 80)
  let c10l = v128.load(from, 96), c10h = v128.load(from, 112)
  let c11l = v128.load(from, 128), c11h = v128.load(from, 144)
  let c12l = v128.load(from, 160), c12h = v128.load(from, 176)
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
    a += aPanelBytes
    kb += bPanelBytes
  }
  v128.store(to, c00h, 16); v128.store(to, c00l, 0)
  v128.store(to, c01h, 48); v128.store(to, c01l, 32)
  v128.store(to, c02h, 80); v128.store(to, c02l, 64)
  v128.store(to, c10h, 112); v128.store(to, c10l, 96)
  v128.store(to, c11h, 144); v128.store(to, c11l, 128)
  v128.store(to, c12h, 176); v128.store(to, c12l, 160)
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
 * Adds the terms of panels [panel, panel + CHUNK_PANELS) to the sums of pair `pair` of rows for the entries
 * from `list` to `end`, tile by tile; panel 0 begins them. Terms are read to the next multiple of 8.
 */
function addDots(product: SampledProduct, pair: i32, list: usize, end: usize, panel: i32): void {
  const aPanelBytes = product.aPanelBytes
  const bPanelBytes = product.bPanelBytes
  const panels = pieces(product.terms, PANEL)
  const endPanel = min(panel + CHUNK_PANELS, panels)
  const a = rowAt(product.a, PAIR * pair) + <usize>panel * aPanelBytes
  const b = product.b + <usize>panel * bPanelBytes
  const lastPanel = a + <usize>(endPanel - 1 - panel) * aPanelBytes
  const lastSteps = endPanel < panels ? PANEL_STEPS : pieces(product.terms, LANES) - (panels - 1) * PANEL_STEPS
  const last = end - ENTRY
  let sums = changetype<usize>(product) + SUMS_AT + <usize>pair * GROUP_SUMS
  // After the first panels the sums go on from where they are.
  let from = panel === 0 ? changetype<usize>(product) + ZEROS_AT : sums
  const units = product.wide !== 0 ? WIDE_UNITS : NARROW_UNITS
  const tileSums = <usize>PAIR * units * SUMS
  const fromBytes = panel === 0 ? 0 : tileSums
  for (; list < end; list += units * ENTRY) {
    const b0 = rowOf(b, list, last), b1 = rowOf(b, entryAt(list, 1), last), b2 = rowOf(b, entryAt(list, 2), last)
    if (product.wide !== 0) {
      const b3 = rowOf(b, entryAt(list, 3), last), b4 = rowOf(b, entryAt(list, 4), last), b5 = rowOf(b, entryAt(list, 5), last)
      sddmm2x6(sums, from, a, b0, b1, b2, b3, b4, b5, aPanelBytes, bPanelBytes, lastPanel, lastSteps)
    } else {
      sddmm2x3(sums, from, a, b0, b1, b2, aPanelBytes, bPanelBytes, lastPanel, lastSteps)
    }
    sums += tileSums
    from += fromBytes
  }
}

/** The dot products of pair `pair` of rows for the entries from `list` to `end`, to their places in C. */
function placeDots(product: SampledProduct, pair: i32, list: usize, end: usize): void {
  const wide = product.wide !== 0
  const c = product.c + <usize>(PAIR * pair) * product.cStride
  const cStride = product.cStride
  const units = wide ? WIDE_UNITS : NARROW_UNITS
  const dots = changetype<usize>(product) + DOTS_AT
  let sums = changetype<usize>(product) + SUMS_AT + <usize>pair * GROUP_SUMS
  for (; list < end; list += units * ENTRY) {
    v128.store(dots, totals4(sums))
    v128.store(dots, totals4(sums + 4 * SUMS), 16)
    if (wide) v128.store(dots, totals4(sums + 8 * SUMS), 32)
    sums += <usize>PAIR * units * SUMS
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

/**
 * For each of `pairs` pairs of rows, at most SAMPLED_PAIRS, each entry of its row list and each of the
 * entry's two values that is above 0: the dot product of the value's row of A with the row of B that the
 * entry names, to the place of its column in the value's row of C; 0 for a value that is not. A pair's list
 * goes from the address at its mark to the one after that; marks are `markBytes` apart.
 */
export function sampleRows(product: SampledProduct, pairs: i32, marks: usize, markBytes: usize): void {
  const groupBytes = GROUP_TILES * (product.wide !== 0 ? WIDE_UNITS : NARROW_UNITS) * ENTRY
  const endOfMarks = marks + <usize>pairs * markBytes
  memory.fill(changetype<usize>(product) + ZEROS_AT, 0, TILE_SUMS)
  let longest: usize = 0
  for (let mark = marks; mark < endOfMarks; mark += markBytes) {
    longest = max(longest, <usize>(load<u32>(mark, WORD) - load<u32>(mark)))
  }
  for (let group: usize = 0; group < longest; group += groupBytes) {
    for (let panel = 0; panel * PANEL < product.terms; panel += CHUNK_PANELS) {
      let mark = marks
      for (let pair = 0; pair < pairs; pair++) {
        const list = <usize>load<u32>(mark) + group
        addDots(product, pair, list, min(list + groupBytes, <usize>load<u32>(mark, WORD)), panel)
        mark += markBytes
      }
    }
    let mark = marks
    for (let pair = 0; pair < pairs; pair++) {
      const list = <usize>load<u32>(mark) + group
      placeDots(product, pair, list, min(list + groupBytes, <usize>load<u32>(mark, WORD)))
      mark += markBytes
    }
  }
}
