/**
 * The products of a training step over whole matrices, without what comes before and after each tile: so that
 * `npm run bench` can time the kernels at the layers' real shapes, with no call from JavaScript between
 * tiles. The loops are those of `phases/`: panels outside, then some pairs whose sums stay in cache, then
 * blocks of B that do, and those pairs inside.
 *
 * Strides count floats. The sums of one panel and chunk of pairs go to c + panel · cPanelStride + chunk ·
 * cChunkStride; with both strides 0 all go to one place, as to the scratch of a training step.
 */
import { multiplyAdd } from '../kernels/multiply-add'
import { SAMPLED_PAIRS, SampledProduct, sampleRows } from '../kernels/sddmm'
import { gemmTile, spmmTile, tileFor } from '../kernels/tiles'
import { clearRows } from '../operands/layouts'
import { BLOCK_ROWS, DENSE_BLOCK_ROWS, floatAt, PAIR, PAIR_BYTES, PAIR_ROWS, PANEL, pieces, ROW, rowAt, WORD, wordAt } from '../plan/sizes'

/** C = A B for A as pairs [pairs][n][2] and B as panels [columns / 40][n][40]. */
export function gemmPanels(
  wide: bool,
  c: usize,
  cPanelStride: i32,
  cChunkStride: i32,
  chunkPairs: i32,
  a: usize,
  aPairStride: i32,
  pairs: i32,
  b: usize,
  bPanelStride: i32,
  columns: i32,
  n: i32,
): void {
  for (let panel = 0; panel < pieces(columns, PANEL); panel++) {
    const tile = tileFor(wide, columns - panel * PANEL)
    const from = floatAt(b, panel * bPanelStride)
    for (let chunk = 0; chunk < pieces(pairs, chunkPairs); chunk++) {
      const sums = floatAt(c, panel * cPanelStride + chunk * cChunkStride)
      const first = chunk * chunkPairs
      const count = min(chunkPairs, pairs - first)
      clearRows(sums, <usize>count * PAIR_ROWS)
      for (let k = 0; k < n; k += DENSE_BLOCK_ROWS) {
        const rows = min(DENSE_BLOCK_ROWS, n - k)
        for (let p = 0; p < count; p++) {
          const left = floatAt(a, (first + p) * aPairStride + PAIR * k)
          gemmTile(tile, sums + <usize>p * PAIR_ROWS, left, PAIR_BYTES, rowAt(from, k), rows)
        }
      }
    }
  }
}

/**
 * The same for A as lists: [pairs][blocks + 1] addresses at which their blocks' entries begin and end, see
 * `lists.ts`.
 */
export function spmmPanels(
  wide: bool,
  c: usize,
  cPanelStride: i32,
  cChunkStride: i32,
  chunkPairs: i32,
  marks: usize,
  blocks: i32,
  pairs: i32,
  b: usize,
  bPanelStride: i32,
  columns: i32,
): void {
  for (let panel = 0; panel < pieces(columns, PANEL); panel++) {
    const tile = tileFor(wide, columns - panel * PANEL)
    const from = floatAt(b, panel * bPanelStride)
    for (let chunk = 0; chunk < pieces(pairs, chunkPairs); chunk++) {
      const sums = floatAt(c, panel * cPanelStride + chunk * cChunkStride)
      const first = chunk * chunkPairs
      const count = min(chunkPairs, pairs - first)
      clearRows(sums, <usize>count * PAIR_ROWS)
      for (let block = 0; block < blocks; block++) {
        for (let p = 0; p < count; p++) {
          const mark = wordAt(marks, (first + p) * (blocks + 1) + block)
          const to = sums + <usize>p * PAIR_ROWS
          spmmTile(tile, to, to + ROW, load<u32>(mark), load<u32>(mark, WORD), from)
        }
      }
    }
  }
}

/**
 * C [2 · pairs][columns], of which only what the lists name is computed, for A as panels [n / 40][2 ·
 * pairs][40] and B as panels [n / 40][columns][40], n being `terms` rounded up to whole panels; the rest of C
 * is zero. The rows that are computed together, `sampledPairs` pairs, go to c + group · cGroupStride.
 */
export function sddmmPairs(
  wide: bool,
  c: usize,
  cGroupStride: i32,
  marks: usize,
  pairs: i32,
  a: usize,
  b: usize,
  terms: i32,
  columns: i32,
  scratch: usize,
): void {
  const blocks = pieces(columns, BLOCK_ROWS)
  const markBytes = wordAt(0, blocks + 1)
  const product = changetype<SampledProduct>(scratch)
  product.wide = i32(wide)
  product.cStride = floatAt(0, columns)
  product.aPanelBytes = rowAt(0, PAIR * pairs)
  product.b = b
  product.bPanelBytes = rowAt(0, columns)
  product.terms = terms
  for (let block = 0; block < blocks; block++) {
    const first = block * BLOCK_ROWS
    const blockBytes = floatAt(0, min(BLOCK_ROWS, columns - first))
    for (let pair = 0; pair < pairs; pair += SAMPLED_PAIRS) {
      const count = min(SAMPLED_PAIRS, pairs - pair)
      product.c = floatAt(c, (pair / SAMPLED_PAIRS) * cGroupStride)
      for (let row = 0; row < PAIR * count; row++) {
        memory.fill(floatAt(product.c, row * columns + first), 0, blockBytes)
      }
      product.a = rowAt(a, PAIR * pair)
      sampleRows(product, count, marks + <usize>pair * markBytes + wordAt(0, block), markBytes)
    }
  }
}

