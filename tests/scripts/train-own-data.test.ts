/** The train command on a table of one's own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { columnList, pictureSize } from '../../scripts/data-flags.ts'
import { readModel } from '../../src/formats/model-file.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import { runScript } from '../support/command.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { smallTable } from '../support/small-table.ts'

const root = mkdtempSync(join(tmpdir(), 'hourglass-own-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
const table = join(root, 'machines.csv')
writeFileSync(table, smallTable(200))
let directories = 0

function freshDirectory(): string {
  const directory = join(root, `run-${directories++}`)
  mkdirSync(directory)
  return directory
}

const own = ['--data', table, '--label', 'outlier', '--one-hot', 'site']
const train = (cwd: string, ...args: readonly string[]) => runScript('train', args, cwd)

/** The last JSON line of a run that went well. */
async function trained(cwd: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const outcome = await train(cwd, ...args, '--json')
  assert.is(outcome.code, 0, outcome.stderr)
  return JSON.parse(String(outcome.stdout.trimEnd().split('\n').at(-1))) as Record<string, unknown>
}

test('says what it found, proposes a network, and keeps in the model what later commands need', async () => {
  const cwd = freshDirectory()
  const { code, stdout, stderr } = await train(cwd, ...own, '--epochs', '3')
  assert.is(code, 0, stderr)
  assert.match(stdout, /^Data {5}.*machines\.csv: 200 rows, 5 columns of numbers, 1 of text$/m)
  assert.match(
    stdout,
    /^Rows {5}200 training, none held back .*6 inputs, without the label outlier, standard/m,
  )
  assert.match(
    stdout,
    /^Network {2}6 → 64 → 3 → 64 → 6, 3 epochs of batch 32: proposed .* --hidden, --z, --batch/m,
  )
  assert.match(stdout, /^epoch 3\/3 {2}train 0\.\d+ {2}lr 0\.002 .* rows\/s$/m)
  assert.match(
    stdout,
    /^weights\.pth keeps columns, scaling and errors in an entry that torch\.load passes over$/m,
  )
  assert.match(stderr, /^Empty cells: 11 in "b", for which the mean in training stands$/m)
  for (const name of ['weights.pth', 'weights.checkpoint.safetensors']) {
    const { network, preprocessing, trainingErrors } = readModel(readFileSync(join(cwd, name)), name)
    assert.is(network.layers[3].activation, 'identity')
    assert.equal(
      preprocessing?.features?.map((feature) => feature.name),
      ['a', 'b', 'c', 'fixed', 'site'],
    )
    assert.is(preprocessing?.label, 'outlier')
    assert.is(preprocessing?.scaling?.kind, 'standard')
    assert.is(preprocessing?.scaling?.factor[3], 0)
    assert.is(trainingErrors?.count, 200)
  }
})

test('one hash for any number of threads, and for a run that was interrupted and resumed', async () => {
  const judged = ['--validation', '0.2', '--keep', 'best', '--patience', '30', '--seed', '3']
  const hashes = new Set<unknown>()
  for (const threads of ['1', '2', '3']) {
    const end = await trained(freshDirectory(), ...own, ...judged, '--epochs', '6', '--threads', threads)
    hashes.add(end.parametersSha256)
  }
  assert.is(hashes.size, 1)
  const cwd = freshDirectory()
  await trained(cwd, ...own, ...judged, '--epochs', '2')
  const stored = readCheckpoint(readFileSync(join(cwd, 'weights.checkpoint.safetensors')), 'c')
  assert.is(stored.preprocessing?.features?.length, 5)
  // The flags are the checkpoint's: none is typed again, and nothing is fitted again.
  // Those that say what it has without them are no others.
  const usual = ['--scale', 'standard', '--clip', '2.5']
  const end = await trained(cwd, '--resume', 'weights.checkpoint.safetensors', '--epochs', '6', ...usual)
  assert.ok(hashes.has(end.parametersSha256))
  const done = await train(cwd, '--resume', 'weights.checkpoint.safetensors')
  assert.match(done.stderr, /all 6 epochs are done; more --epochs go on/)
  const other = await train(cwd, '--resume', 'weights.checkpoint.safetensors', '-e', '9', '--scale', 'minmax')
  assert.is(other.code, 1)
  assert.match(
    other.stderr,
    /^error: .*expected a checkpoint of --scale "minmax", found one of "standard"\n$/,
  )
  // Notes that no run has written.
  const notes = { ...stored.notes, own: '{"shell":"rm"}' }
  writeFileSync(join(cwd, 'odd.safetensors'), writeCheckpoint({ ...stored, notes }))
  const odd = await train(cwd, '--resume', 'odd.safetensors', '-e', '9')
  assert.match(odd.stderr, /^error: odd\.safetensors: notes\.own: expected flags of data, found "shell"\n$/)
})

test('values between 0 and 1 get a sigmoid, and so does who asks for one', async () => {
  const minmax = await train(freshDirectory(), ...own, '--epochs', '1', '--scale', 'minmax')
  assert.match(minmax.stdout, /^ {2}fc4 .* sigmoid /m)
  const bce = await train(freshDirectory(), ...own, '--epochs', '1', '--loss', 'bce')
  assert.is(bce.code, 0, bce.stderr)
  assert.match(bce.stdout, /minmax scaling/)
})

