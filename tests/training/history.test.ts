import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deadLatentUnits } from '../../src/run/latent-units.ts'
import { historyToCsv } from '../../src/training/history.ts'

test('CSV has a header line, one line an epoch, and every digit', () => {
  const record = { trainLoss: 0.1, testLoss: 1 / 3, learningRate: 1e-7, seconds: 2, imagesPerSecond: 30000 }
  assert.is(
    historyToCsv([
      { epoch: 1, ...record },
      { epoch: 2, ...record },
    ]),
    'epoch,trainLoss,testLoss,learningRate,seconds,imagesPerSecond\n' +
      '1,0.1,0.3333333333333333,1e-7,2,30000\n2,0.1,0.3333333333333333,1e-7,2,30000\n',
  )
  assert.is(historyToCsv([]), 'epoch,trainLoss,testLoss,learningRate,seconds,imagesPerSecond\n')
})

test('a latent unit is dead when it is 0 for every row', () => {
  // Three images, four units: unit 1 never fires, unit 3 fires once, unit 2 is negative once (no ReLU).
  const codes = Float32Array.from([0.5, 0, 0, 0, 1, 0, -1, 0, 2, 0, 0, 1e-30])
  assert.equal(deadLatentUnits(codes, 4), [1])
  assert.equal(deadLatentUnits(new Float64Array(6), 3), [0, 1, 2])
  assert.equal(deadLatentUnits(Float64Array.of(0, NaN, 0, NaN), 2), [0, 1], 'NaN fires nothing')
})

test.run()
