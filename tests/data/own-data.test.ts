import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  chosenClip,
  clipped,
  fitPreprocessing,
  holdBack,
  liveInputs,
  networkData,
  type OwnDataOptions,
  ownData,
} from '../../src/data/own-data.ts'
import { readSource } from '../../src/data/sources/source.ts'
import type { Source } from '../../src/data/table.ts'
import { usualClip } from '../../src/model/preprocessing.ts'
import { STREAM_SPLIT, shuffledOrder } from '../../src/random/streams.ts'

const csv = (text: string, name = 't.csv') => readSource(new TextEncoder().encode(text), name)

/** Row i holds i, 10 i and a label. */
const COUNT = 20
const counted = () =>
  csv(`a,b,kind\n${Array.from({ length: COUNT }, (_, i) => `${i * i},${10 * i},${i % 2}`).join('\n')}\n`)

const values = (rows: Uint8Array | Float32Array, count: number): Source => ({
  train: {
    kind: 'values',
    file: 'v.npy',
    count,
    rows,
    labels: Uint8Array.from({ length: count }, (_, i) => i),
  },
  description: 'v.npy',
})

test('without a share all rows train, in the order of the file, and nothing judges', async () => {
  const data = ownData(await counted(), { label: 'kind' })
  assert.is(data.train.count, COUNT)
  assert.is(data.test, undefined)
  assert.is(data.judge, undefined)
  assert.is(data.inputs, 2)
  assert.is(data.label, 'kind')
  assert.equal([...data.train.rows.subarray(0, 6)], [0, 0, 1, 10, 4, 20])
  assert.is(data.usualScaling, 'standard')
})

test('an empty cell of categories is missing too: zeros, an error, or no row', async () => {
  const rows = Array.from({ length: 12 }, (_, i) => `${i * i},${['x', 'y', ''][i % 3]}`)
  const source = await csv(`a,b\n${rows.join('\n')}\n`)
  const zeros = ownData(source, { oneHot: ['b'] })
  assert.is(zeros.train.count, 12)
  assert.equal(zeros.notes, ['Empty cells: 4 in "b", which get no category'])
  assert.equal([...zeros.train.rows.subarray(6, 9)], [4, 0, 0])
  assert.throws(
    () => ownData(source, { oneHot: ['b'], missing: 'error' }),
    /^t\.csv: row 4, column "b": expected a category, found an empty cell$/,
  )
  const dropped = ownData(source, { oneHot: ['b'], missing: 'drop' })
  assert.is(dropped.train.count, 8)
  assert.equal(dropped.notes, ['t.csv: 4 rows with an empty cell are left out, of 12'])
  assert.equal([...dropped.train.rows.subarray(3, 9)], [1, 0, 1, 9, 1, 0])
})

test('a constant column with empty cells stays constant', async () => {
  // Ten times 0.1 sums to less than 1, so the mean of the sum is another number.
  const lines = Array.from({ length: 13 }, (_, i) => `${i < 3 ? '' : 0.1},${i}`)
  const data = ownData(await csv(`k,a\n${lines.join('\n')}\n`))
  assert.equal(data.features?.[0], { kind: 'number', name: 'k', fill: 0.1 })
  for (const kind of ['standard', 'minmax'] as const) {
    const { scaling } = fitPreprocessing(data, kind)
    assert.equal([scaling?.shift[0], scaling?.factor[0]], [0.1, 0], kind)
  }
})

test('a share is drawn by the seed from its own random stream, and is never trained on', async () => {
  const data = ownData(await counted(), { label: 'kind', validation: 0.25, seed: 7 })
  assert.is(data.judge, 'validation')
  const held = [...shuffledOrder(COUNT, 7, 0, STREAM_SPLIT).subarray(0, 5)].sort((a, b) => a - b)
  const indices = (rows: ArrayLike<number>) =>
    Array.from({ length: rows.length / 2 }, (_, i) => rows[2 * i + 1] / 10)
  assert.equal(indices(data.test?.rows ?? []), held)
  const others = Array.from({ length: COUNT }, (_, i) => i).filter((i) => !held.includes(i))
  assert.equal(indices(data.train.rows), others)
  const again = holdBack(ownData(await counted(), { label: 'kind' }).train, 2, 0.25, 7)
  assert.equal(again, { train: data.train, test: data.test })
  const other = ownData(await counted(), { label: 'kind', validation: 0.25, seed: 8 })
  assert.not.equal(other.test, data.test)
})

