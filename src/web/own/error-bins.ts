/** The histogram of scores on a canvas, with the threshold. */
import { roundNumbers, tickNumber } from '../../figures/log-axis.ts'
import { context2d, fitCanvas, type Size, themeColor } from '../dom.ts'
import type { ScoreSummary } from './messages.ts'

const LABELS = 20
const HEAD = 18
/** Labels nearer than this would run into each other, in CSS pixels. */
const LABEL_GAP = 46

/** All rows in sand; where the label tells them apart, inliers in slate and outliers in sand. */
export function drawErrorBins(
  canvas: HTMLCanvasElement,
  { bins, threshold, isByLabel }: ScoreSummary,
  size?: Size,
): void {
  const { width, height } = fitCanvas(canvas, size)
  const context = context2d(canvas)
  context.clearRect(0, 0, width, height)
  const { lowest, highest, shares } = bins
  const span = Math.log(highest / lowest) || 1
  const x = (value: number) => 1 + ((width - 2) * Math.log(value / lowest)) / span
  const plot = height - LABELS - HEAD
  const largest = Math.max(...shares.flatMap((series) => Array.from(series)), 1e-9)
  const colors = isByLabel ? ['slate', 'sand'] : ['sand']
  const pitch = width / shares[0].length
  // Bars of the second series stand in front, half as wide.
  shares.forEach((series, kind) => {
    context.fillStyle = themeColor(colors[kind])
    series.forEach((share, bin) => {
      const tall = (share / largest) * (plot - 4)
      context.fillRect((bin + kind / 4) * pitch, HEAD + plot - tall, (pitch - 1) / (kind + 1), tall)
    })
  })
  drawLine(context, x(Math.min(highest, Math.max(lowest, threshold))), threshold, width, HEAD + plot)
  context.fillStyle = themeColor('quiet')
  context.textAlign = 'center'
  let last = Number.NEGATIVE_INFINITY
  for (const step of roundNumbers(bins.lowest, bins.highest)) {
    const at = x(step)
    if (at - last < LABEL_GAP || at < LABEL_GAP / 3 || at > width - LABEL_GAP / 3) continue
    context.fillText(tickNumber(step), at, height - 5)
    last = at
  }
}

function drawLine(
  context: CanvasRenderingContext2D,
  x: number,
  threshold: number,
  width: number,
  bottom: number,
): void {
  context.strokeStyle = themeColor('ink')
  context.lineWidth = 1.6
  context.setLineDash([6, 4])
  context.beginPath()
  context.moveTo(x, 0)
  context.lineTo(x, bottom)
  context.stroke()
  context.setLineDash([])
  context.font = '11px system-ui, sans-serif'
  context.fillStyle = themeColor('text')
  const isLeft = x > width / 2
  context.textAlign = isLeft ? 'right' : 'left'
  context.fillText(`threshold ${threshold.toPrecision(3)}`, x + (isLeft ? -6 : 6), 11)
}
