/**
 * What every engine must do, checked against the reference engine (float64) as the oracle. An engine's own test file
 * calls `conformance` and adds only what is special about that engine.
 *
 * The shapes are the edges of tiles: 1, tile − 1, tile, tile + 1 and several tiles for tiles of 4, 8 and 16, with
 * batches that are not divisible by 4 and a smaller last batch.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Engine, EpochRequest, TrainingSet } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import type { Loss, Network } from '../../src/model/network.ts'
import { parameterCount, parameterTable } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { ModelState } from '../../src/model/state.ts'
import { initialParameters } from '../../src/random/streams.ts'

export interface Tolerance {
  /** Of a batch's loss, relative. */
  readonly loss: number
  /** Of a parameter after a few steps at learning rate 1e-3, absolute; parameters are about 0.1 to 0.5. */
  readonly parameters: number
  /** Of the moments, relative to the largest of the slab. */
  readonly moments: number
  /** Of outputs and codes, relative to the larger of 1 and the largest output. */
  readonly outputs: number
}

/**
 * Float32 sums of up to 100 terms in any order against float64: an error of √100 · 2⁻²⁴ ≈ 6e-7 a product, carried
 * through four layers and a dozen steps. Adam divides the first moment's error by √v ≈ 0.01 before the learning rate.
 */
export const FLOAT32_TOLERANCE: Tolerance = { loss: 5e-6, parameters: 5e-6, moments: 1e-5, outputs: 5e-6 }

/** What tests are registered with: uvu's suites, or anything like them. */
export interface TestSuite {
  (name: string, run: () => Promise<void>): void
  after(hook: () => Promise<void> | undefined): void
  run(): void
}

export interface ConformanceOptions {
  readonly tolerance?: Tolerance
  /** Losses that the engine computes; default both. What is left out is said aloud. */
  readonly losses?: readonly Loss[]
  /** Makes the suite; default uvu's. */
  readonly createSuite?: (name: string) => TestSuite
}

interface Case {
  readonly label: string
  readonly network: Network
  readonly images: number
  readonly batchSize: number
}

/** One hidden layer and a softmax over ten classes. */
function classifier(inputs: number, hidden: number): Network {
  return {
    layers: [
      { name: 'fc1', inputs, outputs: hidden, activation: 'relu' },
      { name: 'fc2', inputs: hidden, outputs: 10, activation: 'softmax' },
    ],
    loss: 'crossEntropy',
    codeLayer: 0,
  }
}

const probe: Network = {
  layers: [{ name: 'probe', inputs: 9, outputs: 10, activation: 'softmax' }],
  loss: 'crossEntropy',
  codeLayer: 0,
}

function autoencoderCase(
  [input, hidden, bottleneck]: [number, number, number],
  images: number,
  batchSize: number,
  latentActivation: 'relu' | 'identity' = 'relu',
): Case {
  const label = `${input}-${hidden}-${bottleneck} ${latentActivation}, ${images} images by ${batchSize}`
  const network = hourglass({ input, hidden, bottleneck, latentActivation })
  return { label, network, images, batchSize }
}

const CASES: readonly Case[] = [
  autoencoderCase([7, 5, 3], 10, 4),
  autoencoderCase([17, 33, 1], 13, 5, 'identity'),
  autoencoderCase([64, 32, 8], 24, 8),
  autoencoderCase([65, 47, 16], 50, 17),
  autoencoderCase([15, 16, 2], 3, 1, 'identity'),
  autoencoderCase([16, 15, 4], 9, 100),
  // One column beyond whole panels and blocks of the WASM engine's kernels, and none.
  autoencoderCase([281, 41, 40], 21, 11),
  autoencoderCase([200, 80, 3], 12, 12, 'identity'),
  { label: 'classifier 13-11-10, 15 images by 6', network: classifier(13, 11), images: 15, batchSize: 6 },
  { label: 'probe 9-10, 11 images by 4', network: probe, images: 11, batchSize: 4 },
]

/** Uniform numbers in [0, 1): Numerical Recipes' linear congruential generator, high bits only. */
function uniforms(seed: number): () => number {
  let word = seed >>> 0
  return () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    return (word >>> 8) / 2 ** 24
  }
}

