import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AdamSlabs } from '../../../src/engines/reference/adam.ts'
import { adamStep } from '../../../src/engines/reference/adam.ts'
import type { Batch } from '../../../src/engines/reference/backward.ts'
import { gradients, lossOf } from '../../../src/engines/reference/backward.ts'
import { layerParameters, linear } from '../../../src/engines/reference/forward.ts'
import type { Network } from '../../../src/model/network.ts'
import { parameterCount, parameterTable } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import { createRandomSequence } from '../../../src/random/sequence.ts'

const classifier: Network = {
  layers: [
    { name: 'fc1', inputs: 6, outputs: 5, activation: 'relu' },
    { name: 'fc2', inputs: 5, outputs: 4, activation: 'sigmoid' },
    { name: 'fc3', inputs: 4, outputs: 3, activation: 'softmax' },
  ],
  loss: 'crossEntropy',
  codeLayer: 1,
}
function deep(output: 'identity' | 'sigmoid', loss: 'mse' | 'bce'): Network {
  const layers = [
    { name: 'fc1', inputs: 6, outputs: 5, activation: 'tanh' },
    { name: 'fc2', inputs: 5, outputs: 2, activation: 'identity' },
    { name: 'fc3', inputs: 2, outputs: 4, activation: 'sigmoid' },
    { name: 'fc4', inputs: 4, outputs: 6, activation: output },
  ] as const
  return { layers, loss, codeLayer: 1 }
}

const NETWORKS: Record<string, Network> = {
  'autoencoder with a ReLU bottleneck': hourglass({ input: 6, hidden: 5, bottleneck: 3 }),
  'autoencoder with a linear bottleneck': hourglass({
    input: 6,
    hidden: 5,
    bottleneck: 2,
    latentActivation: 'identity',
  }),
  'classifier with cross-entropy': classifier,
  'tanh and sigmoid under a linear output': deep('identity', 'mse'),
  'tanh and sigmoid under binary cross-entropy': deep('sigmoid', 'bce'),
}

const STEP = 1e-5
/**
 * Pre-activations must be further from 0 than a step can move them: |x| ≤ 1, and weights below 1 pass it on.
 */
const KINK_DISTANCE = 1e-3

/** Signed parameters and rows, and targets that are not the inputs, so that the two cannot be confused. */
function draw(network: Network, seed: number): { parameters: Float64Array; batch: Batch } {
  const random = createRandomSequence(seed)
  const signed = (length: number) => Float64Array.from({ length }, () => 2 * random.uniform() - 1)
  const n = 4
  const { outputs } = network.layers[network.layers.length - 1]
  const batch = {
    inputs: signed(n * network.layers[0].inputs),
    targets: signed(n * outputs),
    labels: Uint8Array.from({ length: n }, () => random.below(outputs)),
  }
  return { parameters: signed(parameterCount(network)), batch }
}

/** Smallest distance of a ReLU's input from its kink, over all layers and images. */
function distanceFromKinks(network: Network, parameters: Float64Array, batch: Batch): number {
  const views = layerParameters(network, parameters)
  let x = batch.inputs
  let distance = Infinity
  network.layers.forEach((layer, index) => {
    const a = linear(layer, views[index], x)
    if (layer.activation === 'relu')
      distance = a.reduce((least, value) => Math.min(least, Math.abs(value)), distance)
    x = a.map((value) => {
      if (layer.activation === 'relu') return Math.max(value, 0)
      if (layer.activation === 'tanh') return Math.tanh(value)
      return layer.activation === 'sigmoid' ? 1 / (1 + Math.exp(-value)) : value
    })
  })
  return distance
}

for (const [name, network] of Object.entries(NETWORKS)) {
  test(`gradients agree with central differences on every parameter: ${name}`, () => {
    let checked = 0
    let nonZero = 0
    for (let seed = 1; checked < 5; seed++) {
      assert.ok(seed < 200, 'no draw is far from all kinks')
      const { parameters, batch } = draw(network, seed)
      if (distanceFromKinks(network, parameters, batch) < KINK_DISTANCE) continue
      checked++
      const before = parameters.slice()
      const { loss, gradient } = gradients(network, parameters, batch)
      assert.is(loss, lossOf(network, parameters, batch))
      assert.equal(parameters, before)
      for (let i = 0; i < parameters.length; i++) {
        const at = (value: number) => lossOf(network, parameters.with(i, value), batch)
        const difference = (at(parameters[i] + STEP) - at(parameters[i] - STEP)) / (2 * STEP)
        // Rounding: 2⁻⁵³ / step ≈ 1e-11; truncation: step² / 6 times a third derivative of order 1.
        assert.ok(
          Math.abs(gradient[i] - difference) <= 1e-9,
          `seed ${seed}, parameter ${i}: ${gradient[i]} is not within 1e-9 of ${difference}`,
        )
        if (gradient[i] !== 0) nonZero++
      }
    }
    assert.ok(nonZero > 2 * parameterCount(network), 'most gradients are zero: the check is empty')
  })

  test(`frozen layers get no gradient, the others the same: ${name}`, () => {
    const { parameters, batch } = draw(network, 1)
    const table = parameterTable(network)
    const whole = gradients(network, parameters, batch)
    for (let frozen = 1; frozen <= network.layers.length; frozen++) {
      const end = table[2 * frozen]?.offset ?? parameters.length
      const { loss, gradient } = gradients(network, parameters, batch, frozen)
      assert.is(loss, whole.loss)
      assert.ok(gradient.subarray(0, end).every((value) => value === 0))
      assert.equal(gradient.subarray(end), whole.gradient.subarray(end))
    }
  })
}

