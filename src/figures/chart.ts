/**
 * Charts by Chart.js on node-canvas. The same configuration, given to Chart.js in a page, draws the same
 * chart.
 */
import { Chart, type ChartConfiguration, type ChartType, type Plugin, registerables } from 'chart.js'
import { type Canvas, encodePng, loadCanvas } from './canvas.ts'
import { COLOURS, DEVICE_PIXEL_RATIO, FIGURE_HEIGHT, FIGURE_WIDTH } from './theme.ts'

Chart.register(...registerables)

/** Without it the ground of a PNG is transparent, and black on a dark page. */
const whiteBackground: Plugin = {
  id: 'whiteBackground',
  beforeDraw(chart) {
    chart.ctx.save()
    chart.ctx.fillStyle = COLOURS.background
    chart.ctx.fillRect(0, 0, chart.width, chart.height)
    chart.ctx.restore()
  },
}

/**
 * A chart as a PNG file. `width` and `height` in CSS pixels (96 an inch); the picture has 150 dots an inch,
 * so the default of 672 × 480 gives 1050 × 750 dots.
 */
export async function drawChart<Type extends ChartType>(
  config: ChartConfiguration<Type>,
  width = FIGURE_WIDTH,
  height = FIGURE_HEIGHT,
): Promise<Uint8Array> {
  return withChart(config as ChartConfiguration, width, height, encodePng)
}

/** A chart on a page of several, its place and size in CSS pixels. */
export interface PlacedChart {
  readonly config: ChartConfiguration
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Several charts side by side as one PNG file; sizes in CSS pixels. */
export async function drawChartPage(
  charts: readonly PlacedChart[],
  width: number,
  height: number,
): Promise<Uint8Array> {
  const { createCanvas } = await loadCanvas()
  const dots = (cssPixels: number) => Math.round(cssPixels * DEVICE_PIXEL_RATIO)
  const page = createCanvas(dots(width), dots(height))
  const context = page.getContext('2d')
  context.fillStyle = COLOURS.background
  context.fillRect(0, 0, page.width, page.height)
  for (const { config, x, y, width, height } of charts) {
    await withChart(config, width, height, (canvas) => context.drawImage(canvas, dots(x), dots(y)))
  }
  return encodePng(page)
}

/** Draws a chart and hands its canvas to `use`, before it is cleared. */
async function withChart<Result>(
  config: ChartConfiguration,
  width: number,
  height: number,
  use: (canvas: Canvas) => Result | Promise<Result>,
): Promise<Result> {
  const { createCanvas } = await loadCanvas()
  const canvas = createCanvas(width, height)
  const withGround = {
    ...config,
    options: { ...config.options, devicePixelRatio: DEVICE_PIXEL_RATIO },
    plugins: [...(config.plugins ?? []), whiteBackground],
  } as ChartConfiguration
  // Chart.js asks of its canvas only what node-canvas has, though its type says a DOM element.
  const chart = new Chart(canvas as unknown as HTMLCanvasElement, withGround)
  try {
    return await use(canvas)
  } finally {
    chart.destroy()
  }
}
