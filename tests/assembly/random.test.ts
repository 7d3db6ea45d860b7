import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Network } from '../../src/model/network.ts'
import { parameterTable } from '../../src/model/network.ts'
import { imageNoise, initialParameters, shuffledOrder } from '../../src/random/streams.ts'
import { assertSameBits, CORE_VARIANTS, FencedBuffers, loadCore } from '../support/core.ts'

const DRAWS = 16
/** Words of Philox scratch that the kernels ask for. */
const SCRATCH_WORDS = 16
const SEEDS = [0, 1, 42, 2 ** 31, 2 ** 32 - 1]

/** Layers whose sizes chain: each names its inputs and outputs. */
function chain(...sizes: number[]): Network {
  const layers = sizes.slice(1).map((outputs, i) => {
    return { name: `fc${i + 1}`, inputs: sizes[i], outputs, activation: 'relu' as const }
  })
  return { layers, loss: 'mse', codeLayer: 0 }
}

/** Weights in number below, at and above blocks of 4 and 16, and MNIST's. */
const NETWORKS = [
  chain(1, 1, 3, 5, 1, 15),
  chain(7, 5, 3, 5, 7),
  chain(17, 33, 16, 16, 1),
  chain(784, 392, 8),
]

for (const variant of CORE_VARIANTS) {
  const test = suite(`random streams of the core ${variant}`)
  const { kernels, memory } = await loadCore(variant)

  test('initial weights are those of streams.ts to the bit', () => {
    for (const network of NETWORKS) {
      for (const seed of SEEDS) {
        const expected = initialParameters(network, seed)
        const table = parameterTable(network)
        network.layers.forEach(({ inputs, outputs }, layer) => {
          const { offset, length } = table[2 * layer]
          const buffers = new FencedBuffers(memory)
          const out = buffers.output(Math.ceil(length / DRAWS) * DRAWS)
          kernels.initializeWeights(out, buffers.output(SCRATCH_WORDS), inputs, outputs, layer, seed)
          const what = `${inputs} × ${outputs}, layer ${layer}, seed ${seed}`
          buffers.check(what)
          const weights = expected.slice(offset, offset + length)
          assertSameBits(buffers.bits(out, length), new Uint32Array(weights.buffer), what)
        })
      }
    }
  })

  test('shuffled orders are those of streams.ts', () => {
    for (const count of [0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 63, 64, 65, 1000, 60_000]) {
      for (const seed of count > 1000 ? [7] : SEEDS) {
        for (const epoch of count > 1000 ? [3] : [1, 2, 2 ** 32 - 1]) {
          const buffers = new FencedBuffers(memory)
          const order = buffers.output(count)
          kernels.shuffleOrder(order, buffers.output(SCRATCH_WORDS), count, seed, epoch)
          const what = `${count} images, seed ${seed}, epoch ${epoch}`
          buffers.check(what)
          assertSameBits(buffers.bits(order, count), shuffledOrder(count, seed, epoch), what)
        }
      }
    }
  })

  /*
   * The radius is at most √(−2 ln 2⁻²⁴) = 5.77; sine and cosine are off by at most 1e-7, logarithm by 1 ulp
   * and so the radius by about as much, the product by half: 5.77 · (1e-7 + 2 · 2⁻²⁴).
   */
  test('normal numbers are within 1.3e-6 of streams.ts', () => {
    const pixels = 784
    const expected = new Float64Array(pixels)
    let largest = 0
    const cases = [
      ...SEEDS.map((seed) => ({ seed, epoch: 1, image: seed })),
      { seed: 5, epoch: 2 ** 32 - 1, image: 59_999 },
    ]
    for (let image = 0; image < 50; image++) cases.push({ seed: 3, epoch: 2, image })
    for (const { seed, epoch, image } of cases) {
      imageNoise(expected, image, epoch, seed)
      for (let first = 0; first < pixels; first += DRAWS) {
        const buffers = new FencedBuffers(memory)
        const out = buffers.output(DRAWS)
        kernels.normals16(out, buffers.output(SCRATCH_WORDS), first, image, epoch, seed)
        const what = `image ${image}, epoch ${epoch}, seed ${seed}`
        buffers.check(what)
        buffers.floats(out, DRAWS).forEach((actual, i) => {
          const truth = expected[first + i]
          largest = Math.max(largest, Math.abs(truth))
          if (!(Math.abs(actual - truth) <= 1.3e-6)) {
            assert.unreachable(`${what}, pixel ${first + i}: ${actual}, expected ${truth}`)
          }
        })
      }
    }
    assert.ok(largest > 3.5, `too few numbers to meet the tails: ${largest}`)
  })

  test.run()
}
