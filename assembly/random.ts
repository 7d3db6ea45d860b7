/**
 * The random streams of a run, bit for bit those of `src/random/streams.ts`, which says what each counter
 * means: Philox4x32-10 (Salmon et al., SC 2011), four counters at a time.
 */
import { cosTurns4, log4, sinTurns4 } from './kernels/math'
import { storeTransposed } from './operands/layouts'
import { floatAt, WORD, wordAt } from './plan/sizes'

const STREAM_WEIGHTS: u32 = 1
const STREAM_SHUFFLE: u32 = 2
const STREAM_NOISE: u32 = 3

const MULTIPLIER_0: u32 = 0xd2511f53
const MULTIPLIER_1: u32 = 0xcd9e8d57
const WEYL_0: u32 = 0x9e3779b9
const WEYL_1: u32 = 0xbb67ae85
const ROUNDS: i32 = 10

/**
 * Four words of one counter in each lane: word w of lane l in `words + 16 w + 4 l`. Counter lanes c0 … c0 +
 * 3.
 */
function philox4x32x4(words: usize, c0First: u32, c1First: u32, c2First: u32, key0: u32, key1: u32): void {
  let c0 = i32x4.add(i32x4.splat(c0First), i32x4(0, 1, 2, 3))
  let c1 = i32x4.splat(c1First)
  let c2 = i32x4.splat(c2First)
  let c3 = i32x4.splat(0)
  const m0 = i32x4.splat(MULTIPLIER_0)
  const m1 = i32x4.splat(MULTIPLIER_1)
  for (let round = 0; round < ROUNDS; round++) {
    const low0 = i32x4.mul(c0, m0)
    const low1 = i32x4.mul(c2, m1)
    const high0 = high4(c0, m0)
    const high1 = high4(c2, m1)
    c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(key0))
    c1 = low1
    c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(key1))
    c3 = low0
    key0 += WEYL_0
    key1 += WEYL_1
  }
  v128.store(words, c0)
  v128.store(words, c1, 16)
  v128.store(words, c2, 32)
  v128.store(words, c3, 48)
}

/** High 32 bits of the unsigned product of each lane. */
function high4(a: v128, b: v128): v128 {
  const low = i64x2.extmul_low_i32x4_u(a, b)
  const high = i64x2.extmul_high_i32x4_u(a, b)
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7)
}

/** (⌊w / 2⁸⌋ + add) / 2²⁴, exact in float32. */
function unit4(words: v128, add: i32): v128 {
  const integer = i32x4.add(i32x4.shr_u(words, 8), i32x4.splat(add))
  return f32x4.mul(f32x4.convert_i32x4_u(integer), f32x4.splat(1.0 / 16777216.0))
}

/** Random numbers that are made at once. */
export const DRAWS: i32 = 16
/** Bytes of scratch that all functions here want: the words of so many numbers. */
export const RANDOM_SCRATCH: usize = <usize>DRAWS * WORD

/**
 * Standard normal numbers of 16 neighbouring pixels of one image by Box–Muller, to out[16]. `words` is
 * scratch for 16 words, `firstPixel` a multiple of 16.
 */
export function normals16(
  out: usize,
  words: usize,
  firstPixel: i32,
  image: u32,
  epoch: u32,
  seed: u32,
): void {
  philox4x32x4(words, <u32>firstPixel / 4, image, epoch, seed, STREAM_NOISE)
  const n0 = radius4(v128.load(words))
  const turn0 = unit4(v128.load(words, 16), 0)
  const n2 = radius4(v128.load(words, 32))
  const turn2 = unit4(v128.load(words, 48), 0)
  // Lane l of vector j is pixel 4 l + j; a transpose puts pixels side by side.
  storeTransposed(
    out,
    16,
    f32x4.mul(n0, cosTurns4(turn0)),
    f32x4.mul(n0, sinTurns4(turn0)),
    f32x4.mul(n2, cosTurns4(turn2)),
    f32x4.mul(n2, sinTurns4(turn2)),
  )
}

/** √(−2 ln u) of Box–Muller, u in (0, 1]. */
function radius4(words: v128): v128 {
  // At u = 1 the logarithm may round to a tiny positive number: the root must not see it.
  return f32x4.sqrt(f32x4.max(f32x4.mul(f32x4.splat(-2), log4(unit4(words, 1))), f32x4.splat(0)))
}

/**
 * Xavier-uniform weights of one layer, (count) floats in canonical order at `out`, which must have room up to
 * the next multiple of 16: ±√(6 / (inputs + outputs)). `words` is scratch for 16 words.
 */
export function xavierUniform(
  out: usize,
  words: usize,
  inputs: i32,
  outputs: i32,
  layer: u32,
  seed: u32,
): void {
  const bound = <f32>sqrt<f64>(6.0 / <f64>(inputs + outputs))
  const count = inputs * outputs
  for (let first = 0; first < count; first += DRAWS) {
    philox4x32x4(words, <u32>first / 4, layer, 0, seed, STREAM_WEIGHTS)
    const at = floatAt(out, first)
    storeTransposed(
      at,
      16,
      symmetric4(v128.load(words), bound),
      symmetric4(v128.load(words, 16), bound),
      symmetric4(v128.load(words, 32), bound),
      symmetric4(v128.load(words, 48), bound),
    )
  }
}

/** (2⌊w / 2⁸⌋ + 1 − 2²⁴) / 2²⁴ · bound: the integer is odd and below 2²⁴, so float32 holds it exactly. */
function symmetric4(words: v128, bound: f32): v128 {
  const odd = i32x4.sub(v128.or(i32x4.shl(i32x4.shr_u(words, 8), 1), i32x4.splat(1)), i32x4.splat(1 << 24))
  return f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(odd), f32x4.splat(1.0 / 16777216.0)), f32x4.splat(bound))
}

/** The order of an epoch, (count) indices: Fisher–Yates from the top. `words` is scratch for 16 words. */
export function shuffle(order: usize, words: usize, count: i32, seed: u32, epoch: u32): void {
  for (let i = 0; i < count; i++) store<u32>(wordAt(order, i), i)
  let group = -1
  for (let i = count - 1; i > 0; i--) {
    if (i >> 4 !== group) {
      group = i >> 4
      philox4x32x4(words, <u32>group * 4, epoch, 0, seed, STREAM_SHUFFLE)
    }
    // Word w of block b lies in lane b: position 4 b + w.
    const word = load<u32>(wordAt(words, 4 * (i & 3) + ((i >> 2) & 3)))
    const j = <i32>((<u64>word * <u64>(i + 1)) >> 32)
    const here = wordAt(order, i)
    const there = wordAt(order, j)
    const held = load<u32>(here)
    store<u32>(here, load<u32>(there))
    store<u32>(there, held)
  }
}
