/** What the library refuses, and that it leaves everything as it was. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileError, UsageError } from '../../src/errors.ts'
import {
  Autoencoder,
  createEngine,
  hourglass,
  loadData,
  parametersSha256,
  readData,
} from '../../src/index.ts'
import type { RowLabels } from '../../src/tools/pretrain.ts'
import { refuses, rejection } from '../support/rejection.ts'
import { DATA, PIXELS, SETTINGS, SIZES, withModel } from '../support/small-model.ts'

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
    await refuses(model.train(DATA, { batchSize: 61 }), UsageError, /batch size: .*found 61/)
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
  for (const none of [undefined, null, {}, []]) {
    await usage(
      createEngine(loose(none)),
      /^network: layers: expected a list, as of hourglass\(\), found undef/,
    )
  }
  await usage(Autoencoder.create(loose(8)), /create: expected an object of options, found 8/)
  await usage(Autoencoder.create({ v8Flags: loose('yes') }), /v8Flags: expected true or false, found "yes"/)
  await usage(Autoencoder.load('x.pth', loose({ seed: 1 })), /load: expected options .*found seed$/)
  await usage(Autoencoder.fromBytes(file, 'x', loose({ z: 1 })), /fromBytes: expected options .*found z$/)
  await usage(Autoencoder.fromBytes(loose('abc'), 'x'), /bytes: expected a Uint8Array .*found "abc"/)
  await usage(Autoencoder.fromBytes(file, loose(undefined)), /name: expected .*found undefined/)
  await usage(readData(loose(null), 'x.csv'), /bytes: expected a Uint8Array .*found null/)
  await usage(readData(file, loose(undefined)), /name: expected .*found undefined/)
  const test = loose({ bytes: 'abc', name: 'y.csv' })
  await usage(readData(file, 'x.csv', { test }), /bytes: expected a Uint8Array .*found "abc"/)
  await withModel({}, async (model) => {
    for (const path of [null, undefined, 5, '', file].map(loose)) {
      const problem = (call: string) => new RegExp(`^${call}: expected a path, found `)
      await usage(Autoencoder.load(path), problem('load'))
      await usage(loadData(path), problem('loadData'))
      await usage(model.loadRows(path), problem('loadRows'))
      await usage(model.save(path), problem('save'))
      await usage(model.saveCheckpoint(path), problem('saveCheckpoint'))
    }
    await usage(loadData('x.csv', { test: loose(5) }), /^test: expected a path, found 5$/)
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

test('rows, codes, labels and functions that cannot be are refused by every method that takes them', async () => {
  const loose = (value: unknown) => value as never
  const usage = (promise: Promise<unknown>, message: RegExp) => refuses(promise, UsageError, message)
  const floats = (value: number) => new Float64Array(PIXELS).fill(value)
  await usage(parametersSha256(loose(Promise.resolve())), /^parameters: expected .* found an object$/)
  await withModel({}, async (model) => {
    const { rows, count } = DATA.train
    const methods = ['encode', 'reconstruct', 'reconstructionErrors', 'score'] as const
    for (const method of methods) {
      for (const wrong of [count - 1, count + 1, -count]) {
        const message = new RegExp(`^rows: expected ${wrong} of ${PIXELS} values, found ${count}$`)
        await usage(model[method]({ count: wrong, rows }), message)
      }
      await usage(model[method](floats(1e39)), /: expected .* found 1e\+39\b.* row [01], /)
      for (const gone of [new Uint8Array(PIXELS), new Float32Array(PIXELS)]) {
        structuredClone(gone.buffer, { transfer: [gone.buffer] })
        await usage(
          model[method](gone),
          /^rows: expected an array with its values, found one that was transf/,
        )
      }
    }
    await usage(model.decode(Float32Array.of(0, Number.NaN, 0)), /^codes: .*found NaN at row 0, column 1$/)
    const none = new Float32Array(0)
    await usage(model.score(none), /^rows: expected at least one, found none$/)
    await usage(model.generate(none, { count: 2 }), /^rows: expected at least one, found none$/)
    await usage(model.generate(DATA.train, { count: 1e12 }), /^count: .*found 1000000000000$/)
    await usage(model.withEngine(loose(undefined)), /^withEngine: expected a function, found undefined$/)
    await usage(model.readRows(loose(null), 'x.csv'), /^bytes: expected a Uint8Array .*found null$/)

    const classes = ['a', 'b']
    const labels = Uint8Array.from({ length: count }, (_, row) => row % 2)
    const learn = (given: object, options: object = {}, make: unknown = createEngine) =>
      model.pretrain(DATA.train, given as RowLabels, make as typeof createEngine, options)
    await usage(learn({ labels: labels.subarray(1), classes }), /^labels: expected 60, found 59$/)
    await usage(learn({ labels: [0, 1], classes }), /^labels: expected a Uint8Array, found Array of 2$/)
    await usage(learn({ labels, classes: ['a'] }), /^classes: expected the names of at least two, /)
    await usage(learn({ labels }), /^classes: .*found undefined$/)
    await usage(learn({ labels: labels.map((label) => label + 1), classes }), /^labels: .*found 2$/)
    await usage(learn({ labels, classes }, { stesp: 9 }), /^pretrain: expected options among .*found stesp$/)
    await usage(learn({ labels, classes }, { steps: '9' }), /^steps: expected .*found "9"$/)
    await usage(learn({ labels, classes }, {}, 3), /^createEngine: expected a function, found 3$/)
  })
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

test.run()
