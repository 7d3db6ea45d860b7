/** Small files that ask for much (tests/fuzz/bombs.ts), each read in a process of its own. */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Bomb } from '../fuzz/bombs.ts'
import { explode, isForeign, memoryLimit } from '../fuzz/explode.ts'

/** Those that are sound, and only look like bombs. */
const READ: ReadonlySet<string> = new Set([
  'a view of stride 0 that fits',
  '65,000 entries',
  'a column of text from the last row on',
])

export function testBombs(test: Test, bombs: readonly Bomb[]): void {
  for (const bomb of bombs) {
    test(`${bomb.name}: within 8 times the file and 300 MB`, () => {
      const { bytes, outcome, memory } = explode(bomb)
      assert.not(isForeign(outcome), outcome)
      assert.is(outcome === 'read', READ.has(bomb.name), outcome)
      if (bomb.says) assert.match(outcome, bomb.says)
      assert.ok(memory <= memoryLimit(bytes), `${memory} bytes of memory for a file of ${bytes}`)
    })
  }
}
