/**
 * The version of the computing code is part of a run's identity, so every change after which the same run
 * ends in other bits must raise it. Here are the bits of today's version; plain SIMD has the same ones on
 * every machine.
 */
import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RowSet } from '../../src/data/rows.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { COMPUTATION } from '../../src/run/computation.ts'
import { Run } from '../../src/run/run.ts'
import { smallDataset } from '../support/small-data.ts'

const test = suite('the version of the computing code')

const CONFIG = { seed: 3, epochs: 3, batchSize: 16, learningRate: 3e-3, weightDecay: 1e-4, noiseStd: 0.1 }

const seeds = hourglass({ input: 30, hidden: 43, bottleneck: 5 })
const mixed: Network = {
  layers: [
    { name: 'fc1', inputs: 30, outputs: 41, activation: 'tanh' },
    { name: 'fc2', inputs: 41, outputs: 3, activation: 'identity' },
    { name: 'fc3', inputs: 3, outputs: 17, activation: 'sigmoid' },
    { name: 'fc4', inputs: 17, outputs: 30, activation: 'sigmoid' },
  ],
  loss: 'bce',
  codeLayer: 1,
}

const bytes = smallDataset(150, 20).train
const floats: RowSet = { count: bytes.count, rows: Float32Array.from(bytes.rows, (value) => value / 255) }

async function weightsHash(network: Network, train: RowSet, device: 'cpu' | 'reference'): Promise<string> {
  const engine = await createEngine(network, { device, simd: 'plain', threads: 2 })
  try {
    await Run.begin(network, CONFIG).train(engine, { train }, {}, { initialize: true })
    const { parameters } = await engine.readState()
    return createHash('sha256').update(Float32Array.from(parameters)).digest('hex').slice(0, 16)
  } finally {
    await engine.dispose()
  }
}

/** To be written anew with every version. */
const BITS = {
  version: '1',
  hashes: ['ed2921b941c778d2', 'ac9924a7681ba02d', 'e110fe7aa5d616f3', '099b4edbb72da628'],
}

test('is raised where bits change: if this fails, raise COMPUTATION and write its bits down', async () => {
  const found = [
    await weightsHash(seeds, bytes, 'cpu'),
    await weightsHash(seeds, bytes, 'reference'),
    await weightsHash(mixed, floats, 'cpu'),
    await weightsHash(mixed, floats, 'reference'),
  ]
  assert.equal({ version: COMPUTATION, hashes: found }, BITS)
})

test.run()
