import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Network } from '../../../src/model/network.ts'
import { stateOf } from '../../../src/model/state.ts'
import { engineFromParts } from '../../support/wasm-engine.ts'

const test = suite('binary cross-entropy of logits')

const SIZE = 41
const network: Network = {
  layers: [{ name: 'fc1', inputs: SIZE, outputs: SIZE, activation: 'sigmoid' }],
  loss: 'bce',
  codeLayer: 0,
}

/** A network whose logits are `logits`, whatever the inputs: all weights are zero. */
function parametersOf(logits: readonly number[]): Float32Array {
  const parameters = new Float32Array(SIZE * SIZE + SIZE)
  parameters.set(logits, SIZE * SIZE)
  return parameters
}

/** max(z, 0) − z t + ln(1 + e^−|z|) in float64. */
function lossOf(z: number, t: number): number {
  return Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)))
}

const LOGITS = [0, 1e-30, 1e-4, 0.5, 3, 16.7, 40, 86.9, 87.1, 104, 1e4, 1e30]

for (const variant of ['relaxed', 'plain'] as const) {
  test(`is right from the smallest logits to the largest, core ${variant}`, async () => {
    const { engine } = await engineFromParts(network, { variant, threads: 1, wideTile: false })
    try {
      for (const size of LOGITS) {
        for (const z of [size, -size].map(Math.fround)) {
          await engine.writeState(stateOf(parametersOf(Array(SIZE).fill(z))))
          for (const t of [0, 0.25, 1].map(Math.fround)) {
            const what = `z ${z}, t ${t}`
            const [loss] = await engine.rowLosses(new Float32Array(SIZE).fill(t))
            const expected = lossOf(z, t)
            // Four roundings and two ulp each of exponential and logarithm; below e^−87 a loss counts as
            // zero.
            const bound = 2 ** -20 * Math.max(expected, Math.abs(z * t)) + 2e-38
            assert.ok(Math.abs(loss - expected) <= bound, `${what}: ${loss}, expected ${expected}`)
          }
        }
      }
    } finally {
      await engine.dispose()
    }
  })

  test(`moves each bias against its own error alone, core ${variant}`, async () => {
    const { engine } = await engineFromParts(network, { variant, threads: 1, wideTile: false })
    try {
      // The first outputs are far too small, the last far too large, those between right; all with the target
      // 1/2.
      const logits = Array.from({ length: SIZE }, (_, i): number => (i < 3 ? -1e4 : i > 37 ? 1e4 : 0))
      await engine.setTrainingSet({ rows: new Float32Array(SIZE).fill(0.5) })
      await engine.writeState(stateOf(parametersOf(logits)))
      const request = { seed: 1, epoch: 1, batchSize: 1, learningRate: 1, weightDecay: 0 }
      const { batchLosses } = await engine.trainEpoch(request)
      const expected = logits.reduce((sum, z) => sum + lossOf(z, 0.5), 0) / SIZE
      assert.ok(Math.abs(batchLosses[0] - expected) <= 1e-6 * expected, `loss ${batchLosses[0]}`)
      const { firstMoment } = await engine.readState()
      // A tenth of the gradient (y − t) / outputs.
      logits.forEach((z, i) => {
        const gradient = (z < 0 ? -0.5 : z > 0 ? 0.5 : 0) / SIZE
        const found = firstMoment[SIZE * SIZE + i]
        assert.ok(Math.abs(found - 0.1 * gradient) <= 1e-8, `bias ${i}: ${found}`)
      })
    } finally {
      await engine.dispose()
    }
  })
}

test.run()
