/** What a value counts that a constant column did not have in training. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fitScaling } from '../../src/data/scaling.ts'
import { scaleRows } from '../../src/model/preprocessing.ts'
import { addUnseen, eachUnseen } from '../../src/model/unseen.ts'

const ROWS = 50

/** Two columns, of which the second is constant. */
function columns(constant: number, rows = ROWS): Float64Array {
  return Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? i * i : constant))
}

for (const kind of ['standard', 'minmax'] as const) {
  test(`${kind}: as much as if one of the training rows had it, whatever the unit`, () => {
    for (const [constant, other] of [
      [7, 8],
      [0, 1e-9],
      [-3e6, 1e9],
      [0.1, 0],
    ]) {
      const scaling = fitScaling(columns(constant), 2, kind)
      const errors = addUnseen(Float64Array.of(2, 3), Float64Array.of(1, constant, 1, other), scaling)
      // The same scaling of the rows and that one.
      const more = Float64Array.of(...columns(constant), 1, other)
      const wanted = fitScaling(more, 2, kind)
      assert.ok(wanted)
      const scaled = scaleRows(more, wanted)
      const distance = scaled[scaled.length - 1] - scaled[1]
      // Of n + 1 rows, one lies √n from the mean, and the others on the other side: √n + 1 / √n from them.
      const square =
        kind === 'standard' ? (distance - Math.sign(distance) / Math.sqrt(ROWS)) ** 2 : distance ** 2
      assert.is(errors[0], 2)
      assert.ok(Math.abs(errors[1] - (3 + square / 2)) < 1e-4, `${other}: ${errors[1]}, ${3 + square / 2}`)
    }
  })
}

test('roundings of the constant, empty cells and scalings that tell no rows count nothing', () => {
  const scaling = fitScaling(columns(0.1), 2, 'standard')
  const found: number[][] = []
  const raw = Float64Array.of(1e9, Math.fround(0.1), 0, Number.NaN, 0, 0.1001)
  eachUnseen(raw, scaling, (...one) => found.push(one))
  assert.equal(found, [[2, 1, ROWS]])
  const { rows: _, ...without } = scaling ?? { kind: 'standard', shift: [], factor: [] }
  assert.equal(addUnseen(new Float64Array(3), raw, without), new Float64Array(3))
  assert.equal(addUnseen(new Float64Array(3), raw, undefined), new Float64Array(3))
  // Bytes mean their 255th part.
  const bytes = { kind: 'standard', shift: [0, 1], factor: [1, 0], rows: 4 } as const
  assert.equal(addUnseen(new Float64Array(2), Uint8Array.of(9, 255, 9, 254), bytes), Float64Array.of(0, 2))
})

test.run()
