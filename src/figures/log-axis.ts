/** Ticks of logarithmic axes. */

/** For `afterBuildTicks`: ticks at 1, 2 and 5 of each decade. */
export function roundTicks(axis: { ticks: { value: number }[]; min: number; max: number }): void {
  const ticks: { value: number }[] = []
  for (let decade = Math.floor(Math.log10(axis.min)); decade <= Math.log10(axis.max); decade++) {
    for (const step of [1, 2, 5]) {
      const value = step * 10 ** decade
      if (value >= axis.min && value <= axis.max) ticks.push({ value })
    }
  }
  axis.ticks = ticks
}

/** A number without an exponent, its thousands set off. */
export function plainNumber(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US')
}
