import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import type { Network } from '../../../src/model/network.ts'
import { parameterTable } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'

const test = suite('a loss that is no number')

const NETWORKS: readonly Network[] = [
  hourglass({ input: 17, hidden: 9, bottleneck: 3 }),
  {
    layers: [
      { name: 'fc1', inputs: 17, outputs: 9, activation: 'relu' },
      { name: 'fc2', inputs: 9, outputs: 4, activation: 'softmax' },
    ],
    loss: 'crossEntropy',
    codeLayer: 0,
  },
  {
    layers: [
      { name: 'fc1', inputs: 17, outputs: 9, activation: 'tanh' },
      { name: 'fc2', inputs: 9, outputs: 4, activation: 'sigmoid' },
      { name: 'fc3', inputs: 4, outputs: 17, activation: 'sigmoid' },
    ],
    loss: 'bce',
    codeLayer: 1,
  },
  {
    layers: [
      { name: 'fc1', inputs: 17, outputs: 9, activation: 'identity' },
      { name: 'fc2', inputs: 9, outputs: 17, activation: 'identity' },
    ],
    loss: 'mse',
    codeLayer: 0,
  },
]

for (const network of NETWORKS) {
  for (const { name, offset, length } of parameterTable(network)) {
    test(`is returned and ends the epoch: ${network.loss}, NaN in ${name}`, async () => {
      const engine = await createWasmEngine(network, { threads: 2, simd: 'auto' })
      try {
        await engine.setTrainingSet({
          rows: new Uint8Array(400 * 17).fill(200),
          labels: new Uint8Array(400),
        })
        await engine.initialize(1)
        const state = await engine.readState()
        // All of the tensor: products with zero are skipped, and a NaN that only zeros would meet stays
        // unseen.
        state.parameters.fill(Number.NaN, offset, offset + length)
        await engine.writeState(state)
        const request = { seed: 1, epoch: 1, batchSize: 4, learningRate: 1e-3, weightDecay: 0 }
        const { batchLosses, stepsDone, steps } = await engine.trainEpoch(request)
        assert.ok(Number.isNaN(batchLosses[0]), `losses ${batchLosses}`)
        assert.is(batchLosses.length, stepsDone)
        assert.ok(stepsDone < steps, `${stepsDone} of ${steps} steps were done`)
      } finally {
        await engine.dispose()
      }
    })
  }
}

test.run()
