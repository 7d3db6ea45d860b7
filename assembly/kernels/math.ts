/**
 * Elementary functions on four lanes, as polynomials of our own: results do not depend on the host's `Math`.
 * In the relaxed build the exponential's polynomial is fused where the machine fuses; all else is +, −, ×, ÷
 * and √, the same bits on every machine.
 *
 * `@inline` on a function is AssemblyScript's own, unknown to other tools (the linter leaves this file out):
 * V8 can only fuse the work of two calls in one body, and these are too large to be inlined unasked.
 */
import { multiplyAdd } from './multiply-add'

// exp: range reduction x = n ln 2 + r, |r| ≤ ln 2 / 2, with ln 2 in two parts (Cody & Waite 1980) so that n ·
// LN2_HIGH is exact for |n| < 2¹⁵; eʳ by the degree-6 polynomial of Cephes expf (Moshier, netlib.org/cephes,
// expf.c).
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.12194440e-4
/** Adding and subtracting 1.5 · 2²³ rounds a float32 below 2²² to the nearest integer. */
const ROUND_MAGIC: f32 = 12582912.0

/**
 * Constants of exp4 in memory: V8 builds a vector constant from four instructions at each use, and loads one
 * in one. Every instance writes the same bytes to the same place, so sharing the memory does no harm.
 */
const EXP = memory.data<f32>([
  -87.0, 88.0, 1.44269504088896341, 12582912.0, -0.693359375, 2.12194440e-4,
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.0,
])

/**
 * eˣ for x clamped to [−87, 88] (no overflow, no subnormal); at most 1.02 ulp from the true value, fused or
 * not. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const magic = v128.load_splat<f32>(EXP, 12)
  const clamped = f32x4.min(f32x4.max(x, v128.load_splat<f32>(EXP)), v128.load_splat<f32>(EXP, 4))
  const shifted = multiplyAdd(clamped, v128.load_splat<f32>(EXP, 8), magic)
  const n = f32x4.sub(shifted, magic)
  const high = multiplyAdd(n, v128.load_splat<f32>(EXP, 16), clamped)
  const r = multiplyAdd(n, v128.load_splat<f32>(EXP, 20), high)
  let p = multiplyAdd(v128.load_splat<f32>(EXP, 24), r, v128.load_splat<f32>(EXP, 28))
  p = multiplyAdd(p, r, v128.load_splat<f32>(EXP, 32))
  p = multiplyAdd(p, r, v128.load_splat<f32>(EXP, 36))
  p = multiplyAdd(p, r, v128.load_splat<f32>(EXP, 40))
  p = multiplyAdd(p, r, v128.load_splat<f32>(EXP, 44))
  p = f32x4.add(multiplyAdd(p, f32x4.mul(r, r), r), v128.load_splat<f32>(EXP, 48))
  // 2ⁿ: the low bits of `shifted` hold n as an integer; moved into the exponent field of p, whose own
  // exponent is 0 or −1.
  return i32x4.add(p, i32x4.shl(shifted, 23))
}

/**
 * Logistic function 1 / (1 + e⁻ˣ); at most 2.5 ulp from the true value for x in [−87, 87], then flat at 1 and
 * next to 0.
 */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

/** Constants of tanh4: where the polynomial ends, its coefficients from the highest power down, 1 and 2. */
const TANH = memory.data<f32>([
  0.625, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 1.0, 2.0,
])

/**
 * Hyperbolic tangent; at most 2 ulp from the true value, of small x too. NaN stays NaN. As Cephes tanhf has
 * it (Moshier, netlib.org/cephes, tanhf.c): up to 0.625 the odd polynomial x + x³ P(x²), beyond it ±(1 − 2 /
 * (e^2|x| + 1)).
 */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x)
  const square = f32x4.mul(x, x)
  let p = multiplyAdd(v128.load_splat<f32>(TANH, 4), square, v128.load_splat<f32>(TANH, 8))
  p = multiplyAdd(p, square, v128.load_splat<f32>(TANH, 12))
  p = multiplyAdd(p, square, v128.load_splat<f32>(TANH, 16))
  p = multiplyAdd(p, square, v128.load_splat<f32>(TANH, 20))
  const near = multiplyAdd(f32x4.mul(p, square), x, x)
  const one = v128.load_splat<f32>(TANH, 24)
  const grown = exp4(f32x4.add(size, size))
  const far = f32x4.sub(one, f32x4.div(v128.load_splat<f32>(TANH, 28), f32x4.add(grown, one)))
  const signed = v128.or(far, v128.xor(x, size))
  return v128.bitselect(near, signed, f32x4.lt(size, v128.load_splat<f32>(TANH)))
}

/** Constants of log1p4: 1/15, 1/13, … 1/3, and 2. */
const LOG1P = memory.data<f32>([
  0.0666666667, 0.0769230769, 0.0909090909, 0.1111111111, 0.1428571429, 0.2, 0.3333333333, 2.0,
])

/**
 * ln(1 + x) for x in [0, 1]; at most 2 ulp from the true value, of small x too. It is 2 artanh(s) with s = x
 * / (2 + x) ≤ 1/3, by Gregory's series 2 (s + s³/3 + s⁵/5 + …); what comes after s¹⁵ is below 2⁻²⁹ of the
 * sum.
 */
