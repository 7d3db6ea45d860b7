/** Dots side by side above the names of groups: how several methods did on several data sets. */
import type { ChartConfiguration } from 'chart.js'
import { drawChartPage } from './chart.ts'
import { axisOptions, chartOptions, FIGURE_WIDTH, FONT_SIZE, SERIES_COLOURS } from './theme.ts'

export interface DotGroups {
  readonly title: string
  readonly subtitle?: string | undefined
  /** With its unit. */
  readonly yTitle: string
  readonly groups: readonly string[]
  /** One value for each group; NaN: no dot. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
}

const SHAPES = ['circle', 'rect', 'triangle', 'rectRot', 'crossRot', 'star', 'cross'] as const

/** Share of the space of a group that its dots use. */
const WIDTH = 0.6

/** Of a group, at least, in CSS pixels. */
const GROUP_WIDTH = 96

/** Height of one chart in CSS pixels. */
const HEIGHT = 330

type DotConfiguration = ChartConfiguration<'scatter', { x: number; y: number }[]>

/** The chart for Chart.js. Each series has its own colour and shape. */
function dotGroupsConfig({ title, subtitle, yTitle, groups, series }: DotGroups): DotConfiguration {
  const offset = (i: number) => (series.length > 1 ? WIDTH * (i / (series.length - 1) - 0.5) : 0)
  return {
    type: 'scatter',
    data: {
      datasets: series.map(({ name, values }, i) => {
        const colour = SERIES_COLOURS[i % SERIES_COLOURS.length]
        const isOutline = i % SHAPES.length >= 4
        return {
          label: name,
          data: values.flatMap((y, group) => (Number.isNaN(y) ? [] : [{ x: group + offset(i), y }])),
          pointStyle: SHAPES[i % SHAPES.length],
          pointRadius: 4.5,
          pointBorderWidth: isOutline ? 2 : 1,
          borderColor: colour,
          backgroundColor: colour,
          clip: false as const,
        }
      }),
    },
    options: legendOfPoints(chartOptions(title, subtitle), {
      x: {
        ...axisOptions(''),
        type: 'linear',
        min: -0.5,
        max: groups.length - 0.5,
        // Lines stand between the groups, names below their middle.
        grid: { ...axisOptions('').grid, offset: true },
        afterBuildTicks(axis: { ticks: { value: number }[] }) {
          axis.ticks = groups.map((_, value) => ({ value }))
        },
        ticks: {
          autoSkip: false,
          maxRotation: 0,
          font: { family: axisOptions('').ticks.font.family, size: FONT_SIZE.small },
          callback: (value: number | string) => groups[Number(value)] ?? '',
        },
      },
      y: { ...axisOptions(yTitle), type: 'linear' },
    }),
    plugins: [],
  } as unknown as DotConfiguration
}

function legendOfPoints(options: ReturnType<typeof chartOptions>, scales: object) {
  const { legend } = options.plugins
  const labels = { ...legend.labels, usePointStyle: true, boxHeight: 7, boxWidth: 7 }
  return { ...options, plugins: { ...options.plugins, legend: { ...legend, labels } }, scales }
}

/** The charts below each other as one PNG file. Throws HourglassError where node-canvas cannot load. */
export function drawDotGroups(charts: readonly DotGroups[]): Promise<Uint8Array> {
  const most = Math.max(...charts.map(({ groups }) => groups.length))
  const width = Math.max(FIGURE_WIDTH, 60 + GROUP_WIDTH * most)
  const placed = charts.map((chart, i) => ({
    config: dotGroupsConfig(chart) as ChartConfiguration,
    x: 0,
    y: i * HEIGHT,
    width,
    height: HEIGHT,
  }))
  return drawChartPage(placed, width, charts.length * HEIGHT)
}
