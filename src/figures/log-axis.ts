/** Ticks of logarithmic axes. */

/** More ticks would be turned to fit. */
const MOST_TICKS = 11

/** For `afterBuildTicks`: ticks at 1, 2 and 5 of each decade, or at 1 where those are many. */
export function roundTicks(axis: { ticks: { value: number }[]; min: number; max: number }): void {
  const fine = ticksAt([1, 2, 5], axis.min, axis.max)
  axis.ticks = fine.length > MOST_TICKS ? ticksAt([1], axis.min, axis.max) : fine
}

function ticksAt(steps: readonly number[], min: number, max: number): { value: number }[] {
  const ticks: { value: number }[] = []
  for (let decade = Math.floor(Math.log10(min)); decade <= Math.log10(max); decade++) {
    for (const step of steps) {
      const value = step * 10 ** decade
      if (value >= min && value <= max) ticks.push({ value })
    }
  }
  return ticks
}

/** A number without an exponent, its thousands set off. */
export function plainNumber(value: number): string {
  // Without a limit of its own, 0.0001 would be 0.
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 20 })
}
