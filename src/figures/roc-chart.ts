/** ROC curves. */
import type { ChartConfiguration } from 'chart.js'
import { drawChart } from './chart.ts'
import { CLASS_COLOURS } from './class-colours.ts'
import { axisOptions, COLOURS, chartOptions, FIGURE_HEIGHT, FIGURE_WIDTH, FONT_SIZE } from './theme.ts'

export interface RocSeries {
  readonly label: string
  /** Rising from 0 to 1, both of one length. */
  readonly falsePositiveRate: readonly number[]
  readonly truePositiveRate: readonly number[]
}

/** Points of a curve that are drawn, at most; more cannot be told apart. */
const DRAWN_POINTS = 600

/** Dashes of each ten curves, in CSS pixels: with the ten colours they tell 70 apart. */
const DASHES: readonly (readonly number[])[] = [
  [],
  [5, 4],
  [2, 2],
  [9, 3, 2, 3],
  [12, 4],
  [1, 4],
  [6, 2, 1, 2, 1, 2],
]

/** Curves with whose names beside them the chart has its usual height. */
const USUAL_CURVES = 15
/** Of a name beside the chart where there are more, in CSS pixels. */
const CLOSE_LINE = FONT_SIZE.small + 4
/** Title, subtitle and margins. */
const HEAD = 90

/** How the curve of an index looks; no two of the first 70 alike. */
export function curveStyle(index: number): { readonly colour: string; readonly dash: readonly number[] } {
  const dash = DASHES[Math.floor(index / CLASS_COLOURS.length) % DASHES.length]
  return { colour: CLASS_COLOURS[index % CLASS_COLOURS.length], dash }
}

/**
 * The curves, and the diagonal of a score that knows nothing. The more names stand beside it, the higher the
 * chart.
 */
export function drawRocChart(
  title: string,
  subtitle: string,
  series: readonly RocSeries[],
): Promise<Uint8Array> {
  const isMany = series.length > USUAL_CURVES
  const options = chartOptions(title, subtitle, 'right')
  const { legend } = options.plugins
  const close = { ...legend.labels, padding: 4, font: { ...legend.labels.font, size: FONT_SIZE.small } }
  const rate = (name: string) => ({ ...axisOptions(name), type: 'linear', min: 0, max: 1 })
  const config = {
    type: 'line',
    data: {
      datasets: [
        ...series.map((curve, index) => {
          const { colour, dash } = curveStyle(index)
          return {
            label: curve.label,
            data: thinned(curve),
            borderColor: colour,
            backgroundColor: colour,
            borderWidth: 1.8,
            borderDash: [...dash],
            pointRadius: 0,
            clip: 2,
          }
        }),
        {
          label: 'chance: 0.5',
          data: [
            { x: 0, y: 0 },
            { x: 1, y: 1 },
          ],
          borderColor: COLOURS.muted,
          borderWidth: 1,
          borderDash: [2, 3],
          pointRadius: 0,
        },
      ],
    },
    options: {
      ...options,
      plugins: { ...options.plugins, legend: isMany ? { ...legend, labels: close } : legend },
      scales: {
        x: rate('false positive rate: normal images taken for anomalies'),
        y: rate('true positive rate: anomalies found'),
      },
    },
  } as ChartConfiguration<'line', { x: number; y: number }[]>
  // With a line for the diagonal.
  const height = isMany ? HEAD + (series.length + 1) * CLOSE_LINE : 0
  return drawChart(config, FIGURE_WIDTH, Math.max(FIGURE_HEIGHT, height))
}

function thinned({ falsePositiveRate, truePositiveRate }: RocSeries): { x: number; y: number }[] {
  const last = falsePositiveRate.length - 1
  const stride = Math.max(1, Math.ceil(last / DRAWN_POINTS))
  return falsePositiveRate.flatMap((x, i) =>
    i % stride === 0 || i === last ? [{ x, y: truePositiveRate[i] }] : [],
  )
}
