import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LEAST_SAMPLED_OUTPUTS, samplesInputGradient } from '../../../src/engines/wasm/algorithms.ts'
import type { Network } from '../../../src/model/network.ts'
import type { HourglassOptions } from '../../../src/model/recipes.ts'
import { hourglass } from '../../../src/model/recipes.ts'

const test = suite('layers whose input gradient is sampled')

function sampled(network: Network): string[] {
  return network.layers.filter((_, index) => samplesInputGradient(network, index)).map(({ name }) => name)
}

function mnist(sizes: Partial<HourglassOptions>): Network {
  return hourglass({ input: 784, hidden: 392, bottleneck: 8, ...sizes })
}

test('after a ReLU, with long sums, however many units there are', () => {
  for (const bottleneck of [1, 8, 32]) assert.equal(sampled(mnist({ bottleneck })), ['fc3', 'fc4'])
  assert.equal(sampled(mnist({ bottleneck: 128 })), ['fc2', 'fc3', 'fc4'])
  assert.equal(sampled(mnist({ hidden: [300, 200] })), ['fc2', 'fc4', 'fc5', 'fc6'])
})

test('not after another activation, whose derivative is not zero', () => {
  assert.equal(sampled(mnist({ latentActivation: 'identity' })), ['fc4'])
})

test('not with short sums', () => {
  assert.equal(sampled(mnist({ hidden: LEAST_SAMPLED_OUTPUTS - 1 })), ['fc4'])
  assert.equal(sampled(mnist({ hidden: LEAST_SAMPLED_OUTPUTS })), ['fc3', 'fc4'])
  assert.equal(sampled(mnist({ input: LEAST_SAMPLED_OUTPUTS - 1 })), ['fc3'])
})

test.run()
