/** Means with their spread where nothing lies between one and the next: a row for each, named beside it. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { drawChart } from './chart.ts'
import { lineAxis } from './headed-rows.ts'
import { drawSpread, isOn, rangeOf, type SpreadMark } from './spread.ts'
import { axisOptions, COLOURS, chartOptions, FIGURE_WIDTH, SERIES_COLOURS } from './theme.ts'

export interface SpreadRows {
  readonly title: string
  readonly subtitle?: string
  /** With its unit. */
  readonly xTitle: string
  /** From top to bottom. */
  readonly rows: readonly string[]
  readonly series: readonly {
    /** Empty where there is one series alone. */
    readonly label: string
    /** One for each row. */
    readonly marks: readonly SpreadMark[]
  }[]
  /** A value at which a line marks "no difference". */
  readonly baseline?: number
}

/** In CSS pixels, but the width of a character of the rows' names, which is generous. */
const ROW = { height: 24, frame: 130, character: 7.6, freeCharacters: 24 } as const

/** In CSS pixels: wider than other figures where the rows' names are long. */
export function spreadRowsSize({ rows }: SpreadRows): { width: number; height: number } {
  const longest = Math.max(...rows.map((row) => row.length))
  return {
    width: FIGURE_WIDTH + Math.ceil(ROW.character * Math.max(0, longest - ROW.freeCharacters)),
    height: ROW.frame + ROW.height * rows.length,
  }
}

/** The chart as a PNG file. Throws HourglassError where node-canvas cannot load. */
export function drawSpreadRows(chart: SpreadRows): Promise<Uint8Array> {
  const { width, height } = spreadRowsSize(chart)
  return drawChart(spreadRowsConfig(chart), width, height)
}

function spreadRowsConfig(chart: SpreadRows): ChartConfiguration {
  const { rows, series, baseline } = chart
  return {
    type: 'scatter',
    data: {
      datasets: series.map(({ label, marks }, index) => ({
        label,
        data: marks.map(({ mean }, y) => ({ x: mean, y })),
        borderColor: colourOf(index),
        backgroundColor: colourOf(index),
        pointRadius: 4,
        clip: false,
      })),
    },
    options: {
      ...chartOptions(chart.title, chart.subtitle, series.length > 1 ? 'top' : 'none'),
      scales: {
        x: {
          ...axisOptions(chart.xTitle),
          type: 'linear',
          ...rangeOf(
            series.flatMap(({ marks }) => marks),
            baseline,
          ),
        },
        y: lineAxis(rows.map((text) => ({ text, row: text }))),
      },
    },
    plugins: [spreads(chart)],
  } as unknown as ChartConfiguration
}

function colourOf(index: number): string {
  return SERIES_COLOURS[index % SERIES_COLOURS.length]
}

/** A whisker of one standard deviation either way, and a small dot for every single value. */
function spreads({ series, baseline }: SpreadRows): Plugin {
  return {
    id: 'spreads',
    beforeDatasetsDraw(chart: Chart) {
      const { ctx, chartArea, scales } = chart
      ctx.save()
      if (baseline !== undefined && isOn(scales.x, baseline)) {
        const at = scales.x.getPixelForValue(baseline)
        ctx.strokeStyle = COLOURS.muted
        ctx.lineWidth = 1
        ctx.beginPath()
        ctx.moveTo(at, chartArea.top)
        ctx.lineTo(at, chartArea.bottom)
        ctx.stroke()
      }
      series.forEach(({ marks }, index) => {
        ctx.strokeStyle = colourOf(index)
        ctx.fillStyle = colourOf(index)
        marks.forEach((mark, row) => {
          const at = scales.y.getPixelForValue(row)
          drawSpread(
            ctx,
            mark,
            (value) => scales.x.getPixelForValue(value),
            (x, y) => [x, at + y],
          )
        })
      })
      ctx.restore()
    },
  }
}
