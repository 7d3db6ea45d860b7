/** Plans as files, and what shards have left of them put together. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mergeRecords } from '../../src/cluster/merge.ts'
import { readPlan, writePlan } from '../../src/cluster/trial-plan.ts'
import { FileError } from '../../src/errors.ts'
import type { SweepFailure, SweepResult, SweepStopped } from '../../src/experiments/sweep.ts'
import { expandPlan } from '../../src/experiments/sweep-plan.ts'

const data = {
  name: 'bars',
  pixels: 144,
  trainingImages: 160,
  testImages: 60,
  sigmas: [0.2],
  identity: { train: 'a'.repeat(64), test: 'b'.repeat(64), bits: 'float64', computation: '1' },
}
const runs = await expandPlan(
  { bottleneck: [2, 3], hidden: [[10], [12, 6]], loss: ['mse', 'bce'], batchSize: [32], seed: [1] },
  data,
)
const text = writePlan({ data, runs })

test('a plan is read as it was written, a trial a line', async () => {
  assert.is(runs.length, 8)
  assert.equal(await readPlan(text, 'plan.json'), { data, runs })
  assert.is(text.split('\n').filter((line) => line.includes('"name":"')).length, 8)
  assert.equal(JSON.parse(text).data, data)
})

const [first] = JSON.parse(text).trials
const changed = (change: (plan: Record<string, unknown>) => void) => {
  const plan = JSON.parse(text)
  change(plan)
  return JSON.stringify(plan)
}
for (const [what, file, problem] of [
  ['no JSON', '{', 'expected JSON'],
  ['another file', '{"format": "x"}', 'format: expected "hourglass-plan"'],
  ['a later version', changed((plan) => Object.assign(plan, { version: 2 })), 'version: expected 1, found 2'],
  [
    'no trials',
    changed((plan) => Object.assign(plan, { trials: [] })),
    'trials: expected at least one trial',
  ],
  ['a trial twice', changed((plan) => Object.assign(plan, { trials: [first, first] })), 'not there twice'],
  [
    'a setting that was changed by hand',
    changed((plan) => Object.assign((plan.trials as { settings: object }[])[0].settings, { seed: 2 })),
    'trials[0].name: expected ',
  ],
  [
    'a setting that nobody knows',
    changed((plan) => Object.assign((plan.trials as { settings: object }[])[1].settings, { shape: 2 })),
    'trials[1].settings: expected no field "shape"',
  ],
  [
    'a setting that cannot be',
    changed((plan) => Object.assign((plan.trials as { settings: object }[])[0].settings, { epochs: 0 })),
    'trials[0].settings: epochs: expected a whole number of at least 1, found 0',
  ],
  [
    'a batch larger than the data',
    changed((plan) => Object.assign((plan.trials as { settings: object }[])[0].settings, { batchSize: 161 })),
    'trials[0]: batch size: expected at most the 160 training rows, found 161',
  ],
  [
    'data that were changed by hand',
    changed((plan) => Object.assign(plan.data as object, { sigmas: [0.1] })),
    'trials[0].name: expected ',
  ],
  [
    'noise below 0',
    changed((plan) => Object.assign(plan.data as object, { sigmas: [-1] })),
    'data.sigmas: expected numbers greater than 0',
  ],
] as const) {
  test(`a plan with ${what} is refused in one line`, async () => {
    const error = await readPlan(file, 'plan.json').catch((thrown: unknown) => thrown)
    assert.instance(error, FileError)
    const { message } = error as FileError
    assert.ok(message.startsWith('plan.json: ') && message.includes(problem), message)
    assert.not.match(message, /\n/)
  })
}

const trained = (i: number) => ({
  id: runs[i].id,
  settings: runs[i].settings,
  trainLoss: 0.1,
  testLosses: [0.3],
  weights: `${i}`.repeat(64),
  seconds: 1,
  device: 'none',
})
const done = (i: number, change: Partial<SweepResult> = {}): SweepResult => ({
  ...trained(i),
  status: 'done',
  measures: { reconstruction: { mse: 0.2, psnr: 7, ssim: null }, activeUnits: 1, denoising: [] },
  samples: [],
  ...change,
})
const stopped = (i: number): SweepStopped => ({ ...trained(i), status: 'stopped', testLosses: [0.3] })
const failed = (i: number, error: string): SweepFailure => ({
  id: runs[i].id,
  settings: runs[i].settings,
  status: 'failed',
  error,
})

test('records of many files are one table in the order of the plan, each trial once, the best news of it', () => {
  const merged = mergeRecords(runs, [
    { file: 'a', records: [done(3), failed(1, 'early'), stopped(2), done(0)] },
    {
      file: 'b',
      records: [failed(3, 'tried again'), done(0, { seconds: 9 }), failed(1, 'late'), failed(2, 'no')],
    },
    { file: 'c', records: [{ ...done(0), id: 'of another plan' }] },
  ])
  assert.equal(merged.records, [done(0), failed(1, 'late'), stopped(2), done(3)])
  assert.equal(
    merged.missing.map(({ id }) => id),
    runs.slice(4).map(({ id }) => id),
  )
})

test('one trial with two sets of weights is no result', () => {
  assert.throws(
    () =>
      mergeRecords(runs, [
        { file: 'a', records: [done(0)] },
        { file: 'b', records: [done(0, { weights: 'f'.repeat(64) })] },
      ]),
    /^b: expected weights of SHA-256 0{12}… for the trial [0-9a-f]{12}…, as in a, found f{12}…$/,
  )
})

test.run()
