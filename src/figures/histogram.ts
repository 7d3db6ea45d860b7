/** Histograms of several sets of numbers, as outlines over common bins. */
import type { ChartConfiguration } from 'chart.js'
import { ratioBins } from './bins.ts'
import { drawChart } from './chart.ts'
import { roundTicks, tickNumber } from './log-axis.ts'
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

/**
 * Share of each series' values per bin. Bins are of equal ratio, on a logarithmic axis: errors of digits and
 * of what is no digit lie far apart. A value of 0 lies in the lowest bin.
 */
export function drawHistogram({
  title,
  subtitle,
  xTitle,
  series,
  of = 'images',
  threshold,
}: Histogram): Promise<Uint8Array> {
  const bins = ratioBins(
    series.map(({ values }) => values),
    threshold?.value,
  )
  const { lowest, highest } = bins
  const count = bins.shares[0]?.length ?? 0
  const edges = Array.from({ length: count }, (_, i) => lowest * (highest / lowest) ** (i / count))
  const config = {
    type: 'line',
    data: {
      datasets: series.map(({ label }, index) => {
        const shares = bins.shares[index]
        const colour = SERIES_COLOURS[index % SERIES_COLOURS.length]
        return {
          label,
          data: [...edges.map((x, bin) => ({ x, y: shares[bin] })), { x: highest, y: 0 }],
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
          afterBuildTicks: roundTicks,
          ticks: {
            ...axisOptions('').ticks,
            callback: (value: number | string) => tickNumber(Number(value)),
          },
        },
        y: {
          ...axisOptions(`share of the ${of} in the bin (%)`),
          type: 'linear',
          min: 0,
        },
        // The threshold's own: its line is as high as the chart, whatever the bins are.
        height: { axis: 'y', type: 'linear', display: false, min: 0, max: 1 },
      },
    },
  } as ChartConfiguration<'line', { x: number; y: number }[]>
  // Chart.js draws the first on top, and the edge of a bin may lie where the threshold does.
  if (threshold && threshold.value > 0) config.data.datasets.unshift(thresholdLine(threshold))
  return drawChart(config)
}

function thresholdLine({ value, label }: NonNullable<Histogram['threshold']>) {
  return {
    label,
    yAxisID: 'height',
    data: [
      { x: value, y: 0 },
      { x: value, y: 1 },
    ],
    borderColor: COLOURS.text,
    borderDash: [6, 4],
    borderWidth: 1.4,
    pointRadius: 0,
  }
}
