/**
 * A run goes on with its own data, arithmetic and code alone: each difference is named, and nothing trains.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { FileError } from '../../src/errors.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { RunIdentity } from '../../src/run/identity.ts'
import { Run } from '../../src/run/run.ts'
import { rejection } from '../support/rejection.ts'
import { smallDataset } from '../support/small-data.ts'

const test = suite('the identity of a run')

const network = hourglass({ input: 30, hidden: 4, bottleneck: 2 })
const config = { seed: 1, epochs: 3, batchSize: 8, learningRate: 1e-3, weightDecay: 0, noiseStd: 0 }
const data = smallDataset(20, 6)

const engine = createReferenceEngine(network)
const first = Run.begin(network, { ...config, epochs: 1 })
await first.train(engine, data, {}, { initialize: true })
const record = { ...(await first.record()), config }

async function refusal(change: Partial<RunIdentity>, other = data): Promise<string> {
  const identity = { ...(record.identity as RunIdentity), ...change }
  const run = Run.from({ ...record, identity }, 'run.safetensors')
  return (await rejection(run.train(engine, other), FileError)).message
}

test('another version of the computing code is refused', async () => {
  assert.is(
    await refusal({ computation: '0' }),
    'run.safetensors: expected a checkpoint of version of the computing code 1, found one of 0',
  )
})

test('other arithmetic is refused', async () => {
  assert.match(await refusal({ bits: 'wasm, fused multiply-add' }), 'arithmetic float64, found one of wasm')
})

test('training and test data of the same sizes and other content are refused', async () => {
  for (const part of ['train', 'test'] as const) {
    const rows = data[part].rows.slice()
    rows[7] ^= 1
    const other = { ...data, [part]: { ...data[part], rows } }
    const what = part === 'train' ? 'training data' : 'test data'
    assert.match(await refusal({}, other), `expected a checkpoint of ${what} of SHA-256`)
  }
  const labels = data.train.labels.slice()
  labels[3] ^= 1
  assert.match(await refusal({}, { ...data, train: { ...data.train, labels } }), 'training data of SHA-256')
})

test('what is the same goes on', async () => {
  const progress = await Run.from(record, 'run.safetensors').train(engine, data)
  assert.is(progress.epoch, 3)
})

test.run()
