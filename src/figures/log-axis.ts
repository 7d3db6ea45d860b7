/** Ticks of logarithmic axes. */

/** More ticks would be turned to fit. */
const MOST_TICKS = 11
/** Of fewer nobody could tell the scale. */
const FEWEST_TICKS = 2
const MOST_EVEN = 6

/** For `afterBuildTicks`: round numbers. */
export function roundTicks(axis: { ticks: { value: number }[]; min: number; max: number }): void {
  axis.ticks = roundNumbers(axis.min, axis.max).map((value) => ({ value }))
}

/**
 * 1, 2 and 5 of each decade from `min` to `max`, both above 0; where those are many 1 alone, or that of every
 * second, third … decade; where there are none, numbers between.
 */
export function roundNumbers(min: number, max: number): number[] {
  const fine = numbersAt([1, 2, 5], 1, min, max)
  if (fine.length < FEWEST_TICKS && max > min) return evenNumbers(min, max)
  if (fine.length <= MOST_TICKS) return fine
  const decades = numbersAt([1], 1, min, max)
  return numbersAt([1], Math.ceil(decades.length / MOST_TICKS), min, max)
}

/** Equally far from each other, for a range within a decade. */
function evenNumbers(min: number, max: number): number[] {
  const rough = (max - min) / MOST_EVEN
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(min / step)
  const count = Math.floor(max / step) - first + 1
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)))
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
  const rounded = Number(value.toPrecision(6))
  return rounded >= LONG ? rounded.toExponential() : String(rounded)
}

/** A number without an exponent, its thousands set off. */
export function plainNumber(value: number): string {
  // Without a limit of its own, 0.0001 would be 0.
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 20 })
}
