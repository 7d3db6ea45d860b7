import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Engine, TrainingSet } from '../../../src/engines/engine.ts'
import type { OperandChoice } from '../../../src/engines/wasm/algorithms.ts'
import { MEASURED, shareOfZeros, zerosUnderNoise } from '../../../src/engines/wasm/algorithms.ts'
import { assertSameBits } from '../../support/core.ts'
import { engineFromParts } from '../../support/wasm-engine.ts'
import { byteSet, describe, floatSet, NETWORKS } from './networks.ts'

const test = suite('how the inputs of a layer lie')

const COUNT = 75
const BATCH_SIZE = 33

const CHOICES: Readonly<Record<string, OperandChoice>> = {
  lists: { listsInputs: () => true, listsOutputs: () => true },
  'row pairs': { listsInputs: () => false, listsOutputs: (layer) => layer.activation === 'relu' },
}

/** Everything that an engine gives: state and losses of three epochs, outputs, codes and losses of rows. */
async function bitsOf(engine: Engine, { rows, labels }: TrainingSet): Promise<Uint32Array> {
  await engine.setTrainingSet(labels ? { rows, labels } : { rows })
  await engine.initialize(8)
  const parts: Float32Array[] = []
  for (const [epoch, noiseStd] of [0, 0, 0.2].entries()) {
    const request = {
      seed: 8,
      epoch: epoch + 1,
      batchSize: BATCH_SIZE,
      learningRate: 1e-3,
      weightDecay: 1e-4,
    }
    parts.push(Float32Array.from((await engine.trainEpoch({ ...request, noiseStd })).batchLosses))
  }
  const { parameters, firstMoment, secondMoment } = await engine.readState()
  const codes = await engine.encode(rows)
  for (const part of [
    parameters,
    firstMoment,
    secondMoment,
    await engine.forward(rows),
    codes,
    await engine.decode(codes),
    await engine.rowLosses(rows, labels),
  ]) {
    parts.push(Float32Array.from(part))
  }
  return new Uint32Array(parts.flatMap((part) => [...new Uint32Array(part.buffer)]))
}

for (const network of NETWORKS) {
  for (const build of ['relaxed', 'plain'] as const) {
    test(`changes no bit: ${describe(network)}, core ${build}`, async () => {
      const sets = { bytes: byteSet(network, COUNT), floats: floatSet(network, COUNT) }
      for (const [kind, set] of Object.entries(sets)) {
        let expected: Uint32Array | undefined
        for (const [name, operands] of Object.entries(CHOICES)) {
          for (const wideTile of [false, true]) {
            const { engine } = await engineFromParts(network, {
              variant: build,
              threads: 1,
              wideTile,
              operands,
            })
            try {
              const bits = await bitsOf(engine, set)
              expected ??= bits
              assertSameBits(bits, expected, `${kind} by ${name}, wide ${wideTile}`)
            } finally {
              await engine.dispose()
            }
          }
        }
      }
    })
  }
}

for (const network of NETWORKS) {
  test(`bytes, and floats of the same values, end in the same bits: ${describe(network)}`, async () => {
    const { rows, labels } = byteSet(network, COUNT)
    const floats = Float32Array.from(rows, (byte) => byte / 255)
    const { engine } = await engineFromParts(network, { variant: 'relaxed', threads: 2, wideTile: false })
    try {
      const request = { seed: 3, epoch: 1, batchSize: BATCH_SIZE, learningRate: 1e-3, weightDecay: 1e-4 }
      const states: Uint32Array[] = []
      for (const each of [rows, floats]) {
        await engine.setTrainingSet({ rows: each, labels })
        await engine.initialize(3)
        await engine.trainEpoch(request)
        const { parameters } = await engine.readState()
        states.push(new Uint32Array(Float32Array.from(parameters).buffer))
      }
      assertSameBits(states[1], states[0], 'parameters')
    } finally {
      await engine.dispose()
    }
  })
}

test('is chosen by the share of zeros, of which noise leaves none or half', () => {
  assert.is(shareOfZeros(new Uint8Array(0), 3), 0)
  assert.is(shareOfZeros(Uint8Array.of(0, 1, 2, 0), 2), 0.5)
  assert.is(shareOfZeros(Float32Array.of(-0, 1e-40, 2, 3), 4), 0.25)
  // Of many rows only some are looked at.
  const many = Float32Array.from({ length: 10_000 }, (_, i) => (i < 5000 ? 0 : 1))
  assert.ok(Math.abs(shareOfZeros(many, 4) - 0.5) < 0.01)
  assert.equal(
    (['none', 'clipped', 'full'] as const).map((noise) => zerosUnderNoise(0.8, noise)),
    [0.8, 0.4, 0],
  )
  // MNIST's pixels, 81 % of them zero, noisy or not, and photographs.
  assert.equal([0.81, 0.405, 0.02].map(MEASURED.listsInputs), [true, true, false])
})

test.run()
