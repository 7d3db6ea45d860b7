/** A mean with its spread, as charts draw it whichever way their axis lies. */
import type { Context } from './canvas.ts'

export interface SpreadMark {
  readonly mean: number
  /** NaN where there is no spread to show. */
  readonly standardDeviation?: number
  /** Single values, one a seed. */
  readonly values?: readonly number[]
}

/** A baseline that is further away, in spans of the marks, would leave them no room to be told apart. */
const FAR = 3

/** Of an axis that shall cut off neither whiskers nor single values. */
export function rangeOf(
  marks: readonly SpreadMark[],
  baseline: number | undefined,
): { suggestedMin?: number; suggestedMax?: number } {
  const values = marks.flatMap(({ mean, standardDeviation, values: single = [] }) => {
    const deviation = standardDeviation || 0
    return [mean - deviation, mean + deviation, ...single]
  })
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return {}
  const [least, most] = [Math.min(...finite), Math.max(...finite)]
  const far = Math.max(least - (baseline ?? least), (baseline ?? most) - most)
  const isNear = far <= FAR * (most - least) || most === least
  if (baseline === undefined || !isNear) return { suggestedMin: least, suggestedMax: most }
  return { suggestedMin: Math.min(least, baseline), suggestedMax: Math.max(most, baseline) }
}

/** Whether the value lies on the axis as it was laid out. */
export function isOn({ min, max }: { min: number; max: number }, value: number): boolean {
  return value >= min && value <= max
}

/** The part of a canvas's context in use: Chart.js types its own as the DOM's. */
type Pen = Pick<
  Context,
  'lineWidth' | 'globalAlpha' | 'beginPath' | 'arc' | 'fill' | 'moveTo' | 'lineTo' | 'stroke'
>

const DOT = { radius: 1.6, aside: 5 } as const
/** Of a whisker's ends, half. */
const END = 4

/**
 * A small dot for every single value, beside the mean's place, and a whisker of one standard deviation either
 * way, in the pen's colours.
 *
 * @param pixelOf where a value lies on its axis
 * @param place that pixel, and one so far aside of the mean, as x and y
 */
export function drawSpread(
  pen: Pen,
  { mean, standardDeviation = Number.NaN, values = [] }: SpreadMark,
  pixelOf: (value: number) => number,
  place: (along: number, aside: number) => [number, number],
): void {
  pen.lineWidth = 1.2
  pen.globalAlpha = 0.5
  for (const value of values) {
    const [x, y] = place(pixelOf(value), DOT.aside)
    pen.beginPath()
    pen.arc(x, y, DOT.radius, 0, 2 * Math.PI)
    pen.fill()
  }
  pen.globalAlpha = 1
  if (!(standardDeviation > 0)) return
  const ends = [pixelOf(mean + standardDeviation), pixelOf(mean - standardDeviation)]
  pen.beginPath()
  pen.moveTo(...place(ends[0], 0))
  pen.lineTo(...place(ends[1], 0))
  for (const end of ends) {
    pen.moveTo(...place(end, -END))
    pen.lineTo(...place(end, END))
  }
  pen.stroke()
}
