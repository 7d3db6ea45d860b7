import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDataset } from '../../src/data/node-files.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { FileError, UsageError } from '../../src/errors.ts'
import type { FloatArray } from '../../src/model/state.ts'
import type { Trajectory } from '../../src/training/parity.ts'
import { compareWithTrajectory, parseTrajectory, trajectoryRows } from '../../src/training/parity.ts'
import { MIXED_TRAJECTORIES } from '../support/trajectories.ts'

const test = suite('PyTorch trajectories')
const text = readFileSync(new URL('../fixtures/parity/z2-b64.json', import.meta.url), 'utf8')
const trajectory = parseTrajectory(text, 'z2-b64.json')
const { train } = await loadDataset()

/** The first steps of a trajectory, with `final` as its truth about the parameters after them. */
function shorten(steps: number, final = trajectory.final_parameters): Trajectory {
  const loss_float64 = trajectory.loss_float64.slice(0, steps)
  return { ...trajectory, steps, loss_float64, final_parameters: final }
}

for (const file of MIXED_TRAJECTORIES) {
  test(`the reference engine lands within 1e-10: ${file}`, async () => {
    const url = new URL(`../fixtures/parity/${file}`, import.meta.url)
    const other = parseTrajectory(readFileSync(url, 'utf8'), file)
    const engine = createReferenceEngine(other.network)
    const report = await compareWithTrajectory(engine, other, trajectoryRows(other) ?? train.rows)
    assert.ok(report.lossError <= 1e-10, `loss: ${report.lossError}`)
    assert.is(report.tensors.length, 2 * other.network.layers.length)
    for (const tensor of report.tensors) assert.ok(tensor.passed, JSON.stringify(tensor))
  })
}

test('the reference engine lands within 1e-10 after 30 steps', async () => {
  const engine = createReferenceEngine(trajectory.network)
  const report = await compareWithTrajectory(engine, trajectory, train.rows)
  assert.ok(report.lossError <= 1e-10, `loss: ${report.lossError}`)
  assert.is(report.losses.length, 30)
  for (const tensor of report.tensors) {
    assert.is(tensor.tolerance, 1e-10)
    assert.ok(tensor.passed, `${tensor.name}: ${JSON.stringify(tensor)}`)
  }
  assert.equal(
    report.tensors.map((tensor) => tensor.name),
    Object.keys(trajectory.final_parameters),
  )
  assert.ok(report.passed)
})

/**
 * An engine that says it computes in float32, and ends with `final`; its losses are the true ones unless
 * given.
 */
function pretender(final: FloatArray, losses: readonly number[]): Engine {
  const inner = createReferenceEngine(trajectory.network)
  let done = 0
  return {
    ...inner,
    info: { device: 'wasm', threads: 1, arithmetic: 'pretended', bits: 'pretended' },
    trainEpoch: async ({ order, batchSize }) => {
      const steps = (order?.length ?? 0) / batchSize
      done += steps
      return { batchLosses: Float64Array.from(losses.slice(done - steps, done)), stepsDone: steps, steps }
    },
    readState: async () => ({ parameters: final, firstMoment: final, secondMoment: final, steps: done }),
  }
}

/** Truth about `final`, every element sampled for small tensors, as the files give it. */
function truthOf(final: Float64Array, pytorchError: number): Trajectory['final_parameters'] {
  let offset = 0
  const entries = Object.entries(trajectory.final_parameters).map(([name, { shape }]) => {
    const length = shape.reduce((product, size) => product * size, 1)
    const tensor = final.subarray(offset, offset + length)
    offset += length
    const stride = Math.ceil(length / 256)
    const index = Array.from({ length: Math.ceil(length / stride) }, (_, i) => i * stride)
    const truth = {
      shape,
      l2: Math.sqrt(tensor.reduce((sum, value) => sum + value * value, 0)),
      sum: tensor.reduce((sum, value) => sum + value, 0),
      index,
      value: index.map((i) => tensor[i]),
      float32_relative_l2_error: pytorchError,
    }
    return [name, truth] as const
  })
  return Object.fromEntries(entries)
}

const count = 784 * 392 * 2 + 392 * 2 * 2 + 392 + 2 + 392 + 784
const final = Float64Array.from({ length: count }, (_, i) => ((i * 7919) % 1013) / 500 - 1)
const truth = truthOf(final, 1e-7)
const losses = trajectory.loss_float64.slice(0, 3)
const compare = (engine: Engine) => compareWithTrajectory(engine, shorten(3, truth), train.rows)

test('float32 engines may land 4 times as far away as PyTorch, no further', async () => {
  const within = await compare(
    pretender(
      final.map((w) => w * (1 + 3.9e-7)),
      losses,
    ),
  )
  assert.ok(within.passed)
  assert.is(within.tensors[0].relativeError.toExponential(1), '3.9e-7')
  const beyond = await compare(
    pretender(
      final.map((w) => w * (1 + 4.1e-7)),
      losses,
    ),
  )
  assert.not(beyond.passed)
  assert.ok(beyond.tensors.every((tensor) => !tensor.passed))
})

