/** From a table's columns to rows of numbers: which columns, what stands for a missing cell, categories. */
import { FileError, UsageError } from '../errors.ts'
import { MOST_CLASSES } from '../model/check-network.ts'
import type { CategoryFeature, Feature, NumberFeature } from '../model/preprocessing.ts'
import { featureSize, MOST_NAME_LENGTH } from '../model/preprocessing.ts'
import { nearestName } from '../nearest.ts'
import { quote } from '../quote.ts'
import { classesOf, type RowClasses } from './classes.ts'
import { cellNumber } from './sources/cell-number.ts'
import {
  type Column,
  type MissingRule,
  type NumberColumn,
  rowNumber,
  type Table,
  type TextColumn,
} from './table.ts'

export type { MissingRule } from './table.ts'
export { MISSING_RULES } from './table.ts'

export interface FeatureOptions {
  /** Columns to use, in this order; default all that are numbers or in `oneHot`. */
  readonly columns?: readonly string[] | undefined
  /** Columns to leave out. */
  readonly exclude?: readonly string[] | undefined
  /** Column that says what a row is: left out of the features. */
  readonly label?: string | undefined
  /** Columns of categories, each of which becomes an input. */
  readonly oneHot?: readonly string[] | undefined
  /** What becomes of empty cells of numbers; default `mean`, of the training rows. */
  readonly missing?: MissingRule | undefined
}

/** Rows made of a table. */
export interface FeatureRows {
  readonly count: number
  /** (count, inputs), raw: not scaled. */
  readonly rows: Float64Array
  /** (count) which row of the table each is, where rows were dropped; else undefined. */
  readonly kept?: Uint32Array | undefined
}

/** The features that the options make of a table, and what the user should know, one line each. */
export interface FittedFeatures {
  readonly features: readonly Feature[]
  readonly notes: readonly string[]
}

/** More of one column would be names of rows and no categories. */
const MOST_CATEGORIES = 1000
/** Fewer numbers that count up by one may be so by chance. */
const FEWEST_OF_INDEX = 20
/** A column of text with at least this share of numbers was meant to be of numbers. */
const MOSTLY = 0.5
/** Names in one line of a note. */
const NAMED = 6

/**
 * Chooses the columns and, over `rows` of the table (default all), the means and categories.
 *
 * Without `columns` some are left out, with a note: text, what has no number at all, and one that numbers the
 * rows. A column of numbers with some cells of text is refused, naming the column and its first such row.
 *
 * @param limit only the first so many rows are used, if for nothing but to judge
 * @throws FileError for a column that is not there or cannot be used; UsageError for options that contradict
 *   each other
 */
export function fitFeatures(
  table: Table,
  options: FeatureOptions,
  rows?: Uint32Array,
  limit = table.count,
): FittedFeatures {
  checkOptions(options)
  const { missing = 'mean' } = options
  const oneHot = new Set(options.oneHot)
  for (const names of [options.columns, options.exclude, options.oneHot]) {
    for (const name of names ?? []) columnOf(table, name)
  }
  if (options.label !== undefined) columnOf(table, options.label)
  const { columns, notes } = chosenColumns(table, options)
  const features: Feature[] = []
  const unnamed = options.columns === undefined
  for (const column of columns) {
    if (column.name.length > MOST_NAME_LENGTH) {
      throw new FileError(
        table.file,
        `expected names of at most ${MOST_NAME_LENGTH} characters, found ${quote(column.name)}`,
      )
    }
    if (oneHot.has(column.name)) {
      features.push(fitCategories(table, column, rows))
      continue
    }
    const numbers = numbersOf(table, column)
    const fill = meanOf(numbers, rows)
    if (Number.isNaN(fill)) {
      if (!unnamed) {
        throw new FileError(
          table.file,
          `column ${quote(column.name)}: expected numbers, found empty cells alone`,
        )
      }
      notes.push(`Left out, empty: ${quote(column.name)}`)
      continue
    }
    features.push({ kind: 'number', name: column.name, ...(missing === 'mean' && { fill }) })
  }
  if (features.length === 0) {
    const text = table.columns.find(({ kind }) => kind === 'text')
    const found = text ? `columns of text such as ${quote(text.name)}` : 'none'
    throw new FileError(table.file, `expected at least one column of numbers to learn from, found ${found}`)
  }
  notes.push(...filledNotes(table, features, missing, limit))
  return { features, notes }
}

