/**
 * Sweeps: what is refused before anything trains, what is kept, what a failure does, what an interruption
 * does.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openSweepStore } from '../../scripts/sweep-store.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { FileError, UsageError } from '../../src/errors.ts'
import { createMeasuringSet } from '../../src/experiments/measures.ts'
import {
  runSweep,
  type SweepProgress,
  type SweepRecord,
  type SweepStore,
} from '../../src/experiments/sweep.ts'
import { drawSweepFigures } from '../../src/experiments/sweep-figures.ts'
import { expandPlan, type SweepPlan } from '../../src/experiments/sweep-plan.ts'
import { sweepCsv, sweepTable, tradeOff } from '../../src/experiments/sweep-report.ts'
import { createRunTrainer, decodeSample, oneImagePerClass } from '../../src/experiments/sweep-run.ts'
import type { Network } from '../../src/model/network.ts'
import { refuses } from '../support/rejection.ts'
import { smallDigits } from './small-digits.ts'

const dataset = smallDigits()
const IDENTITY = { train: 'a'.repeat(64), test: 'b'.repeat(64), bits: 'float64', computation: '1' }
const DATA = {
  name: 'bars',
  pixels: 144,
  trainingImages: 160,
  testImages: 60,
  sigmas: [0.2],
  identity: IDENTITY,
}
const PLAN: SweepPlan = {
  bottleneck: [2, 5],
  latentActivation: ['relu', 'identity'],
  hidden: [[10]],
  batchSize: [32],
  learningRate: [0.01],
  weightDecay: [0],
  noiseStd: [0],
  epochs: [6],
  seed: [1, 2],
}
const runs = await expandPlan(PLAN, DATA)

function trainer(
  createEngine: (network: Network) => Promise<Engine> = async (network) => createReferenceEngine(network),
) {
  return createRunTrainer({
    dataset,
    measuring: createMeasuringSet(dataset.test, DATA.sigmas, 0),
    createEngine,
    sampleImages: oneImagePerClass(dataset),
  })
}

function memoryStore(): SweepStore {
  return { records: [], append: async () => undefined }
}

/** Without what a clock decides. */
function timeless(records: readonly SweepRecord[]): SweepRecord[] {
  return records.map((record) => (record.status === 'done' ? { ...record, seconds: 0 } : record))
}

const refusals = suite('sweep plan')

refusals('every combination, once, each of its own id', async () => {
  assert.is(runs.length, 8)
  assert.is(new Set(runs.map(({ id }) => id)).size, 8)
  const other = await expandPlan(PLAN, { ...DATA, identity: { ...IDENTITY, train: 'c'.repeat(64) } })
  assert.not.ok(
    other.some(({ id }) => runs.some((run) => run.id === id)),
    'other data, other runs',
  )
})

const BAD: [string, Partial<SweepPlan>, RegExp][] = [
  ['no latent unit', { bottleneck: [2, 0] }, /bottleneck.*found 0/],
  ['half a unit', { hidden: [[10.5]] }, /hidden.*found 10\.5/],
  ['a batch larger than the set', { batchSize: [32, 161] }, /batch size.*160.*found 161/],
  ['no learning rate', { learningRate: [0] }, /learning rate.*found 0/],
  ['NaN noise', { noiseStd: [Number.NaN] }, /noise.*found NaN/],
  ['no epochs', { epochs: [0] }, /epochs.*found 0/],
  ['a seed out of range', { seed: [2 ** 32] }, /seed.*found 4294967296/],
  ['a value twice', { bottleneck: [2, 4, 2] }, /bottleneck: expected different values, found 2 twice/],
  ['an empty list', { seed: [] }, /seed: expected at least one value/],
]
for (const [what, change, message] of BAD) {
  refusals(`refuses ${what}`, async () => {
    await refuses(expandPlan({ ...PLAN, ...change }, DATA), UsageError, message)
  })
}

const sweeping = suite<{ folder: string; whole: SweepRecord[] }>('sweep')

sweeping.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'hourglass-sweep-'))
  context.whole = await runSweep(runs, memoryStore(), trainer(), { jobs: 1 })
})
sweeping.after(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true })
})

