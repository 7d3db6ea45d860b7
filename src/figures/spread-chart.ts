/**
 * Curves of means with their spread: whiskers of one standard deviation, and a small dot for every single
 * value.
 */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { drawChart } from './chart.ts'
import { axisOptions, COLOURS, chartOptions, SERIES_COLOURS } from './theme.ts'

export interface SpreadPoint {
  readonly x: number
  readonly mean: number
  /** NaN where there is no spread to show. */
  readonly standardDeviation?: number
  /** Single values, one a seed. */
  readonly values?: readonly number[]
}

export interface SpreadSeries {
  readonly label: string
  readonly points: readonly SpreadPoint[]
  /** Index into the series colours; default: the position of the series. */
  readonly colour?: number
  readonly isDashed?: boolean
}

export interface SpreadChart {
  readonly title: string
  readonly subtitle?: string
  /** With its unit. */
  readonly xTitle: string
  /** With its unit. */
  readonly yTitle: string
  /** A logarithmic axis has its ticks at the points. Default linear. */
  readonly xScale?: 'linear' | 'logarithmic'
  readonly series: readonly SpreadSeries[]
  /** A y at which a line marks "no difference". */
  readonly baseline?: number
}

type LineConfiguration = ChartConfiguration<'line', { x: number; y: number }[]>

/** The chart for Chart.js, for a PNG and for a page alike. */
function spreadChartConfig(chart: SpreadChart): LineConfiguration {
  const { series, xScale = 'linear' } = chart
  const positions = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort(
    (a, b) => a - b,
  )
  const hasLegend = series.length > 1 || series[0]?.label !== ''
  const colourOf = (index: number) => SERIES_COLOURS[(series[index].colour ?? index) % SERIES_COLOURS.length]
  return {
    type: 'line',
    data: {
      datasets: series.map(({ label, points, isDashed }, index) => ({
        label,
        data: points.map(({ x, mean }) => ({ x, y: mean })),
        borderColor: colourOf(index),
        backgroundColor: colourOf(index),
        borderWidth: 2,
        borderDash: isDashed ? [5, 4] : [],
        pointRadius: 3,
        clip: false as const,
      })),
    },
    options: {
      ...chartOptions(chart.title, chart.subtitle, hasLegend ? 'top' : 'none'),
      scales: {
        x: {
          ...axisOptions(chart.xTitle),
          type: xScale,
          ...(xScale === 'logarithmic' ? ticksAt(positions) : {}),
        },
        y: { ...axisOptions(chart.yTitle), type: 'linear', ...rangeOf(chart) },
      },
    },
    plugins: [whiskers(chart, colourOf)],
  } as LineConfiguration
}

/** The chart as a PNG file. Throws HourglassError where node-canvas cannot load. */
export function drawSpreadChart(chart: SpreadChart): Promise<Uint8Array> {
  return drawChart(spreadChartConfig(chart))
}

/** A little wider than the points, whose whiskers and single values must not be cut off. */
function rangeOf({ series, baseline }: SpreadChart): { suggestedMin?: number; suggestedMax?: number } {
  const values = series.flatMap(({ points }) =>
    points.flatMap(({ mean, standardDeviation, values: single = [] }) => {
      const deviation = standardDeviation || 0
      return [mean - deviation, mean + deviation, ...single]
    }),
  )
  if (baseline !== undefined) values.push(baseline)
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return {}
  return { suggestedMin: Math.min(...finite), suggestedMax: Math.max(...finite) }
}

function ticksAt(positions: readonly number[]) {
  return {
    min: positions[0] / 1.15,
    max: positions[positions.length - 1] * 1.15,
    afterBuildTicks(axis: { ticks: { value: number }[] }) {
      axis.ticks = positions.map((value) => ({ value }))
    },
    ticks: {
      ...axisOptions('').ticks,
      callback: (value: number | string) => Number(value).toLocaleString('en-US'),
    },
  }
}

function whiskers({ series, baseline }: SpreadChart, colourOf: (index: number) => string): Plugin<'line'> {
  return {
    id: 'whiskers',
    beforeDatasetsDraw(chart: Chart<'line'>) {
      const { ctx, chartArea, scales } = chart
      ctx.save()
      if (baseline !== undefined) {
        ctx.strokeStyle = COLOURS.muted
        ctx.lineWidth = 1
        ctx.beginPath()
        ctx.moveTo(chartArea.left, scales.y.getPixelForValue(baseline))
        ctx.lineTo(chartArea.right, scales.y.getPixelForValue(baseline))
        ctx.stroke()
      }
      series.forEach(({ points }, index) => {
        ctx.strokeStyle = colourOf(index)
        ctx.fillStyle = colourOf(index)
        ctx.lineWidth = 1.2
        for (const { x, mean, standardDeviation = Number.NaN, values = [] } of points) {
          const at = scales.x.getPixelForValue(x)
          for (const value of values) {
            ctx.globalAlpha = 0.5
            ctx.beginPath()
            ctx.arc(at + 5, scales.y.getPixelForValue(value), 1.6, 0, 2 * Math.PI)
            ctx.fill()
          }
          ctx.globalAlpha = 1
          if (!(standardDeviation > 0)) continue
          const top = scales.y.getPixelForValue(mean + standardDeviation)
          const bottom = scales.y.getPixelForValue(mean - standardDeviation)
          ctx.beginPath()
          ctx.moveTo(at, top)
          ctx.lineTo(at, bottom)
          for (const end of [top, bottom]) {
            ctx.moveTo(at - 4, end)
            ctx.lineTo(at + 4, end)
          }
          ctx.stroke()
        }
      })
      ctx.restore()
    },
  }
}
