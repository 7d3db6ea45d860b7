/** What every engine refuses, in the same words, and what it does after. */
import * as assert from 'uvu/assert'
import type { EpochRequest } from '../../../src/engines/engine.ts'
import { codeSize, parameterCount } from '../../../src/model/network.ts'
import { assertInternal, assertRefuses, assertSameBits } from './assertions.ts'
import { chain, probe, REFUSED } from './networks.ts'
import { type EngineSuite, prepare, REQUEST, small, smallInputs } from './suite.ts'
import { syntheticSet } from './synthetic.ts'

export function testRefusals(engines: EngineSuite): void {
  const { test } = engines

  test('rejects what cannot be right, and goes on after it', () =>
    engines.withSmall(async (engine) => {
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
      assertRefuses(async () => (await engines.createEngine(network)).dispose(), `network: ${message}`))
  }

  test('rows under bce lie in [0, 1]', async () => {
    const engine = await engines.createEngine(chain([3, 2, 3], ['relu', 'sigmoid'], 'bce'))
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
    const engine = await engines.createEngine(probe)
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

  test('a call made while another runs rejects', () =>
    engines.withSmall(async (engine) => {
      await prepare(engine)
      const training = engine.trainEpoch(REQUEST)
      await assertInternal(() => engine.readState(), 'an engine call was made while another was running')
      assert.is((await training).stepsDone, 6)
      await engine.readState()
    }))

  test('dispose is idempotent, and the end', async () => {
    const engine = await engines.createEngine(small)
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
}
