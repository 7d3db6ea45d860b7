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
import type { Activation, Loss, Network } from '../../src/model/network.ts'
import { codeSize, inputSize, parameterCount, parameterTable } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { ModelState } from '../../src/model/state.ts'
import { initialParameters, shuffledOrder } from '../../src/random/streams.ts'

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
  /** Makes the suite; default uvu's. */
  readonly createSuite?: (name: string) => TestSuite
}

interface Case {
  readonly label: string
  readonly network: Network
  readonly count: number
  readonly batchSize: number
}

/** A network of these layer sizes, one activation a layer, whose codes are the output of the narrowest layer. */
function chain(sizes: readonly number[], activations: readonly Activation[], loss: Loss): Network {
  const outputs = sizes.slice(1)
  return {
    layers: activations.map((activation, i) => ({
      name: `fc${i + 1}`,
      inputs: sizes[i],
      outputs: outputs[i],
      activation,
    })),
    loss,
    codeLayer: outputs.indexOf(Math.min(...outputs)),
  }
}

/** What may follow the last layer of an autoencoder, and under which loss. */
const OUTPUTS = [
  ['sigmoid', 'mse'],
  ['identity', 'mse'],
  ['sigmoid', 'bce'],
] as const

const HIDDEN = ['relu', 'tanh', 'sigmoid', 'identity'] as const

/**
 * Every depth that is asked of engines, with hidden activations in turn: over the four starts each activation stands in
 * each place. Widths lie around 40 and 80, the panels of the WASM engine, and 16, the tiles of WebGPU.
 */
