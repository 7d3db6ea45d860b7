import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { delegate } from '../../src/engines/delegate.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { FileError, TrainingError, UsageError } from '../../src/errors.ts'
import { Autoencoder, createEngine, limitImages, readModel, train } from '../../src/index.ts'
import { Run } from '../../src/run/run.ts'
import { refuses, rejection } from '../support/rejection.ts'
import { DATA, PIXELS, SETTINGS, SIZES, withModel } from '../support/small-model.ts'

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-api-'))
  try {
    await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Every element, so that NaN never passes. */
function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.is(found.length, expected.length)
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(found[i] - expected[i]) <= tolerance, `[${i}]: ${found[i]}, expected ${expected[i]}`)
  }
}

/** The trainer on the bare engine: what the class must come to as well. */
async function trainedByHand(epochs: number): Promise<Float32Array> {
  await using resources = new AsyncDisposableStack()
  const network = await withModel({}, (model) => model.withEngine(async (engine) => engine.network))
  const engine = await createEngine(network, { device: 'cpu', threads: 1 })
  resources.defer(() => engine.dispose())
  await train(engine, DATA, { seed: 7, epochs, weightDecay: 1e-5, noiseStd: 0, ...SETTINGS })
  return Float32Array.from((await engine.readState()).parameters)
}

test('a run is the trainer’s run, bit for bit, and reports every epoch', async () => {
  const expected = await trainedByHand(2)
  await withModel({}, async (model) => {
    const epochs: number[] = []
    const before = await model.encode(DATA.test)
    const progress = await model.train(DATA, {
      ...SETTINGS,
      epochs: 2,
      onEpoch: (record) => {
        epochs.push(record.epoch)
      },
    })
    assert.equal(epochs, [1, 2])
    assert.is(progress.epoch, 2)
    assert.equal(model.history, progress.history)
    assert.equal(await model.parameters(), expected)
    assert.not.equal(await model.encode(DATA.test), before)
  })
})

test('an aborted run goes on to the same bits, at once or from a checkpoint', async () => {
  const expected = await trainedByHand(3)
  await inDirectory(async (directory) => {
    const file = join(directory, 'run.checkpoint.safetensors')
    await withModel({}, async (model) => {
      const stop = new AbortController()
      const reached = await model.train(DATA, {
        ...SETTINGS,
        epochs: 3,
        signal: stop.signal,
        onEpoch: () => stop.abort(),
      })
      assert.is(reached.epoch, 1)
      await model.saveCheckpoint(file)
      const epochs: number[] = []
      await model.train(DATA, { onEpoch: ({ epoch }) => void epochs.push(epoch) })
      assert.equal(epochs, [2, 3])
      assert.equal(await model.parameters(), expected, 'at once')
    })
    const model = await Autoencoder.load(file, { device: 'cpu', threads: 1 })
    assert.is(model.history.length, 1)
    await model.train(DATA)
    assert.equal(await model.parameters(), expected, 'from the checkpoint')
    await model.dispose()
  })
})

test('a run aborted within an epoch goes on from the step it had reached', async () => {
  const created = { seed: 7, device: 'reference' } as const
  const options = { epochs: 2, batchSize: 5 } as const
  const whole = await withModel(created, async (model) => {
    await model.train(DATA, options)
    return model.parameters()
  })
  await withModel(created, async (model) => {
    // The reference engine looks before every step.
    let looks = 0
    const signal = {
      get aborted() {
        return ++looks > 5
      },
      addEventListener: () => undefined,
    } as unknown as AbortSignal
    const { epoch, batchLosses } = await model.train(DATA, { ...options, signal })
    assert.is(epoch, 0)
    assert.ok(batchLosses.length > 0 && batchLosses.length < 12, `${batchLosses.length} steps`)
    const copy = await Autoencoder.fromBytes(await model.toCheckpoint(), 'x.safetensors', {
      device: 'reference',
    })
    for (const each of [model, copy]) {
      await each.train(DATA)
      assert.equal(await each.parameters(), whole)
      assert.equal(await each.withEngine(async (engine) => (await engine.readState()).steps), 24)
    }
    await copy.dispose()
  })
})

