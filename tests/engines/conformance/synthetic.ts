/** Rows, labels and states that look like those of training, the same in every run. */
import type { TrainingSet } from '../../../src/engines/engine.ts'
import type { Network } from '../../../src/model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../../../src/model/network.ts'
import type { ModelState } from '../../../src/model/state.ts'

/** Uniform numbers in [0, 1): Numerical Recipes' linear congruential generator, high bits only. */
export function uniforms(seed: number): () => number {
  let word = seed >>> 0
  return () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    return (word >>> 8) / 2 ** 24
  }
}

/** Bytes of which half are zero, as in MNIST, and labels 0 … 9. */
export function syntheticSet(
  count: number,
  inputs: number,
  seed: number,
): TrainingSet & { labels: Uint8Array } {
  const next = uniforms(seed)
  const rows = Uint8Array.from({ length: count * inputs }, () =>
    next() < 0.5 ? 0 : Math.floor(256 * next()),
  )
  const labels = Uint8Array.from({ length: count }, () => Math.floor(10 * next()))
  return { rows, labels }
}

/** Floats of either sign, a tenth of them zero, or none beyond [0, 1] where the loss allows no others. */
export function floatSet(
  network: Network,
  count: number,
  seed: number,
): TrainingSet & { rows: Float32Array } {
  const next = uniforms(seed)
  const rows = Float32Array.from({ length: count * inputSize(network) }, () => {
    const unit = next() < 0.1 ? 0 : next()
    return network.loss === 'bce' || unit === 0 ? unit : 2 * unit - 1
  })
  const labels = Uint8Array.from({ length: count }, () => Math.floor(10 * next()))
  return { rows, labels }
}

/**
 * Signed parameters of a sensible size, and moments as after some steps, so that Adam is well conditioned.
 */
export function syntheticState(network: Network, seed: number): ModelState {
  const next = uniforms(seed)
  const count = parameterCount(network)
  const fans = new Float32Array(count)
  parameterTable(network).forEach((entry, i) => {
    const { inputs, outputs } = network.layers[i >> 1]
    fans.fill(Math.sqrt(6 / (inputs + outputs)), entry.offset, entry.offset + entry.length)
  })
  return {
    parameters: fans.map((bound) => bound * (2 * next() - 1)),
    firstMoment: Float32Array.from({ length: count }, () => 2e-3 * (2 * next() - 1)),
    secondMoment: Float32Array.from({ length: count }, () => 1e-4 * (0.5 + next())),
    steps: 7,
  }
}
