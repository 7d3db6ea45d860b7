/**
 * Tables as text by RFC 4180: UTF-8, CRLF, a first line of names, quotes where a cell needs them. Runs in a
 * browser.
 */
import type { CellKind, Cells, Sheet } from './sheet.ts'

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/

/** The text, a part at a time. */
export async function* writeCsv({ columns, parts }: Sheet): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  yield encoder.encode(`${columns.map(({ name }) => textCell(name)).join()}\r\n`)
  const cellText = columns.map(({ kind }) => CELL_TEXTS[kind])
  for await (const part of parts) {
    const lines: string[] = []
    const count = part[0]?.length ?? 0
    for (let row = 0; row < count; row++) {
      const line = part.map((cells, i) => cellText[i](cells, row)).join()
      // A line without anything in it would be no row to most readers.
      lines.push(line === '' ? '""\r\n' : `${line}\r\n`)
    }
    yield encoder.encode(lines.join(''))
  }
}

const CELL_TEXTS: Readonly<Record<CellKind, (cells: Cells, row: number) => string>> = {
  float32: (cells, row) => float32Text(cells[row] as number),
  float64: (cells, row) => numberText(cells[row] as number),
  whole: (cells, row) => numberText(cells[row] as number),
  text: (cells, row) => textCell(cells[row] as string),
}

function textCell(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The fewest digits that tell the number; `inf` as Python and papaparse's readers have it. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return ''
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return String(value)
}

/** The fewest digits, from six on, that tell a float32 from its neighbours: nine always do. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) return numberText(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}
