import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  LEAST_SAMPLED_OUTPUTS,
  MOST_SAMPLED_INPUTS,
  samplesInputGradient,
} from '../../../src/engines/wasm/algorithms.ts'
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

test('after a ReLU, with long sums, where few units fire or there are few', () => {
  for (const bottleneck of [1, 8, MOST_SAMPLED_INPUTS])
    assert.equal(sampled(mnist({ bottleneck })), ['fc3', 'fc4'])
  for (const bottleneck of [MOST_SAMPLED_INPUTS + 1, 32, 128])
    assert.equal(sampled(mnist({ bottleneck })), [])
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
