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
 * `…2x6half` keeps 12, for half of each eight sums. Both read the panels of weights that the forward pass
 * reads; other layouts would be quicker here, but cost more to keep (results/speed.md). Five steps go by
 * between two panels, each but the first after a way out. Without those branches Binaryen would move the
 * steps of each sum together, and V8 would spill.
 */
import { ENTRY, entryAt, FLOAT, LINE, PAIR, PANEL, pieces, ROW, rowAt, WORD } from '../plan/sizes'
import { multiplyAdd } from './multiply-add'

/** Sums of a dot product, and k of one step. */
const LANES: i32 = 8
/** Steps of a panel. */
const PANEL_STEPS: i32 = PANEL / LANES
/** Rows of B in a tile. */
const UNITS: usize = 6
/** Bytes of the eight sums of a dot product, of half of them, and of a tile's sums. */
const SUMS: usize = 32
const HALF: usize = 16
const TILE_SUMS: usize = <usize>PAIR * UNITS * SUMS
/** Bytes of a tile's entries. */
const TILE_ENTRIES: usize = UNITS * ENTRY

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
 * Where its scratch has zeros, the dot products of a tile, the entries of one that its list does not fill,
 * and the sums of all pairs; and bytes of it all.
 */
const ZEROS_AT: usize = PRODUCT_BYTES
const DOTS_AT: usize = ZEROS_AT + TILE_SUMS
const TILE_AT: usize = DOTS_AT + LINE
const SUMS_AT: usize = TILE_AT + 2 * LINE
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
 * the panel at `lastPanel`, of which `lastSteps` steps count, with the rows of B that six entries name.
 */
function sddmm2x6(
  to: usize, from: usize, list: usize, a: usize, b: usize,
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
  const b0 = <usize>load<u32>(list), b1 = <usize>load<u32>(list, ENTRY), b2 = <usize>load<u32>(list, 2 * ENTRY)
  const b3 = <usize>load<u32>(list, 3 * ENTRY), b4 = <usize>load<u32>(list, 4 * ENTRY), b5 = <usize>load<u32>(list, 5 * ENTRY)
  while (true) {
    const p0 = b0 + b, p1 = b1 + b, p2 = b2 + b, p3 = b3 + b, p4 = b4 + b, p5 = b5 + b
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
    b += bPanelBytes
  }
  v128.store(to, c00h, 16); v128.store(to, c00l, 0); v128.store(to, c01h, 48); v128.store(to, c01l, 32)
  v128.store(to, c02h, 80); v128.store(to, c02l, 64); v128.store(to, c03h, 112); v128.store(to, c03l, 96)
  v128.store(to, c04h, 144); v128.store(to, c04l, 128); v128.store(to, c05h, 176); v128.store(to, c05l, 160)
  v128.store(to, c10h, 208); v128.store(to, c10l, 192); v128.store(to, c11h, 240); v128.store(to, c11l, 224)
  v128.store(to, c12h, 272); v128.store(to, c12l, 256); v128.store(to, c13h, 304); v128.store(to, c13l, 288)
  v128.store(to, c14h, 336); v128.store(to, c14l, 320); v128.store(to, c15h, 368); v128.store(to, c15l, 352)
}

/**
 * Lanes 0 to 3 of the same, or 4 to 7 where all addresses but the list's are 16 bytes further. Two of these
 * take a fifth fewer loads than a tile of three units with all eight lanes, for which there are registers
 * too.
 */
