/** Where something is ahead of others, level with them or behind: how many times as long each takes. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { type Line, lineAxis, linesOf, type RowGroup } from './headed-rows.ts'
import { plainNumber } from './log-axis.ts'
import { axisOptions, COLOURS, chartOptions, FONT_SIZE, font, SERIES_COLOURS } from './theme.ts'

export interface StandingRow {
  readonly label: string
  /** Above 1 where the other takes longer. */
  readonly times: number
  readonly standing: 'ahead' | 'level' | 'behind'
}

export interface StandingChart {
  readonly title: string
  readonly subtitle: string
  readonly groups: readonly RowGroup<StandingRow>[]
}

const LINE_HEIGHT = 20
const FRAME_HEIGHT = 110
const BAR_HEIGHT = 13
/** Between a bar's end and its number. */
const GAP = 4
/**
 * Longer bars are cut there, and broken to say so: a library that takes ten times as long must not flatten
 * all others.
 */
const LONGEST = 2.5
/** Of the break: how far before the bar's end, how wide, and how far its upper end lies to the right. */
const BREAK = { before: 16, width: 4, slant: 5 }
/** Behind the longest bar, as a factor on the logarithmic axis. */
const ROOM_FOR_TEXT = 3
const TICKS = [0.5, 0.7, 1, 1.5, 2]

const STANDING_COLOURS = {
  ahead: SERIES_COLOURS[0],
  level: COLOURS.frame,
  behind: SERIES_COLOURS[1],
} as const

/** In CSS pixels. */
export function standingChartHeight({ groups }: StandingChart): number {
  return FRAME_HEIGHT + LINE_HEIGHT * linesOf(groups).length
}

export function standingChartConfig({ title, subtitle, groups }: StandingChart): ChartConfiguration {
  const lines = linesOf(groups)
  const times = lines.flatMap(({ row }) => (row ? [row.times] : []))
  return {
    type: 'scatter',
    data: { datasets: [{ data: [], clip: false }] },
    options: {
      ...chartOptions(title, subtitle, 'none'),
      scales: {
        x: {
          ...axisOptions('times ours, log scale'),
          type: 'logarithmic',
          min: Math.min(0.7, ...times) / 1.3,
          max: LONGEST * ROOM_FOR_TEXT,
          afterBuildTicks(axis: { ticks: { value: number }[]; min: number; max: number }) {
            axis.ticks = TICKS.filter((value) => value >= axis.min).map((value) => ({ value }))
          },
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => plainNumber(Number(value)),
          },
        },
        y: lineAxis(lines),
      },
    },
    plugins: [bars(lines)],
  } as unknown as ChartConfiguration
}

/** From 1 to each row's number, which stands behind it. */
function bars(lines: readonly Line<StandingRow>[]): Plugin {
  return {
    id: 'standingBars',
    afterDatasetsDraw({ ctx, scales: { x, y }, chartArea }: Chart) {
      ctx.save()
      ctx.font = font(FONT_SIZE.small)
      ctx.textBaseline = 'middle'
      const start = x.getPixelForValue(1)
      for (const [line, { row }] of lines.entries()) {
        if (row === undefined) continue
        const end = x.getPixelForValue(Math.min(row.times, LONGEST))
        const middle = y.getPixelForValue(line)
        ctx.fillStyle = STANDING_COLOURS[row.standing]
        ctx.fillRect(Math.min(start, end), middle - BAR_HEIGHT / 2, Math.abs(end - start), BAR_HEIGHT)
        if (row.times > LONGEST) breakBar(ctx, end, middle)
        ctx.fillStyle = COLOURS.text
        ctx.fillText(numberText(row), Math.max(start, end) + GAP, middle)
      }
      ctx.fillStyle = COLOURS.text
      ctx.fillRect(start - 0.5, chartArea.top, 1, chartArea.height)
      ctx.restore()
    },
  }
}

/** A slanting gap near the end of a bar that goes on. */
function breakBar(ctx: CanvasRenderingContext2D, end: number, middle: number): void {
  const { before, width, slant } = BREAK
  const [left, top, bottom] = [end - before, middle - BAR_HEIGHT / 2 - 1, middle + BAR_HEIGHT / 2 + 1]
  ctx.fillStyle = COLOURS.background
  ctx.beginPath()
  ctx.moveTo(left, bottom)
  ctx.lineTo(left + slant, top)
  ctx.lineTo(left + slant + width, top)
  ctx.lineTo(left + width, bottom)
  ctx.fill()
}

/** `1.32 × ahead`: colours alone would not do for everybody. */
function numberText({ times, standing }: StandingRow): string {
  return `${times < 10 ? times.toFixed(2) : times.toFixed(0)} × ${standing}`
}
