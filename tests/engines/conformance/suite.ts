/** What the tests of one engine share: a small engine, and the comparison with the reference engine. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Engine, EpochRequest } from '../../../src/engines/engine.ts'
import type { Network } from '../../../src/model/network.ts'
import { inputSize } from '../../../src/model/network.ts'
import type { ModelState } from '../../../src/model/state.ts'
import { assertRefuses, assertWithin, FLOAT32_TOLERANCE, largest, type Tolerance } from './assertions.ts'
import { CASES } from './networks.ts'
import { floatSet, syntheticSet, syntheticState, uniforms } from './synthetic.ts'

export type CreateEngine = (network: Network) => Promise<Engine>

/** What tests are registered with: uvu's suites, or anything like them. */
export interface TestSuite {
  (name: string, run: () => Promise<void>): void
  after(hook: () => Promise<void> | undefined): void
  run(): void
}

export interface ConformanceOptions {
  readonly tolerance?: Tolerance
  /** One network of each depth in place of four: where the engine is tried with all of them elsewhere. */
  readonly isBrief?: boolean
  /** Makes the suite; default uvu's. */
  readonly createSuite?: (name: string) => TestSuite
}

export const REQUEST: EpochRequest = {
  seed: 11,
  epoch: 1,
  batchSize: 4,
  learningRate: 1e-3,
  weightDecay: 0,
}

/** What most tests are about. */
export const small = CASES[0].network
export const smallInputs = small.layers[0].inputs

/** Gives the small engine rows and a state, whatever a test before has left. */
export async function prepare(engine: Engine, count = 22): Promise<void> {
  await engine.setTrainingSet(syntheticSet(count, smallInputs, 8))
  await engine.writeState(syntheticState(small, 9))
}

/** The tests of one engine, with its tolerance; the reference engine is the oracle. */
export class EngineSuite {
  readonly test: TestSuite
  readonly createEngine: CreateEngine
  readonly tolerance: Tolerance
  #small: Engine | undefined

  constructor(name: string, createEngine: CreateEngine, options: ConformanceOptions) {
    const { tolerance = FLOAT32_TOLERANCE, createSuite = suite } = options
    this.test = createSuite(`conformance of ${name}`)
    this.createEngine = createEngine
    this.tolerance = tolerance
    this.test.after(() => this.#small?.dispose())
  }

  /** One engine for many tests: making one takes a second where shaders are compiled for a CPU. */
  async withSmall(body: (engine: Engine) => Promise<void>): Promise<void> {
    // Not in a `before` hook: uvu counts no failure for an error in there.
    this.#small ??= await this.createEngine(small)
    await body(this.#small)
  }

  assertStates(actual: ModelState, expected: ModelState, what: string): void {
    assert.is(actual.steps, expected.steps, `${what}: steps`)
    assertWithin(actual.parameters, expected.parameters, this.tolerance.parameters, `${what}: parameters`)
    for (const slab of ['firstMoment', 'secondMoment'] as const) {
      const bound = this.tolerance.moments * largest(expected[slab])
      assertWithin(actual[slab], expected[slab], bound, `${what}: ${slab}`)
    }
  }

  assertOutputs(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
    assertWithin(actual, expected, this.tolerance.outputs * Math.max(1, largest(expected)), what)
  }

  async assertSameEpoch(engine: Engine, oracle: Engine, request: EpochRequest, what: string) {
    const actual = await engine.trainEpoch(request)
    const expected = await oracle.trainEpoch(request)
    assert.is(actual.steps, expected.steps, `${what}: steps`)
    assert.is(actual.stepsDone, expected.stepsDone, `${what}: stepsDone`)
    assert.instance(actual.batchLosses, Float64Array)
    const bound = this.tolerance.loss * largest(expected.batchLosses)
    assertWithin(actual.batchLosses, expected.batchLosses, bound, `${what}: batchLosses`)
    this.assertStates(await engine.readState(), await oracle.readState(), what)
  }

  async compareTraining(engine: Engine, oracle: Engine, count: number, batchSize: number) {
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
      await this.assertSameEpoch(engine, oracle, { ...request, weightDecay: 0.01 }, `${kind}, weight decay`)
      await this.assertSameEpoch(engine, oracle, { ...request, epoch: 2, noiseStd: 0.3 }, `${kind}, noise`)
    }
  }

  async compareInference(engine: Engine, oracle: Engine) {
    const { layers, loss } = engine.network
    for (const each of [engine, oracle]) await each.writeState(syntheticState(each.network, 4))
    for (const n of [0, 1, 3, 5]) {
      const bytes = syntheticSet(n, layers[0].inputs, 6 + n).rows
      const next = uniforms(n)
      for (const rows of [bytes, Float32Array.from(bytes, () => 2 * next() - 1)]) {
        const what = `${n} ${rows instanceof Uint8Array ? 'byte' : 'float'} rows`
        this.assertOutputs(await engine.forward(rows), await oracle.forward(rows), `forward, ${what}`)
        const codes = await oracle.encode(rows)
        this.assertOutputs(await engine.encode(rows), codes, `encode, ${what}`)
        this.assertOutputs(await engine.decode(codes), await oracle.decode(codes), `decode, ${what}`)
        const floats =
          rows instanceof Float32Array && loss === 'bce' ? floatSet(engine.network, n, n).rows : rows
        const labels = loss === 'crossEntropy' ? Uint8Array.from({ length: n }, (_, i) => i) : undefined
        const losses = await engine.rowLosses(floats, labels)
        assert.instance(losses, Float64Array)
        this.assertOutputs(losses, await oracle.rowLosses(floats, labels), `rowLosses, ${what}`)
        if (loss === 'crossEntropy') continue
        const errors = await engine.reconstructionErrors(rows)
        assert.instance(errors, Float64Array)
        this.assertOutputs(errors, await oracle.reconstructionErrors(rows), `reconstructionErrors, ${what}`)
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
}
