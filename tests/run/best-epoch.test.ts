/** Runs that stop early and keep the best epoch: the same bits whether they were interrupted or not. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RowSet } from '../../src/data/rows.ts'
import type { Device } from '../../src/engines/create.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { FloatArray } from '../../src/model/state.ts'
import { createRandomSequence } from '../../src/random/sequence.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import { Run } from '../../src/run/run.ts'
import type { TrainingConfig } from '../../src/training/config.ts'
import { assertRefused } from '../formats/refusal.ts'
import { stoppingEngine } from '../support/stopping-engine.ts'

const DEVICES: readonly Device[] = ['reference', 'cpu']
const INPUTS = 6
const network = hourglass({ input: INPUTS, hidden: 5, bottleneck: 2, outputActivation: 'identity' })

function rows(count: number, seed: number): RowSet {
  const random = createRandomSequence(seed)
  return { count, rows: Float32Array.from({ length: count * INPUTS }, () => random.normal()) }
}
/** Few rows and a high rate: after some epochs the validation loss grows. */
const data = { train: rows(23, 1), test: rows(31, 2) }
const config: TrainingConfig = {
  seed: 5,
  epochs: 60,
  batchSize: 4,
  learningRate: 0.02,
  weightDecay: 0,
  noiseStd: 0,
  patience: 3,
  keep: 'best',
}

/** Of an epoch. */
const STEPS = Math.ceil(data.train.count / config.batchSize)

interface Outcome {
  readonly epochs: number
  readonly best: number
  readonly result: FloatArray
  readonly last: FloatArray
}

async function outcome(run: Run, engine: Engine): Promise<Outcome> {
  const state = await engine.readState()
  const losses = run.progress.history.map(({ testLoss }) => testLoss as number)
  return {
    epochs: run.progress.epoch,
    best: losses.indexOf(Math.min(...losses)) + 1,
    result: run.resultOf(state),
    last: state.parameters,
  }
}

/** Trains through, keeping what the weights were after each epoch. */
async function whole(device: Device, threads: number, changes: Partial<TrainingConfig> = {}) {
  const engine = await createEngine(network, { device, threads })
  const run = Run.begin(network, { ...config, ...changes })
  const after: FloatArray[] = []
  try {
    const onEpoch = async () => {
      after.push((await engine.readState()).parameters)
    }
    await run.train(engine, data, { onEpoch }, { initialize: true })
    return { ...(await outcome(run, engine)), after, isComplete: run.isComplete }
  } finally {
    await engine.dispose()
  }
}

for (const device of DEVICES) {
  test(`${device}: stops when patience ends, and keeps the weights of the best epoch`, async () => {
    const found = await whole(device, 1)
    assert.ok(found.best > 1 && found.epochs < config.epochs, `best ${found.best} of ${found.epochs}`)
    assert.is(found.epochs, found.best + 3)
    assert.is(found.isComplete, true)
    assert.equal(found.result, found.after[found.best - 1])
    assert.not.equal(found.result, found.last)
    const longer = await whole(device, 1, { patience: undefined, keep: undefined, epochs: found.epochs })
    assert.equal(longer.after, found.after)
    assert.equal(longer.result, longer.last)
  })

  test(`${device}: interrupted anywhere and resumed by a checkpoint, it ends in the same bits`, async () => {
    const expected = await whole(device, 1)
    const { best } = expected
    // Within the first epoch, within and after the best one, and where patience is running out.
    for (const [epoch, steps] of [
      [1, 2],
      [best, 4],
      [best, STEPS],
      [best + 1, 3],
      [best + 3, 1],
    ]) {
      const engine = await createEngine(network, { device, threads: 2 })
      const abort = new AbortController()
      const begun = Run.begin(network, config)
      let bytes: Uint8Array
      try {
        const stopping = stoppingEngine(engine, data.train.count, epoch, steps, abort)
        await begun.train(stopping, data, { signal: abort.signal }, { initialize: true })
        assert.is(begun.progress.batchLosses.length, steps % STEPS)
        bytes = await begun.toCheckpoint(await engine.readState())
      } finally {
        await engine.dispose()
      }
      const { state, ...record } = readCheckpoint(bytes, 'memory')
      const resumed = Run.from(record, 'memory').continued({})
      const other = await createEngine(network, { device, threads: 1 })
      try {
        await other.writeState(state)
        await resumed.train(other, data)
        const found = await outcome(resumed, other)
        const { after: _after, isComplete: _isComplete, ...wanted } = expected
        assert.equal(found, wanted)
      } finally {
        await other.dispose()
      }
    }
  })
}

test('a run that stalled goes on with more patience alone', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  try {
    const run = Run.begin(network, config)
    await run.train(engine, data, {}, { initialize: true })
    const { epoch } = run.progress
    assert.throws(
      () => run.continued({ epochs: 200 }),
      /^patience: expected more than the 3 epochs in a row that brought this model nothing, found 3$/,
    )
    const longer = run.continued({ patience: 5, epochs: 200 })
    assert.is(longer.isComplete, false)
    await longer.train(engine, data)
    assert.ok(longer.progress.epoch >= epoch + 2)
    assert.throws(() => run.continued({ keep: 'last', patience: 9 }), /keep: expected best as in the run/)
  } finally {
    await engine.dispose()
  }
})

test('without validation rows the training loss judges', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  try {
    const run = Run.begin(network, { ...config, epochs: 4, patience: 1 })
    await run.train(engine, { train: data.train }, {}, { initialize: true })
    const state = await engine.readState()
    assert.is(run.progress.epoch, 4)
    assert.equal(run.resultOf(state), state.parameters)
  } finally {
    await engine.dispose()
  }
})

test('a checkpoint keeps the best weights where they are others, and refuses to be without', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  try {
    const run = Run.begin(network, config)
    await run.train(engine, data, {}, { initialize: true })
    const state = await engine.readState()
    const record = { ...(await run.record()), state }
    const { best } = readCheckpoint(writeCheckpoint(record), 'c')
    assert.is(best?.epoch, record.best?.epoch)
    assert.equal(best?.parameters, run.resultOf(state))
    const without = writeCheckpoint({ ...record, best: undefined })
    assertRefused((file) => readCheckpoint(without, file), /expected a tensor epoch\.best\.fc1\.weight/)
    const odd = { ...record, config: { ...record.config, patience: 0 } }
    assertRefused((file) => readCheckpoint(writeCheckpoint(odd), file), /patience: expected a whole number/)
    const worst = { ...record, config: { ...record.config, keep: 'worst' as 'best' } }
    assertRefused((file) => readCheckpoint(writeCheckpoint(worst), file), /keep: expected last or best/)
  } finally {
    await engine.dispose()
  }
})

test.run()
