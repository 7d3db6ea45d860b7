"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.normals16 = normals16;
exports.xavierUniform = xavierUniform;
exports.shuffle = shuffle;
/**
 * The random streams of a run, bit for bit those of `src/random/streams.ts`, which says what each counter means: Philox4x32-10
 * (Salmon et al., SC 2011), four counters at a time.
 */
const math_1 = require("./math");
const layouts_1 = require("./layouts");
const plan_1 = require("./plan");
const STREAM_WEIGHTS = 1;
const STREAM_SHUFFLE = 2;
const STREAM_NOISE = 3;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
/** Four words of one counter in each lane: word w of lane l in `words + 16 w + 4 l`. Counter lanes c0 … c0 + 3. */
function philox4x32x4(words, c0First, c1First, c2First, key0, key1) {
    let c0 = i32x4.add(i32x4.splat(c0First), i32x4(0, 1, 2, 3));
    let c1 = i32x4.splat(c1First);
    let c2 = i32x4.splat(c2First);
    let c3 = i32x4.splat(0);
    const m0 = i32x4.splat(MULTIPLIER_0);
    const m1 = i32x4.splat(MULTIPLIER_1);
    for (let round = 0; round < ROUNDS; round++) {
        const low0 = i32x4.mul(c0, m0);
        const low1 = i32x4.mul(c2, m1);
        const high0 = high4(c0, m0);
        const high1 = high4(c2, m1);
        c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(key0));
        c1 = low1;
        c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(key1));
        c3 = low0;
        key0 += WEYL_0;
        key1 += WEYL_1;
    }
    v128.store(words, c0);
    v128.store(words, c1, 16);
    v128.store(words, c2, 32);
    v128.store(words, c3, 48);
}
/** High 32 bits of the unsigned product of each lane. */
function high4(a, b) {
    const low = i64x2.extmul_low_i32x4_u(a, b);
    const high = i64x2.extmul_high_i32x4_u(a, b);
    return v128.shuffle(low, high, 1, 3, 5, 7);
}
/** (⌊w / 2⁸⌋ + add) / 2²⁴, exact in float32. */
function unit4(words, add) {
    const integer = i32x4.add(i32x4.shr_u(words, 8), i32x4.splat(add));
    return f32x4.mul(f32x4.convert_i32x4_u(integer), f32x4.splat(1.0 / 16777216.0));
}
/**
 * Standard normal numbers of 16 neighbouring pixels of one image by Box–Muller, to out[16]. `words` is scratch for 16 words,
 * `firstPixel` a multiple of 16.
 */
function normals16(out, words, firstPixel, image, epoch, seed) {
    philox4x32x4(words, firstPixel / 4, image, epoch, seed, STREAM_NOISE);
    const n0 = radius4(v128.load(words));
    const turn0 = unit4(v128.load(words, 16), 0);
    const n2 = radius4(v128.load(words, 32));
    const turn2 = unit4(v128.load(words, 48), 0);
    // Lane l of vector j is pixel 4 l + j; a transpose puts pixels side by side.
    (0, layouts_1.storeTransposed)(out, 16, f32x4.mul(n0, (0, math_1.cosTurns4)(turn0)), f32x4.mul(n0, (0, math_1.sinTurns4)(turn0)), f32x4.mul(n2, (0, math_1.cosTurns4)(turn2)), f32x4.mul(n2, (0, math_1.sinTurns4)(turn2)));
}
/** √(−2 ln u) of Box–Muller, u in (0, 1]. */
function radius4(words) {
    // At u = 1 the logarithm may round to a tiny positive number: the root must not see it.
    return f32x4.sqrt(f32x4.max(f32x4.mul(f32x4.splat(-2), (0, math_1.log4)(unit4(words, 1))), f32x4.splat(0)));
}
/**
 * Xavier-uniform weights of one layer, (count) floats in canonical order at `out`, which must have room up to the next multiple
 * of 16: ±√(6 / (inputs + outputs)). `words` is scratch for 16 words.
 */
function xavierUniform(out, words, inputs, outputs, layer, seed) {
    const bound = sqrt(6.0 / (inputs + outputs));
    const count = inputs * outputs;
    for (let first = 0; first < count; first += plan_1.PANEL) {
        philox4x32x4(words, first / 4, layer, 0, seed, STREAM_WEIGHTS);
        const at = out + (first << 2);
        (0, layouts_1.storeTransposed)(at, 16, symmetric4(v128.load(words), bound), symmetric4(v128.load(words, 16), bound), symmetric4(v128.load(words, 32), bound), symmetric4(v128.load(words, 48), bound));
    }
}
/** (2⌊w / 2⁸⌋ + 1 − 2²⁴) / 2²⁴ · bound: the integer is odd and below 2²⁴, so float32 holds it exactly. */
function symmetric4(words, bound) {
    const odd = i32x4.sub(v128.or(i32x4.shl(i32x4.shr_u(words, 8), 1), i32x4.splat(1)), i32x4.splat(1 << 24));
    return f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(odd), f32x4.splat(1.0 / 16777216.0)), f32x4.splat(bound));
}
/** The order of an epoch, (count) indices: Fisher–Yates from the top. `words` is scratch for 16 words. */
function shuffle(order, words, count, seed, epoch) {
    for (let i = 0; i < count; i++)
        store(order + (i << 2), i);
    let group = -1;
    for (let i = count - 1; i > 0; i--) {
        if (i >> 4 !== group) {
            group = i >> 4;
            philox4x32x4(words, group * 4, epoch, 0, seed, STREAM_SHUFFLE);
        }
        // Word w of block b lies in lane b: position 4 b + w.
        const word = load(words + ((i & 3) << 4) + (((i >> 2) & 3) << 2));
        const j = ((word * (i + 1)) >> 32);
        const here = order + (i << 2);
        const there = order + (j << 2);
        const held = load(here);
        store(here, load(there));
        store(there, held);
    }
}
