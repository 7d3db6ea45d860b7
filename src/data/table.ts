/**
 * What a file of one's own holds, before a network sees it: a table of named columns, or an array or a folder
 * of pictures, whose values have no names. `sources/` reads them, `features.ts` makes rows of a table. Runs
 * in a browser.
 */
import type { PictureShape } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'

/** What becomes of empty cells. */
export const MISSING_RULES = ['error', 'drop', 'mean'] as const
export type MissingRule = (typeof MISSING_RULES)[number]

interface NamedColumn {
  readonly name: string
}

/** A column of which every cell that is not empty is a number. */
export interface NumberColumn extends NamedColumn {
  readonly kind: 'number'
  /** (count); NaN where the cell is empty. */
  readonly values: Float64Array
}

/** A column with at least one cell that is no number. */
export interface TextColumn extends NamedColumn {
  readonly kind: 'text'
  /** (count); empty where the cell is. */
  readonly values: readonly string[]
}

export type Column = NumberColumn | TextColumn

/** Rows under named columns: CSV, TSV, Parquet. */
export interface Table {
  readonly kind: 'table'
  /** Name of the file, for errors. */
  readonly file: string
  readonly count: number
  /** What messages call the first row: 2 below a line of names, as in a spreadsheet. */
  readonly firstRow: number
  /** (blank rows of the file) how many rows lie above each; undefined where there are none. */
  readonly blanks?: readonly number[] | undefined
  /** Whether its numbers are written 3,14. */
  readonly decimalComma?: boolean | undefined
  /** Whether its first line was taken for a row, as all its cells are numbers. */
  readonly isNameless?: boolean | undefined
  /** Columns without a name, which are not among `columns`. */
  readonly unnamed?: number | undefined
  readonly columns: readonly Column[]
}

/** What messages call a row, 0 … count - 1: its place in the file, from 1 on. */
export function rowNumber({ firstRow, blanks = [] }: Table, row: number): number {
  return firstRow + row + blanks.filter((above) => above <= row).length
}

/** Rows of values without names: NPY, NPZ, pictures. */
export interface Values {
  readonly kind: 'values'
  readonly file: string
  readonly count: number
  /**
   * (count, inputs), row-major: bytes mean value / 255, floats are taken as they are. NaN: a missing value.
   */
  readonly rows: Uint8Array | FloatArray
  /** Shape of a row, where it is a picture. */
  readonly picture?: PictureShape | undefined
  /** (count) class indices. */
  readonly labels?: Uint8Array | undefined
  /** Names of the classes, where the source has them. */
  readonly classes?: readonly string[] | undefined
  /** (count) name of each row, where the source has them: a picture's path within its folder. */
  readonly names?: readonly string[] | undefined
}

/**
 * What one file or folder holds. `test`: where the source brings its own test set (four IDX files, Keras'
 * .npz).
 */
export interface Source {
  readonly train: Table | Values
  readonly test?: Table | Values | undefined
  /** One line for people: `machines.csv: 20,000 rows, 30 columns of numbers, 2 of text`. */
  readonly description: string
}
