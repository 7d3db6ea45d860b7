/** What the figures of a sweep show, whatever it varies: nothing in them is drawn alike or cut off. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SweepResult } from '../../src/experiments/sweep.ts'
import { denoisingChart, reconstructionChart, type SweepChart } from '../../src/experiments/sweep-charts.ts'
import { drawChart } from '../../src/figures/chart.ts'
import { rangeOf } from '../../src/figures/spread.ts'
import {
  type SpreadChart,
  seriesStyle,
  spreadChartConfig,
  spreadChartSize,
  withRoom,
} from '../../src/figures/spread-chart.ts'
import { completeSettings, type GivenSettings } from '../../src/run/settings.ts'

const SIGMAS = [0.1, 0.4]

/** Results of all combinations, each a little worse than the one before. */
function resultsOf(grid: Record<string, readonly unknown[]>, seeds = [1, 2]): SweepResult[] {
  let combinations: GivenSettings[] = [{}]
  for (const [name, values] of Object.entries(grid)) {
    combinations = combinations.flatMap((given) => values.map((value) => ({ ...given, [name]: value })))
  }
  return combinations.flatMap((given, index) =>
    seeds.map((seed) => {
      const denoising = SIGMAS.flatMap((sigma) =>
        [true, false].map((clipped) => ({ sigma, clipped, gain: sigma + index / 100 + seed / 1000 })),
      )
      const measures = { reconstruction: { mse: 0.01 + index / 1000 + seed / 10000 }, denoising }
      const settings = completeSettings({ ...given, seed })
      return { status: 'done', settings, measures } as unknown as SweepResult
    }),
  )
}

function curvesOf(chart: SweepChart): readonly SpreadChart[] {
  assert.is(chart.kind, 'curves')
  return chart.kind === 'curves' ? chart.charts : []
}

const LEARNING_RATES = [1e-4, 3e-4, 1e-3, 3e-3]
const SCHEDULES = ['plateau', 'cosine', 'linear']

const charts = suite('figures of sweeps')

charts('the bottleneck is the axis where it varies, and every series looks its own way', () => {
  const results = resultsOf({ learningRate: LEARNING_RATES, schedule: SCHEDULES, bottleneck: [2, 8] })
  const [reconstruction] = curvesOf(reconstructionChart(results))
  const denoising = curvesOf(denoisingChart(results, SIGMAS, true))
  assert.is(reconstruction.title, 'Reconstruction error against the bottleneck')
  assert.is(denoising.length, SIGMAS.length, 'a chart for each noise level')
  for (const { series, title } of [reconstruction, ...denoising]) {
    assert.is(series.length, 12, title)
    assert.is(new Set(series.map(({ label }) => label)).size, 12, title)
    assert.is(new Set(series.map((one, i) => JSON.stringify(seriesStyle(one, i)))).size, 12, title)
  }
})

charts('two combinations share a denoising chart: colours for noise, dashes for them', () => {
  const results = resultsOf({ latentActivation: ['relu', 'identity'], bottleneck: [2, 8] })
  const [{ series }, ...more] = curvesOf(denoisingChart(results, SIGMAS, true))
  assert.is(more.length, 0)
  assert.equal(
    series.map(({ label, colour, dash }) => [label, colour, dash]),
    [
      ['σ 0.1, latent relu', 0, 0],
      ['σ 0.1, latent identity', 0, 1],
      ['σ 0.4, latent relu', 1, 0],
      ['σ 0.4, latent identity', 1, 1],
    ],
  )
})

charts('numbers on the axis are those given, as far as they have room', () => {
  const few = [0.00012345, 32768]
  assert.equal(withRoom(few), few)
  const many = Array.from({ length: 64 }, (_, i) => i + 1)
  const shown = withRoom(many)
  assert.equal(shown.slice(0, 4), [1, 2, 3, 4])
  assert.ok(shown.length < 40, `${shown}`)
  assert.equal(withRoom([8]), [8])
})

charts('many noise levels look their own ways, or are left out in words', () => {
  const some = Array.from({ length: 9 }, (_, i) => (i + 1) / 10)
  const two = resultsOf({ latentActivation: ['relu', 'identity'], bottleneck: [2, 8] })
  const [{ series }, ...rest] = curvesOf(denoisingChart(two, some, true))
  assert.is(rest.length, 0)
  assert.is(series.length, 18)
  assert.is(new Set(series.map((one, i) => JSON.stringify(seriesStyle(one, i)))).size, 18)
  const many = Array.from({ length: 45 }, (_, i) => (i + 1) / 100)
  const all = curvesOf(denoisingChart(resultsOf({ schedule: SCHEDULES, bottleneck: [2, 8] }), many, true))
  assert.is(all.length, 12)
  assert.match(all[0].title, /σ 0\.01 \(the first 12 of 45 are drawn\)/)
  const rows = denoisingChart(resultsOf({ schedule: SCHEDULES }), some, true)
  assert.is(rows.kind === 'rows' && rows.chart.series.length, 7)
  assert.match(rows.kind === 'rows' ? rows.chart.title : '', /the first 7 of 9 σ/)
  const one = denoisingChart(resultsOf({ schedule: SCHEDULES }), [0.2], true)
  assert.match(one.kind === 'rows' ? one.chart.title : '', /: σ 0\.2$/)
})