test('losses by hand: mean over all outputs, mean over rows', () => {
  const one = { name: 'fc1', inputs: 2, outputs: 2 }
  const zeros = new Float64Array(6)
  const batch: Batch = {
    inputs: Float64Array.of(1, 0, 0.5, 0.25),
    targets: Float64Array.of(1, 0, 0.5, 0.25),
    labels: Uint8Array.of(0, 1),
  }
  // Zero parameters: sigmoid gives 0.5 everywhere, softmax 0.5 for each of two classes.
  const mse: Network = { layers: [{ ...one, activation: 'sigmoid' }], loss: 'mse', codeLayer: 0 }
  assert.is(lossOf(mse, zeros, batch), (0.25 + 0.25 + 0 + 0.0625) / 4)
  const entropy: Network = { layers: [{ ...one, activation: 'softmax' }], loss: 'crossEntropy', codeLayer: 0 }
  assert.is(lossOf(entropy, zeros, batch), Math.LN2)
  // Binary cross-entropy of 0.5 is ln 2, whatever the target.
  const bce: Network = { layers: [{ ...one, activation: 'sigmoid' }], loss: 'bce', codeLayer: 0 }
  assert.ok(Math.abs(lossOf(bce, zeros, batch) - Math.LN2) < 1e-15)
})

test('binary cross-entropy of logits beyond what a sigmoid can tell from 0 and 1 stays exact', () => {
  const one: Network = {
    layers: [{ name: 'fc1', inputs: 1, outputs: 1, activation: 'sigmoid' }],
    loss: 'bce',
    codeLayer: 0,
  }
  const at = (logit: number, target: number) => {
    const row = Float64Array.of(target)
    const batch = { inputs: row, targets: row, labels: new Uint8Array(1) }
    return lossOf(one, Float64Array.of(0, logit), batch)
  }
  assert.is(at(1000, 0), 1000)
  assert.is(at(1000, 1), 0)
  assert.is(at(-1000, 1), 1000)
  assert.is(at(-40, 0), Math.exp(-40))
})

test('softmax of large inputs stays finite', () => {
  const parameters = Float64Array.from({ length: parameterCount(classifier) }, (_, i) =>
    i % 2 ? 2000 : -1000,
  )
  const { batch } = draw(classifier, 1)
  const { gradient } = gradients(classifier, parameters, batch)
  assert.ok(gradient.every(Number.isFinite))
})

test('Adam by hand: the first two steps of one parameter', () => {
  const slabs: AdamSlabs = {
    parameters: Float64Array.of(5, 0.5),
    firstMoment: new Float64Array(2),
    secondMoment: new Float64Array(2),
  }
  const [learningRate, weightDecay] = [0.1, 0.2]
  // g = 0.3 + 0.2 · 0.5 = 0.4. After bias correction step 1 is lr · g / (|g| + ε).
  adamStep(slabs, Float64Array.of(9, 0.3), 1, learningRate, weightDecay, 1)
  const w1 = 0.5 - (0.1 * 0.4) / (0.4 + 1e-8)
  assert.ok(Math.abs(slabs.parameters[1] - w1) <= 1e-15)
  adamStep(slabs, Float64Array.of(9, -1), 2, learningRate, weightDecay, 1)
  const g2 = -1 + 0.2 * w1
  const m2 = (0.9 * 0.1 * 0.4 + 0.1 * g2) / (1 - 0.9 ** 2)
  const v2 = (0.999 * 0.001 * 0.16 + 0.001 * g2 ** 2) / (1 - 0.999 ** 2)
  assert.ok(Math.abs(slabs.parameters[1] - (w1 - (0.1 * m2) / (Math.sqrt(v2) + 1e-8))) <= 1e-14)
  assert.equal([slabs.parameters[0], slabs.firstMoment[0], slabs.secondMoment[0]], [5, 0, 0])
})

test.run()
