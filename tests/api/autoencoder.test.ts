import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileError, TrainingError, UsageError } from '../../src/errors.ts'
import {
  Autoencoder,
  type CreateOptions,
  createEngine,
  hourglass,
  limitImages,
  readModel,
  train,
} from '../../src/index.ts'
import { refuses, rejection } from '../support/rejection.ts'
import { smallDataset } from '../support/small-data.ts'

const DATA = smallDataset(60, 20)
const PIXELS = 30
const SIZES = { input: PIXELS, hidden: 12, bottleneck: 3, seed: 7 }
const SETTINGS = { batchSize: 16, learningRate: 3e-3 }

async function withModel<T>(options: CreateOptions, work: (model: Autoencoder) => Promise<T>): Promise<T> {
  const model = await Autoencoder.create({ ...SIZES, device: 'cpu', threads: 2, ...options })
  try {
    return await work(model)
  } finally {
    await model.dispose()
  }
}

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

test('what cannot be is refused by name before anything is computed', async () => {
  const create = (options: object) => Autoencoder.create({ ...SIZES, device: 'cpu', ...options })
  await refuses(create({ bottleneck: 0 }), UsageError, /bottleneck: expected .* from 1 to 65536, found 0/)
  await refuses(
    create({ bottleneckk: 3 }),
    UsageError,
    /create: expected options among input, .*found bottleneckk/,
  )
  await refuses(create({ hidden: [4, '3'] }), UsageError, /hidden: expected a whole number.*found "3"/)
  await refuses(create({ hidden: 'x' }), UsageError, /hidden: expected a number or a list, found "x"/)
  await refuses(create({ loss: 'mae' }), UsageError, /loss: expected mse or bce, found "mae"$/)
  await refuses(
    create({ loss: 'bce', outputActivation: 'identity' }),
    UsageError,
    /fc4: expected sigmoid with the loss bce/,
  )
  await refuses(create({ seed: -1 }), UsageError, /seed: .*found -1/)
  await refuses(create({ threads: 0 }), UsageError, /threads: .*found 0/)
  await refuses(create({ device: 'gpu' }), UsageError, /device: expected auto, cpu.*found "gpu"/)
  await refuses(create({ device: 'cpu', simd: 'avx' }), UsageError, /simd: expected auto, 256.*found "avx"/)
  await refuses(Autoencoder.load('/nowhere/model.pth'), FileError, /^\/nowhere\/model\.pth: cannot be read/)
  await refuses(Autoencoder.fromBytes(new Uint8Array(9), 'x.pth'), FileError, /^x\.pth: /)
  await withModel({}, async (model) => {
    await refuses(model.encode(new Uint8Array(PIXELS + 1)), UsageError, /rows: expected a multiple of 30/)
    await refuses(model.encode([0.5] as unknown as Float32Array), UsageError, /rows: expected a Uint8Array/)
    const wrong = { ...DATA.test, width: PIXELS, height: 2 }
    await refuses(model.evaluate(wrong), UsageError, /expected 30 pixels.*found 30 × 2 = 60/)
    await refuses(model.train({ ...DATA, test: wrong }), UsageError, /expected 30 pixels/)
    await refuses(model.decode(new Float32Array(4)), UsageError, /codes: expected a multiple of 3/)
    await refuses(model.decode(new Uint8Array(3) as unknown as Float32Array), UsageError, /codes: expected/)
    await refuses(model.evaluate(DATA.test, { noiseStd: Number.NaN }), UsageError, /noise: .*found NaN/)
    await refuses(
      model.evaluate(DATA.test, { noise: 1 } as object),
      UsageError,
      /expected options among noiseStd, seed, found noise/,
    )
    await refuses(
      model.train(DATA, { epoch: 1 } as object),
      UsageError,
      /train: expected options among seed, epochs.*found epoch$/,
    )
    const nothing = {} as unknown as typeof DATA
    await refuses(model.train(nothing), UsageError, /train: expected data \{ train, test \}, found an object/)
    const one = new Uint8Array(PIXELS)
    await refuses(model.interpolate(one, one, 1), UsageError, /steps: .*found 1/)
    await refuses(model.interpolate(one, DATA.test), UsageError, /expected 1 of 30 values, found 20/)
    await refuses(model.train(DATA, { ...SETTINGS, epochs: 0 }), UsageError, /epochs: .*found 0/)
    await refuses(model.train(DATA, SETTINGS_TOO_LARGE), UsageError, /batch size: .*found 61/)
    assert.is(model.history.length, 0)
  })
})

