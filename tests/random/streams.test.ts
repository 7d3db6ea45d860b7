import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parameterTable } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { philox4x32 } from '../../src/random/philox.ts'
import {
  INITIAL_BIAS,
  imageNoise,
  initialParameters,
  STREAM_EVALUATION_NOISE,
  STREAM_NOISE,
  STREAM_SHUFFLE,
  STREAM_WEIGHTS,
  shuffledOrder,
} from '../../src/random/streams.ts'

/** Word `i mod 4` of the block that the table in streams.ts names. */
function word(i: number, counter: [number, number, number], seed: number, stream: number): number {
  const out = new Uint32Array(4)
  philox4x32(out, Math.floor(i / 4), ...counter, seed, stream)
  return out[i % 4]
}

const network = hourglass({ input: 784, hidden: 392, bottleneck: 8 })
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)
const mean = (values: ArrayLike<number>) => sum(values) / values.length

/** Fails for NaN as well. */
function assertWithin(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual} is not within ${tolerance} of ${expected}`,
  )
}

test('initial weights are Xavier uniform, biases 0.01', () => {
  const parameters = initialParameters(network, 7)
  for (const [i, { name, shape, offset, length }] of parameterTable(network).entries()) {
    const tensor = parameters.subarray(offset, offset + length)
    if (shape.length === 1) {
      assert.ok(
        tensor.every((bias) => bias === Math.fround(INITIAL_BIAS)),
        name,
      )
      continue
    }
    const bound = Math.sqrt(6 / (shape[0] + shape[1]))
    assert.ok(
      tensor.every((weight) => Math.abs(weight) <= bound),
      name,
    )
    // Standard errors: of the mean σ / √n, of the variance of a uniform σ² √(0.8 / n). Five of them.
    const variance = bound ** 2 / 3
    assertWithin(mean(tensor), 0, 5 * Math.sqrt(variance / length), `${name}: mean`)
    const squares = mean(tensor.map((weight) => weight * weight))
    assertWithin(squares, variance, 5 * variance * Math.sqrt(0.8 / length), `${name}: variance`)
    // The layout of the stream, on single weights.
    for (const k of [0, 1, 6, length - 1]) {
      const unit = (2 * (word(k, [i / 2, 0, 0], 7, STREAM_WEIGHTS) >>> 8) + 1) / 2 ** 24 - 1
      assert.is(tensor[k], Math.fround(unit * Math.fround(bound)), `${name}[${k}]`)
    }
  }
})

test('seeds and layers draw different weights', () => {
  const one = initialParameters(network, 1)
  const two = initialParameters(network, 2)
  const [fc1, , , , , , fc4] = parameterTable(network)
  // Both are uniform in ±√(6 / 1176): a correlation of n independent pairs is within 5 / √n.
  const scale = (fc1.length * 6) / 1176 / 3
  const correlation = (a: Float32Array, b: Float32Array) => sum(a.map((value, i) => value * b[i])) / scale
  const first = one.subarray(fc1.offset, fc1.offset + fc1.length)
  assertWithin(correlation(first, first), 1, 0.01, 'with itself')
  const bound = 5 / Math.sqrt(fc1.length)
  assertWithin(correlation(first, two.subarray(fc1.offset, fc1.offset + fc1.length)), 0, bound, 'seeds')
  assertWithin(correlation(first, one.subarray(fc4.offset, fc4.offset + fc4.length)), 0, bound, 'layers')
})

test('a shuffle is a permutation, its own for each seed and epoch, and repeats', () => {
  for (const count of [0, 1, 2, 3, 4, 5, 17, 60000]) {
    const order = shuffledOrder(count, 42, 3)
    assert.equal(
      order.slice().sort(),
      Uint32Array.from({ length: count }, (_, i) => i),
    )
    assert.equal(order, shuffledOrder(count, 42, 3))
  }
  const order = shuffledOrder(1000, 42, 3)
  for (const other of [shuffledOrder(1000, 42, 4), shuffledOrder(1000, 43, 3)]) {
    const same = order.filter((image, position) => image === other[position]).length
    assert.ok(same < 10, `${same} of 1000 positions agree`)
  }
})

test('a shuffle is Fisher–Yates over the stream that the table names', () => {
  const expected = Array.from({ length: 23 }, (_, i) => i)
  for (let i = 22; i > 0; i--) {
    const j = Number((BigInt(word(i, [5, 0, 0], 9, STREAM_SHUFFLE)) * BigInt(i + 1)) >> 32n)
    ;[expected[i], expected[j]] = [expected[j], expected[i]]
  }
  assert.equal([...shuffledOrder(23, 9, 5)], expected)
})

test('shuffles are fair: each image lands on each position equally often', () => {
  const size = 6
  const rounds = 6000
  const counts = new Uint32Array(size * size)
  for (let epoch = 1; epoch <= rounds; epoch++) {
    shuffledOrder(size, 1, epoch).forEach((image, position) => {
      counts[image * size + position]++
    })
  }
  // Binomial with p = 1/6: σ = √(n p (1 − p)).
  const expected = rounds / size
  const bound = 5 * Math.sqrt(expected * (1 - 1 / size))
  for (const count of counts) assertWithin(count, expected, bound, 'image at position')
})

test('noise is standard normal', () => {
  const images = 200
  const all: number[] = []
  const noise = new Float64Array(784)
  for (let image = 0; image < images; image++) {
    imageNoise(noise, image, 1, 5)
    all.push(...noise)
  }
  const n = all.length
  // Five standard errors of the first four moments of a standard normal: √(1, 2, 15, 96) / √n.
  assertWithin(mean(all), 0, 5 / Math.sqrt(n), 'mean')
  assertWithin(mean(all.map((x) => x ** 2)), 1, 5 * Math.sqrt(2 / n), 'variance')
  assertWithin(mean(all.map((x) => x ** 3)), 0, 5 * Math.sqrt(15 / n), 'third moment')
  assertWithin(mean(all.map((x) => x ** 4)), 3, 5 * Math.sqrt(96 / n), 'fourth moment')
  // Φ(−1), Φ(0), Φ(1.5), Φ(2.5).
  for (const [limit, part] of [
    [-1, 0.158655],
    [0, 0.5],
    [1.5, 0.933193],
    [2.5, 0.99379],
  ]) {
    const below = all.filter((x) => x < limit).length / n
    assertWithin(below, part, 5 * Math.sqrt((part * (1 - part)) / n), `part below ${limit}`)
  }
  const neighbours = mean(all.slice(1).map((x, i) => x * all[i]))
  assertWithin(neighbours, 0, 5 / Math.sqrt(n), 'correlation of neighbours')
  assert.ok(all.every(Number.isFinite))
})

test('noise follows the table: blocks of four pixels, two Box–Muller pairs', () => {
  const noise = new Float64Array(7)
  imageNoise(noise, 31, 4, 77)
  for (let pixel = 0; pixel < noise.length; pixel++) {
    const pair = pixel - (pixel % 2)
    const u = ((word(pair, [31, 4, 0], 77, STREAM_NOISE) >>> 8) + 1) / 2 ** 24
    const t = (word(pair + 1, [31, 4, 0], 77, STREAM_NOISE) >>> 8) / 2 ** 24
    const expected = Math.sqrt(-2 * Math.log(u)) * (pixel === pair ? Math.cos : Math.sin)(2 * Math.PI * t)
    assertWithin(noise[pixel], expected, 1e-14, `pixel ${pixel}`)
  }
})

test('image, epoch, seed and stream each change the noise; nothing else does', () => {
  const draw = (image: number, epoch: number, seed: number, stream?: number) => {
    const noise = new Float64Array(8)
    imageNoise(noise, image, epoch, seed, stream)
    return noise
  }
  const base = draw(1, 2, 3)
  assert.equal(draw(1, 2, 3), base)
  assert.equal(draw(1, 2, 3, STREAM_NOISE), base)
  for (const other of [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 2, 3, STREAM_EVALUATION_NOISE)]) {
    assert.ok(other.every((value, i) => value !== base[i]))
  }
})

test.run()