sweeping(
  'an interrupted sweep, resumed from its file, gives the same records, table and CSV',
  async ({ folder, whole }) => {
    const path = join(folder, 'interrupted.jsonl')
    const controller = new AbortController()
    let finished = 0
    let engines = 0
    const counting = trainer(async (network) => {
      engines++
      return createReferenceEngine(network)
    })
    const first = await runSweep(runs, await openSweepStore(path), counting, {
      jobs: 1,
      signal: controller.signal,
      onRecord: () => {
        finished++
        if (finished === 3) controller.abort()
      },
    })
    assert.is(first.length, 3)
    assert.is(engines, 3, 'after the abort nothing is begun')
    const made: string[] = []
    const resumed = await runSweep(runs, await openSweepStore(path), trainer(), {
      jobs: 1,
      onRecord: ({ id }) => made.push(id),
    })
    assert.equal(
      made,
      runs.slice(3).map(({ id }) => id),
    )
    assert.equal(timeless(resumed), timeless(whole))
    assert.equal(sweepTable(timeless(resumed)), sweepTable(timeless(whole)))
    assert.is(sweepCsv(timeless(resumed)), sweepCsv(timeless(whole)))
    const again = await runSweep(
      runs,
      await openSweepStore(path),
      () => Promise.reject(new Error('nothing is left')),
      { jobs: 2 },
    )
    assert.equal(again, resumed)
  },
)

sweeping('an abort in the middle of a run leaves no record of it', async () => {
  const controller = new AbortController()
  const records = await runSweep(runs, memoryStore(), trainer(), {
    jobs: 1,
    signal: controller.signal,
    onProgress: ({ share }) => {
      // In the second epoch of the first run or later: there is a history that could be taken for a result.
      if (share > 0.3 / runs.length) controller.abort()
    },
  })
  assert.is(records.length, 0)
})

sweeping('what an abort made fail did not fail', async () => {
  const controller = new AbortController()
  const throwing = async () => {
    controller.abort()
    throw new Error('the worker was stopped')
  }
  const records = await runSweep(runs, memoryStore(), throwing, { jobs: 1, signal: controller.signal })
  assert.equal(records, [])
})

sweeping('a line that a crash cut off is done again; a damaged one is named', async ({ folder, whole }) => {
  const path = join(folder, 'cut.jsonl')
  const lines = whole.map((record) => JSON.stringify(record))
  await writeFile(path, `${lines[0]}\n${lines[1].slice(0, 50)}`)
  const store = await openSweepStore(path)
  assert.equal(store.records, [whole[0]])
  await store.append(whole[2])
  assert.is(await readFile(path, 'utf8'), `${lines[0]}\n${lines[2]}\n`)
  const without = (name: string, value?: unknown) => JSON.stringify({ ...whole[1], [name]: value })
  for (const [bad, found] of [
    ['{"id": 3}', '.id: expected a string, found 3'],
    ['null', ': expected an object, found null'],
    [lines[1].slice(0, 50), ': expected JSON, found: '],
    [without('settings'), '.settings: expected an object, found none'],
    [without('settings', { bottleneck: 2 }), '.settings.latentActivation: expected a value, found none'],
    [without('measures', null), '.measures: expected an object, found null'],
    [without('measures', {}), '.measures.reconstruction: expected an object, found none'],
    [without('samples'), '.samples: expected an array of base64, found none'],
    [without('samples', ['%']), '.samples: expected base64, found "%"'],
    [without('status'), '.status: expected done or stopped or failed, found none'],
  ]) {
    await writeFile(path, `${lines[0]}\n${bad}\n`)
    await openSweepStore(path).then(
      () => assert.unreachable('a damaged line passed'),
      (error: Error) => {
        assert.ok(
          error instanceof FileError && error.message.includes(`cut.jsonl: line 2${found}`),
          error.message,
        )
      },
    )
  }
})

