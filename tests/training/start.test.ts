import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/errors.ts'
import { parameterTable } from '../../src/model/network.ts'
import { classifier, hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { choosesStart, startParameters } from '../../src/training/start.ts'

const sizes = { input: 4, hidden: 5, bottleneck: 2 }
const network = hourglass(sizes)
const initial = initialParameters(network, 3)

function biases(parameters: Float32Array, layer: string, of = network): number[] {
  const [{ offset, length }] = parameterTable(of).filter(({ name }) => name === `${layer}.bias`)
  return [...parameters.subarray(offset, offset + length)]
}

/** Always dark, always lit, a quarter and a half of the way. */
const bytes = Uint8Array.of(0, 255, 51, 255, 0, 255, 102, 0, 0, 255, 51, 255, 0, 255, 51, 0)

test('the bias of the code layer is what is asked for, and nothing else changes', () => {
  const found = startParameters(network, initial, { latentBias: 0.75 }, bytes)
  assert.equal(biases(found, 'fc2'), [0.75, 0.75])
  const { offset, length } = parameterTable(network)[3]
  const rest = (parameters: Float32Array) => [
    ...parameters.subarray(0, offset),
    ...parameters.subarray(offset + length),
  ]
  assert.equal(rest(found), rest(initial))
  assert.equal(initial, initialParameters(network, 3), 'the given ones are as they were')
})

test('a sigmoid gives back the means of bytes, but for what is hardly ever lit or dark', () => {
  const found = startParameters(network, initial, { outputBias: 'mean' }, bytes)
  const bias = biases(found, 'fc4')
  assert.equal(
    bias,
    [-Math.log(99), Math.log(99), Math.log(0.25 / 0.75), 0].map(Math.fround),
    'ln(p / (1 − p)) of 0.01, 0.99, 0.25 and 0.5',
  )
  assert.equal(biases(found, 'fc2'), biases(initial, 'fc2'))
})

test('the inverse of the sigmoid is that of Math.log for every mean', () => {
  const count = 1000
  const rows = Float32Array.from({ length: count }, (_, i) => (i + 0.5) / count)
  const one = hourglass({ input: count, hidden: 1, bottleneck: 1 })
  const found = startParameters(one, initialParameters(one, 1), { outputBias: 'mean' }, rows)
  for (const [i, bias] of biases(found, 'fc4', one).entries()) {
    const mean = Math.min(Math.max(rows[i], 0.01), 0.99)
    const expected = Math.log(mean / (1 - mean))
    assert.ok(Math.abs(bias - expected) <= 1e-7 * Math.abs(expected) + 1e-9, `${mean}: ${bias}, ${expected}`)
  }
})

test('linear outputs start at the means of floats', () => {
  const linear = hourglass({ ...sizes, outputActivation: 'identity' })
  const rows = Float32Array.of(-3, 0, 1, 10, 1, 0, 2, 20)
  const found = startParameters(linear, initialParameters(linear, 3), { outputBias: 'mean' }, rows)
  assert.equal(biases(found, 'fc4', linear), [-1, 0, 1.5, 15])
})

test('what tells classes has no rows to give back', () => {
  const classes = classifier({ input: 4, hidden: 3, bottleneck: 2, classes: 2 })
  assert.throws(
    () => startParameters(classes, initialParameters(classes, 1), { outputBias: 'mean' }, bytes),
    (error: unknown) => error instanceof UsageError && /^output bias: expected constant /.test(error.message),
  )
})

test('only what differs from the seed’s start is a choice', () => {
  assert.not(choosesStart({}))
  assert.not(choosesStart({ outputBias: 'constant' }))
  assert.ok(choosesStart({ latentBias: 0.3 }))
  assert.ok(choosesStart({ outputBias: 'mean' }))
})

test.run()
