/** Fits a scaling to training rows. */
import { UsageError } from '../errors.ts'
import type { Scaling, ScalingKind } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { quote } from '../quote.ts'

/**
 * The scaling of `kind` over rows (n, inputs): two passes in float64, so that large offsets cost no digits.
 * An input that is constant, but for roundings, gets factor 0. Undefined for `none`.
 *
 * @param names of the inputs, for complaints
 * @throws UsageError for an input whose values lie too far apart, or too close together, for its factor to be
 *   a number
 */
export function fitScaling(
  rows: FloatArray,
  inputs: number,
  kind: ScalingKind,
  names?: readonly string[] | undefined,
): Scaling | undefined {
  if (kind === 'none') return undefined
  const extremes = extremesOf(rows, inputs)
  const isConstant = constantInputs(extremes)
  const scaling =
    kind === 'standard' ? fitStandard(rows, inputs, isConstant) : fitMinmax(extremes, isConstant)
  const isNumber = (factor: number) => factor > 0 && Number.isFinite(factor) && Number.isFinite(1 / factor)
  const bad = scaling.factor.findIndex((factor, i) => !isConstant[i] && !isNumber(factor))
  if (bad !== -1) {
    const place = names ? `column ${quote(names[bad])}` : `input ${bad + 1} of ${inputs}`
    const found = `found values from ${extremes.least[bad]} to ${extremes.most[bad]}`
    throw new UsageError(
      `${place}: expected a spread that is a number, ${found}; leave it out, or scale it before`,
    )
  }
  return { ...scaling, rows: rows.length / inputs }
}

function fitStandard(rows: FloatArray, inputs: number, isConstant: readonly boolean[]): Scaling {
  const count = rows.length / inputs
  const shift = new Array<number>(inputs).fill(0)
  const squares = new Array<number>(inputs).fill(0)
  for (let first = 0; first < rows.length; first += inputs) {
    for (let column = 0; column < inputs; column++) shift[column] += rows[first + column]
  }
  for (let column = 0; column < inputs; column++) shift[column] /= count
  for (let first = 0; first < rows.length; first += inputs) {
    for (let column = 0; column < inputs; column++) {
      squares[column] += (rows[first + column] - shift[column]) ** 2
    }
  }
  const factor = squares.map((sum, column) => (isConstant[column] ? 0 : 1 / Math.sqrt(sum / count)))
  // The mean of equal numbers may miss them by a rounding.
  return { kind: 'standard', shift: shift.map((mean, i) => (isConstant[i] ? rows[i] : mean)), factor }
}

function fitMinmax({ least, most }: Extremes, isConstant: readonly boolean[]): Scaling {
  const factor = most.map((value, column) => (isConstant[column] ? 0 : 1 / (value - least[column])))
  return { kind: 'minmax', shift: least, factor }
}

interface Extremes {
  /** (inputs) each. */
  readonly least: readonly number[]
  readonly most: readonly number[]
}

function extremesOf(rows: FloatArray, inputs: number): Extremes {
  const least = new Array<number>(inputs).fill(Number.POSITIVE_INFINITY)
  const most = new Array<number>(inputs).fill(Number.NEGATIVE_INFINITY)
  for (let first = 0; first < rows.length; first += inputs) {
    for (let column = 0; column < inputs; column++) {
      const value = rows[first + column]
      if (value < least[column]) least[column] = value
      if (value > most[column]) most[column] = value
    }
  }
  return { least, most }
}

/** Roundings by which equal numbers may differ after some arithmetic, as 0.1 + 0.2 and 0.3 do. */
const SAME = 8 * Number.EPSILON

function constantInputs({ least, most }: Extremes): boolean[] {
  return least.map((low, i) => most[i] - low <= SAME * Math.max(Math.abs(low), Math.abs(most[i])))
}
