/** Ticks of logarithmic axes. */

/** More ticks would be turned to fit. */
const MOST_TICKS = 11

/** For `afterBuildTicks`: round numbers. */
export function roundTicks(axis: { ticks: { value: number }[]; min: number; max: number }): void {
  axis.ticks = roundNumbers(axis.min, axis.max).map((value) => ({ value }))
}

/**
 * 1, 2 and 5 of each decade from `min` to `max`, both above 0; where those are many 1 alone, or that of every
 * second, third … decade.
 */
export function roundNumbers(min: number, max: number): number[] {
  const fine = numbersAt([1, 2, 5], 1, min, max)
  if (fine.length <= MOST_TICKS) return fine
  const decades = numbersAt([1], 1, min, max)
  return numbersAt([1], Math.ceil(decades.length / MOST_TICKS), min, max)
}

function numbersAt(steps: readonly number[], every: number, min: number, max: number): number[] {
  const numbers: number[] = []
  const first = every * Math.floor(Math.log10(min) / every)
  for (let decade = first; decade <= Math.log10(max); decade += every) {
    for (const step of steps) {
      const value = step * 10 ** decade
      if (value >= min && value <= max) numbers.push(value)
    }
  }
  return numbers
}

/** Longer ones would run into each other. */
const LONG = 1e7

/** A number with as few digits as name it: from ten millions on with an exponent. */
export function tickNumber(value: number): string {
  const rounded = Number(value.toPrecision(3))
  return rounded >= LONG ? rounded.toExponential() : String(rounded)
}

/** A number without an exponent, its thousands set off. */
export function plainNumber(value: number): string {
  // Without a limit of its own, 0.0001 would be 0.
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 20 })
}