function checkOptions({ columns, exclude, label, oneHot }: FeatureOptions): void {
  const twice = (names: readonly string[] | undefined, what: string) => {
    const seen = new Set<string>()
    for (const name of names ?? []) {
      if (seen.has(name))
        throw new UsageError(`${what}: expected each column once, found ${quote(name)} twice`)
      seen.add(name)
    }
  }
  twice(columns, 'columns')
  const both = columns?.find((name) => exclude?.includes(name))
  if (both !== undefined) {
    throw new UsageError(`columns: expected none that is excluded, found ${quote(both)}`)
  }
  if (label !== undefined && (columns?.includes(label) || oneHot?.includes(label))) {
    throw new UsageError(`label: expected a column that is no feature, found ${quote(label)} among them`)
  }
  const unused = oneHot?.find((name) => exclude?.includes(name) || (columns && !columns.includes(name)))
  if (unused !== undefined) {
    throw new UsageError(`one-hot: expected columns that are used, found ${quote(unused)}, which is not`)
  }
}

/** The column of this name. Throws FileError, with the nearest name, where there is none. */
export function columnOf(table: Table, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name)
  if (column) return column
  const names = table.columns.map((candidate) => candidate.name)
  const nearest = nearestName(name, names)
  const one = names.length === 1 ? ' alone (separator says what stands between columns)' : ''
  const found = nearest ? `the nearest is ${quote(nearest)}` : `found ${listed(names)}${one}`
  throw new FileError(table.file, `expected a column ${quote(name)}, ${found}`)
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).map((name) => quote(name))
  return names.length > NAMED ? `${shown.join(', ')} and ${names.length - NAMED} more` : shown.join(', ')
}

function chosenColumns(
  table: Table,
  { columns, exclude = [], label, oneHot = [] }: FeatureOptions,
): { columns: Column[]; notes: string[] } {
  if (columns) return { columns: columns.map((name) => columnOf(table, name)), notes: [] }
  const notes: string[] = []
  const texts: string[] = []
  const chosen = table.columns.filter((column) => {
    if (column.name === label || exclude.includes(column.name)) return false
    if (oneHot.includes(column.name)) return true
    if (column.kind === 'text') {
      if (isMostlyNumbers(column)) return true
      texts.push(column.name)
      return false
    }
    if (!numbersRows(column)) return true
    notes.push(countingNote(column.name))
    return false
  })
  if (texts.length > 0) {
    notes.unshift(`Left out, text: ${listed(texts)}`)
  }
  return { columns: chosen, notes }
}

/**
 * Names of the columns that hold numbers, those with some wrong cells too, and of those that number the rows.
 */
export function numberColumns({ columns, count }: Table): { names: string[]; counting: string[] } {
  const found = columns.filter(
    (column) =>
      (column.kind === 'number' || isMostlyNumbers(column)) &&
      emptyCells(column, column.values.length) < count,
  )
  const counting = found.filter((column) => column.kind === 'number' && numbersRows(column))
  return { names: found.map(({ name }) => name), counting: counting.map(({ name }) => name) }
}

export function countingNote(name: string): string {
  return `Left out, it numbers the rows: ${quote(name)}`
}

function isMostlyNumbers({ values }: TextColumn): boolean {
  let filled = 0
  let numbers = 0
  for (const text of values) {
    if (text === '') continue
    filled++
    if (cellNumber(text) !== undefined || cellNumber(text, true) !== undefined) numbers++
  }
  return numbers >= MOSTLY * filled
}

/** Whether a column counts the rows: 1, 2, 3 … from whatever start. */
function numbersRows({ values }: NumberColumn): boolean {
  if (values.length < FEWEST_OF_INDEX || !Number.isInteger(values[0])) return false
  return values.every((value, i) => value === values[0] + i)
}

/** The numbers of a column. Throws FileError for text, naming its first row. */
function numbersOf(table: Table, column: Column): Float64Array {
  const numbers =
    column.kind === 'number'
      ? column.values
      : Float64Array.from(column.values, (text, i) => {
          const value = cellNumber(text, table.decimalComma)
          if (value !== undefined) return value
          const isOther = cellNumber(text, !table.decimalComma) !== undefined
          const hint = isOther ? ` (a number ${table.decimalComma ? 'without' : 'with'} decimal-comma)` : ''
          throw cellError(table, column.name, i, `expected a number, found ${quote(text)}${hint}`)
        })
  // Loops here and below: callbacks take ten times as long, and a table has many cells.
  for (let row = 0; row < numbers.length; row++) {
    if (Math.abs(numbers[row]) !== Infinity) continue
    throw cellError(table, column.name, row, `expected a finite number, found ${numbers[row]}`)
  }
  return numbers
}

