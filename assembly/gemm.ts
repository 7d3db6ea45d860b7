/**
 * The one product every layer needs, on one register tile:
 *
 *   C[4][16] = Σₖ A[k][4] ⊗ B[k][16]
 *
 * A is a quad that is broadcast, B a panel that is read as vectors; both are walked at a fixed stride. Each element of C is
 * one sum in the order of k with one accumulator, so the tile's shape changes no bit of the result, nor does doing it in
 * stretches of k: the dense kernels add to what C holds.
 *
 * Named by tile and method: `gemm4x16` keeps 16 vectors of accumulators, which is 8 registers where V8 fuses neighbouring
 * 128-bit operations to 256 bits (x64, `--experimental-wasm-revectorize`) and spills where it does not; `gemm4x8` keeps 8.
 * `spmm…` walks a list of the k whose A is not all zero. V8 fuses only what these functions are: accumulators that start
 * from constants or loads, one flat loop, stores of neighbours. Shape them otherwise and throughput falls to a quarter.
 */

/** a · b + c: fused where the relaxed instruction is (one rounding), else product and sum (two roundings). */
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** C[4][16] += Σₖ A[k][4] ⊗ B[k][16] for k < n. */
export function gemm4x16(c: usize, a: usize, b: usize, n: i32): void {
  let c00 = v128.load(c), c01 = v128.load(c, 16), c02 = v128.load(c, 32), c03 = v128.load(c, 48)
  let c10 = v128.load(c, 64), c11 = v128.load(c, 80), c12 = v128.load(c, 96), c13 = v128.load(c, 112)
  let c20 = v128.load(c, 128), c21 = v128.load(c, 144), c22 = v128.load(c, 160), c23 = v128.load(c, 176)
  let c30 = v128.load(c, 192), c31 = v128.load(c, 208), c32 = v128.load(c, 224), c33 = v128.load(c, 240)
  const end = a + ((<usize>n) << 4)
  while (a < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    const a0 = v128.load_splat<f32>(a)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01); c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    const a1 = v128.load_splat<f32>(a, 4)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11); c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const a2 = v128.load_splat<f32>(a, 8)
    c20 = multiplyAdd(a2, b0, c20); c21 = multiplyAdd(a2, b1, c21); c22 = multiplyAdd(a2, b2, c22); c23 = multiplyAdd(a2, b3, c23)
    const a3 = v128.load_splat<f32>(a, 12)
    c30 = multiplyAdd(a3, b0, c30); c31 = multiplyAdd(a3, b1, c31); c32 = multiplyAdd(a3, b2, c32); c33 = multiplyAdd(a3, b3, c33)
    a += 16
    b += 64
  }
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48)
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112)
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176)
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240)
}

/** Eight columns of the same: b points at the first of them, c too (row stride 16). */
export function gemm4x8(c: usize, a: usize, b: usize, n: i32): void {
  let c00 = v128.load(c), c01 = v128.load(c, 16)
  let c10 = v128.load(c, 64), c11 = v128.load(c, 80)
  let c20 = v128.load(c, 128), c21 = v128.load(c, 144)
  let c30 = v128.load(c, 192), c31 = v128.load(c, 208)
  const end = a + ((<usize>n) << 4)
  while (a < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    const a0 = v128.load_splat<f32>(a)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    const a1 = v128.load_splat<f32>(a, 4)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const a2 = v128.load_splat<f32>(a, 8)
    c20 = multiplyAdd(a2, b0, c20); c21 = multiplyAdd(a2, b1, c21)
    const a3 = v128.load_splat<f32>(a, 12)
    c30 = multiplyAdd(a3, b0, c30); c31 = multiplyAdd(a3, b1, c31)
    a += 16
    b += 64
  }
  v128.store(c, c00); v128.store(c, c01, 16)
  v128.store(c, c10, 64); v128.store(c, c11, 80)
  v128.store(c, c20, 128); v128.store(c, c21, 144)
  v128.store(c, c30, 192); v128.store(c, c31, 208)
}

