/**
 * A small data set on which everything trains in moments: blurred bars of 12 × 12 pixels, one place a class.
 */
import type { Dataset, ImageSet } from '../../src/data/dataset.ts'
import { createRandomSequence, type RandomSequence } from '../../src/random/sequence.ts'

const SIDE = 12

/** Classes 0 … 3: a bar in one of four rows, of random brightness and length, with a little noise. */
export function smallDigits(trainCount = 160, testCount = 60): Dataset {
  const random = createRandomSequence(77)
  return { name: 'bars', train: bars(trainCount, random), test: bars(testCount, random) }
}

function bars(count: number, random: RandomSequence): ImageSet {
  const images = new Uint8Array(count * SIDE * SIDE)
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 4)
  labels.forEach((label, image) => {
    const start = image * SIDE * SIDE
    const length = 6 + random.below(6)
    const brightness = 150 + random.below(100)
    for (let i = 0; i < SIDE * SIDE; i++) {
      const x = i % SIDE
      const y = Math.floor(i / SIDE)
      const isBar = x < length && Math.abs(y - 3 * label - 1) < 1.5
      images[start + i] = (isBar ? brightness : 0) + random.below(6)
    }
  })
  return { count, width: SIDE, height: SIDE, rows: images, labels }
}
