import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fitScaling } from '../../src/data/scaling.ts'
import { networkRows, rawRows, scaleRows, unscaleRows } from '../../src/model/preprocessing.ts'

/** What scikit-learn makes of the same rows: make_scaling.py beside the file. */
const truth = JSON.parse(
  readFileSync(new URL('../fixtures/scaling/scaling.json', import.meta.url), 'utf8'),
) as {
  rows: number[][]
  standard: { mean: number[]; scale: number[]; scaled: number[][] }
  minmax: { minimum: number[]; range: number[]; scaled: number[][] }
}
const INPUTS = 6
const CONSTANT = 3
const rows = Float64Array.from(truth.rows.flat())

function near(found: number, expected: number, tolerance: number, what: string) {
  const difference = Math.abs(found - expected)
  assert.ok(
    difference <= tolerance * (1 + Math.abs(expected)),
    `${what}: expected ${expected}, found ${found}`,
  )
}

test('standard: scikit-learn’s mean and deviation, and its scaled rows', () => {
  const scaling = fitScaling(rows, INPUTS, 'standard')
  assert.ok(scaling)
  truth.standard.mean.forEach((mean, i) => {
    near(scaling.shift[i], mean, 1e-14, `mean ${i}`)
  })
  truth.standard.scale.forEach((scale, i) => {
    if (i !== CONSTANT) near(1 / scaling.factor[i] / scale, 1, 1e-7, `deviation ${i}`)
  })
  assert.is(scaling.factor[CONSTANT], 0)
  const scaled = scaleRows(rows, scaling)
  assert.instance(scaled, Float32Array)
  truth.standard.scaled.flat().forEach((value, i) => {
    near(scaled[i], value, 2e-7, `value ${i}`)
  })
})

test('minmax: scikit-learn’s minimum and range, and its scaled rows', () => {
  const scaling = fitScaling(rows, INPUTS, 'minmax')
  assert.ok(scaling)
  assert.equal(scaling.shift, truth.minmax.minimum)
  const scaled = scaleRows(rows, scaling)
  truth.minmax.scaled.flat().forEach((value, i) => {
    near(scaled[i], value, 2e-7, `value ${i}`)
  })
  assert.ok(scaled.every((value) => value >= 0 && value <= 1))
})

for (const kind of ['standard', 'minmax'] as const) {
  test(`${kind}: what is scaled back is the raw row, and a constant stays the constant`, () => {
    const scaling = fitScaling(rows, INPUTS, kind)
    assert.ok(scaling)
    const back = unscaleRows(scaleRows(rows, scaling), scaling)
    rows.forEach((value, i) => {
      const spread = scaling.factor[i % INPUTS] === 0 ? 0 : 1 / scaling.factor[i % INPUTS]
      const tolerance = 1e-6 * spread + Math.abs(value) * 2 ** -24
      assert.ok(Math.abs(back[i] - value) <= tolerance, `${i}: expected ${value}, found ${back[i]}`)
    })
    const other = unscaleRows(Float32Array.of(9, 9, 9, 9, 9, 9), scaling)
    assert.is(other[CONSTANT], 7.25)
  })
}

test('one row is constant everywhere, and an equal mean misses no digit', () => {
  const one = fitScaling(Float64Array.of(0.1, 1e300), 2, 'standard')
  assert.equal(one, { kind: 'standard', shift: [0.1, 1e300], factor: [0, 0], rows: 1 })
  // Ten times 0.1 sums to less than 1.
  const tenth = fitScaling(new Float64Array(10).fill(0.1), 1, 'standard')
  assert.equal(tenth, { kind: 'standard', shift: [0.1], factor: [0], rows: 10 })
  assert.is(fitScaling(rows, INPUTS, 'none'), undefined)
})

test('numbers that differ by roundings alone are a constant', () => {
  for (const kind of ['standard', 'minmax'] as const) {
    for (const [constant, other] of [
      [0.3, 0.1 + 0.2],
      [-1e9, -1e9 - 2 ** -23],
    ]) {
      const scaling = fitScaling(Float64Array.of(constant, other, constant), 1, kind)
      assert.equal(scaling?.factor, [0], kind)
    }
    const close = fitScaling(Float64Array.of(1, 1 + 1e-14, 1), 1, kind)
    assert.ok((close?.factor[0] ?? 0) > 1e13, kind)
  }
})

test('values whose spread is no number are refused', () => {
  for (const kind of ['standard', 'minmax'] as const) {
    const far = Float64Array.of(0, -1.7e308, 0, 1.7e308)
    assert.throws(
      () => fitScaling(far, 2, kind),
      /^input 2 of 2: expected a spread that is a number, found values from -1\.7e\+308 to 1\.7e\+308/,
    )
    assert.throws(() => fitScaling(far, 2, kind, ['a', 'b']), /^column "b": expected a spread/)
    const close = Float64Array.of(0, 5e-324)
    assert.throws(() => fitScaling(close, 1, kind), /input 1 of 1/)
  }
})

test('empty cells are filled before they are scaled; bytes are scaled as their 255th parts', () => {
  const features = [
    { kind: 'number', name: 'a', fill: 4 },
    { kind: 'category', name: 'b', categories: ['x'] },
  ] as const
  const scaling = { kind: 'standard', shift: [2, 0], factor: [0.5, 1] } as const
  const raw = Float64Array.of(Number.NaN, 1, 3, Number.NaN)
  // An empty category has no number that could stand for it.
  assert.is(networkRows(raw, { features, scaling }).join(), '1,1,0.5,NaN')
  assert.is(networkRows(raw, { features }).join(), '4,1,3,NaN')
  assert.ok(Number.isNaN(raw[0]))
  assert.is(networkRows(raw, {}), raw)
  const bytes = Uint8Array.of(0, 255)
  assert.is(networkRows(bytes, { features: undefined }), bytes)
  const halves = { kind: 'minmax', shift: [0.5, 0.5], factor: [2, 2] } as const
  assert.equal(networkRows(bytes, { scaling: halves }), Float32Array.of(-1, 1))
  assert.is(rawRows(raw, {}), raw)
})

test.run()
