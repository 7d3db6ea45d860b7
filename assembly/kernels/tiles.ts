/**
 * The one product every layer needs, on one tile of registers:
 *
 *   C[2][40] += Σₖ A[k][2] ⊗ B[k][40]
 *
 * A is a pair that is broadcast, B a panel that is read as vectors. The pairs of A lie at equal distances:
 * neighbours are row pairs, and two columns of a panel a row apart each. Each element of C is one sum in the
 * order of k with one accumulator, so the tile's shape changes no bit of the result, nor does doing it in
 * stretches of k.
 *
 * Named by tile and method: `…2x40` keeps 20 vectors of accumulators, which is 10 registers where V8 fuses
 * neighbouring 128-bit operations to 256 bits (x64, `--experimental-wasm-revectorize`) and spills where it
 * does not; `…2x20` keeps 10. Ten chains are what it takes: a multiply-add has a latency of 4 and two start
 * in each cycle, so with 8 every hitch is lost for good. `spmm…` walks a list of the k whose A is not all
 * zero. V8 fuses only what these functions are: accumulators that start from loads, one flat loop, stores of
 * neighbours. Shape them otherwise and throughput falls to a quarter. Of two neighbours the upper one is
 * stored first, here and wherever a step stores pairs: the other way round V8 stores 16 bytes and then the 32
 * over them.
 */
import { TILE_FORTY, TILE_TWENTIES, TILE_TWENTY } from '../plan/codes'
import { ENTRY, PANEL, ROW } from '../plan/sizes'
import { multiplyAdd } from './multiply-add'

/** Columns of a narrow tile, and their bytes. */
const HALF_PANEL: i32 = PANEL / 2
const HALF_ROW: usize = ROW / 2

/** C[2][40] += Σₖ A[k][2] ⊗ B[k][40] for k < n; the pairs of A lie `aStride` bytes apart. */
function gemm2x40(c: usize, a: usize, aStride: usize, b: usize, n: i32): void {
  let c00 = v128.load(c, 0), c01 = v128.load(c, 16), c02 = v128.load(c, 32), c03 = v128.load(c, 48), c04 = v128.load(c, 64)
  let c05 = v128.load(c, 80), c06 = v128.load(c, 96), c07 = v128.load(c, 112), c08 = v128.load(c, 128), c09 = v128.load(c, 144)
  let c10 = v128.load(c, 160), c11 = v128.load(c, 176), c12 = v128.load(c, 192), c13 = v128.load(c, 208), c14 = v128.load(c, 224)
  let c15 = v128.load(c, 240), c16 = v128.load(c, 256), c17 = v128.load(c, 272), c18 = v128.load(c, 288), c19 = v128.load(c, 304)
  const end = b + <usize>n * ROW
  while (b < end) {
    const a0 = v128.load_splat<f32>(a), a1 = v128.load_splat<f32>(a, 4)
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const b4 = v128.load(b, 64), b5 = v128.load(b, 80)
    c04 = multiplyAdd(a0, b4, c04); c05 = multiplyAdd(a0, b5, c05)
    c14 = multiplyAdd(a1, b4, c14); c15 = multiplyAdd(a1, b5, c15)
    const b6 = v128.load(b, 96), b7 = v128.load(b, 112)
    c06 = multiplyAdd(a0, b6, c06); c07 = multiplyAdd(a0, b7, c07)
    c16 = multiplyAdd(a1, b6, c16); c17 = multiplyAdd(a1, b7, c17)
    const b8 = v128.load(b, 128), b9 = v128.load(b, 144)
    c08 = multiplyAdd(a0, b8, c08); c09 = multiplyAdd(a0, b9, c09)
    c18 = multiplyAdd(a1, b8, c18); c19 = multiplyAdd(a1, b9, c19)
    a += aStride
    b += ROW
  }
  v128.store(c, c01, 16); v128.store(c, c00); v128.store(c, c03, 48); v128.store(c, c02, 32)
  v128.store(c, c05, 80); v128.store(c, c04, 64); v128.store(c, c07, 112); v128.store(c, c06, 96)
  v128.store(c, c09, 144); v128.store(c, c08, 128); v128.store(c, c11, 176); v128.store(c, c10, 160)
  v128.store(c, c13, 208); v128.store(c, c12, 192); v128.store(c, c15, 240); v128.store(c, c14, 224)
  v128.store(c, c17, 272); v128.store(c, c16, 256); v128.store(c, c19, 304); v128.store(c, c18, 288)
}