test('means, categories and scaling are those of the training rows alone', async () => {
  const lines = Array.from({ length: COUNT }, (_, i) => `${i === 3 ? '' : i},${i % 2 ? 'x' : 'y'}${i}`)
  const source = await csv(`a,site\n${lines.join('\n')}\n`)
  const data = ownData(source, { oneHot: ['site'], validation: 0.5, seed: 3 })
  const held = new Set(shuffledOrder(COUNT, 3, 0, STREAM_SPLIT).subarray(0, 10))
  const trained = Array.from({ length: COUNT }, (_, i) => i).filter((i) => !held.has(i))
  const numbers = trained.filter((i) => i !== 3)
  const mean = numbers.reduce((sum, i) => sum + i, 0) / numbers.length
  const [a, site] = data.features ?? []
  assert.equal(a, { kind: 'number', name: 'a', fill: mean })
  assert.is(site.kind === 'category' && site.categories.length, trained.length)
  // A category that no training row has is zeros.
  assert.equal([...(data.test?.rows.subarray(1, data.inputs) ?? [])], new Array(data.inputs - 1).fill(0))
  const { scaling } = fitPreprocessing(data, 'standard')
  const filled = trained.map((i) => (i === 3 ? mean : i))
  assert.ok(
    Math.abs((scaling?.shift[0] ?? 0) - filled.reduce((sum, i) => sum + i, 0) / filled.length) < 1e-12,
  )
})

test('a limit takes the first rows; dropped ones are said', async () => {
  const limited = ownData(await counted(), { label: 'kind', limit: 4, validation: 0.5 })
  assert.is(limited.train.count + (limited.test?.count ?? 0), 4)
  assert.ok([...limited.train.rows, ...(limited.test?.rows ?? [])].every((value) => value <= 30))
  const source = await csv('a,b\n1,2\n,3\n4,\n5,7\n')
  const dropped = ownData(source, { missing: 'drop' })
  assert.equal([...dropped.train.rows], [1, 2, 5, 7])
  assert.equal(dropped.notes, ['t.csv: 2 rows with an empty cell are left out, of 4'])
  assert.throws(() => ownData(source, { missing: 'error' }), /^t\.csv: row 3, column "a": expected a number/)
})

test('columns that are given are not fitted again', async () => {
  const first = ownData(await counted(), { label: 'kind' })
  const source = await csv('b,a,more\n1,,x\n2,5,y\n')
  const again = ownData(source, {}, undefined, first)
  assert.equal(again.features, first.features)
  assert.is(again.label, 'kind')
  assert.equal([...again.train.rows], [123.5, 1, 5, 2])
  assert.throws(
    () => ownData(values(Float32Array.of(1, 2), 1), {}, undefined, first),
    /v\.npy: expected a table/,
  )
})

test('other data judge where they are of the same kind', async () => {
  const train = await counted()
  const judged = ownData(train, { label: 'kind' }, await csv('b,a\n7,8\n', 'u.csv'))
  assert.is(judged.judge, 'test')
  assert.equal([...(judged.test?.rows ?? [])], [8, 7])
  const floats = values(Float32Array.of(1, 2, 3, 4), 2)
  assert.throws(() => ownData(train, {}, floats), /^v\.npy: expected a table as t\.csv, found an array/)
  assert.throws(() => ownData(floats, {}, values(Float32Array.of(1, 2, 3), 1)), /expected rows of 2 values/)
  assert.throws(() => ownData(floats, {}, values(Uint8Array.of(1, 2), 1)), /expected floats .* found bytes/)
  const bringing = { ...floats, test: floats.train }
  assert.is(ownData(bringing).judge, 'test')
  const split = ownData(bringing, { validation: 0.5 })
  assert.is(split.judge, 'validation')
  assert.match(split.notes[0], /its test set is not used/)
})

