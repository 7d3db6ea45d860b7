import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawLossCurve } from '../../src/figures/loss-curve.ts'
import { lossCurveConfig } from '../../src/figures/loss-curve-config.ts'
import { COLOURS, SERIES_COLOURS } from '../../src/figures/theme.ts'
import { countColour, decodePng, pixelAt } from './pixels.ts'

const [TRAIN, TEST] = SERIES_COLOURS

function history(epochs: number, learningRateOf: (epoch: number) => number = () => 1e-3) {
  return Array.from({ length: epochs }, (_, index) => ({
    epoch: index + 1,
    trainLoss: 0.018 + 0.05 / (index + 1),
    testLoss: 0.017 + 0.03 / (index + 1),
    learningRate: learningRateOf(index + 1),
  }))
}

test('a curve is a PNG of 1050 × 750 dots at 150 an inch, opaque white, with both series', async () => {
  const png = await drawLossCurve(history(30))
  const pixels = await decodePng(png)
  assert.equal([pixels.width, pixels.height], [1050, 750])
  assert.equal(pixelAt(pixels, 0, 0), [255, 255, 255, 255])
  assert.equal(pixelAt(pixels, 1049, 749), [255, 255, 255, 255])
  // A line 2 CSS pixels wide over most of the width.
  assert.ok(countColour(pixels, TRAIN) > 1000)
  assert.ok(countColour(pixels, TEST) > 1000)

  const physical = Buffer.from(png).indexOf('pHYs')
  assert.is.not(physical, -1)
  assert.is(Math.round(Buffer.from(png).readUInt32BE(physical + 4) * 0.0254), 150)
})

test('one epoch is drawn as two dots, no epoch as empty axes, a NaN as a gap', async () => {
  const one = await decodePng(await drawLossCurve(history(1)))
  const none = await decodePng(await drawLossCurve([]))
  for (const colour of [TRAIN, TEST]) {
    // A dot of radius 3 CSS pixels covers some 60 dots; its legend line is there without it too.
    assert.ok(countColour(one, colour) > countColour(none, colour) + 30)
  }
  const broken = [...history(5), { epoch: 6, trainLoss: Number.NaN, testLoss: Number.NaN, learningRate: 1 }]
  assert.ok(countColour(await decodePng(await drawLossCurve(broken)), TRAIN) > 1000)
})

test('a lower learning rate is marked at the end of the last epoch of the higher one', async () => {
  const constant = await decodePng(await drawLossCurve(history(20)))
  const dropped = await decodePng(await drawLossCurve(history(20, (epoch) => (epoch <= 10 ? 1e-3 : 1e-4))))
  const changedColumns = new Set<number>()
  for (let at = 0; at < constant.data.length; at += 4) {
    if (constant.data[at] !== dropped.data[at]) changedColumns.add((at / 4) % constant.width)
  }
  // Epoch 10 of 0 … 20 is the middle of the axis; the text stands upright to the left of the line.
  const columns = [...changedColumns].sort((a, b) => a - b)
  const line = columns[columns.length - 1]
  assert.ok(line > 540 && line < 600, `the mark is in column ${line}`)
  assert.ok(columns[0] > line - 40, `the text begins in column ${columns[0]}`)
  assert.ok(countColour(dropped, COLOURS.muted) > countColour(constant, COLOURS.muted))
})

test('the axis is logarithmic over a wide range and linear where a log axis cannot show or tell apart', () => {
  const axisType = (points: { trainLoss: number; testLoss: number }[]) =>
    lossCurveConfig(points.map((point, index) => ({ ...point, epoch: index + 1, learningRate: 1 }))).options
      ?.scales?.y?.type
  assert.is(axisType([{ trainLoss: 0.1, testLoss: 0.02 }]), 'logarithmic')
  assert.is(axisType([{ trainLoss: 0.021, testLoss: 0.02 }]), 'linear')
  assert.is(axisType([{ trainLoss: 0.1, testLoss: 0 }]), 'linear')
  assert.is(axisType([{ trainLoss: 0.1, testLoss: Number.NaN }]), 'linear')
  assert.is(axisType([{ trainLoss: Number.POSITIVE_INFINITY, testLoss: 0.1 }]), 'linear')
})

test('the text names the last losses and the best epoch', () => {
  const { data, options } = lossCurveConfig(history(3), { title: 'A title' })
  assert.is(data.datasets[0].label, 'train (mean over the epoch): 0.0347')
  assert.is(data.datasets[1].label, 'test (after the epoch): 0.0270')
  assert.is(options?.plugins?.title?.text, 'A title')
  assert.is(options?.plugins?.subtitle?.text, 'lowest test error 0.0270 at epoch 3 of 3')
})

test.run()
