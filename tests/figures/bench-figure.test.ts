import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BenchBar, BenchCurve } from '../../src/figures/bench-figure.ts'
import { drawBenchFigure } from '../../src/figures/bench-figure.ts'
import { SERIES_COLOURS } from '../../src/figures/theme.ts'
import { countColour, decodePng, pixelAt } from './pixels.ts'

const bars: BenchBar[] = [
  { label: 'ours', milliseconds: 4, isOurs: true, timesOurs: 1 },
  { label: 'another', milliseconds: 40, isOurs: false, timesOurs: 10 },
]
const curve: BenchCurve = {
  title: 'Minibatch',
  subtitle: 'z 8',
  xTitle: 'batch',
  points: [
    { x: 32, milliseconds: 2 },
    { x: 256, milliseconds: 9 },
  ],
}
const group = { title: 'Milliseconds a step', subtitle: 'batch 256', bars }

/** Dots in the colour of what is ours. */
async function ourDots(figure: Parameters<typeof drawBenchFigure>[0]): Promise<number> {
  return countColour(await decodePng(await drawBenchFigure(figure)), SERIES_COLOURS[0])
}

test('bars and curves are drawn, each also without the other', async () => {
  const both = await ourDots({ bars: [group], curves: [curve] })
  const barsAlone = await ourDots({ bars: [group], curves: [] })
  const curvesAlone = await ourDots({ bars: [], curves: [curve] })
  assert.ok(barsAlone > 1000, `dots of our bar: ${barsAlone}`)
  assert.ok(curvesAlone > 100, `dots of the curve: ${curvesAlone}`)
  assert.is(both, barsAlone + curvesAlone)
})

test('a bar ten times as long in milliseconds is longer', async () => {
  const longer = bars.map((bar) => (bar.isOurs ? { ...bar, milliseconds: 39 } : bar))
  const [short, long] = [
    await ourDots({ bars: [group], curves: [] }),
    await ourDots({ bars: [{ ...group, bars: longer }], curves: [] }),
  ]
  assert.ok(long > 1.5 * short, `${short} and ${long} dots`)
})

test('the text behind the longest bar ends inside the figure, however far bars lie apart', async () => {
  for (const longest of [0.3, 50, 5000]) {
    const far = [bars[0], { ...bars[1], milliseconds: longest, timesOurs: longest / 0.09 }]
    const figure = { bars: [{ ...group, bars: [{ ...far[0], milliseconds: 0.09 }, far[1]] }], curves: [] }
    const pixels = await decodePng(await drawBenchFigure(figure))
    for (let y = 0; y < pixels.height; y++) {
      assert.equal(pixelAt(pixels, pixels.width - 1, y), [255, 255, 255, 255], `${longest} ms, row ${y}`)
    }
  }
})

test.run()
