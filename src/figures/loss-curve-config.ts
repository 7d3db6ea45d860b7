/** The loss curve as a Chart.js configuration, for a PNG (`loss-curve.ts`) and for the browser page alike. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import type { Loss } from '../model/network.ts'
import type { LossCurveOptions, LossCurvePoint } from './loss-curve-options.ts'
import { axisOptions, COLOURS, chartOptions, FONT_SIZE, font, formatLoss, SERIES_COLOURS } from './theme.ts'

const LOSS_NAMES: Readonly<Record<Loss, string>> = {
  mse: 'mean squared error per value',
  bce: 'binary cross-entropy per value',
  crossEntropy: 'cross-entropy',
}

/** Two series over epochs, on a logarithmic axis: late progress is a hundredth of the first epoch's. */
export function lossCurveConfig(
  history: readonly LossCurvePoint[],
  options: LossCurveOptions = {},
): ChartConfiguration<'line', { x: number; y: number }[]> {
  const losses = history.flatMap(({ trainLoss, testLoss }) =>
    testLoss === undefined ? [trainLoss] : [trainLoss, testLoss],
  )
  const hasTest = history.some(({ testLoss }) => testLoss !== undefined)
  const lowest = Math.min(...losses)
  const highest = Math.max(...losses)
  // A log axis cannot show a loss of zero, NaN or infinity, and has nothing to offer within a narrow range.
  const logarithmic = lowest > 0 && highest / lowest > 1.5 && highest < Number.POSITIVE_INFINITY
  const firstEpoch = history.length > 0 ? history[0].epoch : 0
  const lastEpoch = history.length > 0 ? history[history.length - 1].epoch : 1

  const base = chartOptions(options.title ?? 'Loss', options.subtitle ?? bestEpochText(history))
  return {
    type: 'line',
    data: {
      datasets: [
        series(history, 'train (mean over the epoch)', 'trainLoss', SERIES_COLOURS[0]),
        ...(hasTest ? [series(history, 'test (after the epoch)', 'testLoss', SERIES_COLOURS[1])] : []),
      ],
    },
    options: {
      ...base,
      scales: {
        x: {
          ...axisOptions('epoch'),
          type: 'linear',
          min: Math.max(0, firstEpoch - 1),
          max: Math.max(lastEpoch, firstEpoch + 1),
          ticks: {
            ...axisOptions('').ticks,
            precision: 0,
            maxRotation: 0,
            // Chart.js would make an Intl.NumberFormat, which takes longer than all the rest of a small
            // chart.
            callback: String,
          },
        },
        y: {
          ...axisOptions(`${LOSS_NAMES[options.loss ?? 'mse']}${logarithmic ? ', log scale' : ''}`),
          ...(logarithmic ? logarithmicAxis(lowest, highest) : linearAxis),
        },
      },
    },
    plugins: [learningRateMarks(history)],
  } as ChartConfiguration<'line', { x: number; y: number }[]>
}

function series(
  history: readonly LossCurvePoint[],
  name: string,
  key: 'trainLoss' | 'testLoss',
  colour: string,
) {
  const last = history.length - 1
  const lastLoss = last < 0 ? '' : `: ${formatLoss(history[last][key] ?? Number.NaN)}`
  return {
    label: name + lastLoss,
    data: history.map((point) => ({ x: point.epoch, y: point[key] })),
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: 2,
    clip: false as const,
    // A dot for the latest epoch, and for all while they are too few to make a line.
    pointRadius: history.map((_, index) => (index === last || history.length <= 10 ? 3 : 0)),
  }
}

function bestEpochText(history: readonly LossCurvePoint[]): string {
  if (history.length === 0) return ''
  const lossOf = ({ trainLoss, testLoss }: LossCurvePoint) => testLoss ?? trainLoss
  const best = history.reduce((low, point) => (lossOf(point) < lossOf(low) ? point : low))
  const what = best.testLoss === undefined ? 'training' : 'test'
  return `lowest ${what} error ${formatLoss(lossOf(best))} at epoch ${best.epoch} of ${history[history.length - 1].epoch}`
}

