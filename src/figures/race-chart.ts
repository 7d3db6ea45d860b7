/** How long each of several took to get somewhere: a dot for each run, with its median beside it. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { type Line, lineAxis, linesOf, type RowGroup } from './headed-rows.ts'
import { plainNumber, roundTicks } from './log-axis.ts'
import { axisOptions, COLOURS, chartOptions, FONT_SIZE, font, SERIES_COLOURS } from './theme.ts'

export interface RaceRow {
  readonly label: string
  readonly isOurs: boolean
  /** `isThere` false: it gave up after so many seconds. */
  readonly runs: readonly { readonly seconds: number; readonly isThere: boolean }[]
  /** Infinite where most gave up. */
  readonly median: number
}

export interface RaceChart {
  readonly title: string
  readonly subtitle: string
  readonly groups: readonly RowGroup<RaceRow>[]
}

const LINE_HEIGHT = 24
const FRAME_HEIGHT = 120
const DOT_RADIUS = 4
/** Right of the slowest dot, as a factor on the logarithmic axis. */
const ROOM_FOR_TEXT = 2.6

/** In CSS pixels. */
export function raceChartHeight(chart: RaceChart): number {
  return FRAME_HEIGHT + LINE_HEIGHT * linesOf(chart.groups).length
}

export function raceChartConfig(chart: RaceChart): ChartConfiguration {
  const lines = linesOf(chart.groups)
  const points = lines.flatMap(({ row }, y) =>
    (row?.runs ?? []).map((run) => ({ x: run.seconds, y, row, run })),
  )
  const times = points.map(({ x }) => x)
  const colours = points.map(({ row }) => (row?.isOurs ? SERIES_COLOURS[0] : COLOURS.muted))
  return {
    type: 'scatter',
    data: {
      datasets: [
        {
          data: points.map(({ x, y }) => ({ x, y })),
          borderColor: colours,
          backgroundColor: points.map(({ run }, i) => (run.isThere ? colours[i] : COLOURS.background)),
          pointRadius: DOT_RADIUS,
          clip: false,
        },
      ],
    },
    options: {
      ...chartOptions(chart.title, `${chart.subtitle}; hollow: not reached when it ended there`, 'none'),
      scales: {
        x: {
          ...axisOptions('seconds of training, log scale (further left is faster)'),
          type: 'logarithmic',
          min: Math.min(...times) / 1.3,
          max: Math.max(...times) * ROOM_FOR_TEXT,
          afterBuildTicks: roundTicks,
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => plainNumber(Number(value)),
          },
        },
        y: lineAxis(lines),
      },
    },
    plugins: [medians(lines)],
  } as unknown as ChartConfiguration
}

/** A mark at each row's median, and `9.8 s, 20 of 20` right of its last dot. */
function medians(lines: readonly Line<RaceRow>[]): Plugin {
  return {
    id: 'medians',
    afterDatasetsDraw(chart: Chart) {
      const { ctx, scales } = chart
      ctx.save()
      ctx.font = font(FONT_SIZE.small)
      ctx.textBaseline = 'middle'
      ctx.lineWidth = 2
      for (const [line, { row }] of lines.entries()) {
        if (row === undefined) continue
        const y = scales.y.getPixelForValue(line)
        if (Number.isFinite(row.median)) {
          const x = scales.x.getPixelForValue(row.median)
          ctx.strokeStyle = COLOURS.text
          ctx.beginPath()
          ctx.moveTo(x, y - LINE_HEIGHT / 3)
          ctx.lineTo(x, y + LINE_HEIGHT / 3)
          ctx.stroke()
        }
        const last = scales.x.getPixelForValue(Math.max(...row.runs.map(({ seconds }) => seconds)))
        ctx.fillStyle = COLOURS.text
        ctx.fillText(medianText(row), last + 2 * DOT_RADIUS, y)
      }
      ctx.restore()
    },
  }
}

function medianText({ runs, median }: RaceRow): string {
  const there = runs.filter(({ isThere }) => isThere).length
  const time = Number.isFinite(median) ? `${median.toFixed(1)} s, ` : ''
  return `${time}${there} of ${runs.length}`
}
