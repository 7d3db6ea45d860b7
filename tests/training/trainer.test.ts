import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Device } from '../../src/engines/create.ts'
import { createEngine } from '../../src/engines/create.ts'
import { delegate } from '../../src/engines/delegate.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { TrainingError, UsageError } from '../../src/errors.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { ModelState } from '../../src/model/state.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/run/checkpoint.ts'
import type { TrainingConfig } from '../../src/training/config.ts'
import { startParameters } from '../../src/training/start.ts'
import type { TrainingHooks, TrainingProgress } from '../../src/training/trainer.ts'
import { nextLearningRate, startOfTraining, train } from '../../src/training/trainer.ts'
import { smallDataset } from '../support/small-data.ts'
import { stoppingEngine } from '../support/stopping-engine.ts'

const DEVICES: readonly Device[] = ['reference', 'cpu']

const sizes = { input: 30, hidden: 9, bottleneck: 3, latentActivation: 'relu' } as const
const network = hourglass(sizes)
/** Seven steps an epoch, the last of 5 images. */
const data = smallDataset(53, 11)
const config: TrainingConfig = {
  seed: 7,
  epochs: 4,
  batchSize: 8,
  learningRate: 0.01,
  weightDecay: 1e-5,
  noiseStd: 0.1,
}

interface Outcome {
  readonly progress: TrainingProgress
  readonly state: ModelState
}

async function trainOn(
  engine: Engine,
  hooks: TrainingHooks = {},
  changes: Partial<TrainingConfig> = {},
): Promise<Outcome> {
  try {
    const progress = await train(engine, data, { ...config, ...changes }, hooks)
    return { progress, state: await engine.readState() }
  } finally {
    await engine.dispose()
  }
}

/** By way of a checkpoint's bytes, on a fresh engine. */
async function resume(
  device: Device,
  { progress, state }: Outcome,
  changes: Partial<TrainingConfig> = {},
): Promise<Outcome> {
  const bytes = writeCheckpoint({
    network,
    config: { ...config, ...changes },
    trainingRows: data.train.count,
    identity: undefined,
    progress,
    state,
    notes: {},
  })
  const checkpoint = readCheckpoint(bytes, 'memory')
  const engine = await createEngine(checkpoint.network, { device, threads: 1 })
  await engine.writeState(checkpoint.state)
  try {
    const end = await train(engine, data, checkpoint.config, {}, checkpoint.progress)
    return { progress: end, state: await engine.readState() }
  } finally {
    await engine.dispose()
  }
}

/** All but how long it took. */
function withoutTimes(progress: TrainingProgress) {
  return {
    ...progress,
    history: progress.history.map((record) => ({ ...record, seconds: 0, imagesPerSecond: 0 })),
  }
}

function assertSame(found: Outcome, expected: Outcome): void {
  assert.equal(withoutTimes(found.progress), withoutTimes(expected.progress))
  // Compared as bytes: a tolerance of zero that NaN and −0 do not slip through.
  for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
    const bytes = ({ state }: Outcome) =>
      Buffer.from(state[slab].buffer, state[slab].byteOffset, state[slab].byteLength)
    assert.ok(bytes(found).equals(bytes(expected)), `${slab} differ`)
  }
  assert.is(found.state.steps, expected.state.steps)
}

for (const device of DEVICES) {
  test(`${device}: images may be overwritten as soon as the engine has them`, async () => {
    const start = () => createEngine(network, { device, threads: 1 })
    const expected = await trainOn(await start())
    // A Buffer, as files come in Node: its slice() is a view, no copy.
    const images = Buffer.from(data.train.rows)
    const engine = await start()
    try {
      const onRowsResident = () => void images.fill(1)
      await train(engine, { ...data, train: { ...data.train, rows: images } }, config, { onRowsResident })
      assert.is(images[0], 1, 'the hook was called')
      assert.equal(await engine.readState(), expected.state)
    } finally {
      await engine.dispose()
    }
  })
}