const CHAINS: readonly Case[] = [
  [9],
  [41, 7],
  [39, 40, 17],
  [40, 79, 81, 3, 16],
  [17, 33, 41, 2, 15, 40],
  [16, 24, 39, 8, 3, 9, 15, 17],
].flatMap((widths) =>
  HIDDEN.flatMap((_, start): Case[] => {
    // One layer has no hidden activation, so the start says the output alone.
    const hidden = widths.slice(1).map((_, i) => HIDDEN[(start + i) % HIDDEN.length])
    const [output, loss] = OUTPUTS[(start + widths.length) % OUTPUTS.length]
    if (widths.length === 1 && start >= OUTPUTS.length) return []
    const network = chain([...widths, widths[0]], [...hidden, output], loss)
    const label = `${[...hidden, output].join(', ')} of ${widths.join('-')}, ${loss}`
    return [{ label, network, count: 11, batchSize: 4 }]
  }),
)

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
  count: number,
  batchSize: number,
  latentActivation: 'relu' | 'identity' = 'relu',
): Case {
  const label = `${input}-${hidden}-${bottleneck} ${latentActivation}, ${count} rows by ${batchSize}`
  const network = hourglass({ input, hidden, bottleneck, latentActivation })
  return { label, network, count, batchSize }
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
  { label: 'classifier 13-11-10, 15 rows by 6', network: classifier(13, 11), count: 15, batchSize: 6 },
  { label: 'probe 9-10, 11 rows by 4', network: probe, count: 11, batchSize: 4 },
  {
    label: 'classifier with tanh and sigmoid 12-9-7-10, 13 rows by 5',
    network: chain([12, 9, 7, 10], ['tanh', 'sigmoid', 'softmax'], 'crossEntropy'),
    count: 13,
    batchSize: 5,
  },
  ...CHAINS,
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

/** Floats of either sign, a tenth of them zero, or none beyond [0, 1] where the loss allows no others. */
function floatSet(network: Network, count: number, seed: number): TrainingSet & { rows: Float32Array } {
  const next = uniforms(seed)
  const rows = Float32Array.from({ length: count * inputSize(network) }, () => {
    const unit = next() < 0.1 ? 0 : next()
    return network.loss === 'bce' || unit === 0 ? unit : 2 * unit - 1
  })
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

/** The error that `work` ends in: every refusal is one of a name and a text, the same on every engine. */
async function rejectionOf(work: () => Promise<unknown>, what: string): Promise<Error> {
  let outcome: unknown
  try {
    await work()
  } catch (error) {
    outcome = error
  }
  assert.instance(outcome, Error, `${what}: expected a rejection with an Error, found ${outcome}`)
  return outcome as Error
}

async function assertRefuses(work: () => Promise<unknown>, message: string): Promise<void> {
  const error = await rejectionOf(work, message)
  assert.equal([error.name, error.message], ['UsageError', message])
}

async function assertInternal(work: () => Promise<unknown>, message: string): Promise<void> {
  assert.is((await rejectionOf(work, message)).message, `internal: ${message}`)
}

/** Networks that no engine computes, and what each of them says. */
const REFUSED: readonly (readonly [Network, string])[] = [
  [
    chain([4, 3, 4], ['softmax', 'sigmoid'], 'mse'),
    'activation of fc1: expected relu, tanh, sigmoid, identity, found softmax',
  ],
  [
    chain([4, 3, 4], ['relu', 'relu'], 'mse'),
    'activation of fc2: expected sigmoid or identity with the loss mse, found relu',
  ],
  [
    chain([4, 3, 4], ['relu', 'tanh'], 'mse'),
    'activation of fc2: expected sigmoid or identity with the loss mse, found tanh',
  ],
  [
    chain([4, 3, 4], ['relu', 'identity'], 'bce'),
    'activation of fc2: expected sigmoid with the loss bce, found identity',
  ],
  [
    chain([4, 3, 4], ['relu', 'sigmoid'], 'crossEntropy'),
    'activation of fc2: expected softmax with the loss crossEntropy, found sigmoid',
  ],
  [
    chain([4, 3, 4], ['gelu' as Activation, 'sigmoid'], 'mse'),
    'activation of fc1: expected relu, tanh, sigmoid, identity, found gelu',
  ],
  [chain([4, 3, 4], ['relu', 'sigmoid'], 'mae' as Loss), 'loss: expected mse, bce, crossEntropy, found mae'],
  [chain([4, 3, 5], ['relu', 'sigmoid'], 'mse'), 'outputs of fc2: expected as many as the 4 inputs, found 5'],
  [chain([4, 300], ['softmax'], 'crossEntropy'), 'outputs of fc1: expected at most 256 classes, found 300'],
  [
    { ...chain([4, 3, 4], ['relu', 'sigmoid'], 'mse'), codeLayer: 2 },
    'code layer: expected an index from 0 to 1, found 2',
  ],
  [{ layers: [], loss: 'mse', codeLayer: 0 }, 'layers: expected at least one, found 0'],
  [
    chain([4, 0, 4], ['relu', 'sigmoid'], 'mse'),
    'size of fc1: expected a whole number of at least 1, found 0',
  ],
  [
    chain([4, 2.5, 4], ['relu', 'sigmoid'], 'mse'),
    'size of fc1: expected a whole number of at least 1, found 2.5',
  ],
  [
    {
      ...probe,
      layers: [
        { name: 'a', inputs: 4, outputs: 3, activation: 'relu' },
        { name: 'b', inputs: 2, outputs: 10, activation: 'softmax' },
      ],
    },
    'inputs of b: expected the 3 of a, found 2',
  ],
  [
    {
      ...probe,
      layers: [
        { name: 'a', inputs: 4, outputs: 3, activation: 'relu' },
        { name: 'a', inputs: 3, outputs: 10, activation: 'softmax' },
      ],
    },
    'name of layer 2: expected one that no other has, found a',
  ],
]

/** Enough that what lies behind a few rows must not lie among many. */
const ROOM_ROWS = 150

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
  const { tolerance = FLOAT32_TOLERANCE, createSuite = suite } = options
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

  async function compareTraining(engine: Engine, oracle: Engine, count: number, batchSize: number) {
    const { network } = engine
    const sets = {
      bytes: syntheticSet(count, inputSize(network), 5),
      floats: floatSet(network, count, 14),
    }
    for (const [kind, set] of Object.entries(sets)) {
      for (const each of [engine, oracle]) {
        await each.setTrainingSet(set)
        await each.writeState(syntheticState(network, 3))
      }
      const request = { ...REQUEST, batchSize }
      await assertSameEpoch(engine, oracle, { ...request, weightDecay: 0.01 }, `${kind}, weight decay`)
      await assertSameEpoch(engine, oracle, { ...request, epoch: 2, noiseStd: 0.3 }, `${kind}, noise`)
    }
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
        const floats =
          rows instanceof Float32Array && loss === 'bce' ? floatSet(engine.network, n, n).rows : rows
        const labels = loss === 'crossEntropy' ? Uint8Array.from({ length: n }, (_, i) => i) : undefined
        const losses = await engine.rowLosses(floats, labels)
        assert.instance(losses, Float64Array)
        assertOutputs(losses, await oracle.rowLosses(floats, labels), `rowLosses, ${what}`)
        if (loss === 'crossEntropy') continue
        const errors = await engine.reconstructionErrors(rows)
        assert.instance(errors, Float64Array)
        assertOutputs(errors, await oracle.reconstructionErrors(rows), `reconstructionErrors, ${what}`)
      }
    }
    if (loss !== 'crossEntropy') return
    const rows = syntheticSet(1, layers[0].inputs, 1).rows
    await assertRefuses(
      () => engine.reconstructionErrors(rows),
      'reconstruction errors: expected a network with the loss mse or bce, found crossEntropy',
    )
    await assertRefuses(() => engine.rowLosses(rows), 'inputs: cross-entropy needs labels, found none')
  }

  for (const { label, network, count, batchSize } of CASES) {
    test(`trains and infers like the reference: ${label}`, async () => {
      const engine = await createEngine(network)
      const oracle = createReferenceEngine(network)
      try {
        await compareTraining(engine, oracle, count, batchSize)
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

  async function prepare(engine: Engine, count = 22): Promise<void> {
    await engine.setTrainingSet(syntheticSet(count, smallInputs, 8))
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

  test('a rate for each step: as many, those of the whole epoch, and one alone the same as all alike', () =>
    withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const learningRate = Float64Array.of(1e-3, 5e-3, 0, 2e-3, 1e-2, 3e-4)
      for (const each of [engine, oracle]) await prepare(each)
      await assertSameEpoch(engine, oracle, { ...REQUEST, learningRate }, 'six rates')
      const state = await engine.readState()

      await prepare(engine)
      const first = REQUEST.batchSize * 2
      const order = shuffledOrder(22, REQUEST.seed, REQUEST.epoch)
      const beginning = { order: order.slice(0, first), learningRate: learningRate.slice(0, 2) }
      await engine.trainEpoch({ ...REQUEST, ...beginning })
      await engine.trainEpoch({ ...REQUEST, learningRate, firstStep: 2 })
      assertSameBits(await engine.readState(), state, 'resumed after two steps')

      await prepare(engine)
      await engine.trainEpoch(REQUEST)
      const alike = await engine.readState()
      await prepare(engine)
      await engine.trainEpoch({ ...REQUEST, learningRate: new Float64Array(6).fill(1e-3) })
      assertSameBits(await engine.readState(), alike, 'six alike')
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

  test('visits the rows of a given order only', () =>
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
        const message = `${slab}: expected ${parameterCount(small)} values, found ${short.length}`
        await assertRefuses(() => engine.writeState({ ...state, [slab]: short }), message)
      }
      const rows = (what: string, width: number, found: number) =>
        `${what}: expected a multiple of ${width} values, found ${found}`
      await assertRefuses(
        () => engine.setTrainingSet({ rows: new Uint8Array(8) }),
        rows('training rows', smallInputs, 8),
      )
      await assertRefuses(
        () => engine.setTrainingSet({ rows: new Float64Array(7) as unknown as Float32Array }),
        'training rows: expected a Uint8Array or a Float32Array',
      )
      const infinite = new Float32Array(2 * smallInputs)
      infinite[smallInputs + 2] = Number.POSITIVE_INFINITY
      await assertRefuses(
        () => engine.setTrainingSet({ rows: infinite }),
        'training rows: expected finite numbers, found Infinity at row 1, column 2',
      )
      await assertRefuses(() => engine.forward(new Uint8Array(8)), rows('inputs', smallInputs, 8))
      await assertRefuses(() => engine.encode(new Float32Array(13)), rows('inputs', smallInputs, 13))
      await assertRefuses(() => engine.decode(new Float32Array(4)), rows('codes', codeSize(small), 4))
      await assertRefuses(
        () => engine.reconstructionErrors(new Uint8Array(6)),
        rows('inputs', smallInputs, 6),
      )
      await assertRefuses(() => engine.rowLosses(new Uint8Array(6)), rows('inputs', smallInputs, 6))
      const wrong: (readonly [Partial<EpochRequest>, string])[] = [
        [{ batchSize: 0 }, 'batch size: expected a whole number from 1 to 2147483648, found 0'],
        [{ batchSize: 1.5 }, 'batch size: expected a whole number from 1 to 2147483648, found 1.5'],
        [{ firstStep: 7 }, 'first step: expected a whole number from 0 to 6, found 7'],
        [{ firstStep: -1 }, 'first step: expected a whole number from 0 to 6, found -1'],
        [{ frozenLayers: 5 }, 'frozen layers: expected a whole number from 0 to 4, found 5'],
        [{ order: Uint32Array.of(3, 22) }, 'order: expected indices below 22, found 22 at 1'],
        [{ learningRate: Number.NaN }, 'learningRate: expected a finite number of at least 0, found NaN'],
        [{ learningRate: new Float64Array(5) }, 'learningRate: expected one or 6, one a step, found 5'],
        [
          { learningRate: Float64Array.of(0, 0, 0, 0, 0, -1) },
          'learningRate: expected a finite number of at least 0, found -1',
        ],
        [{ noiseStd: -1 }, 'noiseStd: expected a finite number of at least 0, found -1'],
      ]
      for (const [each, message] of wrong) {
        await assertRefuses(() => engine.trainEpoch({ ...REQUEST, ...each }), message)
      }
      assertSameBits(await engine.readState(), state, 'after the errors')
      assert.is((await engine.trainEpoch(REQUEST)).stepsDone, 6)
    }))

  for (const [network, message] of REFUSED) {
    test(`refuses a network: ${message}`, () =>
      assertRefuses(async () => (await createEngine(network)).dispose(), `network: ${message}`))
  }

  test('rows under bce lie in [0, 1]', async () => {
    const engine = await createEngine(chain([3, 2, 3], ['relu', 'sigmoid'], 'bce'))
    try {
      const expected = 'expected values from 0 to 1 with the loss bce'
      for (const [found, text] of [
        [-0.5, '-0.5'],
        [1.5, '1.5'],
        [Number.NaN, 'NaN'],
      ] as const) {
        const rows = Float32Array.of(0, 1, 0.5, 0, found, 1)
        const place = `found ${text} at row 1, column 1`
        await assertRefuses(() => engine.setTrainingSet({ rows }), `training rows: ${expected}, ${place}`)
        await assertRefuses(() => engine.rowLosses(rows), `inputs: ${expected}, ${place}`)
      }
      await engine.setTrainingSet({ rows: Float32Array.of(0, 1, 0.5) })
    } finally {
      await engine.dispose()
    }
  })

  test('cross-entropy needs labels', async () => {
    const engine = await createEngine(probe)
    try {
      const { rows } = syntheticSet(3, 9, 1)
      const set = (labels?: Uint8Array) => () => engine.setTrainingSet(labels ? { rows, labels } : { rows })
      await assertRefuses(set(), 'training set: cross-entropy needs labels, found none')
      await assertRefuses(set(Uint8Array.of(0, 1)), 'training set: expected 3 labels, one a row, found 2')
      await assertRefuses(
        set(Uint8Array.of(0, 10, 1)),
        'training set: expected labels below 10, found 10 at 1',
      )
      await set(Uint8Array.of(0, 9, 1))()
      await engine.trainEpoch(REQUEST)
    } finally {
      await engine.dispose()
    }
  })

  // Rows of whole groups of 8 bytes may lie in the engine's memory as they are; others it has to pad.
  for (const inputs of [7, 64]) {
    test(`rows of ${inputs} that are read into the room of the engine train as any others`, async () => {
      const network = hourglass({ input: inputs, hidden: 9, bottleneck: 3 })
      const { rows, labels } = syntheticSet(ROOM_ROWS, inputs, 8) as { rows: Uint8Array; labels: Uint8Array }
      const trained = async (count: number, intoRoom: boolean) => {
        const engine = await createEngine(network)
        try {
          const room = intoRoom ? engine.roomFor(ROOM_ROWS) : new Uint8Array(rows.length)
          assert.is(room.length, rows.length)
          room.set(rows)
          // What comes between leaves the room alone.
          await engine.initialize(4)
          await engine.forward(rows.subarray(0, 3 * inputs))
          await engine.setTrainingSet({
            rows: room.subarray(0, count * inputs),
            labels: labels.subarray(0, count),
          })
          await engine.trainEpoch({ ...REQUEST, batchSize: 16 })
          await engine.setTrainingSet({ rows: rows.subarray(0, 5 * inputs) })
          await engine.trainEpoch({ ...REQUEST, epoch: 2 })
          return await engine.readState()
        } finally {
          await engine.dispose()
        }
      }
      for (const count of [ROOM_ROWS, ROOM_ROWS - 30]) {
        assertSameBits(await trained(count, true), await trained(count, false), `${count} rows`)
      }
    })
  }

  test('a call made while another runs rejects', () =>
    withSmall(async (engine) => {
      await prepare(engine)
      const training = engine.trainEpoch(REQUEST)
      await assertInternal(() => engine.readState(), 'an engine call was made while another was running')
      assert.is((await training).stepsDone, 6)
      await engine.readState()
    }))

  test('dispose is idempotent, and the end', async () => {
    const engine = await createEngine(small)
    await assertRefuses(
      () => engine.trainEpoch(REQUEST),
      'trainEpoch: no training set; call setTrainingSet first',
    )
    await prepare(engine)
    await engine.dispose()
    await engine.dispose()
    await assertInternal(() => engine.readState(), 'the engine was used after dispose')
    await assertInternal(() => engine.trainEpoch(REQUEST), 'the engine was used after dispose')
    await assertInternal(() => engine.forward(new Uint8Array(7)), 'the engine was used after dispose')
  })

  test.run()
}