/**
 * With as many decimals as the ticks' distance wants: Chart.js would make an Intl.NumberFormat for it here
 * too.
 */
const linearAxis = {
  type: 'linear',
  ticks: {
    ...axisOptions('').ticks,
    callback(value: number | string, _index: number, ticks: readonly { readonly value: number }[]) {
      const distance = ticks.length > 1 ? Math.abs(ticks[1].value - ticks[0].value) : Math.abs(Number(value))
      const decimals = distance > 0 ? Math.ceil(-Math.log10(distance) - 1e-9) : 0
      return Number(value).toFixed(Math.min(Math.max(decimals, 0), 20))
    },
  },
}

/** Steps within a decade, few enough to keep labels apart over several decades. */
const FINE_STEPS = [1, 1.2, 1.5, 1.8, 2, 2.5, 3, 4, 5, 6, 8]
const COARSE_STEPS = [1, 2, 5]

/** The log axis of Chart.js labels few ticks when the range is under a decade: its ticks are set here. */
function logarithmicAxis(lowest: number, highest: number) {
  const min = lowest / 1.06
  const max = highest * 1.06
  const steps = max / min < 8 ? FINE_STEPS : max / min < 1000 ? COARSE_STEPS : [1]
  const values: number[] = []
  for (let decade = Math.floor(Math.log10(min)); decade <= Math.log10(max); decade++) {
    for (const step of steps) {
      const value = step * 10 ** decade
      if (value >= min && value <= max) values.push(value)
    }
  }
  return {
    type: 'logarithmic',
    min,
    max,
    afterBuildTicks(axis: { ticks: { value: number }[] }) {
      axis.ticks = values.map((value) => ({ value }))
    },
    ticks: {
      ...axisOptions('').ticks,
      callback: (value: number | string) => String(Number(Number(value).toPrecision(3))),
    },
  }
}

/** A rate that changes more often is a curve of its own, whose marks would cover this one. */
const MOST_MARKS = 6

/** Dashed lines where the learning rate changed: at the end of the last epoch that used the old one. */
function learningRateMarks(history: readonly LossCurvePoint[]): Plugin<'line'> {
  const changes = history.flatMap((point, index) =>
    index > 0 && point.learningRate !== history[index - 1].learningRate
      ? [{ epoch: history[index - 1].epoch, text: `learning rate ${formatRate(point.learningRate)}` }]
      : [],
  )
  if (changes.length > MOST_MARKS) changes.length = 0
  return {
    id: 'learningRateMarks',
    beforeDatasetsDraw(chart: Chart<'line'>) {
      const { ctx, chartArea, scales } = chart
      ctx.save()
      ctx.strokeStyle = COLOURS.muted
      ctx.fillStyle = COLOURS.muted
      ctx.lineWidth = 1
      ctx.setLineDash([3, 3])
      ctx.font = font(FONT_SIZE.small)
      ctx.textAlign = 'right'
      ctx.textBaseline = 'bottom'
      let labelFrom = Number.NEGATIVE_INFINITY
      for (const { epoch, text } of changes) {
        const x = scales.x.getPixelForValue(epoch)
        ctx.beginPath()
        ctx.moveTo(x, chartArea.top)
        ctx.lineTo(x, chartArea.bottom)
        ctx.stroke()
        // Upright beside the line; left out where the marks are closer than a line of text.
        if (x < labelFrom) continue
        ctx.save()
        ctx.translate(x - 4, chartArea.top + 6)
        ctx.rotate(-Math.PI / 2)
        ctx.fillText(text, 0, 0)
        ctx.restore()
        labelFrom = x + 1.3 * FONT_SIZE.small
      }
      ctx.restore()
    },
  }
}

function formatRate(rate: number): string {
  // Three digits: a rate of 1e-3 that was multiplied by 0.1 twice is not quite 1e-5.
  const rounded = Number(rate.toPrecision(3))
  return rounded < 1e-2 ? rounded.toExponential() : String(rounded)
}
