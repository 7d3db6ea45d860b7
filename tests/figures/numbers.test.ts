/** How figures and reports write numbers, and where axes have ticks. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { plainNumber, roundNumbers, tickNumber } from '../../src/figures/log-axis.ts'
import { formatFollowedLoss } from '../../src/figures/theme.ts'

test('small numbers on an axis keep their digits', () => {
  assert.equal([1e-5, 3e-4, 0.25, 12345].map(plainNumber), ['0.00001', '0.0003', '0.25', '12,350'])
})

test('long numbers on an axis have an exponent', () => {
  assert.equal([0.002, 50, 5e6, 1e7, 1.372e17].map(tickNumber), [
    '0.002',
    '50',
    '5000000',
    '1e+7',
    '1.372e+17',
  ])
})

test('an axis has round ticks, and few of them however long it is', () => {
  assert.equal(roundNumbers(0.3, 12), [0.5, 1, 2, 5, 10])
  assert.equal(roundNumbers(0.857, 0.889), [0.86, 0.87, 0.88])
  assert.equal(roundNumbers(3, 4), [3, 3.2, 3.4, 3.6, 3.8, 4])
  assert.equal(roundNumbers(3, 3), [])
  assert.equal(roundNumbers(0.9, 3e5), [1, 10, 100, 1000, 10000, 100000])
  const many = roundNumbers(1e-9, 1e17)
  assert.ok(many.length > 4 && many.length <= 11, `${many}`)
  assert.ok(many.every((value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9))
})

test('a loss that is followed has five decimals, or as many digits where that says nothing', () => {
  const losses = [0, 0.018431, 123.456789, 0.00001234567, 58911135977125328, Number.NaN]
  const texts = ['0.00000', '0.01843', '123.45679', '1.2346e-5', '5.8911e+16', 'NaN']
  assert.equal(losses.map(formatFollowedLoss), texts)
})

test.run()