function cellError(table: Table, column: string, row: number, problem: string): FileError {
  return new FileError(table.file, `row ${rowNumber(table, row)}, column ${quote(column)}: ${problem}`)
}

/**
 * Mean of the numbers of these rows; NaN where there are none. Of equal numbers it is the number itself,
 * which their sum may miss by a rounding: else a constant column would no more be one.
 */
function meanOf(numbers: Float64Array, rows: Uint32Array | undefined): number {
  let sum = 0
  let count = 0
  let first = Number.NaN
  let isConstant = true
  const most = rows?.length ?? numbers.length
  for (let i = 0; i < most; i++) {
    const value = numbers[rows ? rows[i] : i]
    if (Number.isNaN(value)) continue
    if (count++ === 0) first = value
    isConstant &&= value === first
    sum += value
  }
  return isConstant ? first : sum / count
}

/** The text of each cell, as categories and labels are called: empty where the cell is. */
export function textsOf(column: Column): readonly string[] {
  if (column.kind === 'text') return column.values
  return Array.from(column.values, (value) => (Number.isNaN(value) ? '' : String(value)))
}

function fitCategories(table: Table, column: Column, rows: Uint32Array | undefined): CategoryFeature {
  const texts = textsOf(column)
  const found = new Set(rows ? Array.from(rows, (row) => texts[row]) : texts)
  found.delete('')
  if (found.size === 0) {
    throw new FileError(
      table.file,
      `column ${quote(column.name)}: expected categories, found empty cells alone`,
    )
  }
  if (found.size > MOST_CATEGORIES) {
    throw new FileError(
      table.file,
      `column ${quote(column.name)}: expected at most ${MOST_CATEGORIES} categories, found ${found.size}`,
    )
  }
  const long = [...found].find((category) => category.length > MOST_NAME_LENGTH)
  if (long !== undefined) {
    throw new FileError(
      table.file,
      `column ${quote(column.name)}: expected categories of at most ${MOST_NAME_LENGTH} characters, ` +
        `found ${quote(long)}`,
    )
  }
  return { kind: 'category', name: column.name, categories: [...found].sort(byCodePoints) }
}

