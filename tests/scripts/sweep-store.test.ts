/** The records of a sweep, from files that others may have changed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openSweepStore } from '../../scripts/sweep-store.ts'
import { FileError } from '../../src/errors.ts'
import type { SweepFailure, SweepResult } from '../../src/experiments/sweep.ts'
import { DEFAULT_SETTINGS, type RunSettings } from '../../src/run/settings.ts'
import { rejection } from '../support/rejection.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-sweep-store-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const settings: RunSettings = {
  ...DEFAULT_SETTINGS,
  bottleneck: 2,
  latentActivation: 'identity',
  hidden: [10],
  batchSize: 32,
  learningRate: 1e-3,
  weightDecay: 0,
  noiseStd: 0.2,
  epochs: 8,
  seed: 1,
}

const done: SweepResult = {
  id: 'a',
  status: 'done',
  settings,
  trainLoss: 0.1,
  measures: {
    reconstruction: { mse: 0.02, psnr: 17, ssim: null },
    activeUnits: 2,
    denoising: [{ sigma: 0.2, clipped: true, noisyPsnr: 14, psnr: 17, gain: 3 }],
  },
  seconds: 1.5,
  device: 'reference, 1 thread',
  samples: ['AAEC', ''],
}
const failed: SweepFailure = { id: 'b', status: 'failed', settings, error: 'the loss is NaN' }

const path = join(directory, 'runs.jsonl')
const open = (...lines: readonly unknown[]) => {
  writeFileSync(
    path,
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  )
  return openSweepStore(path)
}

test('records are read as they were written, infinite and missing figures too', async () => {
  const perfect: SweepResult = {
    ...done,
    measures: {
      ...done.measures,
      reconstruction: { mse: 0, psnr: Infinity, ssim: 1 },
      denoising: [{ sigma: 0, clipped: false, noisyPsnr: Infinity, psnr: 20, gain: -Infinity }],
    },
  }
  const store = await open(done, failed, perfect)
  assert.equal(store.records, [done, failed, perfect])
  await store.append(done)
  assert.equal((await openSweepStore(path)).records, [done, failed, perfect, done])
})

test('a last line that was cut is dropped, a damaged one before it is refused', async () => {
  writeFileSync(path, `${JSON.stringify(done)}\n{"id":"c","sta`)
  assert.equal((await openSweepStore(path)).records, [done])
  assert.is(readFileSync(path, 'utf8'), `${JSON.stringify(done)}\n`)
})

const { measures: _, ...withoutMeasures } = done
const { samples: __, ...withoutSamples } = done
for (const [what, record, problem] of [
  ['no JSON', '{"id":', 'line 2: expected JSON'],
  ['a number', '7', 'line 2: expected an object, found 7'],
  ['null', 'null', 'line 2: expected an object, found null'],
  ['no id', { ...done, id: 7 }, 'line 2.id: expected a string, found 7'],
  [
    'another status',
    { ...done, status: 'half' },
    'line 2.status: expected done or stopped or failed, found "half"',
  ],
  ['measures that are null', { ...done, measures: null }, 'line 2.measures: expected an object, found null'],
  ['no measures', withoutMeasures, 'line 2.measures: expected an object, found none'],
  ['no samples', withoutSamples, 'line 2.samples: expected an array of base64, found none'],
  ['samples that are none', { ...done, samples: ['A', 7] }, 'line 2.samples: expected base64, found "A"'],
  ['settings that are null', { ...done, settings: null }, 'line 2.settings: expected an object, found null'],
  [
    'no seed',
    { ...failed, settings: { ...settings, seed: undefined } },
    'line 2.settings.seed: expected a value, found none',
  ],
  [
    'an activation there is none of',
    { ...done, settings: { ...settings, latentActivation: 'selu' } },
    'identity, found "selu"',
  ],
  ['terminal escapes', { ...done, status: '\u001b[2J\u009b' }, 'found "\\u001b[2J\\u009b"'],
  [
    'denoising that is no list',
    { ...done, measures: { ...done.measures, denoising: {} } },
    'denoising: expected an array',
  ],
] as const) {
  test(`a record with ${what} is refused in one line`, async () => {
    const { message } = await rejection(open(done, record), FileError)
    assert.ok(message.startsWith(`${path}: `) && message.includes(problem), message)
    assert.not.match(message, /\p{Cc}/u)
  })
}

test('a file that goes away, or is changed, while a sweep adds to it is written anew', async () => {
  const store = await open(done)
  rmSync(path)
  await Promise.all([store.append({ ...done, id: 'b' }), store.append(failed)])
  const whole = readFileSync(path, 'utf8')
  const ids = (text: string) => [...text.matchAll(/^{"id":"(.)"/gm)].map(([, id]) => id)
  assert.equal(ids(whole), ['a', 'b', 'b'])
  writeFileSync(path, whole.slice(0, 99))
  await store.append({ ...done, id: 'c' })
  const after = readFileSync(path, 'utf8')
  assert.ok(after.startsWith(whole))
  assert.equal(ids(after), ['a', 'b', 'b', 'c'])
})

test.run()
