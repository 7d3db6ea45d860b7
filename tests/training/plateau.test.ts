import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/errors.ts'
import type { PlateauOptions } from '../../src/training/plateau.ts'
import { ReduceLROnPlateau } from '../../src/training/plateau.ts'

interface Case {
  readonly options: Record<string, number | string>
  readonly lr: number
  readonly metrics: readonly number[]
  readonly lrs: readonly number[]
}

const fixture = new URL('../fixtures/parity/plateau.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly Case[] }

/** PyTorch's option names to ours. */
function plateauOptions(options: Case['options']): PlateauOptions {
  const names: Record<string, keyof PlateauOptions> = {
    mode: 'mode',
    factor: 'factor',
    patience: 'patience',
    threshold: 'threshold',
    threshold_mode: 'thresholdMode',
    cooldown: 'cooldown',
    min_lr: 'minLearningRate',
    eps: 'epsilon',
  }
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [names[name], value]))
}

for (const { options, lr, metrics, lrs } of cases) {
  test(`gives PyTorch's rates, to the bit, with ${JSON.stringify(options)}`, () => {
    const scheduler = new ReduceLROnPlateau(lr, plateauOptions(options))
    assert.equal(
      metrics.map((metric) => scheduler.step(metric)),
      lrs,
    )
  })

  test(`goes on from its state after every step with ${JSON.stringify(options)}`, () => {
    let scheduler = new ReduceLROnPlateau(lr, plateauOptions(options))
    const rates = metrics.map((metric) => {
      scheduler = new ReduceLROnPlateau(scheduler.state, plateauOptions(options))
      return scheduler.step(metric)
    })
    assert.equal(rates, lrs)
  })
}

test('the fixture holds reductions', () => {
  assert.ok(cases.length >= 8)
  assert.ok(cases.filter(({ lr, lrs }) => lrs.at(-1) !== lr).length >= 5)
})

// Worked by hand from PyTorch's source.
test('mode max: a metric must exceed best · (1 + threshold)', () => {
  const scheduler = new ReduceLROnPlateau(1, { mode: 'max', patience: 0, factor: 0.5, threshold: 0.1 })
  assert.equal(
    [1, 1.1, 1.3, 1.4, 1.5].map((metric) => scheduler.step(metric)),
    [1, 0.5, 0.5, 0.25, 0.25],
  )
})

test('mode max, absolute threshold', () => {
  const scheduler = new ReduceLROnPlateau(1, { mode: 'max', patience: 0, thresholdMode: 'abs', threshold: 1 })
  assert.equal(scheduler.step(-5), 1)
  assert.equal(scheduler.step(-3.5), 1)
  assert.equal(scheduler.step(-2.5), 0.1)
})

test('a NaN metric counts as bad', () => {
  const scheduler = new ReduceLROnPlateau(1, { patience: 0 })
  assert.equal(scheduler.step(NaN), 0.1)
})

test('refuses a factor that lowers nothing', () => {
  for (const factor of [1, 2, NaN]) {
    assert.throws(
      () => new ReduceLROnPlateau(1, { factor }),
      (error: unknown) => error instanceof UsageError,
    )
  }
})

test.run()
