import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertSameBits, CORE_VARIANTS, FencedBuffers, loadCore } from '../support/core.ts'

const LANES = 4
/** Samples of each interval, a multiple of LANES. */
const SAMPLES = 200_000
const EXP_MIN = -87
const EXP_MAX = 88
/** The normal positive float32 numbers. */
const SMALLEST_NORMAL = 2 ** -126
const LARGEST = (2 - 2 ** -23) * 2 ** 127

const cores = await Promise.all(CORE_VARIANTS.map(loadCore))
const FUNCTIONS = [
  'exp4Array',
  'sigmoid4Array',
  'tanh4Array',
  'log1p4Array',
  'log4Array',
  'sinTurns4Array',
  'cosTurns4Array',
] as const
type FunctionName = (typeof FUNCTIONS)[number]

const ARITHMETICS = ['relaxed', 'plain'] as const
type Arithmetic = (typeof ARITHMETICS)[number]
/**
 * These may use the relaxed multiply-add; the random streams, which are to be alike everywhere, use only the
 * others.
 */
const RELAXED: readonly FunctionName[] = ['exp4Array', 'sigmoid4Array', 'tanh4Array', 'log1p4Array']

/** f of every x, (a multiple of LANES), the same bits from every build of an arithmetic; fences checked. */
function evaluate(name: FunctionName, x: Float32Array, arithmetic: Arithmetic): Float32Array {
  let first: Float32Array | undefined
  cores.forEach(({ kernels, memory }, i) => {
    const variant = CORE_VARIANTS[i]
    if (RELAXED.includes(name) && !variant.startsWith(arithmetic)) return
    const buffers = new FencedBuffers(memory)
    const out = buffers.output(x.length)
    kernels[name](out, buffers.input(x), x.length)
    buffers.check(`${name} of ${x.length} in ${variant}`)
    const result = buffers.floats(out, x.length)
    first ??= result
    const expected = new Uint32Array(first.buffer)
    assertSameBits(new Uint32Array(result.buffer), expected, `${name} in ${variant}`)
  })
  assert.ok(first, `no build for ${arithmetic}`)
  return first as Float32Array
}

/** f of some numbers, as many as there are. */
function evaluateFew(arithmetic: Arithmetic, name: FunctionName, ...x: number[]): number[] {
  const padded = new Float32Array(Math.ceil(x.length / LANES) * LANES)
  padded.set(x)
  return [...evaluate(name, padded, arithmetic).subarray(0, x.length)]
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]
}

/**
 * Float32 numbers from `first` to `last`, both of one sign, at equal steps of their bits: as dense at every
 * magnitude.
 */
function byMagnitude(first: number, last: number): Float32Array {
  const [from, to] = [bitsOf(first), bitsOf(last)]
  const step = (to - from) / (SAMPLES - 1)
  return new Float32Array(Uint32Array.from({ length: SAMPLES }, (_, i) => Math.round(from + i * step)).buffer)
}

/** Numbers from `first` to `last` at equal steps. */
function evenly(first: number, last: number): Float32Array {
  const step = (last - first) / (SAMPLES - 1)
  return Float32Array.from({ length: SAMPLES }, (_, i) => Math.min(last, first + i * step))
}

/** Distance of neighbouring float32 numbers about `value`, a normal number. */
function ulp(value: number): number {
  const exponent = (bitsOf(value) >>> 23) & 0xff
  return 2 ** (exponent - 127 - 23)
}

function assertWithinUlps(name: FunctionName, truth: (x: number) => number, bound: number, x: Float32Array) {
  for (const arithmetic of ARITHMETICS) {
    evaluate(name, x, arithmetic).forEach((actual, i) => {
      const expected = truth(x[i])
      const error = Math.abs(actual - expected) / ulp(expected)
      if (error <= bound) return
      assert.unreachable(`${arithmetic} ${name}(${x[i]}) is ${actual}: ${error} ulp from ${expected}`)
    })
  }
}

function assertWithin(name: FunctionName, truth: (x: number) => number, bound: number, x: Float32Array) {
  for (const arithmetic of ARITHMETICS) {
    evaluate(name, x, arithmetic).forEach((actual, i) => {
      const error = Math.abs(actual - truth(x[i]))
      if (error <= bound) return
      assert.unreachable(`${arithmetic} ${name}(${x[i]}) is ${actual}, off by ${error}`)
    })
  }
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x))
const sine = (turns: number) => Math.sin(2 * Math.PI * turns)
const cosine = (turns: number) => Math.cos(2 * Math.PI * turns)

