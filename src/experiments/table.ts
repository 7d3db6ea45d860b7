/** Small tables of results, and the numbers in them. */

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Lines below the table, such as why a cell holds no number. */
  readonly notes?: readonly string[]
}

/** The table in Markdown, numbers to the right, columns padded so that it reads well unrendered too. */
export function tableToMarkdown({ columns, rows, notes = [] }: Table): string {
  const widths = columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => row[i].length)))
  const isNumeric = columns.map((_, i) => rows.every((row) => /^([-+−]?[\d.]|–)/.test(row[i])))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (isNumeric[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  const lines = [line(columns), rule, ...rows.map(line), ...notes.flatMap((note) => ['', note])]
  return `${lines.join('\n')}\n`
}

export interface Spread {
  readonly mean: number
  /** Sample standard deviation (divided by n − 1); NaN of a single value. */
  readonly standardDeviation: number
  readonly count: number
}

export function spreadOf(values: readonly number[]): Spread {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, standardDeviation: count > 1 ? Math.sqrt(squares / (count - 1)) : Number.NaN, count }
}

/** A number with so many decimals, or a dash where there is none or it is not finite. */
export function formatNumber(value: number | null, digits: number): string {
  return value !== null && Number.isFinite(value) ? value.toFixed(digits) : '–'
}

/** The same with its sign, a real minus. */
export function formatSigned(value: number | null, digits: number): string {
  if (value === null || !Number.isFinite(value)) return formatNumber(value, digits)
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(digits)}`
}

/** `0.0184 ± 0.0002`, or the mean alone where there is no spread. */
export function formatSpread({ mean, standardDeviation }: Spread, digits: number): string {
  const text = formatNumber(mean, digits)
  return Number.isNaN(standardDeviation) ? text : `${text} ± ${standardDeviation.toFixed(digits)}`
}

/** A share of 1 as a percentage with two decimals. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}
