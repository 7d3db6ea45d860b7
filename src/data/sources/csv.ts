/**
 * Tables as text: CSV by RFC 4180 and its relatives, by papaparse. The first line names the columns, unless
 * all its cells are numbers. Runs in a browser.
 */
import type { ParseResult, Parser } from 'papaparse'
import { FileError, UsageError } from '../../errors.ts'
import { quote } from '../../quote.ts'
import { ReaderBudget } from '../../reader-budget.ts'
import type { Column, Table } from '../table.ts'
import { cellNumber, isMissing } from './cell-number.ts'

export interface CsvOptions {
  /** Between cells; default: found out, a tab in `.tsv`. */
  readonly separator?: string | undefined
  /** Whether numbers are written 3,14. */
  readonly decimalComma?: boolean | undefined
  /**
   * Columns that are carried on and not computed with: text, as it is written, where numbers would come
   * back otherwise (007, true, whole numbers of more than 15 digits).
   */
  readonly asWritten?: readonly string[] | undefined
}

/** Numbers that float64 does not give back as written: leading zeros, too many digits, truth values. */
const WRITTEN_OTHERWISE = /^\s*[-+]?(0\d|\d{16})|^\s*[tf]/i

/** V8 keeps no string of twice as many characters. */
const MOST_BYTES = 2 ** 28
/** Characters that are parsed at once: rows of them are arrays of strings only meanwhile. */
const CHUNK = 2 ** 16
/**
 * Characters of a row: of ten times as many columns as a layer may have. A longer one is a quote that never
 * ends.
 */
const MOST_ROW = 2 ** 22
/** Arrays beside a multiple of the file: empty cells take one byte each there, and eight here. */
const ARRAYS_BESIDES = 2 ** 26
/** The same for the texts of each column that somebody asks to carry on: some million ids. */
const KEPT_BESIDES = 2 ** 27
/** Numbers of a column that lie in one array, first and later on: none is copied while it grows. */
const FEWEST_ROWS = 64
const MOST_ROWS = 2 ** 16
/** V8 keeps a longer array, made at once, as a map. */
const MOST_AT_ONCE = 2 ** 25
/** A column of more different texts names its rows: to look for each would cost more than it spares. */
const MOST_KNOWN = 2 ** 16
/** The comma last: it stands within cells more often. */
const SEPARATORS = ['\t', ';', '|', ',']
/** The separator is found in the first rows of the first characters. */
const SAMPLE = 2 ** 16
const SAMPLE_ROWS = 20
/** What a Map, and a text of one's own beside its characters, take. */
const BYTES_PER_TEXT = 96

/** What is collected of one column. */
class ColumnReader {
  readonly name: string
  /** Blocks that are full, and the one that is filled. */
  readonly #full: Float64Array[] = []
  #block = new Float64Array(FEWEST_ROWS)
  #filled = 0
  /** From the first text on. */
  #texts: string[] | undefined
  /** One string for equal cells: each would keep its own part of the file otherwise. */
  #known: Map<string, string> | undefined = new Map()
  readonly #budget: ReaderBudget
  #hasNumbers = false
  /** Whether it held numbers before its first text: their texts are read with the second reading. */
  isIncomplete = false
  readonly #isAsWritten: boolean

  constructor(name: string, budget: ReaderBudget, isAsWritten: boolean) {
    this.name = name
    this.#budget = budget
    this.#isAsWritten = isAsWritten
  }