/** Bytes of which half are zero, as in MNIST, and labels 0 … 9. */
function syntheticSet(count: number, inputs: number, seed: number): TrainingSet & { labels: Uint8Array } {
  const next = uniforms(seed)
  const rows = Uint8Array.from({ length: count * inputs }, () =>
    next() < 0.5 ? 0 : Math.floor(256 * next()),
  )
  const labels = Uint8Array.from({ length: count }, () => Math.floor(10 * next()))
  return { rows, labels }
}

/** Signed parameters of a sensible size, and moments as after some steps, so that Adam is well conditioned. */
function syntheticState(network: Network, seed: number): ModelState {
  const next = uniforms(seed)
  const count = parameterCount(network)
  const fans = new Float32Array(count)
  parameterTable(network).forEach((entry, i) => {
    const { inputs, outputs } = network.layers[i >> 1]
    fans.fill(Math.sqrt(6 / (inputs + outputs)), entry.offset, entry.offset + entry.length)
  })
  return {
    parameters: fans.map((bound) => bound * (2 * next() - 1)),
    firstMoment: Float32Array.from({ length: count }, () => 2e-3 * (2 * next() - 1)),
    secondMoment: Float32Array.from({ length: count }, () => 1e-4 * (0.5 + next())),
    steps: 7,
  }
}

/** Fails for NaN as well: says what is not within, rather than what is beyond. */
export function assertWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  what: string,
): void {
  assert.is(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= absolute)) {
      assert.unreachable(`${what}[${i}]: ${actual[i]} is not within ${absolute} of ${expected[i]}`)
    }
  }
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

function assertSameBits(actual: ModelState, expected: ModelState, what: string): void {
  for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
    assertWithin(actual[slab], expected[slab], 0, `${what}: ${slab}`)
  }
  assert.is(actual.steps, expected.steps, `${what}: steps`)
}

async function assertRejects(work: () => Promise<unknown>, pattern: RegExp, what: string): Promise<void> {
  let outcome: unknown
  try {
    await work()
  } catch (error) {
    outcome = error
  }
  assert.instance(outcome, Error, `${what}: expected a rejection with an Error, found ${outcome}`)
  assert.match((outcome as Error).message, pattern, what)
}

const REQUEST: EpochRequest = {
  seed: 11,
  epoch: 1,
  batchSize: 4,
  learningRate: 1e-3,
  weightDecay: 0,
}

