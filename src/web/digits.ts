/** The test digits that panels show. */
import { type ImageSet, selectImages } from '../browser.ts'

/** Kinds of digits. */
export const KINDS = 10

/** The first image of every digit, 0 … 9; with `turns` 2 then the second of every one, and so on. */
export function oneOfEach(set: ImageSet, turns = 1): ImageSet {
  const last = new Array<number>(KINDS).fill(-1)
  const chosen = Array.from({ length: turns * KINDS }, (_, i) => {
    const digit = i % KINDS
    last[digit] = set.labels.indexOf(digit, last[digit] + 1)
    return last[digit]
  })
  return selectImages(set, chosen)
}