  add(row: number, cell: string, decimalComma: boolean): void {
    if (this.isIncomplete) return
    if (this.#texts) {
      this.#texts.push(this.#text(cell))
      return
    }
    const value = cellNumber(cell, decimalComma)
    const isText = value === undefined || (this.#isAsWritten && WRITTEN_OTHERWISE.test(cell))
    if (isText) this.#becomeText(row, cell)
    else this.#addNumber(value)
  }

  /** Before each cell of a column that is incomplete is added again, from the first row on. */
  beginAgain(count: number): void {
    if (this.isIncomplete) this.#texts = new Array<string>(Math.min(count, MOST_AT_ONCE))
  }

  addAgain(row: number, cell: string): void {
    if (this.isIncomplete && this.#texts) this.#texts[row] = this.#text(cell)
  }

  finish(count: number): Column {
    if (this.#texts) return { kind: 'text', name: this.name, values: this.#texts }
    const values = new Float64Array(count)
    let at = 0
    for (const block of this.#full.splice(0)) {
      values.set(block, at)
      at += block.length
    }
    values.set(this.#block.subarray(0, this.#filled), at)
    return { kind: 'number', name: this.name, values }
  }

  #becomeText(row: number, cell: string): void {
    this.isIncomplete = this.#hasNumbers || (this.#isAsWritten && row > 0)
    this.#full.length = 0
    if (this.isIncomplete) return
    this.#texts = new Array<string>(row).fill('')
    this.#texts.push(this.#text(cell))
  }

  #addNumber(value: number): void {
    if (this.#filled === this.#block.length) {
      this.#full.push(this.#block)
      this.#block = new Float64Array(Math.min(MOST_ROWS, 2 * this.#filled))
      this.#filled = 0
    }
    this.#block[this.#filled++] = value
    if (!Number.isNaN(value)) this.#hasNumbers = true
  }

  #text(cell: string): string {
    const trimmed = cell.trim()
    const text = !this.#isAsWritten && isMissing(trimmed) ? '' : trimmed
    if (text === '') return text
    const known = this.#known?.get(text)
    if (known !== undefined) return known
    this.#budget.objects(1, BYTES_PER_TEXT + text.length)
    if (this.#known?.set(text, text).size === MOST_KNOWN) this.#known = undefined
    return text
  }
}

/**
 * A table from the bytes of a CSV or TSV file, in UTF-8 or in UTF-16 with a mark.
 *
 * Blank lines are passed over, and so are a first column without a name (an index, as pandas writes it) and
 * others without name and content.
 *
 * @throws FileError for text that is no table, naming row and cell; UsageError for a separator that cannot be
 *   one
 */
export async function readCsv(bytes: Uint8Array, file: string, options: CsvOptions = {}): Promise<Table> {
  if (bytes.length > MOST_BYTES) {
    throw new FileError(
      file,
      `expected a table of at most ${MOST_BYTES / 2 ** 20} MiB, found ${Math.ceil(bytes.length / 2 ** 20)} MiB`,
    )
  }
  if (options.separator !== undefined && /^$|["\r\n\ufeff]/.test(options.separator)) {
    throw new UsageError(
      `separator: expected characters that are no quotes or ends of lines, found ${quote(options.separator)}`,
    )
  }
  const { default: Papa } = await import('papaparse')
  const text = decode(bytes, file)
  const isTabbed = /\.(tsv|tab)(\.gz)?$/i.test(file)
  const separator = options.separator ?? (isTabbed ? '\t' : findSeparator(Papa.parse, text, options))
  const reader = new TableReader(file, bytes.length, options)
  const { linebreak } = Papa.parse(text.slice(0, SAMPLE), { delimiter: separator, preview: 1 }).meta
  const parser = new Papa.Parser({ delimiter: separator, newline: linebreak as '\n' })
  parseRows(parser, text, reader, (cells) => reader.add(cells))
  if (reader.isIncomplete) {
    reader.restart()
    parseRows(parser, text, reader, (cells) => reader.addAgain(cells))
  }
  return reader.finish()
}

/**
 * Gives each row to `onRow`, from pieces of the text: its rows as arrays of strings would take many times as
 * much.
 */
function parseRows(
  parser: Parser,
  text: string,
  reader: TableReader,
  onRow: (cells: string[]) => void,
): void {
  let length = CHUNK
  for (let at = 0; at < text.length; ) {
    const isLast = at + length >= text.length
    const piece = text.slice(at, at + length)
    const { data, errors, meta } = parser.parse(piece, 0, !isLast) as ParseResult<string[]>
    // A row that the piece cuts off is parsed again, and its quotes may be sound.
    const wrong = errors.find(({ type, row = 0 }) => type === 'Quotes' && (isLast || row < data.length))
    if (wrong) reader.refuseQuotes((wrong.row ?? 0) + 1, wrong.message)
    data.forEach(onRow)
    at += meta.cursor
    if (meta.cursor > 0) length = CHUNK
    else length *= 2
    if (length > MOST_ROW) reader.refuseLongRow()
  }
}

function decode(bytes: Uint8Array, file: string): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new FileError(file, 'expected text in UTF-8, found bytes that are none: save the table as UTF-8', {
      cause,
    })
  }
}

/**
 * The separator that makes the first rows equally wide; of a ragged table, the one that makes the first row
 * widest.
 */
function findSeparator(
  parse: typeof import('papaparse').parse,
  text: string,
  { decimalComma = false }: CsvOptions,
): string {
  const start = text.slice(0, SAMPLE)
  const sample = start.length < text.length ? start.slice(0, start.lastIndexOf('\n') + 1) || start : start
  const candidates = decimalComma ? SEPARATORS.slice(0, -1) : SEPARATORS
  const widths = candidates.map((delimiter) =>
    parse<string[]>(sample, { delimiter, preview: SAMPLE_ROWS, skipEmptyLines: true }).data.map(
      ({ length }) => length,
    ),
  )
  const even = widths.findIndex(([first, ...others]) => first > 1 && others.every((width) => width === first))
  if (even !== -1) return candidates[even]
  const most = Math.max(...widths.map(([first = 0]) => first))
  return most > 1 ? candidates[widths.findIndex(([first]) => first === most)] : (candidates.at(-1) ?? ',')
}

class TableReader {
  readonly #file: string
  readonly #budget: ReaderBudget
  readonly #decimalComma: boolean
  readonly #asWritten: readonly string[]
  #columns: (ColumnReader | undefined)[] | undefined
  /** Of the file, blank ones included. */
  #row = 0
  #count = 0
  #firstRow = 1
  #isNameless = false
  /** (blank rows among the data) rows of data before each. */
  readonly #blanks: number[] = []

