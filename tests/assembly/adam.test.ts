import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BETA_1, BETA_2, EPSILON } from '../../src/model/adam.ts'
import type { TestCore } from '../support/core.ts'
import {
  assertSameBits,
  CORE_VARIANTS,
  FencedBuffers,
  loadCore,
  signedValues,
  uniforms,
} from '../support/core.ts'

/** Half the distance of 1 and the next float32: what one rounding changes, relative. */
const U = 2 ** -24
/** For products of roundings, which the bounds below leave out. */
const SECOND_ORDER = 1.01
/**
 * The second moment is kept above this, so that it never becomes subnormal: its root vanishes beside epsilon.
 */
const SECOND_MOMENT_FLOOR = Math.fround(1e-30)
const SMALLEST_NORMAL = 2 ** -126
const LANES = 4
/** Pairs of vectors: none, one, a panel of biases, several and not a power of two, a tile. */
const VECTORS = [0, 2, 4, 6, 16]
const STEPS = [1, 2, 10, 1000, 100_000]

/** A number, and how far a float32 computation of it may be off. */
interface Bounded {
  readonly value: number
  readonly error: number
}

interface Parameter {
  readonly w: Bounded
  readonly m: Bounded
  readonly v: Bounded
}

interface Step {
  readonly learningRate: number
  readonly weightDecay: number
  readonly t: number
}

/**
 * One step of Adam for one parameter in float64, written as in Kingma & Ba 2015 with bias-corrected moments,
 * and what float32 may be off by after it: one rounding for each operation and each constant, and what the
 * operands were off by before.
 */
function adamStep(
  { w, m, v }: Parameter,
  gradient: number,
  { learningRate, weightDecay, t }: Step,
): Parameter {
  const decay = weightDecay * w.value
  const g = gradient + decay
  const gError = U * (Math.abs(decay) + Math.abs(g)) + weightDecay * w.error

  const m1 = BETA_1 * m.value + (1 - BETA_1) * g
  const mRounding = U * (2 * BETA_1 * Math.abs(m.value) + 2 * (1 - BETA_1) * Math.abs(g) + Math.abs(m1))
  const mError = mRounding + BETA_1 * m.error + (1 - BETA_1) * gError

  const v1 = Math.max(BETA_2 * v.value + (1 - BETA_2) * g * g, SECOND_MOMENT_FLOOR)
  const vRounding = U * (2 * BETA_2 * v.value + 3 * (1 - BETA_2) * g * g + v1)
  const vError = vRounding + BETA_2 * v.error + (1 - BETA_2) * 2 * Math.abs(g) * gError

  const corrected = Math.sqrt(v1 / (1 - BETA_2 ** t)) + EPSILON
  const size = learningRate / (1 - BETA_1 ** t)
  const update = (size * m1) / corrected
  // Square root, its scale, product, sum and epsilon; quotient, step size and product.
  const relative = (v1 > 0 ? vError / (2 * v1) : 0) + 8 * U
  const w1 = w.value - update
  const wError = Math.abs(update) * relative + (size / corrected) * mError + U * Math.abs(w1) + w.error
  return {
    w: { value: w1, error: SECOND_ORDER * wError },
    m: { value: m1, error: SECOND_ORDER * mError },
    v: { value: v1, error: SECOND_ORDER * vError },
  }
}

interface State {
  readonly w: Float32Array
  readonly m: Float32Array
  readonly v: Float32Array
}

/** The kernel's step; fences checked. */
function kernelStep({ kernels, memory }: TestCore, state: State, gradients: Float32Array, step: Step): State {
  const count = gradients.length
  const buffers = new FencedBuffers(memory)
  const w = buffers.inOut(state.w)
  const g = buffers.input(gradients)
  const m = buffers.inOut(state.m)
  const v = buffers.inOut(state.v)
  const adamStep = buffers.output(3)
  kernels.beginAdamStep(adamStep, step.learningRate, step.weightDecay, step.t)
  kernels.adam(adamStep, w, g, m, v, count)
  buffers.check(`adam of ${count}`)
  return { w: buffers.floats(w, count), m: buffers.floats(m, count), v: buffers.floats(v, count) }
}

function assertWithin(actual: State, expected: readonly Parameter[], what: string): void {
  expected.forEach((parameter, i) => {
    for (const slab of ['w', 'm', 'v'] as const) {
      const { value, error } = parameter[slab]
      if (!(Math.abs(actual[slab][i] - value) <= error)) {
        assert.unreachable(`${what}: ${slab}[${i}] is ${actual[slab][i]}, not within ${error} of ${value}`)
      }
    }
  })
}

function exactly({ w, m, v }: State, i: number): Parameter {
  return { w: { value: w[i], error: 0 }, m: { value: m[i], error: 0 }, v: { value: v[i], error: 0 } }
}

/** A state as after some training, with a few parameters that no gradient has ever reached. */
function trainedState(count: number, seed: number): State {
  const next = uniforms(seed)
  const m = signedValues(count, seed + 1).map((value) => 1e-3 * value)
  const v = Float32Array.from(m, (value) => value * value * (0.1 + 10 * next()))
  for (let i = 5; i < count; i += 7) m[i] = v[i] = 0
  return { w: signedValues(count, seed + 2).map((value) => 0.1 * value), m, v }
}