test('an error outside the sampled elements shows in norm or sum', async () => {
  for (const change of [1, -0.1, Number.NaN, Infinity]) {
    const changed = final.slice()
    changed[1] += change
    const report = await compare(pretender(changed, losses))
    assert.is(report.tensors[0].relativeError, 0)
    assert.not(report.passed, `a change by ${change} passed`)
    assert.equal(
      report.tensors.map((tensor) => tensor.passed),
      [false, true, true, true, true, true, true, true],
    )
  }
})

test('norm and sum each catch what the other cannot see', async () => {
  // Elements 1 and 3 are not sampled.
  const flipped = final.slice()
  flipped[1] *= -1
  const shifted = final.slice()
  shifted[1] += 0.5
  shifted[3] -= 0.5
  for (const changed of [flipped, shifted]) {
    const report = await compare(pretender(changed, losses))
    const { relativeError, l2Error, sumError } = report.tensors[0]
    assert.is(relativeError, 0)
    assert.is(l2Error > 4e-7, changed === shifted)
    assert.is(sumError > 4e-7, changed === flipped)
    assert.not(report.passed)
  }
})

test('losses may be off by 1e-6, no more, and NaN or a missing loss fails', async () => {
  assert.ok(
    (
      await compare(
        pretender(
          final,
          losses.map((loss) => loss * (1 + 9e-7)),
        ),
      )
    ).passed,
  )
  for (const wrong of [losses[1] * (1 + 1.1e-6), Number.NaN, Infinity]) {
    assert.not((await compare(pretender(final, [losses[0], wrong, losses[2]]))).passed, `${wrong} passed`)
  }
  assert.not((await compare(pretender(final, losses.slice(0, 2)))).passed)
})

test('NaN among the sampled elements fails', async () => {
  const changed = final.slice()
  changed[0] = Number.NaN
  assert.not((await compare(pretender(changed, losses))).passed)
})

test('a replay goes on in file order over the end of the set, in orders no longer than the set', async () => {
  const visited: number[] = []
  const engine = pretender(final, losses)
  const recording: Engine = {
    ...engine,
    trainEpoch: (request) => {
      const order = request.order ?? new Uint32Array(0)
      assert.ok(order.length <= 150)
      visited.push(...order)
      return engine.trainEpoch(request)
    },
  }
  const wrapping = { ...shorten(3, truth), first_index: 140 }
  await compareWithTrajectory(recording, wrapping, train.rows.subarray(0, 150 * 784))
  assert.equal(
    visited,
    Array.from({ length: 3 * 64 }, (_, i) => (140 + i) % 150),
  )
})

test('images that do not fit are refused', async () => {
  const engine = pretender(final, losses)
  for (const bytes of [0, 785]) {
    const outcome = await compareWithTrajectory(engine, trajectory, new Uint8Array(bytes)).catch(
      (error: unknown) => error,
    )
    assert.instance(outcome, UsageError)
  }
})

test('a damaged file gets one line that names the field', () => {
  const changed = (change: (file: Record<string, unknown>) => void) => {
    const file = JSON.parse(text) as Record<string, unknown>
    change(file)
    return JSON.stringify(file)
  }
  const cases: [string, RegExp][] = [
    ['', /^x\.json: expected JSON, found: /],
    ['[]', /^x\.json: top level: expected an object, found \[\]$/],
    [changed((file) => delete file.batch), /^x\.json: batch: expected a number, found none$/],
    [changed((file) => (file.batch = 0)), /^x\.json: batch: expected a whole number of at least 1, found 0$/],
    [changed((file) => (file.steps = 29)), /^x\.json: loss_float64: expected 29 numbers, found 30$/],
    [
      changed((file) => (file.network = { input: 784, hidden: 392.5, bottleneck: 2 })),
      /^x\.json: network\.hidden: expected a whole number/,
    ],
    [
      changed((file) => (file.network = { input: 784, hidden: 392, bottleneck: 3 })),
      /^x\.json: final_parameters\.fc2\.weight\.shape: expected \[3,392\], found \[2,392\]$/,
    ],
    [
      changed((file) => (file.network = { input: 2 ** 20, hidden: 2 ** 20, bottleneck: 2 })),
      /^x\.json: network: expected at most 134217728 parameters, found \d+$/,
    ],
    [changed((file) => (file.batch = 1e15)), /^x\.json: batch: expected a whole number of at most 65536/],
    [changed((file) => (file.batch = 5e9)), /^x\.json: batch: expected a whole number of at most 65536/],
    [changed((file) => (file.betas = [0.9, 0.99])), /^x\.json: betas: expected \[0\.9,0\.999\], found/],
    [changed((file) => (file.eps = 1e-7)), /^x\.json: eps: expected 1e-8, found 1e-7$/],
    [changed((file) => (file.final_parameters = null)), /^x\.json: final_parameters: expected an object/],
    [
      changed((file) => {
        const { 'fc1.bias': bias } = file.final_parameters as Record<string, { index: number[] }>
        bias.index[7] = 392
      }),
      /^x\.json: final_parameters\.fc1\.bias\.index: expected whole numbers below 392, found 392$/,
    ],
  ]
  for (const [content, expected] of cases) {
    assert.throws(
      () => parseTrajectory(content, 'x.json'),
      (error: unknown) => {
        assert.instance(error, FileError)
        assert.match((error as FileError).message, expected)
        return true
      },
    )
  }
})

test.run()
