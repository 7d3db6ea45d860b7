/** A map of images as coloured dots, with the name of each class where its dots are. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { drawChart } from './chart.ts'
import { CLASS_COLOURS } from './class-colours.ts'
import { axisOptions, COLOURS, CSS_PIXELS_PER_INCH, chartOptions, font } from './theme.ts'

export interface LatentMapFigure {
  readonly title: string
  readonly subtitle?: string
  readonly axes: readonly [string, string]
  /** (n, 2) */
  readonly points: ArrayLike<number>
  /** (n) class indices */
  readonly labels: Uint8Array
}

const SIDE = 7 * CSS_PIXELS_PER_INCH

interface ClassDots {
  readonly label: number
  readonly dots: { x: number; y: number }[]
}

/** A square map. Names stand at the median of their class, so that no reader depends on the colours. */
export function drawLatentMap(figure: LatentMapFigure): Promise<Uint8Array> {
  const { title, subtitle, axes } = figure
  const classes = dotsByClass(figure)
  const colourOf = (label: number) => CLASS_COLOURS[label % CLASS_COLOURS.length]
  const config = {
    type: 'scatter',
    data: {
      datasets: classes.map(({ label, dots }) => ({
        label: String(label),
        data: dots,
        backgroundColor: `${colourOf(label)}a0`,
        pointRadius: 1.6,
        pointBorderWidth: 0,
      })),
    },
    options: {
      ...chartOptions(title, subtitle, 'none'),
      scales: {
        x: { ...axisOptions(axes[0]), type: 'linear' },
        y: { ...axisOptions(axes[1]), type: 'linear' },
      },
    },
    plugins: [classNames(classes, colourOf)],
  } as ChartConfiguration<'scatter', { x: number; y: number }[]>
  return drawChart(config, SIDE, SIDE)
}

function dotsByClass({ points, labels }: LatentMapFigure): ClassDots[] {
  const classes = [...new Set(labels)].sort((a, b) => a - b)
  return classes.map((label) => ({
    label,
    dots: Array.from(labels.keys())
      .filter((i) => labels[i] === label)
      .map((i) => ({ x: points[2 * i], y: points[2 * i + 1] })),
  }))
}

function classNames(classes: readonly ClassDots[], colourOf: (label: number) => string): Plugin<'scatter'> {
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
  return {
    id: 'classNames',
    afterDatasetsDraw(chart: Chart<'scatter'>) {
      const { ctx, scales } = chart
      ctx.save()
      ctx.font = font(22, 'bold')
      ctx.textAlign = 'center'
      ctx.textBaseline = 'middle'
      ctx.lineJoin = 'round'
      for (const { label, dots } of classes) {
        const x = scales.x.getPixelForValue(median(dots.map((dot) => dot.x)))
        const y = scales.y.getPixelForValue(median(dots.map((dot) => dot.y)))
        // A white rim, so that the name is legible on its own dots.
        ctx.strokeStyle = COLOURS.background
        ctx.lineWidth = 5
        ctx.strokeText(String(label), x, y)
        ctx.fillStyle = colourOf(label)
        ctx.fillText(String(label), x, y)
      }
      ctx.restore()
    },
  }
}