/**
 * The limit of a machine that computes 128 bits at a time, whose 16 registers `registerOnlyMultiplyAdd`
 * overflows: n rounds of 12 independent multiply-adds of 4 lanes, 2 · 48 · n floating-point operations. Reads
 * two vectors at c, writes 12.
 */
export function registerOnlyMultiplyAdd12(c: usize, n: i32): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
  let c4 = f32x4.splat(0), c5 = f32x4.splat(0), c6 = f32x4.splat(0), c7 = f32x4.splat(0)
  let c8 = f32x4.splat(0), c9 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  const x = v128.load(c)
  const y = v128.load(c, 16)
  for (let i = 0; i < n; i++) {
    c0 = multiplyAdd(x, y, c0); c1 = multiplyAdd(x, y, c1); c2 = multiplyAdd(x, y, c2); c3 = multiplyAdd(x, y, c3)
    c4 = multiplyAdd(x, y, c4); c5 = multiplyAdd(x, y, c5); c6 = multiplyAdd(x, y, c6); c7 = multiplyAdd(x, y, c7)
    c8 = multiplyAdd(x, y, c8); c9 = multiplyAdd(x, y, c9); c10 = multiplyAdd(x, y, c10); c11 = multiplyAdd(x, y, c11)
  }
  v128.store(c, c0); v128.store(c, c1, 16); v128.store(c, c2, 32); v128.store(c, c3, 48)
  v128.store(c, c4, 64); v128.store(c, c5, 80); v128.store(c, c6, 96); v128.store(c, c7, 112)
  v128.store(c, c8, 128); v128.store(c, c9, 144); v128.store(c, c10, 160); v128.store(c, c11, 176)
}

/**
 * The machine's limit, for benchmarks: n rounds of 20 independent multiply-adds of 4 lanes that touch no
 * memory, 2 · 80 · n floating-point operations. Reads two vectors at c, writes 20.
 */
export function registerOnlyMultiplyAdd(c: usize, n: i32): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0), c4 = f32x4.splat(0)
  let c5 = f32x4.splat(0), c6 = f32x4.splat(0), c7 = f32x4.splat(0), c8 = f32x4.splat(0), c9 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0), c12 = f32x4.splat(0), c13 = f32x4.splat(0), c14 = f32x4.splat(0)
  let c15 = f32x4.splat(0), c16 = f32x4.splat(0), c17 = f32x4.splat(0), c18 = f32x4.splat(0), c19 = f32x4.splat(0)
  const x = v128.load(c)
  const y = v128.load(c, 16)
  for (let i = 0; i < n; i++) {
    c0 = multiplyAdd(x, y, c0); c1 = multiplyAdd(x, y, c1); c2 = multiplyAdd(x, y, c2); c3 = multiplyAdd(x, y, c3); c4 = multiplyAdd(x, y, c4)
    c5 = multiplyAdd(x, y, c5); c6 = multiplyAdd(x, y, c6); c7 = multiplyAdd(x, y, c7); c8 = multiplyAdd(x, y, c8); c9 = multiplyAdd(x, y, c9)
    c10 = multiplyAdd(x, y, c10); c11 = multiplyAdd(x, y, c11); c12 = multiplyAdd(x, y, c12); c13 = multiplyAdd(x, y, c13); c14 = multiplyAdd(x, y, c14)
    c15 = multiplyAdd(x, y, c15); c16 = multiplyAdd(x, y, c16); c17 = multiplyAdd(x, y, c17); c18 = multiplyAdd(x, y, c18); c19 = multiplyAdd(x, y, c19)
  }
  v128.store(c, c1, 16); v128.store(c, c0); v128.store(c, c3, 48); v128.store(c, c2, 32)
  v128.store(c, c5, 80); v128.store(c, c4, 64); v128.store(c, c7, 112); v128.store(c, c6, 96)
  v128.store(c, c9, 144); v128.store(c, c8, 128); v128.store(c, c11, 176); v128.store(c, c10, 160)
  v128.store(c, c13, 208); v128.store(c, c12, 192); v128.store(c, c15, 240); v128.store(c, c14, 224)
  v128.store(c, c17, 272); v128.store(c, c16, 256); v128.store(c, c19, 304); v128.store(c, c18, 288)
}