test('what a sigmoid cannot give is refused by the flags, but for rows that judge by minmax', async () => {
  const cwd = freshDirectory()
  for (const [flags, asked, found] of [
    ['--loss bce --scale standard', '--loss bce', 'standard'],
    ['--loss bce --scale none', '--loss bce', 'none, and \\S+ in the data'],
    ['--output-activation sigmoid --scale standard', '--output-activation sigmoid', 'standard'],
    ['--output-activation sigmoid --scale none', '--output-activation sigmoid', 'none, and \\S+ in the data'],
  ] as const) {
    const { code, stderr } = await train(cwd, ...own, ...flags.split(' '))
    assert.is(code, 2, stderr)
    const expected = `^error: --scale: expected minmax beside ${asked}, for values from 0 to 1, found ${found}$`
    assert.match(stderr, new RegExp(expected, 'm'))
  }
  const csv = (name: string, rows: readonly string[]) => {
    writeFileSync(join(cwd, name), `${['a,b', ...rows].join('\n')}\n`)
    return name
  }
  const few = csv('few.csv', ['2,10', '4,30', '3,20', '2,30'])
  const judge = async (name: string, ...flags: readonly string[]) =>
    train(cwd, '--data', few, '--test', name, '--epochs', '1', ...flags)
  const beyond = csv('beyond.csv', ['1,20', '3,40'])
  const within = csv('within.csv', ['2,20', '3,30'])
  const lossIn = ({ stdout }: { stdout: string }) => /^Test loss ([\d.]+)/m.exec(stdout)?.[1]
  const [clipped, whole] = [await judge(beyond, '--loss', 'bce'), await judge(within, '--loss', 'bce')]
  const note =
    /^2 of the test rows' values lie beyond the training rows': the loss bce takes them as 0 or 1$/m
  assert.match(clipped.stderr, note)
  assert.not.match(whole.stderr, note)
  assert.ok(lossIn(clipped), clipped.stderr)
  assert.is(lossIn(clipped), lossIn(whole))
  const squared = await judge(beyond, '--scale', 'minmax')
  assert.is(squared.code, 0, squared.stderr)
  assert.not.match(squared.stderr, note)
  const units = csv('units.csv', ['0,1', '0.5,1', '1,0'])
  const other = await train(cwd, '--data', units, '--test', few, '--scale', 'none', '--epochs', '1')
  assert.is(other.code, 2)
  assert.match(other.stderr, /^error: test rows: expected values from 0 to 1, as the training .* found 2$/m)
})

test('notes count the rows that a limit lets in, and no others', async () => {
  const cwd = freshDirectory()
  const rows = ['1,2', ',3', '3,5', '4,', '5,1', ',2']
  writeFileSync(join(cwd, 'holes.csv'), `a,b\n${rows.join('\n')}\n`)
  const holes = ['--data', 'holes.csv', '--epochs', '1', '--limit']
  for (const [flags, note] of [
    [['6'], 'Empty cells: 3 in 2 columns, for which'],
    [['3'], 'Empty cells: 1 in "a", for which'],
    [['6', '--missing', 'drop'], 'holes.csv: 3 rows with an empty cell are left out, of 6'],
    [['3', '--missing', 'drop'], 'holes.csv: 1 row with an empty cell is left out, of 3'],
  ] as const) {
    const { code, stderr } = await train(cwd, ...holes, ...flags)
    assert.is(code, 0, stderr)
    assert.match(stderr, new RegExp(`^${note}`, 'm'))
  }
})

test('whatever does not fit is one line', async () => {
  const images = writeDataset(join(root, 'idx'), smallDataset(20, 5))
  for (const [args, code, expected] of [
    [['--data', table, '--label', 'outlir'], 1, /machines\.csv: expected a column "outlir", .*"outlier"/],
    [
      ['--data', table, '--validation', '1.5'],
      2,
      /--validation: expected a share above 0 and below 1, found 1\.5/,
    ],
    [
      ['--data', table, '--validation', '0.1', '--test', table],
      2,
      /--validation: expected none beside a test/,
    ],
    [['--data', table, '--scale', 'minmax', '--clip', '2'], 2, /--clip: expected standard scaling beside it/],
    [['--data', table, '--limit', '201'], 2, /--limit: expected a whole number from 1 to 200, found 201/],
    [['--data', table, '--batch-size', '201'], 2, /--batch-size: expected at most the 200 training rows/],
    [['--data', join(root, 'none.csv')], 1, /none\.csv: cannot be read: /],
    [['--data', images, '--label', 'x'], 2, /--label: expected --data of your own .* found the IDX files of/],
    [['--validation', '0.1'], 2, /--validation: expected --data of your own .* found none/],
  ] as const) {
    const outcome = await train(freshDirectory(), ...args)
    assert.is(outcome.code, code, `${args}: ${outcome.stderr}`)
    assert.match(outcome.stderr, new RegExp(`^error: .*${expected.source}.*\\n$`))
  }
})

test('evaluate names the tools for a model of a table', async () => {
  const cwd = freshDirectory()
  await trained(cwd, ...own, '--epochs', '1')
  const { code, stderr } = await runScript('evaluate', ['-l', 'weights.pth'], cwd)
  assert.is(code, 1)
  assert.match(
    stderr,
    /^error: weights\.pth: expected a model of images .* encode, score and reconstruct are for it\n$/,
  )
})

test('names of columns may hold commas and quotes', () => {
  const parse = columnList('columns')
  assert.equal(parse('a'), ['a'])
  assert.equal(parse('a, b c ,"d, ""e"""'), ['a', 'b c', 'd, "e"'])
  for (const text of ['', 'a,,b', 'a,', ',a', '"a', 'a"b"']) {
    assert.throws(() => parse(text), /^--columns: expected names of columns separated by commas, found/)
  }
  assert.equal(pictureSize('size')('28x20'), { width: 28, height: 20 })
  assert.equal(pictureSize('size')('28'), { width: 28, height: 28 })
  assert.throws(() => pictureSize('size')('0x5'), /^--size: expected a size in pixels as 28x28, found 0x5$/)
})

test.run()
