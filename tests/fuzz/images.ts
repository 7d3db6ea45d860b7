/** IDX files with other headers, and gzip of them in other members. */
import { gzipSync } from 'node:zlib'
import { concatBytes, viewOf } from '../../src/formats/bytes.ts'
import type { RandomSequence } from '../../src/random/sequence.ts'
import { damage, pick, TELLING_NUMBERS } from './damage.ts'

/** An IDX file whose sizes are changed, or its bytes. */
export function damageIdx(file: Uint8Array, random: RandomSequence): Uint8Array {
  if (random.below(3) === 0) return damage(file, random)
  const changed = Uint8Array.from(file)
  const rank = changed[3]
  const at = 4 + 4 * random.below(rank)
  const view = viewOf(changed)
  const near = view.getUint32(at) + random.below(5) - 2
  view.setUint32(at, random.below(2) === 0 ? near : pick(TELLING_NUMBERS, random))
  return random.below(4) === 0 ? changed.subarray(0, random.below(changed.length)) : changed
}

/** A gzip file of an IDX file, either of them damaged: in one member or in several, empty ones among them. */
export function damageGzip(file: Uint8Array, random: RandomSequence): Uint8Array {
  const content = random.below(2) === 0 ? damageIdx(file, random) : file
  const members: Uint8Array[] = []
  for (let at = 0; at < content.length || members.length === 0; ) {
    const end = random.below(2) === 0 ? content.length : at + random.below(content.length + 1)
    members.push(gzipSync(content.subarray(at, end), { level: pick([0, 1, 9], random) }))
    at = end
    if (members.length > 20) break
  }
  const packed = concatBytes(members)
  switch (random.below(4)) {
    case 0:
      return damage(packed, random)
    case 1: {
      // The trailer: CRC-32 and size.
      const changed = Uint8Array.from(packed)
      changed[changed.length - 1 - random.below(8)] ^= 1 << random.below(8)
      return changed
    }
    case 2:
      return concatBytes([packed, pick([Uint8Array.of(0), Uint8Array.of(0x1f, 0x8b), packed], random)])
    default:
      return packed
  }
}
