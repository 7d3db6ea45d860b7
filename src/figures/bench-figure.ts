/**
 * Speed in one figure: milliseconds a step of ours and of other libraries, and how ours grow with each size.
 */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { drawChartPage, type PlacedChart } from './chart.ts'
import { plainNumber, roundTicks } from './log-axis.ts'
import { type RaceChart, raceChartConfig, raceChartHeight } from './race-chart.ts'
import { type StandingChart, standingChartConfig, standingChartHeight } from './standing-chart.ts'
import { axisOptions, COLOURS, chartOptions, FIGURE_WIDTH, FONT_SIZE, font, SERIES_COLOURS } from './theme.ts'

export interface BenchBar {
  readonly label: string
  readonly milliseconds: number
  readonly isOurs: boolean
  /** Over our own in the same session: written behind the bar. */
  readonly timesOurs: number
}

export interface BenchBars {
  readonly title: string
  readonly subtitle: string
  readonly bars: readonly BenchBar[]
}

/** Milliseconds a step over one size. */
export interface BenchCurve {
  readonly title: string
  /** What stays as it is. */
  readonly subtitle: string
  readonly xTitle: string
  readonly points: readonly { readonly x: number; readonly milliseconds: number }[]
}

export interface BenchFigure {
  readonly bars: readonly BenchBars[]
  readonly curves: readonly BenchCurve[]
  /** Side by side. */
  readonly standings?: readonly StandingChart[]
  readonly race?: RaceChart | undefined
}

const BAR_HEIGHT = 26
const BARS_FRAME_HEIGHT = 110
const CURVE_HEIGHT = 250
const CURVES_IN_A_ROW = 2
/** Share of the axis behind the longest bar, for the text there. */
const ROOM_FOR_TEXT = 0.25
/** Curves that span less begin at zero, so that small differences look small. */
const SMALLEST_LOGARITHMIC_SPAN = 4

/** The figure as a PNG file, bars above curves. Throws HourglassError where node-canvas cannot load. */
export function drawBenchFigure({ bars, curves, standings = [], race }: BenchFigure): Promise<Uint8Array> {
  const charts: PlacedChart[] = []
  const times = bars.flatMap((group) => group.bars.map(({ milliseconds }) => milliseconds))
  const min = 10 ** Math.floor(Math.log10(Math.min(...times) * 0.7))
  const longest = Math.max(...times)
  const range = { min, max: longest * (longest / min) ** (ROOM_FOR_TEXT / (1 - ROOM_FOR_TEXT)) }
  let y = 0
  standings.forEach((chart, i) => {
    const width = FIGURE_WIDTH / standings.length
    const height = Math.max(...standings.map(standingChartHeight))
    charts.push({ config: standingChartConfig(chart), x: i * width, y, width, height })
    if (i === standings.length - 1) y += height
  })
  for (const group of bars) {
    const height = BARS_FRAME_HEIGHT + BAR_HEIGHT * group.bars.length
    charts.push({ config: barsConfig(group, range), x: 0, y, width: FIGURE_WIDTH, height })
    y += height
  }
  const width = FIGURE_WIDTH / CURVES_IN_A_ROW
  curves.forEach((curve, i) => {
    const column = i % CURVES_IN_A_ROW
    charts.push({ config: curveConfig(curve), x: column * width, y, width, height: CURVE_HEIGHT })
    if (column === CURVES_IN_A_ROW - 1 || i === curves.length - 1) y += CURVE_HEIGHT
  })
  if (race) {
    const height = raceChartHeight(race)
    charts.push({ config: raceChartConfig(race), x: 0, y, width: FIGURE_WIDTH, height })
    y += height
  }
  return drawChartPage(charts, FIGURE_WIDTH, y)
}

/**
 * Horizontal bars on a logarithmic axis, since libraries lie a factor of a hundred apart; all groups share
 * its range.
 */
function barsConfig(
  { title, subtitle, bars }: BenchBars,
  range: { readonly min: number; readonly max: number },
): ChartConfiguration {
  const times = bars.map(({ milliseconds }) => milliseconds)
  return {
    type: 'bar',
    data: {
      labels: bars.map(({ label }) => label),
      datasets: [
        {
          data: times,
          backgroundColor: bars.map(({ isOurs }) => (isOurs ? SERIES_COLOURS[0] : COLOURS.frame)),
          barPercentage: 0.75,
          categoryPercentage: 1,
        },
      ],
    },
    options: {
      ...chartOptions(title, subtitle, 'none'),
      indexAxis: 'y',
      scales: {
        x: {
          ...axisOptions('milliseconds a step, log scale (shorter is faster)'),
          type: 'logarithmic',
          ...range,
          afterBuildTicks: roundTicks,
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => plainNumber(Number(value)),
          },
        },
        y: {
          ...axisOptions(''),
          title: { display: false },
          grid: { display: false },
          ticks: {
            color: COLOURS.text,
            font: { family: axisOptions('').ticks.font.family, size: FONT_SIZE.label },
          },
        },
      },
    },
    plugins: [barTexts(bars)],
  } as ChartConfiguration
}

/** `3.61 ms, 4.0 ×` behind each bar. */
function barTexts(bars: readonly BenchBar[]): Plugin {
  return {
    id: 'barTexts',
    afterDatasetsDraw(chart: Chart) {
      const { ctx } = chart
      ctx.save()
      ctx.fillStyle = COLOURS.text
      ctx.font = font(FONT_SIZE.small)
      ctx.textBaseline = 'middle'
      chart.getDatasetMeta(0).data.forEach((element, i) => {
        const { milliseconds, timesOurs } = bars[i]
        const text = `${milliseconds.toPrecision(3)} ms, ${timesOurs.toPrecision(timesOurs < 10 ? 2 : 3)} ×`
        ctx.fillText(text, element.x + 6, element.y)
      })
      ctx.restore()
    },
  }
}

function curveConfig({ title, subtitle, xTitle, points }: BenchCurve): ChartConfiguration {
  const positions = points.map(({ x }) => x)
  const colour = SERIES_COLOURS[0]
  return {
    type: 'line',
    data: {
      datasets: [
        {
          data: points.map(({ x, milliseconds }) => ({ x, y: milliseconds })),
          borderColor: colour,
          backgroundColor: colour,
          borderWidth: 2,
          pointRadius: 3,
          clip: false,
        },
      ],
    },
    options: {
      ...chartOptions(title, subtitle, 'none'),
      scales: {
        x: {
          ...axisOptions(`${xTitle}, log scale`),
          type: 'logarithmic',
          min: positions[0] / 1.1,
          max: positions[positions.length - 1] * 1.1,
          afterBuildTicks(axis: { ticks: { value: number }[] }) {
            axis.ticks = positions.map((value) => ({ value }))
          },
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => plainNumber(Number(value)),
          },
        },
        y: timeAxis(points.map(({ milliseconds }) => milliseconds)),
      },
    },
  } as ChartConfiguration
}

function timeAxis(times: readonly number[]) {
  const lowest = Math.min(...times)
  const highest = Math.max(...times)
  const ticks = {
    ...axisOptions('').ticks,
    callback: (value: number | string) => plainNumber(Number(value)),
  }
  if (highest < SMALLEST_LOGARITHMIC_SPAN * lowest) {
    return { ...axisOptions('ms a step'), type: 'linear', min: 0, suggestedMax: 1.15 * highest, ticks }
  }
  return {
    ...axisOptions('ms a step, log scale'),
    type: 'logarithmic',
    min: lowest / 1.3,
    max: highest * 1.3,
    afterBuildTicks: roundTicks,
    ticks,
  }
}