/** Twenty columns of the same: b points at the first of them, c too. */
function gemm2x20(c: usize, a: usize, aStride: usize, b: usize, n: i32): void {
  let c00 = v128.load(c, 0), c01 = v128.load(c, 16), c02 = v128.load(c, 32), c03 = v128.load(c, 48), c04 = v128.load(c, 64)
  let c10 = v128.load(c, 160), c11 = v128.load(c, 176), c12 = v128.load(c, 192), c13 = v128.load(c, 208), c14 = v128.load(c, 224)
  const end = b + <usize>n * ROW
  while (b < end) {
    const a0 = v128.load_splat<f32>(a), a1 = v128.load_splat<f32>(a, 4)
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const b4 = v128.load(b, 64)
    c04 = multiplyAdd(a0, b4, c04)
    c14 = multiplyAdd(a1, b4, c14)
    a += aStride
    b += ROW
  }
  v128.store(c, c01, 16); v128.store(c, c00); v128.store(c, c03, 48); v128.store(c, c02, 32)
  v128.store(c, c04, 64); v128.store(c, c11, 176); v128.store(c, c10, 160); v128.store(c, c13, 208)
  v128.store(c, c12, 192); v128.store(c, c14, 224)
}

/**
 * C[2][40] += Σ over the list's entries of their pair ⊗ (the row of B at their byte offset)[40]; C's rows lie
 * at c0 and c1.
 */
function spmm2x40(c0: usize, c1: usize, list: usize, end: usize, b: usize): void {
  let c00 = v128.load(c0), c01 = v128.load(c0, 16), c02 = v128.load(c0, 32), c03 = v128.load(c0, 48), c04 = v128.load(c0, 64)
  let c05 = v128.load(c0, 80), c06 = v128.load(c0, 96), c07 = v128.load(c0, 112), c08 = v128.load(c0, 128), c09 = v128.load(c0, 144)
  let c10 = v128.load(c1), c11 = v128.load(c1, 16), c12 = v128.load(c1, 32), c13 = v128.load(c1, 48), c14 = v128.load(c1, 64)
  let c15 = v128.load(c1, 80), c16 = v128.load(c1, 96), c17 = v128.load(c1, 112), c18 = v128.load(c1, 128), c19 = v128.load(c1, 144)
  while (list < end) {
    const row = b + load<u32>(list)
    const a0 = v128.load_splat<f32>(list, 4), a1 = v128.load_splat<f32>(list, 8)
    const b0 = v128.load(row), b1 = v128.load(row, 16)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const b2 = v128.load(row, 32), b3 = v128.load(row, 48)
    c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const b4 = v128.load(row, 64), b5 = v128.load(row, 80)
    c04 = multiplyAdd(a0, b4, c04); c05 = multiplyAdd(a0, b5, c05)
    c14 = multiplyAdd(a1, b4, c14); c15 = multiplyAdd(a1, b5, c15)
    const b6 = v128.load(row, 96), b7 = v128.load(row, 112)
    c06 = multiplyAdd(a0, b6, c06); c07 = multiplyAdd(a0, b7, c07)
    c16 = multiplyAdd(a1, b6, c16); c17 = multiplyAdd(a1, b7, c17)
    const b8 = v128.load(row, 128), b9 = v128.load(row, 144)
    c08 = multiplyAdd(a0, b8, c08); c09 = multiplyAdd(a0, b9, c09)
    c18 = multiplyAdd(a1, b8, c18); c19 = multiplyAdd(a1, b9, c19)
    list += ENTRY
  }
  v128.store(c0, c01, 16); v128.store(c0, c00); v128.store(c0, c03, 48); v128.store(c0, c02, 32)
  v128.store(c0, c05, 80); v128.store(c0, c04, 64); v128.store(c0, c07, 112); v128.store(c0, c06, 96)
  v128.store(c0, c09, 144); v128.store(c0, c08, 128); v128.store(c1, c11, 16); v128.store(c1, c10)
  v128.store(c1, c13, 48); v128.store(c1, c12, 32); v128.store(c1, c15, 80); v128.store(c1, c14, 64)
  v128.store(c1, c17, 112); v128.store(c1, c16, 96); v128.store(c1, c19, 144); v128.store(c1, c18, 128)
}

