/**
 * The random streams of a run, as every engine must produce them. The key is (seed, stream), the counter
 * names the thing that is drawn, so sample i of epoch e gets the same numbers on any worker, thread count or
 * engine.
 *
 * | stream  | counter                                   | use of the four words                              |
 * |---------|-------------------------------------------|----------------------------------------------------|
 * | weights | (⌊i / 4⌋, layer, 0, 0)                    | word i mod 4 is weight i of the layer, row-major   |
 * | shuffle | (⌊i / 4⌋, epoch, 0, 0)                    | word i mod 4 draws the partner of position i       |
 * | noise   | (⌊pixel / 4⌋, index of the image, epoch, 0) | two Box–Muller pairs: pixels 4k, 4k+1 and 4k+2, 4k+3 |
 * | split   | (⌊i / 4⌋, 0, 0, 0)                        | as the shuffle's: the first of that order validate |
 */
import type { Network } from '../model/network.ts'
import { parameterCount, parameterTable } from '../model/network.ts'
import { philox4x32 } from './philox.ts'

export const STREAM_WEIGHTS = 1
export const STREAM_SHUFFLE = 2
export const STREAM_NOISE = 3
/**
 * Noise that evaluation adds; apart from training's, so that no image meets the noise it was trained with.
 */
export const STREAM_EVALUATION_NOISE = 4

/** Which rows validate; stream 5 is that of experiments (`sequence.ts`). */
export const STREAM_SPLIT = 6

/** All biases start here, as in the seed project. */
export const INITIAL_BIAS = 0.01

const words = new Uint32Array(4)

/**
 * Xavier uniform: weights in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, eq. 16), biases 0.01;
 * canonical order. A word u becomes the odd integer 2⌊u / 2⁸⌋ + 1 − 2²⁴ over 2²⁴, which float32 holds
 * exactly, times the bound.
 */
export function initialParameters(network: Network, seed: number): Float32Array {
  const parameters = new Float32Array(parameterCount(network))
  const table = parameterTable(network)
  network.layers.forEach((layer, layerIndex) => {
    const weight = table[2 * layerIndex]
    const bias = table[2 * layerIndex + 1]
    const bound = Math.fround(Math.sqrt(6 / (layer.inputs + layer.outputs)))
    for (let i = 0; i < weight.length; i++) {
      if (i % 4 === 0) philox4x32(words, i / 4, layerIndex, 0, 0, seed, STREAM_WEIGHTS)
      const unit = (2 * (words[i % 4] >>> 8) + 1 - 2 ** 24) / 2 ** 24
      parameters[weight.offset + i] = unit * bound
    }
    parameters.fill(INITIAL_BIAS, bias.offset, bias.offset + bias.length)
  })
  return parameters
}

/** The order of an epoch: Fisher–Yates from the top, position i swapped with ⌊word · (i + 1) / 2³²⌋. */
export function shuffledOrder(
  count: number,
  seed: number,
  epoch: number,
  stream = STREAM_SHUFFLE,
): Uint32Array {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  let block = -1
  for (let i = count - 1; i > 0; i--) {
    if (i >>> 2 !== block) {
      block = i >>> 2
      philox4x32(words, block, epoch, 0, 0, seed, stream)
    }
    const j = Math.floor((words[i % 4] * (i + 1)) / 2 ** 32)
    const held = order[i]
    order[i] = order[j]
    order[j] = held
  }
  return order
}

/**
 * Standard normal numbers of one image, (pixels), by Box–Muller: with u = (⌊w0 / 2⁸⌋ + 1) / 2²⁴ and
 * t = ⌊w1 / 2⁸⌋ / 2²⁴ the pair is √(−2 ln u) · (cos 2πt, sin 2πt).
 */
export function imageNoise(
  out: Float32Array | Float64Array,
  image: number,
  epoch: number,
  seed: number,
  stream = STREAM_NOISE,
): void {
  for (let pixel = 0; pixel < out.length; pixel++) {
    if (pixel % 4 === 0) philox4x32(words, pixel / 4, image, epoch, 0, seed, stream)
    const pair = (pixel % 4) & 2
    const radius = Math.sqrt(-2 * Math.log(((words[pair] >>> 8) + 1) / 2 ** 24))
    const angle = (2 * Math.PI * (words[pair + 1] >>> 8)) / 2 ** 24
    out[pixel] = radius * (pixel % 2 === 0 ? Math.cos(angle) : Math.sin(angle))
  }
}