export function conformance(
  name: string,
  createEngine: (network: Network) => Promise<Engine>,
  options: ConformanceOptions = {},
): void {
  const { tolerance = FLOAT32_TOLERANCE, losses = ['mse', 'crossEntropy'], createSuite = suite } = options
  const test: TestSuite = createSuite(`conformance of ${name}`)

  function assertStates(actual: ModelState, expected: ModelState, what: string): void {
    assert.is(actual.steps, expected.steps, `${what}: steps`)
    assertWithin(actual.parameters, expected.parameters, tolerance.parameters, `${what}: parameters`)
    for (const slab of ['firstMoment', 'secondMoment'] as const) {
      const bound = tolerance.moments * largest(expected[slab])
      assertWithin(actual[slab], expected[slab], bound, `${what}: ${slab}`)
    }
  }

  function assertOutputs(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
    assertWithin(actual, expected, tolerance.outputs * Math.max(1, largest(expected)), what)
  }

  async function assertSameEpoch(engine: Engine, oracle: Engine, request: EpochRequest, what: string) {
    const actual = await engine.trainEpoch(request)
    const expected = await oracle.trainEpoch(request)
    assert.is(actual.steps, expected.steps, `${what}: steps`)
    assert.is(actual.stepsDone, expected.stepsDone, `${what}: stepsDone`)
    assert.instance(actual.batchLosses, Float64Array)
    const bound = tolerance.loss * largest(expected.batchLosses)
    assertWithin(actual.batchLosses, expected.batchLosses, bound, `${what}: batchLosses`)
    assertStates(await engine.readState(), await oracle.readState(), what)
  }

  async function compareTraining(engine: Engine, oracle: Engine, images: number, batchSize: number) {
    for (const each of [engine, oracle]) {
      await each.setTrainingSet(syntheticSet(images, each.network.layers[0].inputs, 5))
      await each.writeState(syntheticState(each.network, 3))
    }
    const request = { ...REQUEST, batchSize }
    await assertSameEpoch(engine, oracle, { ...request, weightDecay: 0.01 }, 'weight decay')
    await assertSameEpoch(engine, oracle, { ...request, epoch: 2, noiseStd: 0.3 }, 'noise')
  }

  async function compareInference(engine: Engine, oracle: Engine) {
    const { layers, loss } = engine.network
    for (const each of [engine, oracle]) await each.writeState(syntheticState(each.network, 4))
    for (const n of [0, 1, 3, 5]) {
      const bytes = syntheticSet(n, layers[0].inputs, 6 + n).rows
      const next = uniforms(n)
      for (const rows of [bytes, Float32Array.from(bytes, () => 2 * next() - 1)]) {
        const what = `${n} ${rows instanceof Uint8Array ? 'byte' : 'float'} rows`
        assertOutputs(await engine.forward(rows), await oracle.forward(rows), `forward, ${what}`)
        const codes = await oracle.encode(rows)
        assertOutputs(await engine.encode(rows), codes, `encode, ${what}`)
        assertOutputs(await engine.decode(codes), await oracle.decode(codes), `decode, ${what}`)
        if (loss !== 'mse') continue
        const errors = await engine.reconstructionErrors(rows)
        assert.instance(errors, Float64Array)
        assertOutputs(errors, await oracle.reconstructionErrors(rows), `reconstructionErrors, ${what}`)
      }
    }
    if (loss === 'mse') return
    const rows = syntheticSet(1, layers[0].inputs, 1).rows
    await assertRejects(() => engine.reconstructionErrors(rows), /./, 'reconstructionErrors without mse')
  }

  for (const { label, network, images, batchSize } of CASES) {
    if (!losses.includes(network.loss)) {
      console.log(`SKIPPED: conformance of ${name}: ${label}: the engine has no ${network.loss} loss`)
      continue
    }

    test(`trains and infers like the reference: ${label}`, async () => {
      const engine = await createEngine(network)
      const oracle = createReferenceEngine(network)
      try {
        await compareTraining(engine, oracle, images, batchSize)
        await compareInference(engine, oracle)
      } finally {
        await Promise.all([engine.dispose(), oracle.dispose()])
      }
    })
  }

  const small = CASES[0].network
  const smallInputs = small.layers[0].inputs

  // One engine for all that follows: making one takes a second where shaders are compiled for a CPU.
  let shared: Engine | undefined
  test.after(() => shared?.dispose())

  async function withSmall(body: (engine: Engine) => Promise<void>): Promise<void> {
    // Not in a `before` hook: uvu counts no failure for an error in there.
    shared ??= await createEngine(small)
    await body(shared)
  }

  async function prepare(engine: Engine, images = 22): Promise<void> {
    await engine.setTrainingSet(syntheticSet(images, smallInputs, 8))
    await engine.writeState(syntheticState(small, 9))
  }

  test('initialize gives the seeded parameters and trains from zero moments', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      for (const each of [engine, oracle]) {
        await prepare(each)
        await each.initialize(2 ** 32 - 1)
      }
      const state = await engine.readState()
      assertWithin(state.parameters, initialParameters(small, 2 ** 32 - 1), 0, 'parameters')
      assert.is(largest(state.firstMoment), 0)
      assert.is(largest(state.secondMoment), 0)
      assert.is(state.steps, 0)
      const actual = await engine.trainEpoch(REQUEST)
      const expected = await oracle.trainEpoch(REQUEST)
      const bound = tolerance.loss * largest(expected.batchLosses)
      assertWithin(actual.batchLosses, expected.batchLosses, bound, 'batchLosses')
      await oracle.dispose()
    }))

  test('units without a gradient still move by their momentum', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const state = syntheticState(small, 12)
      // A bottleneck of ReLUs that are all off: no gradient in fc1 and fc2, and moments so small that ε decides.
      const bias = parameterTable(small)[3]
      state.parameters.fill(-100, bias.offset, bias.offset + bias.length)
      state.firstMoment.fill(1e-9)
      state.secondMoment.fill(1e-20)
      for (const each of [engine, oracle]) {
        await prepare(each)
        await each.writeState(state)
        await each.trainEpoch({ ...REQUEST, order: Uint32Array.of(0, 1, 2) })
      }
      const end = bias.offset
      const expected = (await oracle.readState()).parameters.subarray(0, end)
      const actual = (await engine.readState()).parameters.subarray(0, end)
      assertWithin(actual, expected, tolerance.parameters, 'parameters')
      assert.ok(largest(expected.map((value, i) => value - state.parameters[i])) > 20 * tolerance.parameters)
      await oracle.dispose()
    }))

  test('a state that was written is read back', () =>
    withSmall(async (engine) => {
      const state = syntheticState(small, 21)
      await engine.writeState(state)
      const read = await engine.readState()
      assertSameBits(read, state, 'read back')
      read.parameters.fill(Number.NaN)
      assertSameBits(await engine.readState(), state, 'after the caller changed its copy')
    }))

  test('repeats, and a resumed epoch ends in the same bits', () =>
    withSmall(async (engine) => {
      const request = { ...REQUEST, noiseStd: 0.2 }
      await prepare(engine)
      const whole = await engine.trainEpoch(request)
      const wholeState = await engine.readState()
      assert.is(whole.steps, 6)

      await prepare(engine)
      assertWithin((await engine.trainEpoch(request)).batchLosses, whole.batchLosses, 0, 'repeated losses')
      assertSameBits(await engine.readState(), wholeState, 'repeated')

      await prepare(engine)
      const controller = new AbortController()
      const aborted = engine.trainEpoch({ ...request, signal: controller.signal })
      controller.abort()
      const first = await aborted
      assert.is(first.batchLosses.length, first.stepsDone)
      const middle = await engine.readState()
      await engine.initialize(1)
      await engine.writeState(middle)
      const rest = await engine.trainEpoch({ ...request, firstStep: first.stepsDone })
      assert.is(rest.stepsDone, 6)
      assertWithin([...first.batchLosses, ...rest.batchLosses], whole.batchLosses, 0, 'resumed losses')
      assertSameBits(await engine.readState(), wholeState, 'resumed')
    }))

  test('firstStep goes on where the reference would', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      for (const each of [engine, oracle]) await prepare(each)
      await assertSameEpoch(engine, oracle, { ...REQUEST, firstStep: 4 }, 'firstStep 4 of 6')
      const nothing = await engine.trainEpoch({ ...REQUEST, firstStep: 6 })
      assert.equal([nothing.stepsDone, nothing.steps, nothing.batchLosses.length], [6, 6, 0])
      await oracle.dispose()
    }))

  test('frozen layers keep their parameters and moments', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const table = parameterTable(small)
      for (const frozenLayers of [1, 3]) {
        for (const each of [engine, oracle]) await prepare(each)
        await assertSameEpoch(engine, oracle, { ...REQUEST, frozenLayers, weightDecay: 0.1 }, 'frozen')
        const [before, after] = [syntheticState(small, 9), await engine.readState()]
        const end = table[2 * frozenLayers].offset
        for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
          assertWithin(after[slab].subarray(0, end), before[slab].subarray(0, end), 0, `frozen ${slab}`)
        }
      }
      await oracle.dispose()
    }))

  test('visits the images of a given order only', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      for (const each of [engine, oracle]) await prepare(each)
      const order = Uint32Array.of(21, 0, 7, 7, 3, 20, 1)
      await assertSameEpoch(engine, oracle, { ...REQUEST, order, noiseStd: 0.1 }, 'order')
      await engine.setTrainingSet(syntheticSet(5, smallInputs, 2))
      await oracle.setTrainingSet(syntheticSet(5, smallInputs, 2))
      await assertSameEpoch(engine, oracle, REQUEST, 'a second training set')
      await oracle.dispose()
    }))

  test('reports progress in order, and none after the end', () =>
    withSmall(async (engine) => {
      await prepare(engine)
      const seen: number[] = []
      let settled = false
      const onProgress = (progress: { stepsDone: number; steps: number }) => {
        assert.not(settled, 'progress after the promise settled')
        assert.is(progress.steps, 22)
        seen.push(progress.stepsDone)
      }
      await engine.trainEpoch({ ...REQUEST, batchSize: 1, firstStep: 2, onProgress })
      settled = true
      await new Promise((resolve) => setTimeout(resolve, 20))
      seen.forEach((stepsDone, i) => {
        assert.ok(stepsDone >= (i ? seen[i - 1] : 2) && stepsDone <= 22, `progress ${seen}`)
      })
    }))

  test('rejects what cannot be right, and goes on after it', () =>
    withSmall(async (engine) => {
      await prepare(engine)
      const state = await engine.readState()
      const short = new Float32Array(parameterCount(small) - 1)
      for (const slab of ['parameters', 'firstMoment', 'secondMoment']) {
        await assertRejects(() => engine.writeState({ ...state, [slab]: short }), /\d/, `short ${slab}`)
      }
      await assertRejects(() => engine.setTrainingSet({ rows: new Uint8Array(8) }), /\d/, '8 bytes')
      await assertRejects(() => engine.forward(new Uint8Array(8)), /\d/, 'forward')
      await assertRejects(() => engine.encode(new Float32Array(13)), /\d/, 'encode')
      await assertRejects(() => engine.decode(new Float32Array(4)), /\d/, 'decode')
      await assertRejects(() => engine.reconstructionErrors(new Uint8Array(6)), /\d/, 'reconstructionErrors')
      const wrong: Partial<EpochRequest>[] = [
        { batchSize: 0 },
        { batchSize: 1.5 },
        { firstStep: 7 },
        { firstStep: -1 },
        { frozenLayers: 5 },
        { order: Uint32Array.of(3, 22) },
      ]
      for (const each of wrong) {
        await assertRejects(() => engine.trainEpoch({ ...REQUEST, ...each }), /\d/, JSON.stringify(each))
      }
      assertSameBits(await engine.readState(), state, 'after the errors')
      assert.is((await engine.trainEpoch(REQUEST)).stepsDone, 6)
    }))

  if (losses.includes('crossEntropy')) {
    test('cross-entropy needs labels', async () => {
      const engine = await createEngine(probe)
      try {
        const train = async (labels?: Uint8Array) => {
          const { rows } = syntheticSet(3, 9, 1)
          await engine.setTrainingSet(labels ? { rows, labels } : { rows })
          await engine.trainEpoch(REQUEST)
        }
        await assertRejects(() => train(), /label/i, 'no labels')
        await assertRejects(() => train(Uint8Array.of(0, 1)), /label/i, 'two labels for three images')
        await assertRejects(() => train(Uint8Array.of(0, 10, 1)), /label/i, 'a label that is no class')
        await train(Uint8Array.of(0, 9, 1))
      } finally {
        await engine.dispose()
      }
    })
  }

  test('a call made while another runs rejects', () =>
    withSmall(async (engine) => {
      await prepare(engine)
      const training = engine.trainEpoch(REQUEST)
      await assertRejects(() => engine.readState(), /^internal:/, 'overlap')
      assert.is((await training).stepsDone, 6)
      await engine.readState()
    }))

  test('dispose is idempotent, and the end', async () => {
    const engine = await createEngine(small)
    await assertRejects(() => engine.trainEpoch(REQUEST), /training set/i, 'no training set')
    await prepare(engine)
    await engine.dispose()
    await engine.dispose()
    await assertRejects(() => engine.readState(), /./, 'readState after dispose')
    await assertRejects(() => engine.trainEpoch(REQUEST), /./, 'trainEpoch after dispose')
    await assertRejects(() => engine.forward(new Uint8Array(7)), /./, 'forward after dispose')
  })

  test.run()
}