/** Not by the reader's language, and not by UTF-16's units: the same order everywhere. */
function byCodePoints(a: string, b: string): number {
  const [first, second] = [Array.from(a), Array.from(b)]
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    const difference = (first[i].codePointAt(0) ?? 0) - (second[i].codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return first.length - second.length
}

/**
 * One line where the table has empty cells for which means stand, and one for those of categories, if they
 * are kept.
 *
 * @param limit only the first so many rows are used
 */
export function filledNotes(
  table: Table,
  features: readonly Feature[],
  missing: MissingRule = 'mean',
  limit = table.count,
): string[] {
  const means = features.filter((feature) => feature.kind === 'number' && feature.fill !== undefined)
  const categories = missing === 'mean' ? features.filter(({ kind }) => kind === 'category') : []
  return [
    ...emptyNote(table, means, limit, 'for which the mean in training stands'),
    ...emptyNote(table, categories, limit, 'which get no category'),
  ]
}

function emptyNote(table: Table, features: readonly Feature[], limit: number, what: string): string[] {
  const empty = features
    .map(({ name }) => ({ name, cells: emptyCells(columnOf(table, name), limit) }))
    .filter(({ cells }) => cells > 0)
  if (empty.length === 0) return []
  const cells = empty.reduce((sum, column) => sum + column.cells, 0)
  const where = empty.length === 1 ? quote(empty[0].name) : `${empty.length} columns`
  return [`Empty cells: ${cells} in ${where}, ${what}`]
}

function emptyCells({ values }: Column, limit: number): number {
  let cells = 0
  for (let row = 0; row < limit; row++) {
    const value = values[row]
    if (value === '' || Number.isNaN(value)) cells++
  }
  return cells
}

/**
 * The rows of a table for features that were fitted, on this table or another one.
 *
 * @param missing `drop` leaves out rows with an empty cell that has no `fill`; `error` refuses them
 * @param noCategory the same for empty cells of categories; `mean`, the default, leaves their inputs all 0
 * @throws FileError for a column that is missing, or a cell that is no number: names column, row and text
 */
export function rowsOf(
  table: Table,
  features: readonly Feature[],
  missing: 'error' | 'drop',
  noCategory: MissingRule = 'mean',
): FeatureRows {
  const { count } = table
  const inputs = features.reduce((sum, feature) => sum + featureSize(feature), 0)
  const rows = new Float64Array(count * inputs)
  const isDropped = new Uint8Array(count)
  let at = 0
  for (const feature of features) {
    const column = columnOf(table, feature.name)
    if (feature.kind === 'number')
      fillNumbers(table, column, feature, { rows, inputs, at }, missing, isDropped)
    else fillCategories(table, column, feature, { rows, inputs, at }, noCategory, isDropped)
    at += featureSize(feature)
  }
  const kept = Uint32Array.from(Array.from(isDropped.keys()).filter((row) => isDropped[row] === 0))
  if (kept.length === count) return { count, rows }
  if (kept.length === 0) {
    throw new FileError(table.file, 'expected a row without an empty cell, found none')
  }
  const left = new Float64Array(kept.length * inputs)
  kept.forEach((row, i) => {
    left.set(rows.subarray(row * inputs, (row + 1) * inputs), i * inputs)
  })
  return { count: kept.length, rows: left, kept }
}

/** Where a feature's values go: every `inputs` values, from `at` on. */
interface Place {
  readonly rows: Float64Array
  readonly inputs: number
  readonly at: number
}

function fillNumbers(
  table: Table,
  column: Column,
  { name, fill }: NumberFeature,
  { rows, inputs, at }: Place,
  missing: 'error' | 'drop',
  isDropped: Uint8Array,
): void {
  const numbers = numbersOf(table, column)
  for (let row = 0; row < numbers.length; row++) {
    const value = numbers[row]
    if (!Number.isNaN(value)) {
      rows[row * inputs + at] = value
    } else if (fill !== undefined) {
      rows[row * inputs + at] = fill
    } else if (missing === 'drop') {
      isDropped[row] = 1
    } else {
      throw cellError(table, name, row, 'expected a number, found an empty cell')
    }
  }
}

function fillCategories(
  table: Table,
  column: Column,
  { name, categories }: CategoryFeature,
  { rows, inputs, at }: Place,
  missing: MissingRule,
  isDropped: Uint8Array,
): void {
  const places = new Map(categories.map((category, i) => [category, i]))
  textsOf(column).forEach((text, row) => {
    const place = places.get(text)
    if (place !== undefined) rows[row * inputs + at + place] = 1
    if (text !== '') return
    if (missing === 'error') throw cellError(table, name, row, 'expected a category, found an empty cell')
    if (missing === 'drop') isDropped[row] = 1
  })
}

/** One line for each column that holds categories which its feature does not know: their inputs are all 0. */
export function unknownNotes(table: Table, features: readonly Feature[]): string[] {
  return features.flatMap((feature) => {
    if (feature.kind === 'number') return []
    const known = new Set(feature.categories).add('')
    const unknown = textsOf(columnOf(table, feature.name)).filter((text) => !known.has(text))
    if (unknown.length === 0) return []
    const found = `${unknown.length} of ${table.count} rows hold categories that were not in training`
    return [`${table.file}: column ${quote(feature.name)}: ${found}, ${quote(unknown[0])} first: all zeros`]
  })
}

/**
 * Class of each row by the label column: indices into the classes, numbers in their order, texts by code
 * points.
 *
 * @throws FileError for a column that is not there, an empty cell, or more classes than 256
 */
export function labelsOf(table: Table, label: string): RowClasses {
  const column = columnOf(table, label)
  const texts = textsOf(column)
  const empty = texts.indexOf('')
  if (empty !== -1) throw cellError(table, label, empty, 'expected a label, found an empty cell')
  const order = column.kind === 'number' ? (a: string, b: string) => Number(a) - Number(b) : byCodePoints
  const expected = `column ${quote(label)}: expected labels of at most ${MOST_CLASSES} classes`
  return classesOf(texts, order, table.file, expected)
}