/** C[4][16] = Σₜ A[t][4] ⊗ (the panel row at byte offset offsets[t])[16] for t < n. */
export function spmm4x16(c: usize, a: usize, offsets: usize, b: usize, n: i32): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c02 = f32x4.splat(0), c03 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0), c12 = f32x4.splat(0), c13 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c22 = f32x4.splat(0), c23 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0), c32 = f32x4.splat(0), c33 = f32x4.splat(0)
  const end = a + ((<usize>n) << 4)
  while (a < end) {
    const row = b + load<u32>(offsets)
    const b0 = v128.load(row), b1 = v128.load(row, 16), b2 = v128.load(row, 32), b3 = v128.load(row, 48)
    const a0 = v128.load_splat<f32>(a)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01); c02 = multiplyAdd(a0, b2, c02); c03 = multiplyAdd(a0, b3, c03)
    const a1 = v128.load_splat<f32>(a, 4)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11); c12 = multiplyAdd(a1, b2, c12); c13 = multiplyAdd(a1, b3, c13)
    const a2 = v128.load_splat<f32>(a, 8)
    c20 = multiplyAdd(a2, b0, c20); c21 = multiplyAdd(a2, b1, c21); c22 = multiplyAdd(a2, b2, c22); c23 = multiplyAdd(a2, b3, c23)
    const a3 = v128.load_splat<f32>(a, 12)
    c30 = multiplyAdd(a3, b0, c30); c31 = multiplyAdd(a3, b1, c31); c32 = multiplyAdd(a3, b2, c32); c33 = multiplyAdd(a3, b3, c33)
    a += 16
    offsets += 4
  }
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48)
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112)
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176)
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240)
}

/** Eight columns of the same. */
export function spmm4x8(c: usize, a: usize, offsets: usize, b: usize, n: i32): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0)
  const end = a + ((<usize>n) << 4)
  while (a < end) {
    const row = b + load<u32>(offsets)
    const b0 = v128.load(row), b1 = v128.load(row, 16)
    const a0 = v128.load_splat<f32>(a)
    c00 = multiplyAdd(a0, b0, c00); c01 = multiplyAdd(a0, b1, c01)
    const a1 = v128.load_splat<f32>(a, 4)
    c10 = multiplyAdd(a1, b0, c10); c11 = multiplyAdd(a1, b1, c11)
    const a2 = v128.load_splat<f32>(a, 8)
    c20 = multiplyAdd(a2, b0, c20); c21 = multiplyAdd(a2, b1, c21)
    const a3 = v128.load_splat<f32>(a, 12)
    c30 = multiplyAdd(a3, b0, c30); c31 = multiplyAdd(a3, b1, c31)
    a += 16
    offsets += 4
  }
  v128.store(c, c00); v128.store(c, c01, 16)
  v128.store(c, c10, 64); v128.store(c, c11, 80)
  v128.store(c, c20, 128); v128.store(c, c21, 144)
  v128.store(c, c30, 192); v128.store(c, c31, 208)
}

const HALF_PANEL_BYTES: usize = 32

/** The dense product, added to C, on the tile that suits the runtime. */
export function gemmTile(wide: bool, c: usize, a: usize, b: usize, n: i32): void {
  if (wide) {
    gemm4x16(c, a, b, n)
  } else {
    gemm4x8(c, a, b, n)
    gemm4x8(c + HALF_PANEL_BYTES, a, b + HALF_PANEL_BYTES, n)
  }
}

/** The sparse product on the tile that suits the runtime. */
export function spmmTile(wide: bool, c: usize, a: usize, offsets: usize, b: usize, n: i32): void {
  if (wide) {
    spmm4x16(c, a, offsets, b, n)
  } else {
    spmm4x8(c, a, offsets, b, n)
    spmm4x8(c + HALF_PANEL_BYTES, a, offsets, b + HALF_PANEL_BYTES, n)
  }
}

/**
 * The machine's limit, for benchmarks: n rounds of 16 independent multiply-adds of 4 lanes that touch no memory,
 * 2 · 64 · n floating-point operations. Reads two vectors at c, writes 16.
 */
export function registerOnlyMultiplyAdd(c: usize, n: i32): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c02 = f32x4.splat(0), c03 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0), c12 = f32x4.splat(0), c13 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c22 = f32x4.splat(0), c23 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0), c32 = f32x4.splat(0), c33 = f32x4.splat(0)
  const x = v128.load(c)
  const y = v128.load(c, 16)
  for (let i = 0; i < n; i++) {
    c00 = multiplyAdd(x, y, c00); c01 = multiplyAdd(x, y, c01); c02 = multiplyAdd(x, y, c02); c03 = multiplyAdd(x, y, c03)
    c10 = multiplyAdd(x, y, c10); c11 = multiplyAdd(x, y, c11); c12 = multiplyAdd(x, y, c12); c13 = multiplyAdd(x, y, c13)
    c20 = multiplyAdd(x, y, c20); c21 = multiplyAdd(x, y, c21); c22 = multiplyAdd(x, y, c22); c23 = multiplyAdd(x, y, c23)
    c30 = multiplyAdd(x, y, c30); c31 = multiplyAdd(x, y, c31); c32 = multiplyAdd(x, y, c32); c33 = multiplyAdd(x, y, c33)
  }
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48)
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112)
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176)
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240)
}
