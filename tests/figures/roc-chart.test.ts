import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CLASS_COLOURS } from '../../src/figures/class-colours.ts'
import { curveStyle, drawRocChart } from '../../src/figures/roc-chart.ts'
import { countColour, decodePng, pixelAt } from './pixels.ts'

const curves = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    label: `digit ${i}: 0.900`,
    falsePositiveRate: [0, 0.1 + i / 200, 1],
    truePositiveRate: [0, 0.3 + i / 100, 1],
  }))

test('as many curves as any data set has classes look each their own way', () => {
  const styles = Array.from({ length: 70 }, (_, i) => JSON.stringify(curveStyle(i)))
  assert.is(new Set(styles).size, 70)
})

for (const count of [10, 26, 47, 62]) {
  test(`the names of ${count} curves have room below the title and above the lower edge`, async () => {
    const pixels = await decodePng(await drawRocChart('T', 'S', curves(count)))
    assert.is(pixels.width, 1050)
    assert.ok(pixels.height >= 750)
    for (let x = 250; x < pixels.width; x++) {
      for (const y of [...Array(60).keys(), pixels.height - 5]) {
        assert.is(pixelAt(pixels, x, y)[0], 255, `dot (${x}, ${y}) of a figure ${pixels.height} high`)
      }
    }
    // The last of each ten is drawn and named.
    assert.ok(countColour(pixels, CLASS_COLOURS[9]) > 0)
  })
}

test.run()