function sddmm2x6half(
  to: usize, from: usize, list: usize, a: usize, b: usize,
  aPanelBytes: usize, bPanelBytes: usize, lastPanel: usize, lastSteps: i32,
): void {
  let c00 = v128.load(from, 0), c01 = v128.load(from, 32), c02 = v128.load(from, 64)
  let c03 = v128.load(from, 96), c04 = v128.load(from, 128), c05 = v128.load(from, 160)
  let c10 = v128.load(from, 192), c11 = v128.load(from, 224), c12 = v128.load(from, 256)
  let c13 = v128.load(from, 288), c14 = v128.load(from, 320), c15 = v128.load(from, 352)
  const exit1 = exitOf(1, lastPanel, lastSteps), exit2 = exitOf(2, lastPanel, lastSteps)
  const exit3 = exitOf(3, lastPanel, lastSteps), exit4 = exitOf(4, lastPanel, lastSteps)
  let x0: v128, x1: v128, y: v128
  const b0 = <usize>load<u32>(list), b1 = <usize>load<u32>(list, ENTRY), b2 = <usize>load<u32>(list, 2 * ENTRY)
  const b3 = <usize>load<u32>(list, 3 * ENTRY), b4 = <usize>load<u32>(list, 4 * ENTRY), b5 = <usize>load<u32>(list, 5 * ENTRY)
  while (true) {
    const p0 = b0 + b, p1 = b1 + b, p2 = b2 + b, p3 = b3 + b, p4 = b4 + b, p5 = b5 + b
    x0 = v128.load(a); x1 = v128.load(a, ROW)
    y = v128.load(p0); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10)
    y = v128.load(p1); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11)
    y = v128.load(p2); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12)
    y = v128.load(p3); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13)
    y = v128.load(p4); c04 = multiplyAdd(x0, y, c04); c14 = multiplyAdd(x1, y, c14)
    y = v128.load(p5); c05 = multiplyAdd(x0, y, c05); c15 = multiplyAdd(x1, y, c15)
    if (a === exit1) break
    x0 = v128.load(a, 32); x1 = v128.load(a, ROW + 32)
    y = v128.load(p0, 32); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10)
    y = v128.load(p1, 32); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11)
    y = v128.load(p2, 32); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12)
    y = v128.load(p3, 32); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13)
    y = v128.load(p4, 32); c04 = multiplyAdd(x0, y, c04); c14 = multiplyAdd(x1, y, c14)
    y = v128.load(p5, 32); c05 = multiplyAdd(x0, y, c05); c15 = multiplyAdd(x1, y, c15)
    if (a === exit2) break
    x0 = v128.load(a, 64); x1 = v128.load(a, ROW + 64)
    y = v128.load(p0, 64); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10)
    y = v128.load(p1, 64); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11)
    y = v128.load(p2, 64); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12)
    y = v128.load(p3, 64); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13)
    y = v128.load(p4, 64); c04 = multiplyAdd(x0, y, c04); c14 = multiplyAdd(x1, y, c14)
    y = v128.load(p5, 64); c05 = multiplyAdd(x0, y, c05); c15 = multiplyAdd(x1, y, c15)
    if (a === exit3) break
    x0 = v128.load(a, 96); x1 = v128.load(a, ROW + 96)
    y = v128.load(p0, 96); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10)
    y = v128.load(p1, 96); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11)
    y = v128.load(p2, 96); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12)
    y = v128.load(p3, 96); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13)
    y = v128.load(p4, 96); c04 = multiplyAdd(x0, y, c04); c14 = multiplyAdd(x1, y, c14)
    y = v128.load(p5, 96); c05 = multiplyAdd(x0, y, c05); c15 = multiplyAdd(x1, y, c15)
    if (a === exit4) break
    x0 = v128.load(a, 128); x1 = v128.load(a, ROW + 128)
    y = v128.load(p0, 128); c00 = multiplyAdd(x0, y, c00); c10 = multiplyAdd(x1, y, c10)
    y = v128.load(p1, 128); c01 = multiplyAdd(x0, y, c01); c11 = multiplyAdd(x1, y, c11)
    y = v128.load(p2, 128); c02 = multiplyAdd(x0, y, c02); c12 = multiplyAdd(x1, y, c12)
    y = v128.load(p3, 128); c03 = multiplyAdd(x0, y, c03); c13 = multiplyAdd(x1, y, c13)
    y = v128.load(p4, 128); c04 = multiplyAdd(x0, y, c04); c14 = multiplyAdd(x1, y, c14)
    y = v128.load(p5, 128); c05 = multiplyAdd(x0, y, c05); c15 = multiplyAdd(x1, y, c15)
    if (a === lastPanel) break
    a += aPanelBytes
    b += bPanelBytes
  }
  v128.store(to, c00, 0); v128.store(to, c01, 32); v128.store(to, c02, 64)
  v128.store(to, c03, 96); v128.store(to, c04, 128); v128.store(to, c05, 160)
  v128.store(to, c10, 192); v128.store(to, c11, 224); v128.store(to, c12, 256)
  v128.store(to, c13, 288); v128.store(to, c14, 320); v128.store(to, c15, 352)
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
 * The entries from `list` to `end` at `to`, and the last one again until there are as many as a tile takes.
 */
function filledTile(to: usize, list: usize, end: usize): usize {
  for (let at: usize = 0; at < TILE_ENTRIES; at += ENTRY) {
    store<u32>(to + at, load<u32>(min(list + at, end - ENTRY)))
  }
  return to
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
  let sums = changetype<usize>(product) + SUMS_AT + <usize>pair * GROUP_SUMS
  // After the first panels the sums go on from where they are.
  let from = panel === 0 ? changetype<usize>(product) + ZEROS_AT : sums
  const fromBytes = panel === 0 ? 0 : TILE_SUMS
  for (; list < end; list += TILE_ENTRIES) {
    const tile = list + TILE_ENTRIES <= end ? list : filledTile(changetype<usize>(product) + TILE_AT, list, end)
    if (product.wide !== 0) {
      sddmm2x6(sums, from, tile, a, b, aPanelBytes, bPanelBytes, lastPanel, lastSteps)
    } else {
      sddmm2x6half(sums, from, tile, a, b, aPanelBytes, bPanelBytes, lastPanel, lastSteps)
      sddmm2x6half(
        sums + HALF, from + HALF, tile, a + HALF, b + HALF, aPanelBytes, bPanelBytes, lastPanel + HALF, lastSteps,
      )
    }
    sums += TILE_SUMS
    from += fromBytes
  }
}

/** The dot products of pair `pair` of rows for the entries from `list` to `end`, to their places in C. */
function placeDots(product: SampledProduct, pair: i32, list: usize, end: usize): void {
  const c = product.c + <usize>(PAIR * pair) * product.cStride
  const cStride = product.cStride
  const dots = changetype<usize>(product) + DOTS_AT
  let sums = changetype<usize>(product) + SUMS_AT + <usize>pair * GROUP_SUMS
  for (; list < end; list += TILE_ENTRIES) {
    v128.store(dots, totals4(sums))
    v128.store(dots, totals4(sums + 4 * SUMS), 16)
    v128.store(dots, totals4(sums + 8 * SUMS), 32)
    sums += TILE_SUMS
    const entries = min(list + TILE_ENTRIES, end)
    let dot = dots
    for (let entry = list; entry < entries; entry += ENTRY) {
      const to = c + <usize>load<u32>(entry) / <usize>PANEL
      // Masks, not branches: which of a pair fires is a coin toss.
      store<i32>(to, load<i32>(dot) & -i32(load<f32>(entry, 4) > 0))
      store<i32>(to + cStride, load<i32>(dot + UNITS * FLOAT) & -i32(load<f32>(entry, 8) > 0))
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
  const groupBytes = GROUP_TILES * TILE_ENTRIES
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
