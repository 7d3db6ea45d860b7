/**
 * Other values in a column that was constant over the training rows. The network has learned nothing of such
 * a column and never sees it, but a score counts them: as what the value would be, scaled, if one training
 * row had it. Runs in a browser.
 */
import type { Scaling } from './preprocessing.ts'
import type { FloatArray } from './state.ts'

/** Of the constant: two numbers that float32 hardly tells apart are the same. */
const SAME = 1e-6

/** What is added to the squared error of a row for each such value. */
export interface Unseen {
  /** (inputs) of those that were constant, in squares of what the network sees; 0 of the others. */
  readonly squares: Float32Array
  /** (inputs) how far from the constant a value is still the same. */
  readonly tolerances: Float64Array
}

/**
 * Of n rows, one that differs lies √(n − 1) standard deviations from the mean of all, however far its value
 * is; under `minmax` it lies at the other end, 1 away. Undefined where no input was constant, or the number
 * of rows is not known.
 */
export function unseenOf({ kind, shift, factor, rows = 0 }: Scaling): Unseen | undefined {
  // The row itself would be one of n + 1.
  const square = kind === 'minmax' ? 1 : rows
  if (square === 0 || !factor.includes(0)) return undefined
  return {
    squares: Float32Array.from(factor, (value) => (value === 0 ? square : 0)),
    tolerances: Float64Array.from(shift, (constant) => SAME * Math.abs(constant)),
  }
}

/** Calls `found` for each such value in raw rows (n, inputs). An empty cell is none. */
export function eachUnseen(
  raw: Uint8Array | FloatArray,
  scaling: Scaling | undefined,
  found: (row: number, input: number, square: number) => void,
): void {
  const unseen = scaling && unseenOf(scaling)
  if (!unseen) return
  const { squares, tolerances } = unseen
  const { shift } = scaling
  const constant = Array.from(squares.keys()).filter((input) => squares[input] > 0)
  const unit = raw instanceof Uint8Array ? 1 / 255 : 1
  const inputs = shift.length
  for (let row = 0; row * inputs < raw.length; row++) {
    for (const input of constant) {
      const distance = Math.abs(unit * raw[row * inputs + input] - shift[input])
      if (distance > tolerances[input]) found(row, input, squares[input])
    }
  }
}

/** Adds them to mean squared errors (n) of the same rows. */
export function addUnseen(
  errors: Float64Array,
  raw: Uint8Array | FloatArray,
  scaling: Scaling | undefined,
): Float64Array {
  const inputs = raw.length / errors.length
  eachUnseen(raw, scaling, (row, _, square) => {
    errors[row] += square / inputs
  })
  return errors
}