test('options and data are looked at as flags are: unknown names, other kinds, other ranges', async () => {
  // What a program without types may do.
  const loose = (value: unknown) => value as never
  const usage = (promise: Promise<unknown>, message: RegExp) => refuses(promise, UsageError, message)
  const network = hourglass({ input: PIXELS, hidden: 12, bottleneck: 3 })
  const file = new Uint8Array(9)
  await usage(createEngine(network, loose({ thread: 2 })), /createEngine: expected options .*found thread$/)
  await usage(createEngine(network, loose(null)), /createEngine: expected an object of options, found null/)
  await usage(Autoencoder.create(loose(8)), /create: expected an object of options, found 8/)
  await usage(Autoencoder.create({ v8Flags: loose('yes') }), /v8Flags: expected true or false, found "yes"/)
  await usage(Autoencoder.load('x.pth', loose({ seed: 1 })), /load: expected options .*found seed$/)
  await usage(Autoencoder.fromBytes(file, 'x', loose({ z: 1 })), /fromBytes: expected options .*found z$/)
  await usage(Autoencoder.fromBytes(loose('abc'), 'x'), /bytes: expected a Uint8Array .*found "abc"/)
  await usage(Autoencoder.fromBytes(file, loose(undefined)), /name: expected .*found undefined/)
  await withModel({}, async (model) => {
    const rows = (values: number[]) => ({ train: { count: 1, rows: Float32Array.from(values) } })
    const pixels = (value: number) => Array.from({ length: PIXELS }, (_, i) => (i === 2 ? value : 0.5))
    await usage(
      model.train(rows(pixels(255))),
      /training rows: expected floats from 0 to 1.*found 255 at row 0, column 2; scale/,
    )
    await usage(
      model.train(rows(pixels(Number.NaN))),
      /training rows: expected finite numbers, found NaN at row 0, column 2/,
    )
    await usage(
      model.encode(Float32Array.from(pixels(Number.NaN))),
      /rows: expected finite numbers, found NaN/,
    )
    await usage(
      model.train(loose({ train: file })),
      /training rows: expected \{ count, rows \}.*found Uint8Array of 9/,
    )
    await usage(model.train(loose(file)), /train: expected data \{ train, test \}, found Uint8Array of 9/)
    await usage(
      model.train(loose({ ...DATA, tset: DATA.test })),
      /expected data \{ train, test \}, found tset/,
    )
    await usage(
      model.train(loose({ train: { rows: DATA.train.rows } })),
      /training rows: count: .*found undefined/,
    )
    await usage(model.train(DATA, loose({ epochs: '3' })), /epochs: expected a whole number.*found "3"/)
    await usage(model.train(DATA, loose(3)), /train: expected an object of options, found 3/)
    await usage(model.toBytes(loose('h5')), /format: expected pth, safetensors, onnx, found "h5"/)
    await usage(model.toBytes('onnx', loose({ part: 'half' })), /part: expected .*found "half"/)
    await usage(
      model.toBytes('onnx', loose({ half: 1 })),
      /file: expected options among part, threshold, found half/,
    )
    const short = { ...DATA.test, labels: DATA.test.labels.subarray(1) }
    await usage(model.evaluate(short), /images: labels: expected 20, found 19/)
    await usage(model.encode(loose([0.5])), /rows: expected .*found Array of 1/)
    assert.is(model.history.length, 0)
  })
  // What no sigmoid must give may be any finite number.
  await withModel({ outputActivation: 'identity' }, async (model) => {
    await model.train({ train: { count: 1, rows: new Float32Array(PIXELS).fill(255) } }, { epochs: 1 })
  })
})

test('what a canvas gives is taken as bytes', async () => {
  await withModel({}, async (model) => {
    const bytes = DATA.test.rows.subarray(0, PIXELS)
    assert.equal(await model.encode(Uint8ClampedArray.from(bytes)), await model.encode(bytes))
  })
})

const SETTINGS_TOO_LARGE = { batchSize: 61 }

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