const test = suite('elementary functions')

test('exp is within 1.02 ulp on [-87, 88]', () => {
  assertWithinUlps('exp4Array', Math.exp, 1.02, evenly(EXP_MIN, EXP_MAX))
  assertWithinUlps('exp4Array', Math.exp, 1.02, byMagnitude(2 ** -30, EXP_MAX))
  assertWithinUlps('exp4Array', Math.exp, 1.02, byMagnitude(-(2 ** -30), EXP_MIN))
})

test('exp is clamped beyond, 1 at zero, NaN at NaN', () => {
  for (const arithmetic of ARITHMETICS) {
    const [least, most] = evaluateFew(arithmetic, 'exp4Array', EXP_MIN, EXP_MAX)
    assert.equal(evaluateFew(arithmetic, 'exp4Array', -87.5, -1e30, Number.NEGATIVE_INFINITY), [
      least,
      least,
      least,
    ])
    assert.equal(evaluateFew(arithmetic, 'exp4Array', 88.5, 1e30, Number.POSITIVE_INFINITY), [
      most,
      most,
      most,
    ])
    assert.ok(least >= SMALLEST_NORMAL && most <= LARGEST)
    assert.equal(evaluateFew(arithmetic, 'exp4Array', 0, -0, 2 ** -149, -(2 ** -149)), [1, 1, 1, 1])
    // The first NaN of all lanes must not spoil its neighbours.
    const [one, nan, e] = evaluateFew(arithmetic, 'exp4Array', 0, Number.NaN, 1)
    assert.equal([one, nan, Math.abs(e - Math.E) < 1e-6], [1, Number.NaN, true])
  }
})

test('a NaN of any sign and payload stays NaN in exp, sigmoid, tanh and ln(1 + x)', () => {
  for (const arithmetic of ARITHMETICS) {
    const patterns = Uint32Array.of(
      0x7fc00000,
      0xffc00000,
      0x7fc0f00d,
      0xffffffff,
      0x7fc00001,
      0x7f800001,
      0,
      0,
    )
    const x = new Float32Array(patterns.buffer)
    for (const name of RELAXED) {
      const values = evaluate(name, x, arithmetic)
      assert.ok([...values.subarray(0, 6)].every(Number.isNaN), `${name}: ${values}`)
    }
  }
})

test('sigmoid is within 2.5 ulp on [-87, 87]', () => {
  assertWithinUlps('sigmoid4Array', logistic, 2.5, evenly(EXP_MIN, -EXP_MIN))
  assertWithinUlps('sigmoid4Array', logistic, 2.5, byMagnitude(2 ** -30, -EXP_MIN))
  assertWithinUlps('sigmoid4Array', logistic, 2.5, byMagnitude(-(2 ** -30), EXP_MIN))
})

test('sigmoid is exact at zero, and flat at 0 and 1 beyond', () => {
  for (const arithmetic of ARITHMETICS) {
    assert.equal(evaluateFew(arithmetic, 'sigmoid4Array', 0, -0), [0.5, 0.5])
    const high = evaluateFew(arithmetic, 'sigmoid4Array', 20, 87, 1e30, Number.POSITIVE_INFINITY)
    assert.equal(high, [1, 1, 1, 1])
    const low = evaluateFew(arithmetic, 'sigmoid4Array', -88, -1e30, Number.NEGATIVE_INFINITY)
    for (const value of low) assert.ok(value >= 0 && value < SMALLEST_NORMAL, `${low}`)
    assert.equal(low, [low[0], low[0], low[0]])
  }
})

test('tanh is within 2 ulp everywhere', () => {
  for (const sign of [1, -1]) {
    // Beyond 9.02 the nearest float32 is 1. Small arguments down to the smallest normal number.
    assertWithinUlps('tanh4Array', Math.tanh, 2, byMagnitude(sign * SMALLEST_NORMAL, sign * 44))
    assertWithinUlps('tanh4Array', Math.tanh, 2, evenly(sign * 0.5, sign * 0.75))
    assertWithinUlps('tanh4Array', Math.tanh, 2, evenly(sign * 1e-3, sign * 10))
  }
})