test('a run’s settings and data cannot change, and it does not run past its end', async () => {
  await withModel({}, async (model) => {
    await model.train(DATA, { ...SETTINGS, epochs: 1 })
    await refuses(
      model.train(DATA, { epochs: 2, batchSize: 8 }),
      UsageError,
      /batch size: expected 16 .*found 8;/,
    )
    await refuses(model.train(DATA, { epochs: 1 }), UsageError, /epochs: expected more than the 1 .*found 1/)
    await refuses(model.train(DATA), UsageError, /epochs: expected more than the 1/)
    const fewer = { ...DATA, train: limitImages(DATA.train, 59) }
    await refuses(model.train(fewer, { epochs: 2 }), UsageError, /training rows: expected 60 .*found 59/)
    assert.is((await model.train(DATA, { epochs: 2 })).epoch, 2)
  })
})

test('calls wait for each other; calls in onEpoch run between epochs', async () => {
  await withModel({}, async (model) => {
    let left: Promise<unknown>[] = []
    const order: string[] = []
    let inEpoch: unknown
    const training = model.train(DATA, {
      ...SETTINGS,
      epochs: 1,
      async onEpoch() {
        inEpoch = await model.encode(DATA.test)
        order.push('in onEpoch')
        await refuses(Promise.race([model.train(DATA), timeout()]), UsageError, /from within onEpoch/)
        // Not awaited: they must still be over before training goes on.
        left = [model.evaluate(DATA.test), model.evaluate(DATA.train)]
        left[1].then(() => order.push('left in onEpoch'))
      },
    })
    const after = model.encode(DATA.test).then((codes) => {
      order.push('after')
      return codes
    })
    await training
    assert.equal(await after, inEpoch)
    await Promise.all(left)
    assert.equal(order, ['in onEpoch', 'left in onEpoch', 'after'])
    const [a, b] = await Promise.all([model.encode(DATA.test), model.encode(DATA.test)])
    assert.equal(a, b)
  })
})

function timeout(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error('it waits for ever')), 20_000).unref()
  })
}

test('an error of onEpoch is the caller’s own and leaves the model in use', async () => {
  await withModel({}, async (model) => {
    const own = new Error('disk full')
    const onEpoch = () => {
      throw own
    }
    assert.is(await rejection(model.train(DATA, { ...SETTINGS, epochs: 2, onEpoch })), own)
    assert.is(model.history.length, 1)
    assert.is((await model.train(DATA, { epochs: 2 })).epoch, 2)
    assert.equal(await model.parameters(), await trainedByHand(2))
  })
})

test('after a loss that is no number every call gives the cause', async () => {
  await withModel({}, async (model) => {
    const options = { batchSize: 16, epochs: 5, learningRate: 1e30 }
    await refuses(model.train(DATA, options), TrainingError, /lower learning rate/)
    await refuses(model.encode(DATA.test), TrainingError, /lower learning rate/)
  })
})

test('reconstruct is decode after encode; errors and interpolation follow from them', async () => {
  await withModel({}, async (model) => {
    await model.train(DATA, { ...SETTINGS, epochs: 2 })
    const codes = await model.encode(DATA.test)
    assert.is(codes.length, 20 * 3)
    const images = await model.reconstruct(DATA.test.rows)
    assertNear(await model.decode(codes), images, 1e-6)

    const errors = await model.reconstructionErrors(DATA.test)
    const expected = Array.from(errors, (_, n) => {
      let sum = 0
      for (let i = n * PIXELS; i < (n + 1) * PIXELS; i++) sum += (DATA.test.rows[i] / 255 - images[i]) ** 2
      return sum / PIXELS
    })
    assertNear(errors, expected, 1e-6)

    const one = DATA.test.rows.subarray(0, PIXELS)
    const other = Float32Array.from(DATA.test.rows.subarray(PIXELS, 2 * PIXELS), (byte) => byte / 255)
    const walk = await model.interpolate(one, other, 5)
    assert.is(walk.length, 5 * PIXELS)
    assertNear(walk.subarray(0, PIXELS), images.subarray(0, PIXELS), 1e-6)
    assertNear(walk.subarray(4 * PIXELS), images.subarray(PIXELS, 2 * PIXELS), 1e-6)
    const middle = Float32Array.from({ length: 3 }, (_, unit) => (codes[unit] + codes[3 + unit]) / 2)
    assertNear(walk.subarray(2 * PIXELS, 3 * PIXELS), await model.decode(middle), 1e-6)

    const { count, reconstruction } = await model.evaluate(DATA.test, { noiseStd: 0.1, seed: 3 })
    assert.is(count, 20)
    assertNear([reconstruction.mse], [errors.reduce((sum, error) => sum + error, 0) / 20], 1e-7)
  })
})

