/** Histograms of several sets of numbers, as outlines over common bins. */
import type { ChartConfiguration } from 'chart.js'
import { drawChart } from './chart.ts'
import { axisOptions, COLOURS, chartOptions, SERIES_COLOURS } from './theme.ts'

export interface HistogramSeries {
  readonly label: string
  readonly values: ArrayLike<number>
}

export interface Histogram {
  readonly title: string
  readonly subtitle?: string
  /** With its unit. */
  readonly xTitle: string
  readonly series: readonly HistogramSeries[]
  /** What the values are of; default images. */
  readonly of?: string
  /** A value that parts them, above 0, and what it is called. */
  readonly threshold?: { readonly value: number; readonly label: string } | undefined
}

const BINS = 60

/**
 * Share of each series' values per bin. Bins are of equal ratio, on a logarithmic axis: errors of digits and of what is
 * no digit lie far apart. A value of 0 lies in the lowest bin.
 */
export function drawHistogram({
  title,
  subtitle,
  xTitle,
  series,
  of = 'images',
  threshold,
}: Histogram): Promise<Uint8Array> {
  let lowest = Number.POSITIVE_INFINITY
  let highest = 0
  for (const { values } of series) {
    for (let i = 0; i < values.length; i++) {
      if (values[i] > 0) lowest = Math.min(lowest, values[i])
      highest = Math.max(highest, values[i])
    }
  }
  if (threshold && threshold.value > 0) {
    lowest = Math.min(lowest, threshold.value)
    highest = Math.max(highest, threshold.value)
  }
  // All of them 0.
  if (highest === 0) lowest = highest = 1
  const edges = Array.from({ length: BINS + 1 }, (_, i) => lowest * (highest / lowest) ** (i / BINS))
  let most = 0
  const config = {
    type: 'line',
    data: {
      datasets: series.map(({ label, values }, index) => {
        const shares = binShares(values, lowest, highest)
        most = Math.max(most, ...shares)
        const colour = SERIES_COLOURS[index % SERIES_COLOURS.length]
        return {
          label,
          data: [...edges.slice(0, -1).map((x, bin) => ({ x, y: shares[bin] })), { x: highest, y: 0 }],
          stepped: 'before',
          borderColor: colour,
          backgroundColor: `${colour}30`,
          borderWidth: 1.6,
          pointRadius: 0,
          fill: 'origin',
        }
      }),
    },
    options: {
      ...chartOptions(title, subtitle),
      scales: {
        x: {
          ...axisOptions(`${xTitle}, log scale`),
          type: 'logarithmic',
          min: lowest,
          max: highest,
          afterBuildTicks(axis: { ticks: { value: number }[] }) {
            axis.ticks = decadeTicks(lowest, highest)
          },
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => String(Number(Number(value).toPrecision(3))),
          },
        },
        y: {
          ...axisOptions(`share of the ${of} in the bin (%)`),
          type: 'linear',
          min: 0,
        },
      },
    },
  } as ChartConfiguration<'line', { x: number; y: number }[]>
  if (threshold && threshold.value > 0) config.data.datasets.push(thresholdLine(threshold, most))
  return drawChart(config)
}

function thresholdLine({ value, label }: NonNullable<Histogram['threshold']>, top: number) {
  return {
    label,
    data: [
      { x: value, y: 0 },
      { x: value, y: top },
    ],
    borderColor: COLOURS.text,
    borderDash: [6, 4],
    borderWidth: 1.4,
    pointRadius: 0,
  }
}

/** Percent of the values in each bin of equal ratio between `lowest` and `highest`. */
function binShares(values: ArrayLike<number>, lowest: number, highest: number): Float64Array {
  const shares = new Float64Array(BINS)
  const width = Math.log(highest / lowest) / BINS
  for (let i = 0; i < values.length; i++) {
    const bin = width > 0 ? Math.floor(Math.log(values[i] / lowest) / width) : 0
    shares[Math.min(BINS - 1, Math.max(0, bin))] += 100 / values.length
  }
  return shares
}

function decadeTicks(lowest: number, highest: number): { value: number }[] {
  const ticks: { value: number }[] = []
  for (let decade = Math.floor(Math.log10(lowest)); decade <= Math.log10(highest); decade++) {
    for (const step of [1, 2, 5]) {
      const value = step * 10 ** decade
      if (value >= lowest && value <= highest) ticks.push({ value })
    }
  }
  return ticks
}
