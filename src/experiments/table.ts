/** Small tables of results, and the numbers in them. */

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Lines below the table, such as why a cell holds no number. */
  readonly notes?: readonly string[]
  /** How many of the first columns say what a row is; default 1. */
  readonly keys?: number | undefined
}

function isNumeric({ rows }: Table, column: number): boolean {
  return rows.every((row) => /^([-+−]?[\d.]|–)/.test(row[column]))
}

/** The table in Markdown, numbers to the right, columns padded so that it reads well unrendered too. */
export function tableToMarkdown(table: Table): string {
  const { columns, rows, notes = [] } = table
  const widths = columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => row[i].length)))
  const areNumeric = columns.map((_, i) => isNumeric(table, i))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (areNumeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (areNumeric[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  const lines = [line(columns), rule, ...rows.map(line), ...notes.flatMap((note) => ['', note])]
  return `${lines.join('\n')}\n`
}

const GAP = '  '

/**
 * The table for a terminal of so many columns: names broken over lines, what is the same in all rows said
 * once above it, and the other columns side by side as far as there is room, then below, beside the same
 * keys.
 */
export function tableToText(table: Table, width: number): string {
  const { columns, rows, notes = [], keys = 1 } = table
  const indices = columns.map((_, i) => i)
  const isSame = (i: number) => rows.length > 1 && rows.every((row) => row[i] === rows[0][i])
  const same = indices.filter(isSame).map((i) => `${columns[i]}: ${rows[0][i]}`)
  const shown = indices.filter((i) => !isSame(i)).map((i) => textColumn(table, i))
  const keyColumns = shown.filter(({ index }) => index < keys)
  const others = shown.filter(({ index }) => index >= keys)
  const beside = sideBySide(others, width - widthOf(keyColumns)).map((block) => [...keyColumns, ...block])
  const blocks = beside.length === 0 && keyColumns.length > 0 ? [keyColumns] : beside
  const parts = [...(same.length > 0 ? [same.join(', ')] : []), ...blocks.map(blockText), ...notes]
  return `${parts.join('\n\n')}\n`
}

interface TextColumn {
  readonly index: number
  readonly width: number
  readonly title: readonly string[]
  /** The cells, as wide as the column. */
  readonly lines: readonly string[]
  readonly pad: (text: string) => string
}

function textColumn(table: Table, index: number): TextColumn {
  const words = table.columns[index].split(' ')
  const cells = table.rows.map((row) => row[index])
  const width = Math.max(...[...words, ...cells].map(({ length }) => length))
  const pad = isNumeric(table, index)
    ? (text: string) => text.padStart(width)
    : (text: string) => text.padEnd(width)
  const title: string[] = []
  for (const word of words) {
    const line = title.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) title.push(`${title.pop()} ${word}`)
    else title.push(word)
  }
  return { index, width, title, lines: cells.map(pad), pad }
}

/** With the gap behind each. */
function widthOf(columns: readonly TextColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP.length, 0)
}

/** At least one in each block. */
function sideBySide(columns: readonly TextColumn[], width: number): TextColumn[][] {
  const blocks: TextColumn[][] = []
  for (const column of columns) {
    const last = blocks.at(-1)
    if (last && widthOf([...last, column]) - GAP.length <= width) last.push(column)
    else blocks.push([column])
  }
  return blocks
}

function blockText(columns: readonly TextColumn[]): string {
  const line = (cellOf: (column: TextColumn) => string) => columns.map(cellOf).join(GAP).trimEnd()
  const titleLines = Math.max(...columns.map(({ title }) => title.length))
  return [
    ...Array.from({ length: titleLines }, (_, i) => line(({ title, pad }) => pad(title[i] ?? ''))),
    line(({ width }) => '-'.repeat(width)),
    ...columns[0].lines.map((_, i) => line(({ lines }) => lines[i])),
  ].join('\n')
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