test('every format of file holds the model; a model of weights alone begins a run of its own', async () => {
  await inDirectory(async (directory) => {
    await withModel({ latentActivation: 'identity' }, async (model) => {
      const parameters = await model.parameters()
      for (const name of ['a.pth', 'b.PT', 'c.safetensors']) {
        const file = join(directory, name)
        await model.save(file)
        const loaded = await Autoencoder.load(file, { device: 'reference' })
        assert.equal(loaded.warnings, [], name)
        assert.equal(loaded.network, model.network, name)
        assert.equal(await loaded.parameters(), parameters, name)
        assert.is(loaded.info.device, 'reference')
        // So small a rate that it shows where the run began.
        await loaded.train(DATA, { batchSize: 16, learningRate: 1e-9, epochs: 1 })
        assertNear(await loaded.parameters(), parameters, 1e-7)
        assert.not.equal(await loaded.parameters(), parameters, name)
        assert.is(loaded.history.length, 1)
        await loaded.dispose()
      }
      await model.save(join(directory, 'whole.onnx'))
      await model.save(join(directory, 'decoder.onnx'), { part: 'decoder' })
      const [whole, decoder] = ['whole', 'decoder'].map((name) =>
        readFileSync(join(directory, `${name}.onnx`)),
      )
      assert.ok(whole.includes('fc1.weight') && decoder.includes('fc4.weight'))
      assert.not(decoder.includes('fc1.weight'))
      assert.equal(new Uint8Array(whole), await model.toBytes('onnx'))
      assert.equal(readModel(await model.toBytes('pth'), 'x.pth').parameters, parameters)
      await refuses(model.saveCheckpoint(join(directory, 'x')), UsageError, /found one without a run/)
      await refuses(model.save(join(directory, 'x.zip')), UsageError, /x\.zip: expected a name that ends in/)
      await refuses(
        model.save(join(directory, 'no', 'x.pth')),
        FileError,
        /x\.pth: expected a writable directory/,
      )
      assert.is(existsSync(join(directory, 'x.zip')), false)
      assert.is(readdirSync(directory).length, 5)
    })
  })
})

test('what a canvas gives is taken as bytes', async () => {
  await withModel({}, async (model) => {
    const bytes = DATA.test.rows.subarray(0, PIXELS)
    assert.equal(await model.encode(Uint8ClampedArray.from(bytes)), await model.encode(bytes))
  })
})

test('after dispose every call is refused; dispose can be repeated', async () => {
  const model = await Autoencoder.create({ ...SIZES, device: 'cpu', threads: 1 })
  await model.dispose()
  await model.dispose()
  await refuses(model.encode(DATA.test), UsageError, /disposed of/)
  let held: Autoencoder
  {
    await using inBlock = await Autoencoder.create({ ...SIZES, device: 'reference' })
    held = inBlock
  }
  await refuses(held.parameters(), UsageError, /disposed of/)
})

test('dispose in the middle of a call is said as dispose from outside it', async () => {
  const said = /^engine: expected no call to be under way at dispose, found one, which was stopped$/
  const settings = { ...SETTINGS, epochs: 1000 }
  for (const device of ['cpu', 'reference'] as const) {
    await withModel({ device }, async (model) => {
      await refuses(model.train(DATA, { ...settings, onEpoch: () => model.dispose() }), UsageError, said)
      await refuses(model.parameters(), UsageError, /disposed of/)
    })
    await withModel({ device }, async (model) => {
      const onProgress = () => void model.dispose()
      await refuses(model.train(DATA, { ...settings, onProgress }), UsageError, said)
    })
  }
  await withModel({}, async (model) => {
    const disposing = model.withEngine(async (engine) => {
      await model.dispose()
      await engine.readState()
    })
    await refuses(disposing, UsageError, said)
  })
})

