/** From a table's columns to rows of numbers: which columns, what stands for a missing cell, categories. */
import { UsageError } from '../errors.ts'
import type { Feature } from '../model/preprocessing.ts'
import type { RowSet } from './rows.ts'
import type { Table } from './table.ts'

export const MISSING_RULES = ['error', 'drop', 'mean'] as const
export type MissingRule = (typeof MISSING_RULES)[number]

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
export interface FeatureRows extends RowSet {
  /** (count, inputs), raw: not scaled. */
  readonly rows: Float32Array
  /** (count) which row of the table each is, where rows were dropped; else undefined. */
  readonly kept?: Uint32Array | undefined
}

/** The features that the options make of a table, and what the user should know, one line each. */
export interface FittedFeatures {
  readonly features: readonly Feature[]
  readonly notes: readonly string[]
}

/**
 * Chooses the columns and, over `rows` of the table (default all), the means and categories.
 *
 * Without `columns` a column without any number is left out, with a note; one of numbers with some cells of text is
 * refused, naming the column and its first such row.
 *
 * @throws FileError for a column that is not there or cannot be used; UsageError for options that contradict each other
 */
export function fitFeatures(_table: Table, _options: FeatureOptions, _rows?: Uint32Array): FittedFeatures {
  throw new UsageError('internal: not built yet')
}

/**
 * The rows of a table for features that were fitted, on this table or another one.
 *
 * @param missing `drop` leaves out rows with an empty cell that has no `fill`; `error` refuses them
 * @throws FileError for a column that is missing, or a cell that is no number: names column, row and text
 */
export function rowsOf(
  _table: Table,
  _features: readonly Feature[],
  _missing: 'error' | 'drop',
): FeatureRows {
  throw new UsageError('internal: not built yet')
}

/** Class of each row by the label column: indices into the classes, which are sorted. @throws FileError */
export function labelsOf(
  _table: Table,
  _label: string,
): { readonly labels: Uint8Array; readonly classes: readonly string[] } {
  throw new UsageError('internal: not built yet')
}
