/** What training is beyond the reference's numbers: repeats, resumes, orders, frozen layers, rooms. */
import * as assert from 'uvu/assert'
import type { Engine } from '../../../src/engines/engine.ts'
import { createReferenceEngine } from '../../../src/engines/reference/reference-engine.ts'
import { parameterTable } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import { initialParameters, shuffledOrder } from '../../../src/random/streams.ts'
import { assertSameBits, assertWithin, largest } from './assertions.ts'
import { type EngineSuite, prepare, REQUEST, small, smallInputs } from './suite.ts'
import { syntheticSet, syntheticState } from './synthetic.ts'

/** Enough that what lies behind a few rows must not lie among many. */
const ROOM_ROWS = 150

/** For what comes in a moment, but on a machine that has much else to do. */
const PATIENCE_MS = 10_000

export function testTraining(engines: EngineSuite): void {
  const { test } = engines

  test('initialize gives the seeded parameters and trains from zero moments', () =>
    engines.withSmall(async (engine) => {
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
      const bound = engines.tolerance.loss * largest(expected.batchLosses)
      assertWithin(actual.batchLosses, expected.batchLosses, bound, 'batchLosses')
      await oracle.dispose()
    }))

  test('units without a gradient still move by their momentum', () =>
    engines.withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const state = syntheticState(small, 12)
      // A bottleneck of ReLUs that are all off: no gradient in fc1 and fc2, and moments so small that ε
      // decides.
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
      assertWithin(actual, expected, engines.tolerance.parameters, 'parameters')
      assert.ok(
        largest(expected.map((value, i) => value - state.parameters[i])) > 20 * engines.tolerance.parameters,
      )
      await oracle.dispose()
    }))

  test('a state that was written is read back', () =>
    engines.withSmall(async (engine) => {
      const state = syntheticState(small, 21)
      await engine.writeState(state)
      const read = await engine.readState()
      assertSameBits(read, state, 'read back')
      read.parameters.fill(Number.NaN)
      assertSameBits(await engine.readState(), state, 'after the caller changed its copy')
    }))

  test('repeats, and a resumed epoch ends in the same bits', () =>
    engines.withSmall(async (engine) => {
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
    engines.withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      for (const each of [engine, oracle]) await prepare(each)
      await engines.assertSameEpoch(engine, oracle, { ...REQUEST, firstStep: 4 }, 'firstStep 4 of 6')
      const nothing = await engine.trainEpoch({ ...REQUEST, firstStep: 6 })
      assert.equal([nothing.stepsDone, nothing.steps, nothing.batchLosses.length], [6, 6, 0])
      await oracle.dispose()
    }))

  test('a rate for each step: as many, those of the whole epoch, and one alone the same as all alike', () =>
    engines.withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const learningRate = Float64Array.of(1e-3, 5e-3, 0, 2e-3, 1e-2, 3e-4)
      for (const each of [engine, oracle]) await prepare(each)
      await engines.assertSameEpoch(engine, oracle, { ...REQUEST, learningRate }, 'six rates')
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
    engines.withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      const table = parameterTable(small)
      for (const frozenLayers of [1, 3]) {
        for (const each of [engine, oracle]) await prepare(each)
        await engines.assertSameEpoch(
          engine,
          oracle,
          { ...REQUEST, frozenLayers, weightDecay: 0.1 },
          'frozen',
        )
        const [before, after] = [syntheticState(small, 9), await engine.readState()]
        const end = table[2 * frozenLayers].offset
        for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
          assertWithin(after[slab].subarray(0, end), before[slab].subarray(0, end), 0, `frozen ${slab}`)
        }
      }
      await oracle.dispose()
    }))

  test('visits the rows of a given order only', () =>
    engines.withSmall(async (engine) => {
      const oracle = createReferenceEngine(small)
      for (const each of [engine, oracle]) await prepare(each)
      const order = Uint32Array.of(21, 0, 7, 7, 3, 20, 1)
      await engines.assertSameEpoch(engine, oracle, { ...REQUEST, order, noiseStd: 0.1 }, 'order')
      await engine.setTrainingSet(syntheticSet(5, smallInputs, 2))
      await oracle.setTrainingSet(syntheticSet(5, smallInputs, 2))
      await engines.assertSameEpoch(engine, oracle, REQUEST, 'a second training set')
      await oracle.dispose()
    }))

  test('reports progress in order, and none after the end', () =>
    engines.withSmall(async (engine) => {
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

  test('reports progress while epochs follow each other that are far shorter than its interval', () =>
    engines.withSmall(async (engine) => {
      await prepare(engine)
      let calls = 0
      const onProgress = () => {
        calls++
      }
      const beginMs = performance.now()
      const passedMs = () => performance.now() - beginMs
      for (let epoch = 1; calls < 3 && passedMs() < PATIENCE_MS; epoch++) {
        await engine.trainEpoch({ ...REQUEST, epoch, onProgress })
      }
      // On a busy machine the last epoch may report more than once.
      assert.ok(calls >= 3, `${calls} reports in ${passedMs()} ms`)
      // Two intervals lie between three reports: clocks may be coarse.
      assert.ok(passedMs() > 40 * (calls - 1), `${calls} reports in ${passedMs()} ms`)
    }))

  test('rejects with what onProgress throws, which is not called again', () =>
    engines.withSmall(async (engine) => {
      await prepare(engine)
      let calls = 0
      const onProgress = () => {
        calls++
        throw new RangeError('not today')
      }
      const beginMs = performance.now()
      let thrown: unknown
      for (let epoch = 1; !thrown && performance.now() - beginMs < PATIENCE_MS; epoch++) {
        await engine.trainEpoch({ ...REQUEST, epoch, onProgress }).catch((error: unknown) => {
          thrown = error
        })
      }
      assert.instance(thrown, RangeError)
      assert.is(calls, 1)
      assert.is((await engine.trainEpoch(REQUEST)).stepsDone, 6)
    }))

  // Rows of whole groups of 8 bytes may lie in the engine's memory as they are; others it has to pad.
  for (const inputs of [7, 64]) {
    test(`rows of ${inputs} that are read into the room of the engine train as any others`, async () => {
      const network = hourglass({ input: inputs, hidden: 9, bottleneck: 3 })
      const { rows, labels } = syntheticSet(ROOM_ROWS, inputs, 8) as { rows: Uint8Array; labels: Uint8Array }
      const trained = async (engine: Engine, count: number, intoRoom: boolean) => {
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
      }
      const [reading, copying] = [await engines.createEngine(network), await engines.createEngine(network)]
      try {
        for (const count of [ROOM_ROWS, ROOM_ROWS - 30]) {
          const [read, copied] = [await trained(reading, count, true), await trained(copying, count, false)]
          assertSameBits(read, copied, `${count} rows`)
        }
      } finally {
        await Promise.all([reading.dispose(), copying.dispose()])
      }
    })
  }
}