  constructor(file: string, fileBytes: number, { decimalComma = false, asWritten = [] }: CsvOptions) {
    this.#file = file
    this.#budget = new ReaderBudget(file, fileBytes, ARRAYS_BESIDES + KEPT_BESIDES * asWritten.length)
    this.#decimalComma = decimalComma
    this.#asWritten = asWritten
  }

  get isIncomplete(): boolean {
    return this.#columns?.some((column) => column?.isIncomplete) ?? false
  }

  add(cells: string[]): void {
    this.#row++
    if (isBlank(cells)) {
      this.#budget.objects(1, 16)
      if (this.#columns) this.#blanks.push(this.#count)
      return
    }
    if (this.#columns === undefined) {
      this.#begin(cells)
      return
    }
    this.#addRow(cells, this.#columns)
  }

  refuseLongRow(): never {
    throw new FileError(
      this.#file,
      `row ${this.#row + 1}: expected at most ${MOST_ROW / 2 ** 20} MiB, found more: does a quote end?`,
    )
  }

  refuseQuotes(row: number, problem: string): never {
    throw new FileError(this.#file, `row ${this.#row + row}: expected quotes in pairs, found: ${problem}`)
  }

  restart(): void {
    for (const column of this.#columns ?? []) column?.beginAgain(this.#count)
    this.#row = 0
    this.#count = 0
  }

  addAgain(cells: string[]): void {
    this.#row++
    if (isBlank(cells) || this.#row < this.#firstRow) return
    this.#columns?.forEach((column, i) => {
      column?.addAgain(this.#count, cells[i])
    })
    this.#count++
  }

  finish(): Table {
    const columns = this.#columns
    if (!columns) throw new FileError(this.#file, 'expected a table, found no text')
    if (this.#count === 0) throw new FileError(this.#file, 'expected rows below the names, found none')
    const named = columns.filter((column) => column !== undefined)
    return {
      kind: 'table',
      file: this.#file,
      count: this.#count,
      firstRow: this.#firstRow,
      ...(this.#blanks.length > 0 && { blanks: this.#blanks }),
      ...(this.#decimalComma && { decimalComma: true }),
      ...(this.#isNameless && { isNameless: true }),
      ...(named.length < columns.length && { unnamed: columns.length - named.length }),
      columns: named.map((column) => column.finish(this.#count)),
    }
  }

  #begin(cells: string[]): void {
    const isData =
      !areNumbered(cells) && cells.every((cell) => cellNumber(cell, this.#decimalComma) !== undefined)
    const names = isData ? cells.map((_, i) => `column_${i + 1}`) : cells.map((cell) => cell.trim())
    const seen = new Set<string>()
    for (const name of names) {
      if (name !== '' && seen.has(name)) {
        throw new FileError(
          this.#file,
          `expected columns of different names, found ${quote(name)} more than once`,
        )
      }
      seen.add(name)
    }
    if (names.every((name) => name === '')) {
      throw new FileError(this.#file, `row ${this.#row}: expected names of columns, found none`)
    }
    this.#budget.objects(names.length, 8 * FEWEST_ROWS + 512)
    this.#columns = names.map((name) =>
      name === '' ? undefined : new ColumnReader(name, this.#budget, this.#asWritten.includes(name)),
    )
    this.#firstRow = isData ? this.#row : this.#row + 1
    this.#isNameless = isData
    if (isData) this.#addRow(cells, this.#columns)
  }

  #refuseUnnamed(i: number, cell: string): never {
    const place = `row ${this.#row}, column ${i + 1}`
    throw new FileError(
      this.#file,
      `${place}: expected an empty cell below an empty name, found ${quote(cell)}`,
    )
  }

  #addRow(cells: string[], columns: readonly (ColumnReader | undefined)[]): void {
    if (cells.length !== columns.length) {
      throw new FileError(
        this.#file,
        `row ${this.#row}: expected ${columns.length} cells as in the first row, found ${cells.length}`,
      )
    }
    this.#budget.arrays(8 * cells.length, 'the table')
    for (let i = 0; i < cells.length; i++) {
      const column = columns[i]
      if (column) column.add(this.#count, cells[i], this.#decimalComma)
      else if (i > 0 && cells[i].trim() !== '') this.#refuseUnnamed(i, cells[i])
    }
    this.#count++
  }
}

function isBlank(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0].trim() === ''
}

/** Names that count the columns, 0, 1, 2 … or 1, 2, 3 …, as pandas writes those of an array. */
function areNumbered(cells: readonly string[]): boolean {
  const first = Number(cells[0])
  const isStart = cells[0].trim() !== '' && (first === 0 || first === 1)
  return cells.length > 2 && isStart && cells.every((cell, i) => cell.trim() === String(first + i))
}
