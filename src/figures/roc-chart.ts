/** ROC curves. */
import type { ChartConfiguration } from 'chart.js'
import { drawChart } from './chart.ts'
import { CLASS_COLOURS } from './class-colours.ts'
import { axisOptions, COLOURS, chartOptions } from './theme.ts'

export interface RocSeries {
  readonly label: string
  /** Rising from 0 to 1, both of one length. */
  readonly falsePositiveRate: readonly number[]
  readonly truePositiveRate: readonly number[]
}

/** Points of a curve that are drawn, at most; more cannot be told apart. */
const DRAWN_POINTS = 600

/** The curves, and the diagonal of a score that knows nothing. Up to twenty can be told apart: ten colours, then dashed. */
export function drawRocChart(
  title: string,
  subtitle: string,
  series: readonly RocSeries[],
): Promise<Uint8Array> {
  const rate = (name: string) => ({ ...axisOptions(name), type: 'linear', min: 0, max: 1 })
  const config = {
    type: 'line',
    data: {
      datasets: [
        ...series.map((curve, index) => ({
          label: curve.label,
          data: thinned(curve),
          borderColor: CLASS_COLOURS[index % CLASS_COLOURS.length],
          backgroundColor: CLASS_COLOURS[index % CLASS_COLOURS.length],
          borderWidth: 1.8,
          borderDash: index >= CLASS_COLOURS.length ? [5, 4] : [],
          pointRadius: 0,
          clip: 2,
        })),
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
      ...chartOptions(title, subtitle, 'right'),
      scales: {
        x: rate('false positive rate: normal images taken for anomalies'),
        y: rate('true positive rate: anomalies found'),
      },
    },
  } as ChartConfiguration<'line', { x: number; y: number }[]>
  return drawChart(config)
}

function thinned({ falsePositiveRate, truePositiveRate }: RocSeries): { x: number; y: number }[] {
  const last = falsePositiveRate.length - 1
  const stride = Math.max(1, Math.ceil(last / DRAWN_POINTS))
  return falsePositiveRate.flatMap((x, i) =>
    i % stride === 0 || i === last ? [{ x, y: truePositiveRate[i] }] : [],
  )
}