function gradientsOf(count: number, seed: number): Float32Array {
  return signedValues(count, seed).map((value, i) => (i % 7 === 5 ? 0 : 1e-3 * value))
}

const learningRate = Math.fround(1e-3)
const weightDecay = Math.fround(1e-2)

for (const variant of CORE_VARIANTS) {
  const test = suite(`Adam of the core ${variant}`)
  const core = await loadCore(variant)

  test('a step is within the roundings of its operations, 2^-24 each', () => {
    for (const vectors of VECTORS) {
      for (const t of STEPS) {
        for (const decay of [0, weightDecay]) {
          const count = vectors * LANES
          const state = trainedState(count, t)
          const gradients = gradientsOf(count, t + 9)
          const step = { learningRate, weightDecay: decay, t }
          const expected = Array.from(gradients, (g, i) => adamStep(exactly(state, i), g, step))
          assertWithin(kernelStep(core, state, gradients, step), expected, `t ${t}, ${vectors} vectors`)
        }
      }
    }
  })

  test('so are twenty steps from zero moments, carried from step to step', () => {
    const count = 16 * LANES
    const zeros = new Float32Array(count)
    let actual: State = { w: signedValues(count, 3), m: zeros, v: zeros }
    let expected = Array.from({ length: count }, (_, i) => exactly(actual, i))
    for (let t = 1; t <= 20; t++) {
      const step = { learningRate, weightDecay, t }
      const gradients = gradientsOf(count, 100 + t)
      actual = kernelStep(core, actual, gradients, step)
      expected = expected.map((parameter, i) => adamStep(parameter, gradients[i], step))
      assertWithin(actual, expected, `after step ${t}`)
    }
    const bounds = expected.map(({ w }) => w.error)
    assert.ok(Math.max(...bounds) < 0.01 * learningRate, `the bound says nothing: ${Math.max(...bounds)}`)
  })

  test('a weight that sees only its own decay shrinks as in float64, and nothing becomes subnormal', () => {
    const count = 2 * LANES
    const zeros = new Float32Array(count)
    let actual: State = { w: signedValues(count, 6).map((value) => 0.05 * value), m: zeros, v: zeros }
    let expected = Array.from({ length: count }, (_, i) => exactly(actual, i))
    for (let t = 1; t <= 4000; t++) {
      const step = { learningRate, weightDecay: Math.fround(1e-5), t }
      actual = kernelStep(core, actual, zeros, step)
      expected = expected.map((parameter) => adamStep(parameter, 0, step))
      for (const slab of ['w', 'm', 'v'] as const) {
        const subnormal = actual[slab].find((value) => value !== 0 && !(Math.abs(value) >= SMALLEST_NORMAL))
        assert.is(subnormal, undefined, `step ${t}: ${slab}`)
      }
    }
    actual.w.forEach((value, i) => {
      assert.ok(Math.abs(value) <= 1e-9, `w[${i}] is still ${value}`)
      assert.ok(Math.abs(expected[i].w.value) <= 1e-9, `float64 says ${expected[i].w.value}`)
    })
  })

  test('no gradient, no moments and no decay leave a parameter alone', () => {
    const count = 2 * LANES
    const zeros = new Float32Array(count)
    const w = signedValues(count, 8)
    const after = kernelStep(core, { w, m: zeros, v: zeros }, zeros, { learningRate, weightDecay: 0, t: 1 })
    assertSameBits(new Uint32Array(after.w.buffer), new Uint32Array(w.buffer), 'w')
  })

  test('a NaN gradient spoils its own parameter only', () => {
    const count = 4 * LANES
    const state = trainedState(count, 4)
    const gradients = gradientsOf(count, 5)
    const step = { learningRate, weightDecay: 0, t: 3 }
    const clean = kernelStep(core, state, gradients, step)
    gradients[6] = Number.NaN
    const spoilt = kernelStep(core, state, gradients, step)
    for (const slab of ['w', 'm', 'v'] as const) {
      spoilt[slab].forEach((value, i) => {
        const expected = i === 6 ? Number.NaN : clean[slab][i]
        assert.ok(Object.is(value, expected), `${slab}[${i}]: ${value}, expected ${expected}`)
      })
    }
  })

  test('the bias corrections are the true ones to one rounding, 2^-24', () => {
    for (const t of STEPS) {
      // 1 − βᵗ by another way, exact for small t too.
      const firstCorrection = -Math.expm1(t * Math.log1p(BETA_1 - 1))
      const secondCorrection = -Math.expm1(t * Math.log1p(BETA_2 - 1))
      const expected = { size: learningRate / firstCorrection, scale: 1 / Math.sqrt(secondCorrection) }
      const buffers = new FencedBuffers(core.memory)
      const step = buffers.output(3)
      core.kernels.beginAdamStep(step, learningRate, weightDecay, t)
      buffers.check('step')
      const [decay, size, scale] = buffers.floats(step, 3)
      assert.is(decay, weightDecay)
      const actual = { size, scale }
      for (const name of ['size', 'scale'] as const) {
        const error = Math.abs(actual[name] - expected[name]) / expected[name]
        assert.ok(error <= U * SECOND_ORDER, `t ${t}: ${name} ${actual[name]}, expected ${expected[name]}`)
      }
    }
  })

  test.run()
}
