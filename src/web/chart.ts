/**
 * The live loss chart: losses on a logarithmic axis over epochs. Chart.js would be most of the page's first
 * load.
 */
import type { EpochRecord } from '../browser.ts'
import { context2d, fitCanvas, type Size, themeColor } from './dom.ts'
import type { BatchPoint } from './run.ts'

const MARGIN = { top: 10, right: 14, bottom: 26, left: 50 }
/** More points than this would fall on the same pixels: runs of them are averaged. */
const MAX_POINTS = 600
const FONT = '11px system-ui, sans-serif'

/** 1, 2, 3 and 5 times powers of ten in [low, high]. */
export function logarithmicTicks(low: number, high: number): number[] {
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 3, 5]) {
      const tick = Number(`${digit}e${power}`)
      if (tick >= low && tick <= high) ticks.push(tick)
    }
  }
  return ticks
}

/** Whole epochs to label, at most about ten. */
export function epochTicks(epochs: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((candidate) => epochs / candidate <= 10) ?? 1000
  return Array.from({ length: Math.floor(epochs / step) + 1 }, (_, i) => i * step)
}

function averaged(points: readonly BatchPoint[]): BatchPoint[] {
  const size = Math.ceil(points.length / MAX_POINTS)
  const bins: BatchPoint[] = []
  for (let first = 0; first < points.length; first += size) {
    const bin = points.slice(first, first + size)
    bins.push({ at: bin[bin.length - 1].at, loss: bin.reduce((sum, p) => sum + p.loss, 0) / bin.length })
  }
  return bins
}

export function drawLossChart(
  canvas: HTMLCanvasElement,
  epochs: number,
  points: readonly BatchPoint[],
  history: readonly EpochRecord[],
  size?: Size,
): void {
  const { width, height } = fitCanvas(canvas, size)
  const context = context2d(canvas)
  context.clearRect(0, 0, width, height)
  context.font = FONT
  const bins = averaged(points)
  const losses = [
    ...bins.map((p) => p.loss),
    ...history.flatMap((r) => [r.trainLoss, r.testLoss ?? r.trainLoss]),
  ]
  const low = losses.length > 0 ? Math.min(...losses) * 0.92 : 0.015
  const high = losses.length > 0 ? Math.max(...losses) * 1.08 : 0.12
  const plotWidth = width - MARGIN.left - MARGIN.right
  const plotHeight = height - MARGIN.top - MARGIN.bottom
  const x = (epoch: number) => MARGIN.left + (plotWidth * epoch) / epochs
  const y = (loss: number) => MARGIN.top + (plotHeight * Math.log(high / loss)) / Math.log(high / low)

  drawAxes(context, { epochs, low, high, x, y, right: width - MARGIN.right, bottom: height - MARGIN.bottom })
  if (losses.length === 0) {
    context.fillStyle = themeColor('quiet')
    context.textAlign = 'center'
    context.fillText('The loss appears here as it trains.', x(epochs / 2), y(0.042))
    return
  }
  const line = (color: string, lineWidth: number, coordinates: readonly (readonly [number, number])[]) => {
    context.strokeStyle = color
    context.lineWidth = lineWidth
    context.lineJoin = 'round'
    context.beginPath()
    for (const [atX, atY] of coordinates) context.lineTo(atX, atY)
    context.stroke()
  }
  const dots = (color: string, coordinates: readonly (readonly [number, number])[]) => {
    context.fillStyle = color
    for (const [atX, atY] of coordinates) {
      context.beginPath()
      context.arc(atX, atY, 3, 0, 2 * Math.PI)
      context.fill()
    }
  }
  const sand = themeColor('sand')
  const slate = themeColor('slate')
  context.globalAlpha = history.length > 0 ? 0.4 : 1
  line(
    sand,
    1.3,
    bins.map((p) => [x(p.at), y(p.loss)]),
  )
  context.globalAlpha = 1
  for (const [color, of] of [
    [sand, (r: EpochRecord) => r.trainLoss],
    [slate, (r: EpochRecord) => r.testLoss ?? Number.NaN],
  ] as const) {
    const coordinates = history.map((r) => [x(r.epoch), y(of(r))] as const)
    line(color, 2.2, coordinates)
    if (epochs <= 60) dots(color, coordinates)
  }
}

interface Axes {
  readonly epochs: number
  readonly low: number
  readonly high: number
  readonly right: number
  readonly bottom: number
  readonly x: (epoch: number) => number
  readonly y: (loss: number) => number
}

function drawAxes(context: CanvasRenderingContext2D, axes: Axes): void {
  context.strokeStyle = themeColor('line')
  context.fillStyle = themeColor('quiet')
  context.lineWidth = 1
  context.textBaseline = 'middle'
  context.textAlign = 'right'
  let above = Number.POSITIVE_INFINITY
  for (const tick of logarithmicTicks(axes.low, axes.high)) {
    const atY = axes.y(tick)
    context.beginPath()
    context.moveTo(MARGIN.left, atY)
    context.lineTo(axes.right, atY)
    context.stroke()
    if (above - atY > 14) {
      context.fillText(String(tick), MARGIN.left - 8, atY)
      above = atY
    }
  }
  const ticks = epochTicks(axes.epochs)
  const last = ticks[ticks.length - 1]
  const room = context.measureText(`epoch ${last}`).width + 12
  for (const tick of ticks) {
    const isLast = tick === last
    if (!isLast && axes.x(last) - axes.x(tick) < room) continue
    // The last label is the longest and stands at the edge.
    context.textAlign = isLast ? 'right' : 'center'
    context.fillText(
      isLast && tick > 0 ? `epoch ${tick}` : String(tick),
      axes.x(tick) + (isLast ? 4 : 0),
      axes.bottom + 14,
    )
  }
}
