import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openJournal } from '../../scripts/bench/journal.ts'
import {
  benchQuality,
  type QualityResult,
  qualityPlan,
  RACERS,
  type Racer,
} from '../../scripts/bench/quality.ts'
import { medianSeconds, qualityChart } from '../../scripts/bench/quality-report.ts'
import { benchSections } from '../../scripts/bench/report.ts'
import { SETTING_FLAGS } from '../../scripts/setting-flags.ts'
import { completeSettings } from '../../src/run/settings.ts'
import { checkSchedule } from '../../src/training/config.ts'
import { smallDataset } from '../support/small-data.ts'

const dataset = smallDataset(300, 20)
const racers: Racer[] = [
  { name: 'slow', library: 'hourglass', seeds: 2, settings: { epochs: 3, batchSize: 64 } },
  {
    name: 'falling',
    library: 'hourglass',
    seeds: 1,
    settings: { epochs: 2, batchSize: 64, schedule: 'linear' },
  },
]

async function measure(target: number, { trainingImages = 300, file, isOver = () => false }: Given = {}) {
  const partial: number[] = []
  const plan = { target, racers, trainingImages }
  const result = await benchQuality(dataset, plan, {
    ...{ threads: 1, simd: 'auto', isOver },
    journal: await openJournal(file),
    onPartial: async (soFar) => {
      partial.push(soFar.racers.reduce((sum, { runs }) => sum + runs.length, 0))
    },
  })
  return { result, partial }
}

interface Given {
  readonly trainingImages?: number
  /** Of the journal. */
  readonly file?: string
  readonly isOver?: () => boolean
}

test('stops at the first epoch that is as good as the target, and counts its training alone', async () => {
  const { result, partial } = await measure(1)
  assert.equal(partial, [1, 2, 3], 'it tells of each run')
  assert.equal(seedsAndEpochs(result), [['1 1', '2 1'], ['1 1']])
  for (const run of result.racers.flatMap(({ runs }) => runs)) {
    assert.ok(run.seconds !== undefined && run.seconds > 0)
    assert.is(run.seconds, run.trainedSeconds)
  }
})

const seedsAndEpochs = ({ racers: raced }: QualityResult) =>
  raced.map(({ runs }) => runs.map(({ seed, epochs }) => `${seed} ${epochs}`))

test('a target that is never reached takes all epochs and has no seconds', async () => {
  const { result } = await measure(0, { trainingImages: 64 })
  assert.is(result.trainingImages, 64)
  assert.equal(seedsAndEpochs(result), [['1 3', '2 3'], ['1 2']])
  for (const { seconds, trainedSeconds } of result.racers.flatMap(({ runs }) => runs)) {
    assert.is(seconds, undefined)
    assert.ok(trainedSeconds > 0)
  }
})

test('a call that is over begins nothing, and the next one goes on with what is missing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-quality-'))
  try {
    const file = join(directory, 'bench.jsonl')
    let calls = 0
    const first = await measure(0, { trainingImages: 64, file, isOver: () => ++calls > 2 })
    assert.equal(seedsAndEpochs(first.result), [['1 3'], ['1 2']])
    // What a process that ended in the middle of a line leaves.
    appendFileSync(file, '{"key":{"library":"hourg\n')
    const second = await measure(0, { trainingImages: 64, file })
    assert.equal(second.partial, [3], 'one run was missing')
    assert.equal(seedsAndEpochs(second.result), [['1 3', '2 3'], ['1 2']])
    assert.equal(second.result.racers[1], first.result.racers[1])
    const other = await measure(0, { trainingImages: 128, file })
    assert.equal(other.partial, [1, 2, 3], 'runs of other settings are others')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

const run = (seed: number, seconds: number | undefined, testLoss: number) => ({
  ...{ seed, testLoss, epochs: 6 + seed, trainedSeconds: seconds ?? 12 },
  ...(seconds !== undefined && { seconds }),
})
const found: QualityResult = {
  ...{ target: 0.019, threads: 2, trainingImages: 60000 },
  racers: [
    {
      ...{ name: 'a', library: 'hourglass', seeds: 3, settings: { epochs: 7 } },
      runs: [
        { ...run(1, 9, 0.0189), activeUnits: 8 },
        { ...run(2, undefined, 0.021), activeUnits: 7 },
        { ...run(3, 8, 0.0187), activeUnits: 8 },
      ],
    },
    {
      ...{ name: 'b', library: 'hourglass', seeds: 1, settings: { schedule: 'linear' } },
      runs: [run(1, undefined, 0.022)],
    },
    { ...{ name: 'a', library: 'jax', seeds: 2, settings: { epochs: 7 } }, runs: [run(1, 18, 0.0188)] },
    { ...{ name: 'b', library: 'jax', seeds: 2, settings: {} }, runs: [] },
  ],
  missing: [{ name: 'PyTorch', reason: 'not there' }],
}

test('the table has medians over all seeds, those that failed included, recipe by recipe', () => {
  const machine = undefined as never
  const { quality = '' } = benchSections({ machine, command: '', isQuick: false, quality: found })
  const rows = quality.split('\n').filter((line) => line.startsWith('| a') || line.startsWith('| b'))
  assert.equal(
    rows.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join('; '),
    ),
    [
      'a; Hourglass; 2 of 3; 9.0; 8.0; 9.0; 7 to 9; 0.02100; 7; epochs 7',
      'a; JAX (XLA); 1 of 1; 18.0; 18.0; 18.0; 7; 0.01880; –; epochs 7',
      'b; Hourglass; 0 of 1; –; –; –; 7; 0.02200; –; schedule linear',
    ],
  )
  assert.match(quality, /Not measured: PyTorch: not there/)
})

test('the median lies between the two in the middle, and is infinite where most failed', () => {
  assert.is(medianSeconds([run(1, 4, 0), run(2, 8, 0)]), 6)
  assert.is(
    medianSeconds([run(1, 4, 0), run(2, undefined, 0), run(3, undefined, 0)]),
    Number.POSITIVE_INFINITY,
  )
})

test('the figure has a row for each that ran, and tells apart what was not reached', () => {
  const chart = qualityChart(found, 'machine')
  assert.equal(
    chart?.groups.map(({ title, rows }) => [title, rows.map(({ label, isOurs }) => `${label} ${isOurs}`)]),
    [
      ['a', ['Hourglass true', 'JAX false']],
      ['b', ['Hourglass true']],
    ],
  )
  assert.equal(chart?.groups[0].rows[0].runs[1], { seconds: 12, isThere: false })
  assert.is(qualityChart({ ...found, racers: [] }, 'machine'), undefined)
})

test('examples/short.json is the short recipe', async () => {
  const flags: Record<string, unknown> = JSON.parse(await readFile('examples/short.json', 'utf8'))
  const settings = Object.entries(SETTING_FLAGS).flatMap(([name, { flag }]) =>
    flag in flags ? [[name, flags[flag]]] : [],
  )
  assert.is(settings.length, Object.keys(flags).length, 'each flag by its first name')
  assert.equal(Object.fromEntries(settings), RACERS.find(({ name }) => name === 'short, ReLU')?.settings)
})

test('the recipes are settings that runs take, and promise twenty seeds', () => {
  for (const { settings } of RACERS) checkSchedule(completeSettings(settings))
  const ours = RACERS.filter(({ library, name }) => library === 'hourglass' && name.startsWith('short'))
  assert.equal(
    ours.map(({ seeds }) => seeds),
    [20, 20],
  )
  assert.equal(
    qualityPlan(true).racers.map(({ seeds }) => seeds),
    RACERS.map(() => 1),
  )
})

test.run()