test('hooks and signals that are none are refused before anything is trained', async () => {
  await withModel({}, async (model) => {
    const before = await model.parameters()
    for (const [options, message] of [
      [{ onProgress: 3 }, 'onProgress: expected a function, found 3'],
      [{ onProgress: null }, 'onProgress: expected a function, found null'],
      [{ onEpoch: '' }, 'onEpoch: expected a function, found ""'],
      [{ onRowsResident: {} }, 'onRowsResident: expected a function, found an object'],
      [{ signal: 'stop' }, 'signal: expected an AbortSignal, found "stop"'],
      [{ signal: {} }, 'signal: expected an AbortSignal, found an object'],
      [[], 'train: expected an object of options, found Array of 0'],
    ] as const) {
      const error = await rejection(model.train(DATA, options as object), UsageError)
      assert.is(error.message, message)
    }
    await refuses(model.score(DATA.test, { signal: 3 as never }), UsageError, /^signal: expected an AbortSig/)
    assert.equal(await model.parameters(), before)
    assert.is(model.history.length, 0)
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

test('a call that is refused for its data leaves a trained model as it was', async () => {
  const { count, rows } = DATA.train
  const train = { count, rows: Float32Array.from(rows, (value) => value / 255) }
  await withModel({}, async (model) => {
    await model.train({ train, test: DATA.test }, { ...SETTINGS, learningRate: 0.2, epochs: 6, keep: 'best' })
    const losses = model.history.map(({ testLoss }) => Number(testLoss))
    assert.is.not(losses.indexOf(Math.min(...losses)), 5, 'the best epoch is not the last')
    const [before, errors] = [await model.parameters(), model.trainingErrors]
    assert.ok(errors)
    const fewer = { count: count - 1, rows: train.rows.subarray(PIXELS) }
    const other = { count, rows: Float32Array.from(train.rows).reverse() }
    for (const wrong of [fewer, other]) {
      await refuses(model.train({ train: wrong, test: DATA.test }, { epochs: 9 }), UsageError, /^training /)
      assert.equal(await model.parameters(), before)
      assert.is(model.trainingErrors, errors)
    }
    await refuses(
      model.train({ train, test: DATA.test }, { epochs: 6 }),
      UsageError,
      /^epochs: expected more/,
    )
  })
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

test('shares, limits and scalings of the wrong type are refused', async () => {
  await withModel({ outputActivation: 'identity' }, async (model) => {
    const rows = Float32Array.from(DATA.train.rows)
    const data = { train: { count: DATA.train.count, rows } }
    const before = await model.parameters()
    const loose = (options: object) => model.train(data, { ...SETTINGS, epochs: 1, ...options } as object)
    for (const clip of ['', '2.5', true, null, [], [1], new Date(0), Number.POSITIVE_INFINITY, -1, 10n]) {
      await refuses(
        loose({ scale: 'standard', clip }),
        UsageError,
        /^clip: expected a number of at least 0, fo/,
      )
    }
    for (const [options, kind] of [
      [{ clip: 2 }, 'none'],
      [{ scale: 'minmax', clip: 2 }, 'minmax'],
    ] as const) {
      await refuses(
        loose(options),
        UsageError,
        new RegExp(`^clip: expected standard scaling beside it, found ${kind}$`),
      )
    }
    for (const validation of ['', '0.2', [0.2], null, true, 1]) {
      await refuses(
        loose({ validation }),
        UsageError,
        /^validation: expected a share above 0 and below 1, fo/,
      )
    }
    for (const scale of ['', [], ['standard'], null, {}]) {
      await refuses(
        loose({ scale }),
        UsageError,
        /^scale: expected none or minmax or standard, found ("|Arr|n|an )/,
      )
    }
    assert.equal(await model.parameters(), before)
  })
})

test('settings of a start are refused for weights that have been trained', async () => {
  await withModel({ outputActivation: 'identity' }, async (model) => {
    const start = { latentBias: 0.6, outputBias: 'mean' } as const
    await model.train(DATA, { ...SETTINGS, ...start, epochs: 1 })
    const bytes = await model.toBytes('safetensors')
    const loaded = await Autoencoder.fromBytes(bytes, 'weights.safetensors', { device: 'reference' })
    const refusals = [
      [{ latentBias: 0.6 }, 'latent bias: expected none for trained weights, found 0.6'],
      [{ outputBias: 'mean' }, 'output bias: expected none for trained weights, found mean'],
    ] as const
    for (const [settings, message] of refusals) {
      const error = await rejection(loaded.train(DATA, { ...SETTINGS, ...settings, epochs: 1 }))
      assert.instance(error, UsageError)
      assert.is(error.message, message)
    }
    assert.equal(await loaded.parameters(), await model.parameters())
    // What it would be without the setting is no wish to replace anything.
    await loaded.train(DATA, { ...SETTINGS, latentBias: 0.01, outputBias: 'constant', epochs: 1 })
    await loaded.dispose()
  })
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
