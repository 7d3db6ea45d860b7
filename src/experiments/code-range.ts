/** Codes that a bottleneck can give. Runs in a browser. */
import type { Activation } from '../model/network.ts'

/** A ReLU's are never negative, so its decoder never saw one. */
const CODE_RANGES: Partial<Record<Activation, readonly [number, number]>> = {
  relu: [0, Infinity],
  sigmoid: [0, 1],
  tanh: [-1, 1],
}

/** Samples are cut off where codes end. */
export function allowedCodes(codes: Float64Array, latentActivation: Activation): Float32Array {
  const [least, most] = CODE_RANGES[latentActivation] ?? [-Infinity, Infinity]
  return Float32Array.from(codes, (code) => Math.min(most, Math.max(least, code)))
}