// @ts-ignore: decorator
@inline
export function log1p4(x: v128): v128 {
  const s = f32x4.div(x, f32x4.add(x, v128.load_splat<f32>(LOG1P, 28)))
  const square = f32x4.mul(s, s)
  let p = multiplyAdd(v128.load_splat<f32>(LOG1P), square, v128.load_splat<f32>(LOG1P, 4))
  p = multiplyAdd(p, square, v128.load_splat<f32>(LOG1P, 8))
  p = multiplyAdd(p, square, v128.load_splat<f32>(LOG1P, 12))
  p = multiplyAdd(p, square, v128.load_splat<f32>(LOG1P, 16))
  p = multiplyAdd(p, square, v128.load_splat<f32>(LOG1P, 20))
  p = multiplyAdd(p, square, v128.load_splat<f32>(LOG1P, 24))
  const twice = f32x4.add(s, s)
  return multiplyAdd(f32x4.mul(p, square), twice, twice)
}

/** Where |z| is larger, e^−|z| is taken as zero: exp4 is flat from there on. */
const FAR_LOGIT: f32 = 87

/** e^−|z|, from 1 down to zero. */
// @ts-ignore: decorator
@inline
export function decay4(z: v128): v128 {
  const size = f32x4.abs(z)
  return v128.andnot(exp4(f32x4.neg(size)), f32x4.gt(size, f32x4.splat(FAR_LOGIT)))
}

/**
 * −x ln σ(z) − (1 − x) ln(1 − σ(z)) as max(z, 0) − z x + ln(1 + e^−|z|), which neither overflows nor cancels.
 */
// @ts-ignore: decorator
@inline
export function binaryCrossEntropy4(z: v128, x: v128, decay: v128): v128 {
  const linear = f32x4.sub(f32x4.max(z, f32x4.splat(0)), f32x4.mul(z, x))
  return f32x4.add(linear, log1p4(decay))
}

/** σ(z): 1 / (1 + e^−|z|) for z ≥ 0, e^−|z| / (1 + e^−|z|) below. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function sigmoidOfDecay4(z: v128, decay: v128): v128 {
  const one = f32x4.splat(1)
  const numerator = v128.bitselect(decay, one, f32x4.lt(z, f32x4.splat(0)))
  return f32x4.div(numerator, f32x4.add(one, decay))
}

/**
 * Natural logarithm of normal positive x; at most 1 ulp from the true value. Zero, negative numbers and NaN
 * give nonsense. x = 2ᵉ m with m in [√½, √2), then the degree-9 polynomial of Cephes logf.
 */
export function log4(x: v128): v128 {
  const sqrtHalf = f32x4.splat(0.707106781186547524)
  // m in [½, 1) with exponent e.
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)))
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000))
  const small = f32x4.lt(m, sqrtHalf)
  e = f32x4.sub(e, v128.and(small, f32x4.splat(1)))
  m = f32x4.sub(f32x4.add(m, v128.and(small, m)), f32x4.splat(1))
  const square = f32x4.mul(m, m)
  let p = f32x4.splat(7.0376836292e-2)
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.1514610310e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.1676998740e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.2420140846e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.4249322787e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.6668057665e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(2.0000714765e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-2.4999993993e-1))
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(3.3333331174e-1))
  p = f32x4.mul(f32x4.mul(p, m), square)
  p = f32x4.add(p, f32x4.mul(e, f32x4.splat(LN2_LOW)))
  p = f32x4.sub(p, f32x4.mul(f32x4.splat(0.5), square))
  return f32x4.add(f32x4.add(m, p), f32x4.mul(e, f32x4.splat(LN2_HIGH)))
}

/** sin(2πt) for t in [0, 1); absolute error below 1e-7. */
export function sinTurns4(t: v128): v128 {
  return sineFromQuadrant(t, 0)
}

/** cos(2πt) for t in [0, 1); absolute error below 1e-7. */
export function cosTurns4(t: v128): v128 {
  return sineFromQuadrant(t, 1)
}

/**
 * sin(2π(t + quadrant / 4)). The nearest quarter turn is taken off exactly; what is left, |y| ≤ π/4, goes to
 * the sine or cosine polynomial of Cephes sinf/cosf.
 */
function sineFromQuadrant(t: v128, quadrant: i32): v128 {
  const quarters = f32x4.mul(t, f32x4.splat(4))
  const shifted = f32x4.add(quarters, f32x4.splat(ROUND_MAGIC))
  const y = f32x4.mul(f32x4.sub(quarters, f32x4.sub(shifted, f32x4.splat(ROUND_MAGIC))), f32x4.splat(1.5707963267948966))
  const square = f32x4.mul(y, y)
  let s = f32x4.splat(-1.9515295891e-4)
  s = f32x4.add(f32x4.mul(s, square), f32x4.splat(8.3321608736e-3))
  s = f32x4.add(f32x4.mul(s, square), f32x4.splat(-1.6666654611e-1))
  s = f32x4.add(f32x4.mul(f32x4.mul(s, square), y), y)
  let c = f32x4.splat(2.443315711809948e-5)
  c = f32x4.add(f32x4.mul(c, square), f32x4.splat(-1.388731625493765e-3))
  c = f32x4.add(f32x4.mul(c, square), f32x4.splat(4.166664568298827e-2))
  c = f32x4.mul(f32x4.mul(c, square), square)
  c = f32x4.add(f32x4.sub(c, f32x4.mul(f32x4.splat(0.5), square)), f32x4.splat(1))
  // The low bits of `shifted` hold the quarter turn as an integer: odd ones take the cosine, those with bit 1
  // set change sign.
  const quarter = i32x4.add(shifted, i32x4.splat(quadrant))
  const odd = i32x4.ne(v128.and(quarter, i32x4.splat(1)), i32x4.splat(0))
  const sign = i32x4.shl(v128.and(quarter, i32x4.splat(2)), 30)
  return v128.xor(v128.bitselect(c, s, odd), sign)
}
