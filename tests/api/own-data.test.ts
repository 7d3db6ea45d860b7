/** The library on a table of one's own: raw rows in, raw rows out, and the same numbers from every door. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RawRows } from '../../src/data/own-data.ts'
import { UsageError } from '../../src/errors.ts'
import { Autoencoder, loadData, propose, readData } from '../../src/index.ts'
import { runScript } from '../support/command.ts'
import { refuses } from '../support/rejection.ts'
import { smallTable } from '../support/small-table.ts'

const root = mkdtempSync(join(tmpdir(), 'hourglass-api-own-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
const path = join(root, 'machines.csv')
const text = smallTable(200)
writeFileSync(path, text)
const options = { label: 'outlier', oneHot: ['site'] }

test('from a file to scores: the same from library, files and ONNX, and the weights of the command', async () => {
  const data = await loadData(path, options)
  assert.equal(await readData(new TextEncoder().encode(text), path, options), data)
  const { model, training } = propose(data)
  await using autoencoder = await Autoencoder.create({ ...model, threads: 1 })
  await autoencoder.train(data, { ...training, epochs: 5 })
  assert.is(autoencoder.preprocessing?.scaling?.kind, 'standard')
  const errors = await autoencoder.reconstructionErrors(data.train)
  // Every 25th row.
  const worst = [...errors.keys()].sort((a, b) => errors[b] - errors[a]).slice(0, 8)
  assert.ok(
    worst.every((row) => row % 25 === 24),
    `worst: ${worst}`,
  )
  assert.is(autoencoder.trainingErrors?.quantile(1), Math.max(...errors))

  const rows = await autoencoder.reconstruct(data.train)
  assert.is(rows[3], 7)
  assert.ok(Math.abs(rows[0] - data.train.rows[0]) < 10, 'raw values of the column')
  const codes = await autoencoder.encode(data.train)
  const decoded = await autoencoder.decode(codes)
  decoded.forEach((value, i) => {
    assert.ok(Math.abs(value - rows[i]) <= 1e-5 * (1 + Math.abs(rows[i])), `value ${i}`)
  })

  for (const name of ['m.pth', 'm.safetensors']) {
    await autoencoder.save(join(root, name))
    await using loaded = await Autoencoder.load(join(root, name), { threads: 1 })
    assert.equal(loaded.preprocessing, autoencoder.preprocessing)
    assert.equal(loaded.trainingErrors, autoencoder.trainingErrors)
    assert.equal(await loaded.reconstructionErrors(data.train), errors)
  }

  const session = await ort.InferenceSession.create(await autoencoder.toBytes('onnx', { part: 'score' }), {
    executionProviders: ['wasm'],
  })
  const input = new ort.Tensor('float32', Float32Array.from(data.train.rows), [200, data.inputs])
  const found = await session.run({ row: input })
  await session.release()
  errors.forEach((error, i) => {
    const difference = Math.abs(Number(found.error.data[i]) - error)
    assert.ok(difference <= 1e-5 * (1 + error), `row ${i}: expected ${error}, found ${found.error.data[i]}`)
  })
  const verdicts = (found.verdict.data as Uint8Array).reduce((sum, is) => sum + Number(is), 0)
  assert.is(verdicts, 20, 'a tenth')

  const flags = ['--data', path, '--label', 'outlier', '--one-hot', 'site', '-e', '5', '--json']
  const command = await runScript('train', flags, root)
  const end = JSON.parse(String(command.stdout.trimEnd().split('\n').at(-1))) as { parametersSha256: string }
  const { parametersSha256 } = await import('../../src/data/digest.ts')
  assert.is(end.parametersSha256, await parametersSha256(await autoencoder.parameters()))
})

test('keep best leaves the best epoch’s model, and goes on from the last one', async () => {
  const data = await loadData(path, { ...options, validation: 0.3, seed: 2 })
  const settings = { ...propose(data).training, keep: 'best', patience: 2, learningRate: 0.05 } as const
  const create = () => Autoencoder.create({ ...propose(data).model, threads: 1 })
  await using whole = await create()
  const { epoch, history } = await whole.train(data, { ...settings, epochs: 60 })
  const losses = history.map(({ testLoss }) => testLoss as number)
  const best = losses.indexOf(Math.min(...losses)) + 1
  assert.is(epoch, best + 2)
  await using exact = await create()
  await exact.train(data, { ...settings, keep: 'last', epochs: best })
  assert.equal(await whole.parameters(), await exact.parameters())
  // In two parts, by way of a checkpoint.
  await using first = await create()
  await first.train(data, { ...settings, epochs: best + 1 })
  assert.equal(await first.parameters(), await exact.parameters())
  const bytes = await first.toCheckpoint()
  await using second = await Autoencoder.fromBytes(bytes, 'c', { threads: 1 })
  assert.equal(await second.parameters(), await exact.parameters())
  await second.train(data, { epochs: 60 })
  assert.is(second.history.length, epoch)
  assert.equal(await second.parameters(), await whole.parameters())
})

test('plain rows are scaled and split where that is asked for', async () => {
  const rows = Float32Array.from({ length: 120 }, (_, i) => 1000 + (i % 3) * ((i * 37) % 11))
  await using model = await Autoencoder.create({
    input: 3,
    hidden: 4,
    bottleneck: 1,
    outputActivation: 'identity',
    threads: 1,
  })
  const train = { count: 40, rows }
  const { history } = await model.train({ train }, { epochs: 2, scale: 'minmax', validation: 0.25 })
  assert.type(history[1].testLoss, 'number')
  assert.is(model.preprocessing?.scaling?.kind, 'minmax')
  const again = model.train({ train }, { epochs: 3, scale: 'standard', validation: 0.25 })
  await refuses(again, UsageError, /^scale: expected minmax, which the model has, found standard$/)
  await model.train({ train }, { epochs: 3, validation: 0.25 })
  for (const [wrong, expected] of [
    [{ validation: 2 }, /^validation: expected a share/],
    [{ scle: 'none' }, /^train: expected options among .*, found scle$/],
    [{ clip: -1, epochs: 4, validation: 0.25 }, /^clip: expected a number/],
  ] as const) {
    await refuses(model.train({ train }, wrong as object), UsageError, expected)
  }
  await refuses(
    loadData(path, { lable: 'outlier' } as object),
    UsageError,
    /^loadData: expected options among .*, found lable$/,
  )
})

test('rows that judge may lie beyond what minmax was fitted to: bce takes them as 0 or 1', async () => {
  const values = (rows: number[]) => ({ count: rows.length / 2, rows: Float64Array.from(rows) })
  const train = values([2, 10, 4, 30, 3, 20, 2, 30])
  const [beyond, within] = [values([1, 20, 3, 40]), values([2, 20, 3, 30])]
  const lossOf = async (loss: 'mse' | 'bce', test: RawRows) => {
    await using model = await Autoencoder.create({ input: 2, hidden: 4, bottleneck: 1, loss, threads: 1 })
    await model.train({ train, test }, { scale: 'minmax', epochs: 1, batchSize: 4 })
    return model.history[0].testLoss
  }
  assert.is(await lossOf('bce', beyond), await lossOf('bce', within))
  assert.is.not(await lossOf('mse', beyond), await lossOf('mse', within))
  await using plain = await Autoencoder.create({ input: 2, hidden: 4, bottleneck: 1, threads: 1 })
  await refuses(
    plain.train({ train: values([0, 1, 0.5, 1]), test: beyond }, { epochs: 1, batchSize: 2 }),
    UsageError,
    /^test rows: expected floats from 0 to 1, .*found 20 at row 0, column 1; scale them/,
  )
})

test.run()
