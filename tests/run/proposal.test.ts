import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { proposalText, proposeSettings } from '../../src/run/proposal.ts'
import { completeSettings, DEFAULT_SETTINGS, networkOf } from '../../src/run/settings.ts'

const table = (inputs: number, rows: number, live = inputs) =>
  proposeSettings({ inputs, live, rows, isUnit: false })

test('tables get a code of the root of their columns and one, and at least 1000 steps', () => {
  for (const [inputs, code] of [
    [9, 4],
    [16, 5],
    [33, 7],
    [900, 31],
    [2000, 32],
  ]) {
    const { network } = table(inputs, 1000)
    assert.equal(network, {
      hidden: [64],
      bottleneck: code,
      latentActivation: 'tanh',
      outputActivation: 'identity',
    })
  }
  for (const [rows, epochs] of [
    [214, 100],
    [683, 46],
    [2391, 14],
    [49_097, 10],
    [1_000_000, 10],
  ]) {
    assert.is(table(9, rows).training.epochs, epochs)
    assert.is(table(9, rows).training.batchSize, 32)
    assert.is(table(9, rows).training.learningRate, 2e-3)
  }
  assert.is(table(64, 1637, 61).network.bottleneck, 9)
})

test('the code is narrower than what varies, and has a unit all the same', () => {
  assert.is(table(1, 50).network.bottleneck, 1)
  assert.is(table(2, 50).network.bottleneck, 1)
  assert.is(table(3, 50).network.bottleneck, 2)
  assert.is(table(5, 50, 0).network.bottleneck, 1)
})

test('pictures get half their size, up to a most, and a sigmoid', () => {
  const { network, training } = proposeSettings({ inputs: 784, live: 784, rows: 60_000, isUnit: true })
  assert.equal(network, {
    hidden: [392],
    bottleneck: 32,
    latentActivation: 'identity',
    outputActivation: 'sigmoid',
  })
  assert.is(training.batchSize, 256)
  const few = proposeSettings({ inputs: 12_288, live: 12_288, rows: 200, isUnit: true })
  assert.equal(few.network.hidden, [512])
  assert.is(few.training.epochs, 200)
})

test('one line says what was proposed, and by what to set what was not', () => {
  const proposed = table(9, 683)
  const text = (given: Record<string, number>) => {
    const settings = completeSettings(given, {
      ...DEFAULT_SETTINGS,
      ...proposed.network,
      ...proposed.training,
    })
    return proposalText(networkOf(settings, 9), settings, given, 6830, (name) => `--${name}`)
  }
  assert.is(
    text({ hidden: 20, epochs: 1 }),
    '9 → 20 → 4 → 20 → 9, 1 epoch of batch 32: proposed for 6,830 rows of 9 values; ' +
      '--bottleneck, --batchSize, --learningRate, --noiseStd set others',
  )
  const all = { hidden: 1, bottleneck: 1, epochs: 1, batchSize: 1, learningRate: 1, noiseStd: 0 }
  assert.is(text(all), undefined)
})

test.run()