charts('another number is the axis where the bottleneck does not vary', () => {
  const results = resultsOf({ schedule: SCHEDULES, learningRate: LEARNING_RATES })
  const [{ title, xTitle, xScale, series }] = curvesOf(reconstructionChart(results))
  assert.is(title, 'Reconstruction error against learning rate')
  assert.is(xTitle, 'learning rate, log scale')
  assert.is(xScale, 'logarithmic')
  assert.equal(
    series.map(({ label }) => label),
    SCHEDULES.map((schedule) => `schedule ${schedule}`),
  )
  assert.equal(
    series[0].points.map(({ x }) => x),
    LEARNING_RATES,
  )
  const [noise] = curvesOf(reconstructionChart(resultsOf({ noiseStd: [0, 0.1, 0.5] })))
  assert.is(noise.xScale, 'linear', 'no logarithm of 0')
})

charts('a row for each combination where no number varies', () => {
  const results = resultsOf({ schedule: SCHEDULES, hidden: [[16], [16, 8]] })
  const chart = denoisingChart(results, SIGMAS, false)
  assert.is(chart.kind, 'rows')
  if (chart.kind !== 'rows') return
  assert.equal(chart.chart.rows.slice(0, 2), ['schedule plateau, hidden 16', 'schedule plateau, hidden 16,8'])
  assert.equal(
    chart.chart.series.map(({ label, marks }) => [label, marks.length]),
    [
      ['σ 0.1', 6],
      ['σ 0.4', 6],
    ],
  )
  const [first] = chart.chart.series[0].marks
  assert.ok(Math.abs(first.mean - 0.1015) < 1e-12)
  assert.equal(first.values?.length, 2)
})

charts('of more series than can be told apart, those of least error', () => {
  const batches = Array.from({ length: 30 }, (_, i) => 10 * (30 - i))
  const results = resultsOf({ batchSize: batches, bottleneck: [2, 8] }, [1])
  const all = [...curvesOf(reconstructionChart(results)), ...curvesOf(denoisingChart(results, SIGMAS, true))]
  for (const { series, subtitle } of all) {
    assert.is(series.length, 28)
    assert.match(subtitle ?? '', /the 28 of least error, of 30 curves/)
    // The settings of a sweep vary in its own order, the results' errors in that of the grid.
    assert.not(series.some(({ label }) => label === 'batch 10' || label === 'batch 20'))
  }
})

charts('one combination alone stands over its bottleneck, without a legend', () => {
  const [{ series, xTitle }] = curvesOf(reconstructionChart(resultsOf({ bottleneck: [8] })))
  assert.is(xTitle, 'latent units z, log scale')
  assert.equal(
    series.map(({ label }) => label),
    [''],
  )
})

charts('names of a legend are inside the picture, all in one column where they are many', async () => {
  const results = resultsOf({
    hidden: [[512, 256, 64], [392]],
    batchSize: [32, 64, 256],
    learningRate: LEARNING_RATES,
    bottleneck: [2, 8],
  })
  const [chart] = curvesOf(reconstructionChart(results))
  const size = spreadChartSize(chart)
  let boxes: { left: number; top: number; width: number; height: number }[] = []
  const look = {
    id: 'look',
    afterDraw: ({ legend }: { legend?: { legendHitBoxes: typeof boxes } }) => {
      boxes = legend?.legendHitBoxes ?? []
    },
  }
  const config = spreadChartConfig(chart)
  const withLook = { ...config, plugins: [...(config.plugins ?? []), look] } as typeof config
  await drawChart(withLook, size.width, size.height)
  assert.is(boxes.length, 24)
  for (const { left, top, width, height } of boxes) {
    assert.ok(left + width <= size.width, `${left} + ${width} of ${size.width}`)
    assert.ok(top + height <= size.height, `${top} + ${height} of ${size.height}`)
  }
  assert.is(new Set(boxes.map(({ left }) => left)).size, 1, 'one column')
})

charts('no difference is on the axis where it leaves the marks room', () => {
  const marks = [{ mean: -4 }, { mean: -3 }]
  assert.equal(rangeOf(marks, 0), { suggestedMin: -4, suggestedMax: 0 })
  assert.equal(rangeOf(marks, 1), { suggestedMin: -4, suggestedMax: -3 })
  assert.equal(rangeOf(marks, -8), { suggestedMin: -4, suggestedMax: -3 })
  assert.equal(rangeOf([{ mean: 9 }], 0), { suggestedMin: 0, suggestedMax: 9 })
})

charts.run()
