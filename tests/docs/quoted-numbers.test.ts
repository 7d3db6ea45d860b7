/** The documents quote the numbers that results/ holds. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { driftedNumbers } from '../../scripts/docs/quoted-numbers.ts'

test('every number that the documents quote from results/ is the one that is there', async () => {
  assert.equal(await driftedNumbers(), [])
})

test.run()
