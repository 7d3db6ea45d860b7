/** The tools as processes: files in and out, JSON, and what they refuse. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSource } from '../../src/data/sources/node.ts'
import type { Table, Values } from '../../src/data/table.ts'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { classifierOn, hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { smallDigits } from '../experiments/small-digits.ts'
import { runScript } from '../support/command.ts'
import { writeDataset } from '../support/small-data.ts'
import { writeSmallPngs } from '../support/small-pictures.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-tools-'))
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tools/${name}`, import.meta.url))
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'))
const [model, table] = [fixture('model.safetensors'), fixture('../../../examples/machines.csv')]
const flags = ['-l', model, '--data', table, '--threads', '1']
const unlabelled = join(directory, 'unlabelled.csv')
writeFileSync(unlabelled, readFileSync(table, 'utf8').replace(/,[^,\n]*$/gm, ''))
test.after(() => rmSync(directory, { recursive: true, force: true }))

async function done(script: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runScript(script, args, directory)
  assert.is(code, 0, stderr)
  return stdout
}

function last(stdout: string) {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

async function columns(name: string): Promise<Record<string, readonly unknown[]>> {
  const { train } = await loadSource(join(directory, name))
  return Object.fromEntries((train as Table).columns.map((column) => [column.name, [...column.values]]))
}

function near(found: readonly unknown[], wanted: readonly number[]): void {
  assert.is(found.length, wanted.length)
  wanted.forEach((value, i) => {
    assert.ok(
      Math.abs(Number(found[i]) - value) <= 1e-4 * Math.max(1, Math.abs(value)),
      `${i}: ${found[i]}, ${value}`,
    )
  })
}

test('score: a file of scores, figures, and measures in the last line of JSON', async () => {
  const end = last(await done('score', [...flags, '--keep-columns', 'id,outlier', '--json']))
  assert.equal(end.files, ['scores.csv', 'scores.errors.png', 'scores.worst.png'])
  for (const file of end.files) assert.ok(existsSync(join(directory, file)))
  assert.is(end.flagged, expected.flagged)
  near([end.auroc, end.averagePrecision, end.precision, end.recall], Object.values(expected.model))
  near(
    [end.baseline.auroc, end.baseline.averagePrecision],
    [expected.baseline.auroc, expected.baseline.averagePrecision],
  )
  const scores = await columns('scores.csv')
  assert.equal(Object.keys(scores).slice(0, 6), ['row', 'id', 'outlier', 'error', 'percentile', 'verdict'])
  near(scores.error, expected.error)
  assert.equal(scores.feature_1, expected.feature)
  assert.is(scores.id[119], 'm119')
})

test('score: without the label no measures; text for people; a threshold as given', async () => {
  const rows = readFileSync(table, 'utf8').replaceAll(/,[^,\n]+$/gm, '')
  writeFileSync(join(directory, 'plain.csv'), rows)
  const args = ['-l', model, '--data', 'plain.csv', '--no-plot', '--out', 'p.parquet', '--threshold', '0.5']
  const text = await done('score', args)
  assert.match(text, /^threshold 0\.500: as given$/m)
  assert.match(text, /^Wrote p\.parquet$/m)
  // True of equal errors too, of which none may be above.
  const usual = await done('score', [...args.slice(0, -2), '--contamination', '0.07'])
  assert.match(usual, /: the 93 % quantile of the errors of the training rows \(--contamination 0\.07\)$/m)
  assert.not.match(text, /AUROC/)
  assert.equal(last(await done('score', [...args, '--json'])).auroc, undefined)
})

test('encode, decode and reconstruct agree, whatever the format', async () => {
  await done('encode', [...flags, '--out', 'codes.csv', '--keep-columns', 'id'])
  const codes = await columns('codes.csv')
  assert.equal(Object.keys(codes), ['id', 'code_1', 'code_2', 'code_3', 'code_4'])
  near(
    codes.code_2,
    expected.codes.map((code: number[]) => code[1]),
  )
  await done('decode', ['-l', model, '--data', 'codes.csv', '--out', 'decoded.csv'])
  const text = await done('reconstruct', [...flags, '--out', 'rebuilt.parquet'])
  assert.match(text, /^120 rows; mean squared error per value, scaled, against what was given: /m)
  const [decoded, rebuilt] = [await columns('decoded.csv'), await columns('rebuilt.parquet')]
  assert.equal(Object.keys(decoded), ['speed', 'load', 'heat', 'site'])
  near(decoded.speed, rebuilt.speed as number[])
  near(
    decoded.heat,
    expected.reconstruction.map((row: number[]) => row[2]),
  )
  assert.equal(decoded.site, rebuilt.site)
  assert.ok(decoded.site.includes('Bad Tölz, Süd'))
  await done('reconstruct', [...flags, '--out', 'rebuilt.npy'])
  const { train } = await loadSource(join(directory, 'rebuilt.npy'))
  near([...(train as { rows: Float32Array }).rows], expected.reconstruction.flat())
})

test('kept columns come back as they were written, where the output can hold text', async () => {
  const lines = readFileSync(table, 'utf8').trimEnd().split('\n')
  const ids = lines.slice(1).map((_, i) => `${i < 9 ? '00' : ''}9007199254740993${i}`)
  const rows = [`${lines[0]},key`, ...lines.slice(1).map((line, i) => `${line},${ids[i]}`)]
  writeFileSync(join(directory, 'keyed.csv'), `${rows.join('\n')}\n`)
  const args = ['-l', model, '--data', 'keyed.csv', '--no-plot', '--keep-columns', 'key,outlier']
  await done('score', [...args, '--out', 'keyed.parquet'])
  const scores = await columns('keyed.parquet')
  assert.equal(scores.key, ids)
  assert.is(typeof scores.outlier[0], 'number')
})

test('pictures of a model without preprocessing: page, folder, score by the rows given, generate', async () => {
  const data = writeDataset(join(directory, 'bars'), smallDigits())
  const network = hourglass({ input: 144, hidden: 10, bottleneck: 3, latentActivation: 'identity' })
  writeFileSync(
    join(directory, 'bars.pth'),
    writeModel({ network, parameters: initialParameters(network, 1) }, 'bars.pth'),
  )
  const given = ['-l', 'bars.pth', '--data', data, '--set', 'test']
  await done('reconstruct', [...given, '--out', 'page.png'])
  const { stderr, stdout } = await runScript(
    'denoise',
    [...given, '--out', 'folder', '--add-noise', '0.2'],
    directory,
  )
  assert.match(stderr, /does not say that it was trained with noise/)
  assert.match(stdout, / against the clean ones: noisy, clipped to \[0, 1\], 0\.\d+, denoised 0\.\d+$/m)
  const pictures = await loadSource(join(directory, 'folder'))
  assert.match(pictures.description, /12 × 12 pixels/)
  const scored = last(await done('score', [...given, '--out', 'bars.npy', '--json', '--outlier', '1']))
  assert.is(scored.measuredBy, 'these rows')
  assert.ok(scored.auroc >= 0 && scored.auroc <= 1)
  await done('generate', [...given, '-n', '7', '--out', 'seven'])
  assert.is(readdirSync(join(directory, 'seven')).length, 7)
  const again = await runScript('generate', [...given, '-n', '7', '--out', 'seven'], directory)
  assert.match(again.stderr, /^error: seven: expected a new or an empty folder, found one with 7 entries\n$/)
})

test('a folder of 200 pictures trains, reconstructs and denoises, under their names', async () => {
  writeSmallPngs(join(directory, 'digits'), 200)
  const data = ['--data', 'digits', '--threads', '1']
  await done('train', [...data, '-s', 'digits.pth', '-e', '100', '--noise-std', '0.2', '-z', '4'])
  await done('reconstruct', ['-l', 'digits.pth', ...data, '--out', 'rebuilt'])
  const args = ['-l', 'digits.pth', ...data, '--out', 'clean', '--add-noise', '0.2', '--json']
  const end = last(await done('denoise', args))
  assert.ok(end.error < 0.7 * end.noisyError, `${end.error}, before ${end.noisyError}`)
  const [given, rebuilt, clean] = await Promise.all(
    ['digits', 'rebuilt', 'clean'].map(async (name) => (await loadSource(join(directory, name))).train),
  )
  const names = (set: typeof given) => (set as Values).names
  assert.is(given.count, 200)
  assert.equal(names(rebuilt), names(given))
  assert.equal(names(clean), names(given))
})

test('what is read is not written over, whatever its path, and constants teach nothing', async () => {
  const file = join(directory, 'mine.csv')
  const text = readFileSync(table, 'utf8')
  writeFileSync(file, text)
  symlinkSync(file, join(directory, 'link.csv'))
  const given = ['-l', model, '--data', 'mine.csv', '--threads', '1']
  for (const [script, ...args] of [
    ['score', ...given, '--out', 'mine.csv'],
    ['encode', ...given, '--out', './link.csv'],
    ['encode', '-l', 'link.csv', '--data', table, '--out', 'mine.csv'],
    ['train', '--data', 'link.csv', '--log', file, '-e', '1'],
    ['train', '--data', table, '--test', file, '--log', 'link.csv', '-e', '1'],
  ]) {
    const { code, stderr } = await runScript(script, args, directory)
    assert.is(code, 1, `${script} ${args}`)
    if (args[1] !== 'link.csv') {
      assert.match(stderr, /csv: expected another file than those that are read, found one of them\n$/)
    }
    assert.is(readFileSync(file, 'utf8'), text)
  }
  writeFileSync(join(directory, 'same.csv'), 'a,b\n1,2\n1,2\n1,2\n')
  const { stderr } = await runScript('train', ['--data', 'same.csv', '-e', '1', '-s', 's.pth'], directory)
  assert.match(stderr, /^All columns are constant over the training rows/m)
})

test('pretrain: a classifier in two files, with accuracies, that keeps the scaling', async () => {
  const args = [...flags, '--label', 'site', '--out', 'sites.pth', '--steps', '20']
  const refused = await runScript('classify', args, directory)
  assert.match(refused.stderr, /^error: --label: .*did not learn from, found "site", which it did\n$/)
  const end = last(await done('classify', [...flags, '--out', 'c.pth', '--steps', '50', '--json']))
  assert.equal(end.files, ['c.pth', 'c.onnx'])
  assert.is(end.trainingRows + end.judgingRows, 120)
  assert.ok(end.accuracy > 0.5 && end.scratchAccuracy > 0.5)
  const stored = readModel(readFileSync(join(directory, 'c.pth')), 'c.pth')
  assert.is(stored.network.loss, 'crossEntropy')
  assert.equal(stored.preprocessing?.scaling, readModel(readFileSync(model), 'm').preprocessing?.scaling)
})

const classifierFile = join(directory, 'classifier.safetensors')
{
  const network = classifierOn(hourglass({ input: 4, hidden: 3, bottleneck: 2 }), 2)
  const parameters = initialParameters(network, 1)
  writeFileSync(classifierFile, writeModel({ network, parameters }, classifierFile))
}

for (const [what, script, args, code, message] of [
  ['no data', 'score', ['-l', model], 2, /--data: expected/],
  ['nothing to learn from', 'generate', ['-l', model, '-o', 'a.csv'], 2, /--data: expected rows such as/],
  [
    'a table',
    'evaluate',
    ['-l', fixture('../interop/MLP.8.pth'), '--data', table],
    1,
    /found a file; .*score/,
  ],
  [
    'a folder of pictures',
    'evaluate',
    ['-l', fixture('../interop/MLP.8.pth'), '--data', fixture('../sources/pictures/a')],
    1,
    /four IDX files, found none; encode, score and reconstruct take tables, arrays and folders of pictures$/m,
  ],
  ['no model', 'encode', ['--data', table, '--out', 'a.csv'], 2, /--load: expected/],
  [
    'a name of no format',
    'encode',
    [...flags, '--out', 'a.xls'],
    2,
    /--out: expected a name that ends in \.csv/,
  ],
  [
    'two thresholds',
    'score',
    [...flags, '--threshold', '1', '--contamination', '0.1'],
    2,
    /--contamination: /,
  ],
  ['a share of 1', 'score', [...flags, '--contamination', '1'], 2, /--contamination: expected a share/],
  ['a label that is not there', 'score', [...flags, '--label', 'outlyer'], 1, /nearest is "outlier"/],
  [
    'a column that is not there',
    'encode',
    [...flags, '--out', 'a.csv', '--keep-columns', 'ix'],
    1,
    /nearest is "id"/,
  ],
  [
    'a column that the output has too',
    'reconstruct',
    [...flags, '--out', 'a.csv', '--keep-columns', 'id,speed'],
    2,
    /^error: --keep-columns: expected names that no other column of the output has, found "speed"$/m,
  ],
  [
    'text in .npy',
    'encode',
    [...flags, '--out', 'a.npy', '--keep-columns', 'id'],
    2,
    /^error: a\.npy: .*column of text "id"/m,
  ],
  [
    'outliers of no label',
    'score',
    ['-l', model, '--data', unlabelled, '--outlier', '1'],
    1,
    /expected labels, "1" for outliers, found none/,
  ],
  ['codes that are none', 'decode', [...flags, '--out', 'a.csv'], 1, /expected a column "code_1"/],
  ['pictures of a table', 'reconstruct', [...flags, '--out', 'a.png'], 2, /rows that are no pictures/],
  ['a classifier', 'score', ['-l', classifierFile, '--data', table], 1, /classifier/],
  ['no test set', 'score', [...flags, '--set', 'test'], 2, /--set: /],
  ['no number of rows', 'generate', [...flags, '-n', '0', '--out', 'a.csv'], 2, /--count: /],
] as const) {
  test(`${what} is refused in one line, and nothing is written`, async () => {
    const before = readdirSync(directory)
    const outcome = await runScript(script, args, directory)
    assert.match(outcome.stderr, message)
    assert.match(outcome.stderr, /^error: [^\n]*\n$/)
    assert.is(outcome.code, code)
    assert.equal(readdirSync(directory), before)
  })
}

test.run()