test('arrays keep their bytes, their labels, and refuse what has no number', () => {
  const bytes = ownData(values(Uint8Array.of(0, 128, 255, 3), 2))
  assert.is(bytes.usualScaling, 'none')
  assert.equal(networkData(bytes, {}).train.rows, Uint8Array.of(0, 128, 255, 3))
  assert.equal(bytes.train.labels, Uint8Array.of(0, 1))
  assert.is(ownData(values(Float32Array.of(0, 1, 0.5, 0.25), 2)).usualScaling, 'none')
  assert.is(ownData(values(Float32Array.of(0, 1.01, 0.5, 0.25), 2)).usualScaling, 'standard')
  const missing = values(Float32Array.of(1, 2, 3, Number.NaN, 5, 6), 3)
  assert.throws(() => ownData(missing), /^v\.npy: expected numbers, found a missing one .* row 2, value 2/)
  const dropped = ownData(missing, { missing: 'drop' })
  assert.equal([...dropped.train.rows], [1, 2, 5, 6])
  assert.equal(dropped.train.labels, Uint8Array.of(0, 2))
  assert.throws(() => ownData(values(Float32Array.of(1, Infinity), 1)), /row 1, value 2: expected a finite/)
  const float64 = networkData({ train: { count: 1, rows: Float64Array.of(0.1) } }, {})
  assert.equal(float64.train.rows, Float32Array.of(0.1))
})

const REFUSED: readonly (readonly [OwnDataOptions, RegExp])[] = [
  [{ validation: 0 }, /^validation: expected a share above 0 and below 1, found 0$/],
  [{ validation: 1 }, /^validation: .*found 1$/],
  [{ validation: Number.NaN }, /^validation: .*found NaN$/],
  [{ limit: 0 }, /^limit: expected a whole number from 1 to 2, found 0$/],
  [{ limit: 3 }, /^limit: .*found 3$/],
  [{ label: 'x' }, /^label: expected a table with named columns, found "v\.npy" without names$/],
  [{ oneHot: ['x'] }, /^oneHot: expected a table/],
  [{ missing: 'mean' }, /^missing: expected error or drop for "v\.npy"/],
]
for (const [options, expected] of REFUSED) {
  test(`of an array ${JSON.stringify(options)} is refused`, () => {
    assert.throws(() => ownData(values(Float32Array.of(1, 2), 2), options), expected)
  })
}

test('one row cannot be split, and a share never takes them all', async () => {
  const one = await csv('a,b\n1,2\n')
  assert.throws(() => ownData(one, { validation: 0.5 }), /^t\.csv: expected at least two rows/)
  const two = ownData(await csv('a,b\n1,2\n3,4\n'), { validation: 0.99 })
  assert.is(two.train.count, 1)
  assert.throws(() => ownData(one, { validation: 0.5 }, one), /^validation: expected none beside a test set/)
})

test('outliers are clipped in what trains and judges, by deviations alone', () => {
  const train = { count: 2, rows: Float32Array.of(-3, 1, 2.5, 9) }
  const data = clipped({ train, test: train }, 2.5)
  assert.equal(data.train.rows, Float32Array.of(-2.5, 1, 2.5, 2.5))
  assert.equal(data.test?.rows, data.train.rows)
  assert.equal(train.rows, Float32Array.of(-3, 1, 2.5, 9))
  assert.is(clipped({ train }, 0).train, train)
  assert.throws(() => chosenClip({}, 1), /^clip: expected standard scaling beside it, found none$/)
  const scaling = { shift: [0, 0], factor: [0, 2] }
  assert.is(usualClip({ scaling: { kind: 'standard', ...scaling } }), 2.5)
  assert.is(usualClip({ scaling: { kind: 'minmax', ...scaling } }), 0)
  assert.is(usualClip({}), 0)
  assert.is(liveInputs({ scaling: { kind: 'minmax', ...scaling } }, 2), 1)
})

test.run()
