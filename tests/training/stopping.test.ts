import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bestEpoch, epochsWithoutGain, hasStalled, judgedLoss } from '../../src/training/stopping.ts'

const rest = { learningRate: 0.001, seconds: 1, imagesPerSecond: 1 }
const judged = (losses: readonly number[]) =>
  losses.map((testLoss, i) => ({ epoch: i + 1, trainLoss: 1 / (i + 1), testLoss, ...rest }))

test('the loss over the validation rows judges, without them that of training', () => {
  assert.is(judgedLoss({ epoch: 1, trainLoss: 2, testLoss: 0, ...rest }), 0)
  assert.is(judgedLoss({ epoch: 1, trainLoss: 2, testLoss: undefined, ...rest }), 2)
})

test('the best epoch is the first of the lowest loss', () => {
  assert.is(bestEpoch([]), undefined)
  assert.is(bestEpoch(judged([3, 1, 2, 1, 1.5]))?.epoch, 2)
  assert.is(bestEpoch(judged([3, 2, 1]))?.epoch, 3)
})

test('patience counts epochs since the best one, equal losses among them', () => {
  assert.is(epochsWithoutGain([]), 0)
  assert.is(epochsWithoutGain(judged([3, 1, 2, 1])), 2)
  assert.is(hasStalled(judged([3, 1, 2]), 2), false)
  assert.is(hasStalled(judged([3, 1, 2, 1]), 2), true)
  assert.is(hasStalled(judged([1, 2, 3, 4]), undefined), false)
  assert.is(hasStalled([], 1), false)
})

test.run()
