import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SCHEDULES, type Schedule } from '../../src/training/config.ts'
import { parseTrajectory } from '../../src/training/parity.ts'
import { cosineOfHalfTurns, rateOfStep, ratesOfEpoch } from '../../src/training/schedule.ts'

for (const file of ['cosine-warmup.json', 'linear.json', 'constant-warmup.json']) {
  test(`gives the rates that PyTorch's schedulers gave, step by step: ${file}`, () => {
    const text = readFileSync(new URL(`../fixtures/parity/${file}`, import.meta.url), 'utf8')
    const { schedule, steps } = parseTrajectory(text, file)
    const expected = (JSON.parse(text) as { learning_rates: number[] }).learning_rates
    assert.is(expected.length, steps)
    expected.forEach((rate, step) => {
      const found = schedule ? rateOfStep(schedule, step) : Number.NaN
      // PyTorch goes on from the rate before, and so gathers some rounding.
      assert.ok(Math.abs(found - rate) <= 1e-13 * 4e-3, `step ${step}: ${found}, PyTorch ${rate}`)
    })
  })
}

test('the cosine is as exact as float64, and exact where it can be', () => {
  for (let i = 0; i <= 4096; i++) {
    const x = i / 4096
    // Where π x is rounded least.
    const ends = x < 0.5 ? Math.cos(Math.PI * x) : -Math.cos(Math.PI * (1 - x))
    const exact = Math.abs(x - 0.5) < 0.25 ? Math.sin(Math.PI * (0.5 - x)) : ends
    const error = Math.abs(cosineOfHalfTurns(x) - exact)
    assert.ok(error <= 3e-16, `${x}: ${error}`)
  }
  assert.equal([0, 0.5, 1].map(cosineOfHalfTurns), [1, 0, -1])
})

const config = { seed: 1, epochs: 4, batchSize: 8, learningRate: 0.01, weightDecay: 0, noiseStd: 0 }
const STEPS = 7

/** Rates of all steps of a run. */
function rates(
  changes: { schedule?: Schedule; warmup?: number; finalLearningRate?: number },
  plateau = 0.01,
) {
  return [1, 2, 3, 4].flatMap((epoch) => {
    const found = ratesOfEpoch({ ...config, ...changes }, epoch, STEPS, plateau)
    return typeof found === 'number' ? new Array<number>(STEPS).fill(found) : [...found]
  })
}

test('a run without a schedule has one rate an epoch: that of the plateau', () => {
  assert.is(ratesOfEpoch(config, 1, STEPS, 0.003), 0.003)
  assert.is(ratesOfEpoch({ ...config, schedule: 'plateau' }, 4, STEPS, 1e-5), 1e-5)
  assert.is(ratesOfEpoch({ ...config, schedule: 'constant' }, 4, STEPS, 1e-5), 0.01)
})

test('a warm-up rises step by step over its part of an epoch, whatever the schedule, then leaves it alone', () => {
  for (const schedule of SCHEDULES) {
    const found = rates({ schedule, warmup: 1.5 })
    // Half of seven steps are rounded up.
    const warmup = found.slice(0, 11)
    assert.is(warmup[0], 0.01 * 0.01, schedule)
    warmup.forEach((rate, t) => {
      assert.ok(Math.abs(rate - 0.01 * (0.01 + (0.99 * t) / 11)) < 1e-17, `${schedule}, step ${t}: ${rate}`)
    })
    assert.is(found[11], 0.01, schedule)
    if (schedule === 'plateau' || schedule === 'constant') {
      assert.equal(new Set(found.slice(11)), new Set([0.01]), schedule)
    }
  }
  assert.is(rates({ warmup: 1 }, 0.001)[0], 1e-5, 'of what the plateau has left')
})

test('cosine and linear fall over all steps, and end a step before the final rate', () => {
  const linear = rates({ schedule: 'linear', finalLearningRate: 0.001 })
  linear.forEach((rate, t) => {
    assert.ok(Math.abs(rate - (0.01 - (0.009 * t) / 28)) < 1e-17, `step ${t}: ${rate}`)
  })
  const cosine = rates({ schedule: 'cosine', finalLearningRate: 0.001 })
  assert.is(cosine[0], 0.01)
  assert.ok(Math.abs(cosine[14] - 0.0055) < 1e-17, 'half way in the middle')
  assert.ok(cosine[27] > 0.001 && cosine[27] < 0.00105)
  assert.ok(cosine.every((rate, t) => t === 0 || rate < cosine[t - 1]))
})

test.run()