test('tanh is 0 at ±0, ±1 far out, and a subnormal or NaN is its own', () => {
  for (const arithmetic of ARITHMETICS) {
    const same = [0, 2 ** -149, -(2 ** -149), 2 ** -127, Number.NaN]
    assert.equal(evaluateFew(arithmetic, 'tanh4Array', ...same), same)
    assert.ok(evaluateFew(arithmetic, 'tanh4Array', -0)[0] === 0)
    const far = evaluateFew(arithmetic, 'tanh4Array', 10, 44.5, 1e30, Infinity, -10, -44.5, -1e30, -Infinity)
    assert.equal(far, [1, 1, 1, 1, -1, -1, -1, -1])
  }
})

test('ln(1 + x) is within 2 ulp on [0, 1], and exact at 0', () => {
  assertWithinUlps('log1p4Array', Math.log1p, 2, byMagnitude(SMALLEST_NORMAL, 1))
  assertWithinUlps('log1p4Array', Math.log1p, 2, evenly(1e-3, 1))
  for (const arithmetic of ARITHMETICS) {
    assert.equal(evaluateFew(arithmetic, 'log1p4Array', 0, Number.NaN), [0, Number.NaN])
  }
})

test('log is within 1 ulp for every magnitude of normal numbers', () => {
  assertWithinUlps('log4Array', Math.log, 1, byMagnitude(SMALLEST_NORMAL, LARGEST))
  // About 1, where the logarithm itself goes to zero; 1 itself is tested below, as zero has no ulp of its
  // own.
  const aboutOne = byMagnitude(0.7, 1.42).map((x) => (x === 1 ? 2 : x))
  assertWithinUlps('log4Array', Math.log, 1, aboutOne)
  for (const power of [-126, -1, 1, 64, 127]) {
    const neighbours = [bitsOf(2 ** power), bitsOf(2 ** power) + 1, bitsOf(2 ** power) + 2]
    const x = new Float32Array(Uint32Array.of(...neighbours, bitsOf(2 ** power) + 3).buffer)
    assertWithinUlps('log4Array', Math.log, 1, x)
  }
})

test('log of 1 is 0, and of its neighbours not', () => {
  for (const arithmetic of ARITHMETICS) {
    const [below, at, above] = evaluateFew(arithmetic, 'log4Array', 1 - 2 ** -24, 1, 1 + 2 ** -23)
    assert.is(at, 0)
    assert.ok(below < 0 && above > 0, `${below}, ${above}`)
  }
})

test('sine and cosine of turns in [0, 1) are within 1e-7', () => {
  const turns = evenly(0, 1 - 2 ** -24)
  const small = byMagnitude(2 ** -24, 1 - 2 ** -24)
  for (const x of [turns, small]) {
    assertWithin('sinTurns4Array', sine, 1e-7, x)
    assertWithin('cosTurns4Array', cosine, 1e-7, x)
  }
})

test('sine and cosine are exact at quarter turns, and change sign where they should', () => {
  for (const arithmetic of ARITHMETICS) {
    const quarters = [0, 0.25, 0.5, 0.75]
    const sines = evaluateFew(arithmetic, 'sinTurns4Array', ...quarters)
    const cosines = evaluateFew(arithmetic, 'cosTurns4Array', ...quarters)
    assert.ok(
      sines.every((value, i) => value === [0, 1, 0, -1][i]),
      `${sines}`,
    )
    assert.ok(
      cosines.every((value, i) => value === [1, 0, -1, 0][i]),
      `${cosines}`,
    )
  }
})

test('arrays of no, one and several vectors, in place too', () => {
  for (const count of [0, 4, 8, 12, 20]) {
    const x = Float32Array.from({ length: count }, (_, i) => (i + 1) / 32)
    for (const name of FUNCTIONS) {
      cores.forEach(({ kernels, memory }, i) => {
        const arithmetic = CORE_VARIANTS[i].startsWith('plain') ? 'plain' : 'relaxed'
        const expected = evaluate(name, x, arithmetic)
        const buffers = new FencedBuffers(memory)
        const address = buffers.inOut(x)
        kernels[name](address, address, count)
        buffers.check(`${name} in place`)
        assertSameBits(buffers.bits(address, count), new Uint32Array(expected.buffer), `${name} in place`)
      })
    }
  }
})

test.run()
