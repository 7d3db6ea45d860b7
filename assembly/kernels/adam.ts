/**
 * Adam with PyTorch's coupled weight decay (Kingma & Ba 2015; torch.optim.Adam):
 *
 *   g ← g + λ w          m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
 *   w ← w − α / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 *
 * WebAssembly cannot flush subnormal numbers, and x64 takes a hundred cycles for each. They do arise: a
 * weight whose input is always zero sees only its own decay and shrinks by 5 % a step, so that after some
 * 1,200 steps its moments, then it and the squares on the way are subnormal, and a step takes thirty times as
 * long. Numbers far below what ε = 1e-8 lets matter are therefore taken as zero, and v is kept above a floor
 * whose root vanishes beside ε.
 */
import { floatAt } from '../plan/sizes'

// As `src/model/adam.ts` has them for all engines: a test holds these against those.
const BETA_1: f64 = 0.9
const BETA_2: f64 = 0.999
const EPSILON: f32 = 1e-8
/**
 * A smaller gradient would move a parameter by less than 1e-9 of the learning rate. Its square times 1 − β₂
 * is still normal.
 */
const TINY_GRADIENT: f32 = 1e-17
const TINY_FIRST_MOMENT: f32 = 1e-20
const SECOND_MOMENT_FLOOR: f32 = 1e-30

/** What is alike for all parameters in a step. */
@unmanaged
export class AdamStep {
  /** λ */
  weightDecay: f32
  /** α / (1 − β₁ᵗ) */
  size: f32
  /** 1 / √(1 − β₂ᵗ) */
  secondMomentScale: f32
}

/** Fills in step t ≥ 1. */
export function beginAdamStep(step: AdamStep, learningRate: f32, weightDecay: f32, t: i32): void {
  step.weightDecay = weightDecay
  step.size = <f32>(<f64>learningRate / (1 - integerPower(BETA_1, t)))
  step.secondMomentScale = <f32>(1 / sqrt<f64>(1 - integerPower(BETA_2, t)))
}

/** baseⁿ by repeated squaring, so that no host's `pow` is needed. */
function integerPower(base: f64, n: i32): f64 {
  let result: f64 = 1
  while (n > 0) {
    if (n & 1) result *= base
    base *= base
    n >>= 1
  }
  return result
}

/** x, or 0 where |x| < tiny. NaN stays NaN. */
function flush(x: v128, tiny: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), tiny))
}

/**
 * One step for `count` parameters w, a multiple of 8, with gradients g; moments m and v. Two vectors at a
 * time, loaded before any is stored, so that V8 can fuse them.
 */
export function adam(step: AdamStep, w: usize, g: usize, m: usize, v: usize, count: i32): void {
  const decay = f32x4.splat(step.weightDecay)
  const beta1 = f32x4.splat(<f32>BETA_1)
  const oneMinusBeta1 = f32x4.splat(<f32>(1 - BETA_1))
  const beta2 = f32x4.splat(<f32>BETA_2)
  const oneMinusBeta2 = f32x4.splat(<f32>(1 - BETA_2))
  const scale = f32x4.splat(step.secondMomentScale)
  const epsilon = f32x4.splat(EPSILON)
  const size = f32x4.splat(step.size)
  const tinyGradient = f32x4.splat(TINY_GRADIENT)
  const tinyMoment = f32x4.splat(TINY_FIRST_MOMENT)
  const floor = f32x4.splat(SECOND_MOMENT_FLOOR)
  const end = floatAt(g, count)
  while (g < end) {
    const w0 = v128.load(w),
      w1 = v128.load(w, 16)
    const g0 = flush(f32x4.add(v128.load(g), f32x4.mul(decay, w0)), tinyGradient)
    const g1 = flush(f32x4.add(v128.load(g, 16), f32x4.mul(decay, w1)), tinyGradient)
    const m0 = flush(f32x4.add(f32x4.mul(beta1, v128.load(m)), f32x4.mul(oneMinusBeta1, g0)), tinyMoment)
    const m1 = flush(f32x4.add(f32x4.mul(beta1, v128.load(m, 16)), f32x4.mul(oneMinusBeta1, g1)), tinyMoment)
    const s0 = f32x4.add(f32x4.mul(beta2, v128.load(v)), f32x4.mul(oneMinusBeta2, f32x4.mul(g0, g0)))
    const s1 = f32x4.add(f32x4.mul(beta2, v128.load(v, 16)), f32x4.mul(oneMinusBeta2, f32x4.mul(g1, g1)))
    const v0 = f32x4.max(s0, floor)
    const v1 = f32x4.max(s1, floor)
    const d0 = f32x4.add(f32x4.mul(f32x4.sqrt(v0), scale), epsilon)
    const d1 = f32x4.add(f32x4.mul(f32x4.sqrt(v1), scale), epsilon)
    const next0 = f32x4.sub(w0, f32x4.mul(size, f32x4.div(m0, d0)))
    const next1 = f32x4.sub(w1, f32x4.mul(size, f32x4.div(m1, d1)))
    v128.store(m, m1, 16)
    v128.store(m, m0)
    v128.store(v, v1, 16)
    v128.store(v, v0)
    v128.store(w, next1, 16)
    v128.store(w, next0)
    w += 32
    g += 32
    m += 32
    v += 32
  }
}
