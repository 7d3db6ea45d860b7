"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.adamStepSize = adamStepSize;
exports.adamSecondMomentScale = adamSecondMomentScale;
exports.adam = adam;
/**
 * Adam with PyTorch's coupled weight decay (Kingma & Ba 2015; torch.optim.Adam):
 *
 *   g ← g + λ w          m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
 *   w ← w − α / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;
/** α / (1 − β₁ᵗ) for step t ≥ 1. */
function adamStepSize(learningRate, t) {
    return (learningRate / (1 - integerPower(BETA_1, t)));
}
/** 1 / √(1 − β₂ᵗ) for step t ≥ 1. */
function adamSecondMomentScale(t) {
    return (1 / sqrt(1 - integerPower(BETA_2, t)));
}
/** baseⁿ by repeated squaring, so that no host's `pow` is needed. */
function integerPower(base, n) {
    let result = 1;
    while (n > 0) {
        if (n & 1)
            result *= base;
        base *= base;
        n >>= 1;
    }
    return result;
}
/**
 * One step for `vectors` · 4 parameters w with gradients g; moments m and v. Two neighbours at a time, loaded before any is
 * stored, so that V8 can fuse them.
 */
function adam(w, g, m, v, vectors, weightDecay, stepSize, secondMomentScale) {
    const decay = f32x4.splat(weightDecay);
    const beta1 = f32x4.splat(BETA_1);
    const oneMinusBeta1 = f32x4.splat((1 - BETA_1));
    const beta2 = f32x4.splat(BETA_2);
    const oneMinusBeta2 = f32x4.splat((1 - BETA_2));
    const scale = f32x4.splat(secondMomentScale);
    const epsilon = f32x4.splat(EPSILON);
    const size = f32x4.splat(stepSize);
    const end = g + (vectors << 4);
    while (g < end) {
        const w0 = v128.load(w), w1 = v128.load(w, 16);
        const g0 = f32x4.add(v128.load(g), f32x4.mul(decay, w0));
        const g1 = f32x4.add(v128.load(g, 16), f32x4.mul(decay, w1));
        const m0 = f32x4.add(f32x4.mul(beta1, v128.load(m)), f32x4.mul(oneMinusBeta1, g0));
        const m1 = f32x4.add(f32x4.mul(beta1, v128.load(m, 16)), f32x4.mul(oneMinusBeta1, g1));
        const v0 = f32x4.add(f32x4.mul(beta2, v128.load(v)), f32x4.mul(oneMinusBeta2, f32x4.mul(g0, g0)));
        const v1 = f32x4.add(f32x4.mul(beta2, v128.load(v, 16)), f32x4.mul(oneMinusBeta2, f32x4.mul(g1, g1)));
        const d0 = f32x4.add(f32x4.mul(f32x4.sqrt(v0), scale), epsilon);
        const d1 = f32x4.add(f32x4.mul(f32x4.sqrt(v1), scale), epsilon);
        const next0 = f32x4.sub(w0, f32x4.mul(size, f32x4.div(m0, d0)));
        const next1 = f32x4.sub(w1, f32x4.mul(size, f32x4.div(m1, d1)));
        v128.store(m, m0);
        v128.store(m, m1, 16);
        v128.store(v, v0);
        v128.store(v, v1, 16);
        v128.store(w, next0);
        v128.store(w, next1, 16);
        w += 32;
        g += 32;
        m += 32;
        v += 32;
    }
}
