/**
 * A table that trains in milliseconds: three columns that depend on each other, a constant, a category, a
 * label.
 */
import { createRandomSequence } from '../../src/random/sequence.ts'

/** CSV of so many rows; some cells of `b` are empty, and every 25th row is an outlier of class 1. */
export function smallTable(rows: number, seed = 1): string {
  const random = createRandomSequence(seed)
  const lines = Array.from({ length: rows }, (_, i) => {
    const t = random.normal()
    const isOutlier = i % 25 === 24
    const a = 100 + 5 * t
    const b = isOutlier ? 40 : 3 - t + 0.1 * random.normal()
    const c = 1e6 * (t + 0.05 * random.normal())
    return [a.toFixed(4), i % 17 === 16 ? '' : b.toFixed(4), c.toFixed(1), 7, 'pq'[i % 2], Number(isOutlier)]
  })
  return `a,b,c,fixed,site,outlier\n${lines.map((cells) => cells.join()).join('\n')}\n`
}
