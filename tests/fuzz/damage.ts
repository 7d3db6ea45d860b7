/** Damage that knows nothing of a format: bytes changed, copied elsewhere, cut off. */
import type { RandomSequence } from '../../src/random/sequence.ts'

/** Values at which sizes, counts and signs go wrong. */
const TELLING_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x22, 0x7b, 0x7d, 0x2c, 0x39]

/** Numbers at which sizes, counts and signs go wrong. */
export const TELLING_NUMBERS = [
  0,
  1,
  2,
  7,
  64,
  65,
  255,
  256,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e308,
  -1,
  -(2 ** 31),
  0.5,
]

export function pick<T>(items: readonly T[], random: RandomSequence): T {
  return items[random.below(items.length)]
}

/**
 * One to eight edits: a byte replaced, a bit flipped, a run filled, a piece copied elsewhere, the end cut
 * off.
 */
export function damage(bytes: Uint8Array, random: RandomSequence): Uint8Array {
  const damaged = Uint8Array.from(bytes)
  if (damaged.length === 0) return damaged
  const edits = 1 + random.below(8)
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(damaged.length)
    switch (random.below(5)) {
      case 0:
        damaged[at] = random.below(256)
        break
      case 1:
        damaged[at] ^= 1 << random.below(8)
        break
      case 2:
        damaged[at] = pick(TELLING_BYTES, random)
        break
      case 3:
        damaged.fill(pick(TELLING_BYTES, random), at, at + 1 + random.below(8))
        break
      default:
        damaged.copyWithin(at, random.below(damaged.length), random.below(damaged.length))
    }
  }
  return random.below(16) === 0 ? damaged.subarray(0, random.below(damaged.length)) : damaged
}

/** A single byte changed. */
export function damageOnce(bytes: Uint8Array, random: RandomSequence): Uint8Array {
  const damaged = Uint8Array.from(bytes)
  const at = random.below(damaged.length)
  damaged[at] = random.below(2) === 0 ? random.below(256) : damaged[at] ^ (1 << random.below(8))
  return damaged
}
