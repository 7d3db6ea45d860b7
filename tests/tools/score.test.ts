/**
 * Scores, codes and raw rows against NumPy's and scikit-learn's (`tests/fixtures/tools/make_fixtures.py`).
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Autoencoder } from '../../src/api/node.ts'
import { loadSource } from '../../src/data/sources/node.ts'
import { readSource } from '../../src/data/sources/source.ts'
import type { Table, Values } from '../../src/data/table.ts'
import { UsageError } from '../../src/errors.ts'
import { averagePrecision } from '../../src/experiments/average-precision.ts'
import { rowsForModel } from '../../src/tools/rows.ts'
import { measureScores, truthOf } from '../../src/tools/score-labels.ts'
import { scoredName, scoreSheet } from '../../src/tools/score-sheet.ts'
import { refuses } from '../support/rejection.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tools/${name}`, import.meta.url))
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'))
const model = await Autoencoder.load(fixture('model.safetensors'), { device: 'cpu', threads: 1 })
const { train: set } = await loadSource(fixture('../../../examples/machines.csv'))
const rows = await model.withEngine(async (engine) =>
  rowsForModel(set, { engine, name: 'model', preprocessing: model.preprocessing }),
)
test.after(() => model.dispose())

function near(found: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  assert.is(found.length, wanted.length)
  const far = wanted.findIndex(
    (value, i) => !(Math.abs(found[i] - value) <= tolerance * Math.max(1, Math.abs(value))),
  )
  assert.is(far, -1, `${far}: expected ${wanted[far]}, found ${found[far]}`)
}

test('categories that were not in training are said, and how many cells are empty', async () => {
  const text = 'speed,load,heat,site\n1,2,3,Rom\n1,2,3,\n1,2,3,Kiel\n1,2,3,Oslo\n'
  const { train: other } = await readSource(new TextEncoder().encode(text), 'new.csv')
  const { notes, rows: found } = await model.withEngine(async (engine) =>
    rowsForModel(other, { engine, name: 'model', preprocessing: model.preprocessing }),
  )
  assert.equal(notes, [
    'Empty cells: 1 in "site", which get no category',
    'new.csv: column "site": 2 of 4 rows hold categories that were not in training, "Rom" first: all zeros',
  ])
  const empty = await readSource(new TextEncoder().encode('speed,load,heat,site\n,2,,Kiel\n'), 'new.csv')
  const filled = await model.withEngine(async (engine) =>
    rowsForModel(empty.train, { engine, name: 'model', preprocessing: model.preprocessing }),
  )
  assert.equal(filled.notes, ['Empty cells: 2 in 2 columns, for which the mean in training stands'])
  const width = found.length / 4
  assert.equal([...found.subarray(3, width)], [...found.subarray(3 * width + 3, 4 * width)])
  assert.ok(found.subarray(3, width).every((value) => value === 0))
  assert.equal(rows.notes, [])
})

test('bytes are refused for a model of other numbers, and said where nothing tells', async () => {
  const bytes = (columns: number): Values => ({
    kind: 'values',
    file: 'b.npy',
    count: 1,
    rows: new Uint8Array(columns).fill(7),
  })
  const { inputs } = model.network.layers[0]
  const engine = await model.withEngine(async (found) => found)
  const shift = new Array<number>(inputs).fill(0.5)
  const scaled = (first: number) => ({
    scaling: { kind: 'minmax', shift: shift.with(0, first), factor: shift.map(() => 4) },
  })
  const refusal = /^b\.npy: expected floats as model was trained on, found bytes, which mean value \/ 255/
  const wide = { scaling: { kind: 'minmax', shift: shift.map(() => 0), factor: shift.map(() => 1 / 255) } }
  const far = { scaling: { kind: 'standard', shift, factor: shift.map(() => 1) } }
  for (const preprocessing of [model.preprocessing, scaled(1.5), scaled(-0.1), wide, far]) {
    assert.throws(
      () => rowsForModel(bytes(inputs), { engine, name: 'model', preprocessing } as never),
      refusal,
    )
  }
  const given = new Uint8Array(inputs)
  const calls = [() => model.score(given), () => model.encode(given), () => model.reconstruct(given)]
  for (const call of calls)
    await refuses(call(), UsageError, /^rows: expected floats as in training, found bytes/)
  for (const preprocessing of [{}, scaled(0.1)]) {
    const { notes, rows: kept } = rowsForModel(bytes(inputs), {
      engine,
      name: 'model',
      preprocessing,
    } as never)
    assert.equal(notes, ['b.npy: bytes, each taken as value / 255'])
    assert.instance(kept, Uint8Array)
  }
})

test('to a model without names all columns of numbers are inputs, a count of the rows too', async () => {
  const engine = await model.withEngine(async (found) => found)
  const names = Array.from({ length: model.network.layers[0].inputs }, (_, i) => `c${i}`)
  const table = async (columns: readonly string[]) => {
    const lines = Array.from({ length: 30 }, (_, row) =>
      columns.map((_, i) => (i === 0 ? row + 1 : row % (i + 2))),
    )
    const text = [[...columns, 'none'], ...lines.map((line) => [...line, ''])]
      .map((line) => line.join())
      .join('\n')
    return (await readSource(new TextEncoder().encode(text), 'n.csv')).train
  }
  const found = rowsForModel(await table(names), { engine, name: 'model' })
  assert.equal(
    found.features?.map(({ name }) => name),
    names,
  )
  const more = await table(['id', ...names])
  const [note, ...rest] = rowsForModel(more, { engine, name: 'model' }).notes
  assert.is(note, 'Left out, it numbers the rows: "id"')
  assert.equal(rest, [])
  const many = await table(['id', ...names, 'extra'])
  assert.throws(
    () => rowsForModel(many, { engine, name: 'model' }),
    new RegExp(
      `^n\\.csv: expected ${names.length} columns of numbers, the inputs of model, found ${names.length + 2}$`,
    ),
  )
})

test('average precision, ties and all', () => {
  for (const { truth, scores, averagePrecision: wanted } of expected.averagePrecision) {
    const of = (kind: number) => scores.filter((_: number, i: number) => truth[i] === kind)
    near([averagePrecision(of(0), of(1))], [wanted], 1e-12)
  }
})

test('figures call a row what the sheet of scores calls it: from 1, without the line of names', async () => {
  const scores = await model.score(rows.rows)
  const parts = scoreSheet(scores, { kept: undefined }, [], true).parts[Symbol.asyncIterator]()
  const [numbers, errors] = (await parts.next()).value as ArrayLike<number>[]
  const worst = Array.from(errors).indexOf(Math.max(...Array.from(errors)))
  assert.is(scoredName(set, undefined, worst), `row ${numbers[worst]}`)
  assert.is((set as Table).columns[0].values[numbers[worst] - 1], 'm112', 'ids count from m000')
  const some = Uint32Array.of(4, 7)
  assert.is(scoredName(set, some, 1), 'row 8')
  const pictures = { ...set, kind: 'values', names: ['a/one.png', 'b.png'] } as unknown as Values
  assert.is(scoredName(pictures, undefined, 1), 'b.png')
})

test('errors, shares, lengths and verdicts', async () => {
  const scores = await model.score(rows.rows)
  near(scores.errors, expected.error, 1e-5)
  near(scores.lengths, expected.length, 1e-6)
  near([scores.threshold], [expected.threshold], 1e-3)
  assert.is(scores.measuredBy, 'training rows')
  assert.is(scores.contamination, 0.1)
  assert.is(scores.flagged, expected.flagged)
  const { most, names, features, shares } = scores.explanation
  assert.equal(names, ['speed', 'load', 'heat', 'site'])
  assert.is(most, 3)
  assert.equal(
    Array.from(scores.errors, (_, row) => names[features[row * most]]),
    expected.feature,
  )
  near(
    Array.from(scores.errors, (_, row) => shares[row * most]),
    expected.share,
    1e-4,
  )
  const truth = truthOf(set, { usualLabel: model.preprocessing?.label })
  assert.ok(truth)
  const measured = measureScores(scores, truth)
  assert.ok(measured)
  const { outliers, inliers, baseline, ...detection } = measured
  assert.equal([outliers, inliers], [8, 112])
  for (const [found, wanted] of [
    [detection, expected.model],
    [baseline, expected.baseline],
  ]) {
    for (const name of ['auroc', 'averagePrecision', 'precision', 'recall'])
      near([found[name]], [wanted[name]], 1e-12)
  }
})

test('codes and reconstructions, raw rows in and out', async () => {
  near(await model.encode(rows.rows), expected.codes.flat(), 1e-5)
  near(await model.reconstruct(rows.rows), expected.reconstruction.flat(), 1e-4)
})

test('percentiles rise with the error, from 0 to 100', async () => {
  const { errors, percentiles } = await model.score(rows.rows, { explain: 0 })
  const order = [...errors.keys()].sort((a, b) => errors[a] - errors[b])
  for (let i = 1; i < order.length; i++) assert.ok(percentiles[order[i]] >= percentiles[order[i - 1]])
  near([percentiles[order[0]], percentiles[order[119]]], [0, 100], 0.5)
})

test('options that cannot be are refused, and labels that say nothing', async () => {
  const refused = async (options: object, message: RegExp) => {
    assert.match(String(await model.score(rows.rows, options).catch((error: Error) => error)), message)
  }
  await refused({ contamination: 1 }, /UsageError: contamination: expected a share/)
  await refused({ contamination: 0.2, threshold: 1 }, /UsageError: contamination: expected none beside/)
  await refused({ threshold: -1 }, /UsageError: threshold/)
  await refused({ explain: 1.5 }, /UsageError: explain/)
  await refused({ expain: 1 }, /UsageError: score: expected options among/)
  const table = set as Table
  assert.throws(
    () => truthOf(table, { label: 'outlier', outlier: '7' }),
    /expected labels of outliers "7", found "0"/,
  )
  assert.throws(() => truthOf(table, { label: 'outlyer' }), /nearest is "outlier"/)
  assert.is(truthOf(table, { usualLabel: 'other' }), undefined)
  const scores = await model.score(rows.rows)
  const sites = truthOf(table, { label: 'site' })
  assert.is(sites && measureScores(scores, sites), undefined)
  assert.equal(sites?.examples.slice(0, 2), ['Kiel', 'Ulm'])
  assert.is(truthOf(table, { label: 'site', outlier: 'Ulm' })?.outliers, 40)
})

test('generated rows are the same for a seed, and like those they are made of', async () => {
  const first = await model.generate(rows.rows, { count: 50, seed: 3 })
  assert.equal(await model.generate(rows.rows, { count: 50, seed: 3 }), first)
  assert.not.equal(await model.generate(rows.rows, { count: 50, seed: 4 }), first)
  const speeds = Array.from({ length: 50 }, (_, row) => first[row * 6])
  const mean = speeds.reduce((sum, speed) => sum + speed, 0) / 50
  assert.ok(mean > 1300 && mean < 1700, String(mean))
})

test.run()