test('onProgress is called where epochs are far shorter than the time between two calls', async () => {
  await withModel({ threads: 1 }, async (model) => {
    const stop = new AbortController()
    const epochs: number[] = []
    await model.train(DATA, {
      ...SETTINGS,
      // Seconds, of which a stop at the third call leaves a moment.
      epochs: 10_000,
      signal: stop.signal,
      onProgress: ({ epoch, stepsDone, steps }) => {
        assert.is(steps, 4)
        assert.ok(stepsDone >= 0 && stepsDone <= steps)
        epochs.push(epoch)
        if (epochs.length === 3) stop.abort()
      },
    })
    // On a busy machine one more may come before the run has stopped.
    assert.ok(epochs.length >= 3, `${epochs}`)
    assert.ok(epochs[2] > epochs[0])
  })
})

test('withEngine refuses calls of the model that would wait for it, and others wait', async () => {
  await withModel({}, async (model) => {
    const refused = model.withEngine(() => model.encode(DATA.test))
    await refuses(
      Promise.race([refused, timeout()]),
      UsageError,
      /^withEngine: expected no call of the model/,
    )
    const codes = await model.encode(DATA.test)
    let begun = () => {}
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve
    })
    const order: string[] = []
    const own = model.withEngine(async (engine) => {
      begun()
      await engine.encode(DATA.test.rows)
      order.push('withEngine')
    })
    await hasBegun
    const waiting = model.encode(DATA.test).finally(() => order.push('encode'))
    await own
    assert.equal(await waiting, codes)
    assert.equal(order, ['withEngine', 'encode'])
  })
})

test('what onProgress throws is thrown, and the run goes on from there to the same bits', async () => {
  const { rows } = DATA.train
  const settings = { batchSize: 2, epochs: 2 }
  for (const [device, count] of [
    ['cpu', 12_000],
    ['reference', 40],
  ] as const) {
    const train = { count, rows: Uint8Array.from({ length: count * PIXELS }, (_, i) => rows[i % 1790]) }
    let expected: Float32Array | undefined
    await withModel({ device }, async (model) => {
      await model.train({ train }, settings)
      expected = await model.parameters()
    })
    await withModel({ device }, async (model) => {
      let calls = 0
      const onProgress = () => {
        calls++
        throw new RangeError('not today')
      }
      await refuses(model.train({ train }, { ...settings, onProgress }), RangeError, /^not today$/)
      assert.is(calls, 1)
      assert.is.not(model.history.length, 2)
      await model.train({ train }, settings)
      assert.equal(await model.parameters(), expected, device)
    })
  }
})

test('an onProgress that has thrown is not called again while the engine stops', async () => {
  const { network } = await withModel({}, async (model) => model)
  await using resources = new AsyncDisposableStack()
  const engine = await createEngine(network, { device: 'reference' })
  resources.defer(() => engine.dispose())
  await engine.initialize(7)
  let calls = 0
  const onProgress = () => {
    calls++
    throw new RangeError('not today')
  }
  const late: Engine = {
    ...delegate(engine),
    trainEpoch: (request) => {
      for (const stepsDone of [1, 2, 3]) request.onProgress?.({ stepsDone, steps: 4 })
      return engine.trainEpoch(request)
    },
  }
  const config = { seed: 7, epochs: 1, weightDecay: 0, noiseStd: 0, ...SETTINGS }
  await refuses(Run.begin(network, config).train(late, DATA, { onProgress }), RangeError, /^not today$/)
  assert.is(calls, 1)
})

test('an engine rejects with what onProgress throws', async () => {
  const { network } = await withModel({}, async (model) => model)
  await using resources = new AsyncDisposableStack()
  const engine = await createEngine(network, { device: 'cpu', threads: 1 })
  resources.defer(() => engine.dispose())
  await engine.setTrainingSet({ rows: new Uint8Array(12_000 * PIXELS) })
  const onProgress = () => {
    throw new RangeError('not today')
  }
  const request = { seed: 1, epoch: 1, batchSize: 1, learningRate: 1e-3, weightDecay: 0, onProgress }
  await refuses(engine.trainEpoch(request), RangeError, /^not today$/)
})

test('a file that is odd still loads, and the model says what is odd', async () => {
  await withModel({}, async (model) => {
    const bytes = await model.toBytes('safetensors')
    const loaded = await Autoencoder.fromBytes(bytes, 'weights.pth', { device: 'reference' })
    assert.match(loaded.warnings[0], /^weights\.pth: its name says/)
    await loaded.dispose()
  })
})

test.run()
