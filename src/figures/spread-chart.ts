/**
 * Curves of means with their spread: whiskers of one standard deviation, and a small dot for every single
 * value.
 */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { drawChart, drawChartPage } from './chart.ts'
import { drawSpread, isOn, rangeOf, type SpreadMark } from './spread.ts'
import { axisOptions, COLOURS, chartOptions, FIGURE_HEIGHT, FIGURE_WIDTH, SERIES_COLOURS } from './theme.ts'

export interface SpreadPoint extends SpreadMark {
  readonly x: number
}

export interface SpreadSeries {
  readonly label: string
  readonly points: readonly SpreadPoint[]
  /** Index into the series colours, and into the dashes. Default: such that no two series look alike. */
  readonly colour?: number
  readonly dash?: number
}

/** Solid, dashed, dotted, both: lengths of lines and gaps in CSS pixels. */
const DASHES = [[], [5, 4], [2, 3], [9, 3, 2, 3]] as const

export const MOST_COLOURS = SERIES_COLOURS.length
/** More could not be told apart. */
export const MOST_SERIES = MOST_COLOURS * DASHES.length

/** How a series is drawn; one colour after the other, solid first. */
export function seriesStyle({ colour, dash }: Partial<SpreadSeries>, index: number) {
  return {
    colour: SERIES_COLOURS[(colour ?? index) % SERIES_COLOURS.length],
    dash: DASHES[(dash ?? Math.floor(index / SERIES_COLOURS.length)) % DASHES.length],
  }
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
export function spreadChartConfig(chart: SpreadChart): LineConfiguration {
  const { series, xScale = 'linear' } = chart
  const positions = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort(
    (a, b) => a - b,
  )
  const styles = series.map(seriesStyle)
  const colourOf = (index: number) => styles[index].colour
  return {
    type: 'line',
    data: {
      datasets: series.map(({ label, points }, index) => ({
        label,
        data: points.map(({ x, mean }) => ({ x, y: mean })),
        borderColor: colourOf(index),
        backgroundColor: colourOf(index),
        borderWidth: 2,
        borderDash: [...styles[index].dash],
        pointRadius: 3,
        clip: false as const,
      })),
    },
    options: {
      ...withLegend(chart),
      scales: {
        x: {
          ...axisOptions(chart.xTitle),
          type: xScale,
          ...(xScale === 'logarithmic' ? ticksAt(positions) : {}),
        },
        y: {
          ...axisOptions(chart.yTitle),
          type: 'linear',
          ...rangeOf(
            series.flatMap(({ points }) => points),
            chart.baseline,
          ),
        },
      },
    },
    plugins: [whiskers(chart, colourOf)],
  } as LineConfiguration
}

/** The chart as a PNG file. Throws HourglassError where node-canvas cannot load. */
export function drawSpreadChart(chart: SpreadChart): Promise<Uint8Array> {
  const { width, height } = spreadChartSize(chart)
  return drawChart(spreadChartConfig(chart), width, height)
}

/** Several charts below each other as one PNG file. Throws HourglassError where node-canvas cannot load. */
export function drawSpreadCharts(charts: readonly SpreadChart[]): Promise<Uint8Array> {
  let y = 0
  const placed = charts.map((chart) => {
    const size = spreadChartSize(chart)
    const place = { config: spreadChartConfig(chart) as ChartConfiguration, x: 0, y, ...size }
    y += size.height
    return place
  })
  return drawChartPage(placed, Math.max(...placed.map(({ width }) => width)), y)
}

/** More names stand in a column beside the chart, and the picture is as much wider. */
const MOST_NAMES_ABOVE = 6
/** Of the legend's text, generously, and of what stands beside and between. In CSS pixels. */
const LEGEND = { character: 7.6, sign: 64, line: 22, frame: 110 } as const
const SIGN_WIDTH = 32

function isLegendBeside({ series }: SpreadChart): boolean {
  return series.length > MOST_NAMES_ABOVE
}

/** In CSS pixels: room enough for all names of the legend. */
export function spreadChartSize(chart: SpreadChart): { width: number; height: number } {
  if (!isLegendBeside(chart)) return { width: FIGURE_WIDTH, height: FIGURE_HEIGHT }
  return {
    width: FIGURE_WIDTH + legendWidth(chart),
    height: Math.max(FIGURE_HEIGHT, LEGEND.frame + LEGEND.line * chart.series.length),
  }
}

function legendWidth({ series }: SpreadChart): number {
  const longest = Math.max(...series.map(({ label }) => label.length))
  return Math.ceil(LEGEND.sign + LEGEND.character * longest)
}

function withLegend(chart: SpreadChart) {
  const { series, title, subtitle } = chart
  const hasLegend = series.length > 1 || series[0]?.label !== ''
  if (!isLegendBeside(chart)) return chartOptions(title, subtitle, hasLegend ? 'top' : 'none')
  const options = chartOptions(title, subtitle, 'right')
  const { legend } = options.plugins
  const labels = { ...legend.labels, boxWidth: SIGN_WIDTH }
  return {
    ...options,
    plugins: { ...options.plugins, legend: { ...legend, maxWidth: legendWidth(chart), labels } },
  }
}

/** The number of a setting: as it was given. */
function exactNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 15 })
}

/** Of a logarithmic axis, and of a digit with what parts numbers from each other, in CSS pixels. */
const AXIS = { width: 570, digit: 7, gap: 8 } as const

/** Those of the ascending positions whose numbers do not run into each other, the first among them. */
export function withRoom(positions: readonly number[]): number[] {
  const [first] = positions
  const scale = AXIS.width / Math.log(positions[positions.length - 1] / first || 1)
  const widthOf = (value: number) => AXIS.digit * exactNumber(value).length
  const kept: number[] = []
  let end = Number.NEGATIVE_INFINITY
  for (const value of positions) {
    const middle = Math.log(value / first) * scale
    if (middle - widthOf(value) / 2 < end + AXIS.gap && kept.length > 0) continue
    kept.push(value)
    end = middle + widthOf(value) / 2
  }
  return kept
}

function ticksAt(positions: readonly number[]) {
  return {
    min: positions[0] / 1.15,
    max: positions[positions.length - 1] * 1.15,
    afterBuildTicks(axis: { ticks: { value: number }[] }) {
      axis.ticks = withRoom(positions).map((value) => ({ value }))
    },
    ticks: {
      ...axisOptions('').ticks,
      autoSkip: false,
      maxRotation: 0,
      callback: (value: number | string) => exactNumber(Number(value)),
    },
  }
}

function whiskers({ series, baseline }: SpreadChart, colourOf: (index: number) => string): Plugin<'line'> {
  return {
    id: 'whiskers',
    beforeDatasetsDraw(chart: Chart<'line'>) {
      const { ctx, chartArea, scales } = chart
      ctx.save()
      if (baseline !== undefined && isOn(scales.y, baseline)) {
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
        for (const point of points) {
          const at = scales.x.getPixelForValue(point.x)
          drawSpread(
            ctx,
            point,
            (value) => scales.y.getPixelForValue(value),
            (y, x) => [at + x, y],
          )
        }
      })
      ctx.restore()
    },
  }
}
