import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawHistogram } from '../../src/figures/histogram.ts'
import { COLOURS } from '../../src/figures/theme.ts'
import { decodePng, type Pixels, pixelAt } from './pixels.ts'

const grey = (colour: string) => Number.parseInt(colour.slice(1, 3), 16)

/** Rows, from the top, in which a column holds a grey no lighter than this one. */
function darkRows(pixels: Pixels, x: number, darkest: number): number[] {
  return Array.from({ length: pixels.height }, (_, y) => y).filter((y) =>
    pixelAt(pixels, x, y)
      .slice(0, 3)
      .every((value) => value <= darkest),
  )
}

test('the threshold is a line as high as the chart, over the edge of a bin too', async () => {
  // 60 bins of ratio 2: the edge of the highest lies at the threshold.
  const values = [1, 2 ** 60, ...new Array(8).fill(1.5 * 2 ** 30)]
  const threshold = { value: 2 ** 30, label: 'x' }
  const pixels = await decodePng(
    await drawHistogram({ title: '', xTitle: '', series: [{ label: 'x', values }], threshold }),
  )
  const columns = Array.from({ length: pixels.width }, (_, x) => x)
  // The frame's left side is the longest grey line.
  const lengths = columns.map((x) => darkRows(pixels, x, grey(COLOURS.frame)))
  const frame = lengths.slice(0, pixels.width / 4).sort((a, b) => b.length - a.length)[0]
  // Below it, after a gap, stands the number of the first tick.
  const end = frame.findIndex((y, i) => frame[i + 1] !== y + 1)
  const chart = [frame[0], frame[end]]
  const line = columns
    .map((x) => darkRows(pixels, x, 120).filter((y) => y >= chart[0] && y <= chart[1]))
    .sort((a, b) => b.length - a.length)[0]
  const height = chart[1] - chart[0]
  assert.ok(height > 300, `frame of ${height} dots`)
  // Dashes of 6 and gaps of 4 CSS pixels.
  assert.ok(line.length > 0.5 * height, `${line.length} dark of ${height}`)
  assert.ok(line[0] - chart[0] < 12 && chart[1] - line[line.length - 1] < 12, `${line[0]} and ${chart}`)
})

test('without a threshold there is nothing but the bins', async () => {
  const pixels = await decodePng(
    await drawHistogram({ title: '', xTitle: '', series: [{ label: 'x', values: [1, 2, 4, 4] }] }),
  )
  assert.ok(pixels.width > 300)
})

test.run()