for (const device of DEVICES) {
  const create = () => createEngine(network, { device, threads: 1 })

  test(`${device}: trains every image of every epoch and learns`, async () => {
    const epochs: number[] = []
    const { progress, state } = await trainOn(await create(), {
      onEpoch: ({ epoch }) => {
        epochs.push(epoch)
      },
    })
    assert.equal(epochs, [1, 2, 3, 4])
    assert.is(progress.epoch, 4)
    assert.is(progress.batchLosses.length, 0)
    assert.is(state.steps, 4 * 7)
    const { history } = progress
    assert.ok(history[3].trainLoss < history[0].trainLoss, 'the training loss falls')
    assert.ok(Number(history[3].testLoss) < Number(history[0].testLoss), 'the test loss falls')
    for (const record of history) assert.is(record.learningRate, 0.01)
    assert.is(progress.schedule.best, Math.min(...history.map(({ trainLoss }) => trainLoss)))
  })

  test(`${device}: the training loss is the mean of the batch losses, the test loss that of the test images`, async () => {
    const engine = await create()
    const losses: number[][] = []
    const watched: Engine = {
      ...delegate(engine),
      dispose: async () => {},
      async trainEpoch(request) {
        const result = await engine.trainEpoch(request)
        losses.push([...result.batchLosses])
        return result
      },
    }
    const { progress } = await trainOn(watched)
    const testErrors = await engine.reconstructionErrors(data.test.rows)
    await engine.dispose()
    const mean = (values: Iterable<number>) =>
      [...values].reduce((sum, value) => sum + value, 0) / [...values].length
    assert.equal(
      progress.history.map(({ trainLoss }) => trainLoss),
      losses.map(mean),
    )
    assert.equal(
      losses.map(({ length }) => length),
      [7, 7, 7, 7],
    )
    assert.is(progress.history[3].testLoss, mean(testErrors))
  })

  test(`${device}: resumed from after any epoch, it gives the uninterrupted run's bits`, async () => {
    const whole = await trainOn(await create())
    for (const epoch of [1, 3]) {
      const controller = new AbortController()
      const hooks: TrainingHooks = {
        signal: controller.signal,
        onEpoch: (record) => {
          if (record.epoch === epoch) controller.abort()
        },
      }
      const part = await trainOn(await create(), hooks)
      assert.is(part.progress.epoch, epoch)
      assertSame(await resume(device, part), whole)
    }
  })

  test(`${device}: resumed from within any epoch, it gives the uninterrupted run's bits`, async () => {
    const whole = await trainOn(await create())
    for (const [epoch, steps] of [
      [1, 1],
      [2, 3],
      [4, 6],
    ] as const) {
      const controller = new AbortController()
      const engine = stoppingEngine(await create(), data.train.count, epoch, steps, controller)
      const part = await trainOn(engine, { signal: controller.signal })
      assert.is(part.progress.epoch, epoch - 1)
      assert.is(part.progress.batchLosses.length, steps)
      assertSame(await resume(device, part), whole)
    }
  })

  for (const schedule of ['plateau', 'cosine', 'linear'] as const) {
    test(`${device}: a warm-up and the schedule ${schedule} go on within an epoch, to the same bits`, async () => {
      const changes = { schedule, warmup: 1.5, finalLearningRate: schedule === 'plateau' ? 0 : 1e-4 }
      const whole = await trainOn(await create(), {}, changes)
      for (const [epoch, steps] of [
        [1, 3],
        [2, 5],
        [4, 2],
      ] as const) {
        const controller = new AbortController()
        const engine = stoppingEngine(await create(), data.train.count, epoch, steps, controller)
        const part = await trainOn(engine, { signal: controller.signal }, changes)
        assert.is(part.progress.batchLosses.length, steps)
        assertSame(await resume(device, part, changes), whole)
      }
      const plain = await trainOn(await create())
      assert.not.equal(whole.state.parameters, plain.state.parameters, 'it makes a difference')
    })
  }

  test(`${device}: biases begin where they are asked to, and go on from there`, async () => {
    let before: ModelState | undefined
    const engine = await create()
    const watched: Engine = {
      ...delegate(engine),
      trainEpoch: async (request) => {
        before ??= await engine.readState()
        return engine.trainEpoch(request)
      },
    }
    const changes = { latentBias: 0.7, outputBias: 'mean', epochs: 2 } as const
    const whole = await trainOn(watched, {}, changes)
    const initial = initialParameters(network, config.seed)
    const expected = startParameters(network, initial, changes, data.train.rows)
    assert.equal([...(before?.parameters ?? [])], [...expected])

    const controller = new AbortController()
    const hooks: TrainingHooks = { signal: controller.signal, onEpoch: () => controller.abort() }
    const part = await trainOn(await create(), hooks, changes)
    assertSame(await resume(device, part, changes), whole)
  })

  test(`${device}: wherever a signal stops it, the rest gives the uninterrupted run's bits`, async () => {
    const whole = await trainOn(await create())
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 5)
    const part = await trainOn(await create(), { signal: controller.signal })
    assertSame(part.progress.epoch < config.epochs ? await resume(device, part) : part, whole)
  })

  test(`${device}: another seed, rate, decay or noise gives other parameters`, async () => {
    const { state } = await trainOn(await create(), {}, { epochs: 1 })
    for (const change of [{ seed: 8 }, { learningRate: 0.011 }, { weightDecay: 1e-2 }, { noiseStd: 0 }]) {
      const other = await trainOn(await create(), {}, { epochs: 1, ...change })
      assert.not.equal(other.state.parameters, state.parameters, JSON.stringify(change))
    }
  })
}

