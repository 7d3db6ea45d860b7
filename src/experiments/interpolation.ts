/** Walks through the latent space. Runs in a browser. */
import type { FloatArray } from '../model/state.ts'

/**
 * (steps, bottleneck): the codes (1 − t) · first + t · second at equal steps of t from 0 to 1, both ends
 * included.
 *
 * @param first (bottleneck)
 * @param second (bottleneck)
 * @param steps at least 2
 */
export function interpolateCodes(first: FloatArray, second: FloatArray, steps: number): Float32Array {
  const codes = new Float32Array(steps * first.length)
  for (let step = 0; step < steps; step++) {
    const t = step / (steps - 1)
    for (let unit = 0; unit < first.length; unit++) {
      codes[step * first.length + unit] = (1 - t) * first[unit] + t * second[unit]
    }
  }
  return codes
}
