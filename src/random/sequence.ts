/**
 * A sequential generator over Philox, for the experiments: samples, subsets, initial guesses. Training never
 * uses it; its numbers are drawn by position (`streams.ts`), these one after the other.
 */
import { philox4x32 } from './philox.ts'

/** Apart from the streams of a run (`streams.ts`). */
const STREAM_EXPERIMENTS = 5

export interface RandomSequence {
  /** A number in [0, 1), a multiple of 2⁻³². */
  uniform(): number
  /** A whole number in [0, limit). */
  below(limit: number): number
  /** A standard normal number, by Box–Muller. */
  normal(): number
}

/** The sequence of a seed in [0, 2³²); `use` separates sequences of one seed, an integer in [0, 2³²). */
export function createRandomSequence(seed: number, use = 0): RandomSequence {
  const words = new Uint32Array(4)
  let position = 0
  let heldNormal: number | undefined

  const uniform = () => {
    if (position % 4 === 0) philox4x32(words, position / 4, use, 0, 0, seed, STREAM_EXPERIMENTS)
    const word = words[position % 4]
    position++
    return word / 2 ** 32
  }
  const normal = () => {
    if (heldNormal !== undefined) {
      const held = heldNormal
      heldNormal = undefined
      return held
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    const angle = 2 * Math.PI * uniform()
    heldNormal = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  return { uniform, normal, below: (limit) => Math.floor(uniform() * limit) }
}

/** `count` different indices below `limit`, in random order: the head of a Fisher–Yates shuffle. */
export function sampleIndices(random: RandomSequence, limit: number, count: number): Uint32Array {
  const indices = Uint32Array.from({ length: limit }, (_, i) => i)
  const drawn = Math.min(count, limit)
  for (let i = 0; i < drawn; i++) {
    const j = i + random.below(limit - i)
    const held = indices[i]
    indices[i] = indices[j]
    indices[j] = held
  }
  return indices.slice(0, drawn)
}