/** Twenty columns of the same. */
function spmm2x20(c0: usize, c1: usize, list: usize, end: usize, b: usize): void {
  let c00 = v128.load(c0), c01 = v128.load(c0, 16), c02 = v128.load(c0, 32), c03 = v128.load(c0, 48), c04 = v128.load(c0, 64)
  let c10 = v128.load(c1), c11 = v128.load(c1, 16), c12 = v128.load(c1, 32), c13 = v128.load(c1, 48), c14 = v128.load(c1, 64)
  while (list < end) {
    const row = b + load<u32>(list)
    const a0 = v128.load_splat<f32>(list, 4), a1 = v128.load_splat<f32>(list, 8)
    const b0 = v128.load(row), b1 = v128.load(row, 16)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const b2 = v128.load(row, 32), b3 = v128.load(row, 48)
    c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const b4 = v128.load(row, 64)
    c04 = multiplyAdd(a0, b4, c04)
    c14 = multiplyAdd(a1, b4, c14)
    list += ENTRY
  }
  v128.store(c0, c01, 16); v128.store(c0, c00); v128.store(c0, c03, 48); v128.store(c0, c02, 32)
  v128.store(c0, c04, 64); v128.store(c1, c11, 16); v128.store(c1, c10); v128.store(c1, c13, 48)
  v128.store(c1, c12, 32); v128.store(c1, c14, 64)
}

/**
 * The tile that suits the runtime (`wide`: it fuses) and a panel of which `columns` columns exist, the others
 * being zeros. Where they end at twenty the narrow tile leaves out the rest, which thus stays as it is; the
 * wide one cannot: five of its chains take as long as ten, for a multiply-add has a latency of 4.
 */
export function tileFor(wide: bool, columns: i32): i32 {
  if (wide) return TILE_FORTY
  return columns > HALF_PANEL ? TILE_TWENTIES : TILE_TWENTY
}

/** The dense product, added to C. */
export function gemmTile(tile: i32, c: usize, a: usize, aStride: usize, b: usize, n: i32): void {
  if (tile === TILE_FORTY) {
    gemm2x40(c, a, aStride, b, n)
  } else {
    gemm2x20(c, a, aStride, b, n)
    if (tile === TILE_TWENTIES) gemm2x20(c + HALF_ROW, a, aStride, b + HALF_ROW, n)
  }
}

/** The sparse product, added to C's rows at c0 and c1; the entries lie from `list` to `end`. */
export function spmmTile(tile: i32, c0: usize, c1: usize, list: usize, end: usize, b: usize): void {
  if (tile === TILE_FORTY) {
    spmm2x40(c0, c1, list, end, b)
  } else {
    spmm2x20(c0, c1, list, end, b)
    if (tile === TILE_TWENTIES) spmm2x20(c0 + HALF_ROW, c1 + HALF_ROW, list, end, b + HALF_ROW)
  }
}