test('the record of an epoch has the rate of its last step', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  const { progress } = await trainOn(engine, {}, { schedule: 'linear', warmup: 1 })
  const found = progress.history.map(({ learningRate }) => learningRate)
  const expected = [0.01 * (0.01 + (0.99 * 6) / 7), 0.01 * (1 - 6 / 21), 0.01 * (1 - 13 / 21), 0.01 / 21]
  found.forEach((rate, i) => {
    assert.ok(Math.abs(rate - expected[i]) < 1e-16, `epoch ${i + 1}: ${rate}`)
  })
  const settings = { ...config, schedule: 'linear', warmup: 1 } as const
  assert.is(nextLearningRate(settings, startOfTraining(settings), 53), 1e-4)
  assert.is(nextLearningRate(settings, { ...progress, epoch: 1 }, 53), 0.01)
  assert.is(nextLearningRate(settings, progress, 53), found[3], 'at the end that of the last step')
})

test('the learning rate falls with the plateau of the training loss', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  const rates: (number | Float64Array)[] = []
  const flat: Engine = {
    ...delegate(engine),
    trainEpoch: async ({ learningRate }) => {
      rates.push(learningRate)
      return { batchLosses: new Float64Array(7).fill(0.5), stepsDone: 7, steps: 7 }
    },
  }
  const { progress } = await trainOn(flat, {}, { epochs: 14, learningRate: 0.01 })
  // PyTorch's patience of 10: the best is epoch 1, the eleventh bad epoch is the 12th.
  assert.equal(rates, [...Array(12).fill(0.01), 0.001, 0.001])
  assert.equal(
    progress.history.map(({ learningRate }) => learningRate),
    rates,
  )
})

for (const loss of [NaN, Infinity, -Infinity]) {
  test(`a batch loss of ${loss} stops the run; what was saved before stays the last`, async () => {
    const engine = await createEngine(network, { device: 'reference' })
    const broken: Engine = {
      ...delegate(engine),
      async trainEpoch(request) {
        const result = await engine.trainEpoch(request)
        if (request.epoch === 3) result.batchLosses[4] = loss
        return result
      },
    }
    const saved: number[] = []
    const hooks: TrainingHooks = {
      onEpoch: ({ epoch }) => {
        saved.push(epoch)
      },
    }
    const error = await trainOn(broken, hooks).then(
      () => assert.unreachable('it went on'),
      (cause: unknown) => cause,
    )
    assert.instance(error, TrainingError)
    assert.match((error as Error).message, `step 5 of epoch 3 is ${loss}`)
    assert.equal(saved, [1, 2])
  })
}

test('a test loss that is not finite stops the run', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  const broken: Engine = {
    ...delegate(engine),
    rowLosses: async () => Float64Array.of(0.1, NaN),
  }
  const error = await trainOn(broken).catch((cause: unknown) => cause)
  assert.instance(error, TrainingError)
  assert.match((error as Error).message, 'test loss after epoch 1 is NaN')
})

test('refuses settings that cannot be used, by name, before it trains', async () => {
  const engine = await createEngine(network, { device: 'reference' })
  const cases: [Partial<TrainingConfig>, string][] = [
    [{ seed: -1 }, 'seed: '],
    [{ seed: 2 ** 32 }, 'seed: '],
    [{ epochs: 0 }, 'epochs: '],
    [{ epochs: 1.5 }, 'epochs: '],
    [{ batchSize: 0 }, 'batch size: '],
    [{ batchSize: NaN }, 'batch size: '],
    [{ batchSize: 54 }, 'batch size: expected at most the 53 training rows, found 54'],
    [{ learningRate: 0 }, 'learning rate: '],
    [{ learningRate: Infinity }, 'learning rate: '],
    [{ weightDecay: -1 }, 'weight decay: '],
    [{ noiseStd: NaN }, 'noise: '],
    [
      { schedule: 'step' as 'linear' },
      'schedule: expected plateau or cosine or linear or constant, found "step"',
    ],
    [{ warmup: -1 }, 'warm-up: '],
    [{ warmup: 4.5 }, 'warm-up: expected at most the 4 epochs, found 4.5'],
    [{ schedule: 'linear', finalLearningRate: NaN }, 'final learning rate: '],
    [
      { schedule: 'linear', finalLearningRate: 1 },
      'final learning rate: expected at most the learning rate 0.01',
    ],
    [
      { finalLearningRate: 1e-4 },
      'final learning rate: expected none with the schedule plateau, found 0.0001',
    ],
    [{ outputBias: 'median' as 'mean' }, 'output bias: expected constant or mean, found "median"'],
    [{ latentBias: 101 }, 'latent bias: expected a number from -100 to 100, found 101'],
  ]
  for (const [change, message] of cases) {
    const error = await train(engine, data, { ...config, ...change }).catch((cause: unknown) => cause)
    assert.instance(error, UsageError, JSON.stringify(change))
    assert.ok((error as Error).message.startsWith(message), (error as Error).message)
  }
  await engine.dispose()
})

test.run()