sweeping('a failing run is recorded, stops no other, and is tried again', async ({ folder, whole }) => {
  const path = join(folder, 'failing.jsonl')
  const failing = trainer(async (network) => {
    if (network.layers[1].outputs === 5) throw new Error('out of "memory", says\nthe test')
    return createReferenceEngine(network)
  })
  const records = await runSweep(runs, await openSweepStore(path), failing, { jobs: 2 })
  assert.equal(
    records.map(({ status }) => status),
    runs.map(({ settings }) => (settings.bottleneck === 5 ? 'failed' : 'done')),
  )
  const csv = sweepCsv(records)
  assert.match(csv, /,failed,.*"out of ""memory"", says\nthe test"\n/)
  assert.equal(
    sweepTable(records).rows.map(([latent, z, seeds]) => [latent, z, seeds]),
    sweepTable(whole).rows.map(([latent, z]) => [latent, z, z === '5' ? '0' : '2']),
  )
  const retried = await runSweep(runs, await openSweepStore(path), trainer(), { jobs: 1 })
  assert.equal(timeless(retried), timeless(whole))
})

sweeping(
  'side by side: no more than asked for, same records; progress only grows, up to 1',
  async ({ whole }) => {
    let open = 0
    let most = 0
    const progress: SweepProgress[] = []
    const counting = trainer(async (network) => {
      most = Math.max(most, ++open)
      const engine = createReferenceEngine(network)
      const dispose = engine.dispose.bind(engine)
      engine.dispose = async () => {
        open--
        await dispose()
      }
      return engine
    })
    const records = await runSweep(runs, memoryStore(), counting, {
      jobs: 3,
      onProgress: (one) => progress.push(one),
    })
    assert.equal(timeless(records), timeless(whole))
    assert.is(most, 3)
    assert.is(open, 0)
    for (let i = 1; i < progress.length; i++) assert.ok(progress[i].share >= progress[i - 1].share)
    const last = progress[progress.length - 1]
    assert.is(last.share, 1)
    assert.is(last.secondsLeft, 0)
    assert.is(last.finished, 8)
  },
)

sweeping('a store that cannot be written ends the sweep', async () => {
  const store = { records: [], append: () => Promise.reject(new Error('disk full')) }
  await runSweep(runs, store, trainer(), { jobs: 1 }).then(
    () => assert.unreachable('the results were lost'),
    (error: Error) => assert.match(error.message, /disk full/),
  )
})

sweeping('table and curves: mean and sample standard deviation over seeds', ({ whole }) => {
  const table = sweepTable(whole)
  assert.is(table.rows.length, 4)
  assert.equal(table.columns.slice(0, 4), ['latent', 'z', 'seeds', 'test MSE'])
  const [first, second] = whole.map((record) =>
    record.status === 'done' ? record.measures.reconstruction.mse : Number.NaN,
  )
  const deviation = Math.abs(first - second) / Math.SQRT2
  assert.is(table.rows[0][3], `${((first + second) / 2).toFixed(5)} ± ${deviation.toFixed(5)}`)
  const series = tradeOff(whole, ({ measures }) => measures.reconstruction.mse)
  assert.equal(
    series.map(({ label, points }) => [label, points.map(({ x }) => x)]),
    [
      ['latent relu', [2, 5]],
      ['latent identity', [2, 5]],
    ],
  )
})

sweeping('training did something, and samples are the reconstructions of one image a class', ({ whole }) => {
  for (const record of whole) {
    assert.ok(record.status === 'done')
    if (record.status !== 'done') continue
    const { measures, samples } = record
    assert.ok(measures.reconstruction.mse < 0.1, `${measures.reconstruction.mse}`)
    assert.is(measures.denoising.length, 2)
    assert.ok(measures.activeUnits <= record.settings.bottleneck)
    assert.equal(
      samples.map((sample) => decodeSample(sample).length),
      [144, 144, 144, 144],
    )
  }
})

sweeping('figures are drawn', async ({ whole }) => {
  const figures = await drawSweepFigures(whole, dataset.test, oneImagePerClass(dataset))
  assert.equal(
    figures.map(({ name }) => name),
    ['reconstruction.png', 'contact-sheet.png', 'denoising-clipped.png', 'denoising-unclipped.png'],
  )
  for (const { png } of figures) assert.is(Buffer.from(png.subarray(1, 4)).toString(), 'PNG')
})

refusals.run()
sweeping.run()
