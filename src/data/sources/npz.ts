/**
 * NumPy's archives: a zip of .npy files. The rows are an array of rank 2 or more, the labels one of rank 1;
 * Keras' data sets bring their test set along (x_train, y_train, x_test, y_test). Runs in a browser.
 */
import { FileError } from '../../errors.ts'
import { readZipDirectory, readZipEntry } from '../../formats/zip.ts'
import { quote } from '../../quote.ts'
import { INFLATED_BESIDES, ReaderBudget } from '../../reader-budget.ts'
import { classesOf } from '../classes.ts'
import type { Values } from '../table.ts'
import { NoNumbers, type NpyArray, readNpy } from './npy.ts'

const LABEL_NAME = /^(y|labels?|targets?|classes|class|outliers?|anomal(y|ies))(_?train)?$/i
/** Arrays in one line of a message. */
const NAMED = 6
const TRAIN_ROWS = /^(x|data|images|inputs)_?train$/i
const TEST_ROWS = /^(x|data|images|inputs)_?test$/i
const TEST_LABELS = /^(y|labels?|targets?)_?test$/i

export interface NpzSets {
  readonly train: Values
  readonly test?: Values | undefined
}

/**
 * The rows of an archive.
 *
 * @param array name of the array of rows, where there are several
 * @throws FileError for a damaged archive, and where it is not clear which array is which
 */
export function readNpz(bytes: Uint8Array, file: string, array?: string): NpzSets {
  const budget = new ReaderBudget(file, bytes.length, INFLATED_BESIDES)
  const arrays = new Map<string, NpyArray>()
  const others = new Map<string, NoNumbers>()
  for (const entry of readZipDirectory(bytes, file, INFLATED_BESIDES).values()) {
    if (!entry.name.endsWith('.npy')) continue
    const name = entry.name.slice(0, -4)
    const member = `${file}, ${quote(name)}`
    try {
      arrays.set(name, readNpy(readZipEntry(bytes, entry, file, budget), member, budget))
    } catch (error) {
      // Names of columns and the like do no harm beside the rows.
      if (!(error instanceof NoNumbers)) throw error
      others.set(name, error)
    }
  }
  const [other] = others.values()
  if (arrays.size === 0) {
    throw other ?? new FileError(file, 'expected arrays (.npy) in the archive, found none')
  }
  const refused = [...others].find(
    ([name]) => name === array || LABEL_NAME.test(name) || TEST_LABELS.test(name),
  )
  if (refused) throw refused[1]
  const name = array ?? rowsName(arrays, file)
  const rows = arrays.get(name)
  if (!rows) {
    throw new FileError(file, `expected an array ${quote(name)}, found ${described(arrays)}`)
  }
  const train = valuesOf(rows, file, labelsBeside(arrays, rows, LABEL_NAME, file))
  const testName = TRAIN_ROWS.test(name) ? nameLike(arrays, TEST_ROWS) : undefined
  const testRows = testName === undefined ? undefined : arrays.get(testName)
  if (!testRows) return { train }
  return { train, test: valuesOf(testRows, file, labelsBeside(arrays, testRows, TEST_LABELS, file)) }
}

function nameLike(arrays: ReadonlyMap<string, NpyArray>, pattern: RegExp): string | undefined {
  return [...arrays.keys()].find((name) => pattern.test(name))
}

function rowsName(arrays: ReadonlyMap<string, NpyArray>, file: string): string {
  const train = nameLike(arrays, TRAIN_ROWS)
  if (train !== undefined) return train
  const many = [...arrays].filter(([, { shape }]) => shape.length >= 2).map(([name]) => name)
  if (many.length === 1) return many[0]
  throw new FileError(
    file,
    `expected one array of rank 2 or more, or the name of one, found ${described(arrays)}`,
  )
}

function described(arrays: ReadonlyMap<string, NpyArray>): string {
  const all = [...arrays].slice(0, NAMED).map(([name, { shape }]) => `${quote(name)} (${shape.join(', ')})`)
  return arrays.size > NAMED ? `${all.join(', ')} and ${arrays.size - NAMED} more` : all.join(', ')
}

function labelsBeside(
  arrays: ReadonlyMap<string, NpyArray>,
  { shape, data: own }: NpyArray,
  pattern: RegExp,
  file: string,
): NpyArray | undefined {
  const fitting = [...arrays].filter(
    ([name, { shape: size, isWhole, data }]) =>
      data !== own &&
      pattern.test(name) &&
      isColumn(size) &&
      size[0] === shape[0] &&
      (isWhole || data.every((value) => Number.isInteger(value))),
  )
  if (fitting.length > 1) {
    throw new FileError(file, `expected one array of labels, found ${described(new Map(fitting))}`)
  }
  return fitting[0]?.[1]
}

function isColumn(shape: readonly number[]): boolean {
  return shape.length === 1 || (shape.length === 2 && shape[1] === 1)
}

/**
 * Rows of an array of shape (n, …); one of two more dimensions, or three with 1 or 3 channels, is of
 * pictures.
 */
export function valuesOf({ shape, data }: NpyArray, file: string, labels?: NpyArray): Values {
  const [count = 0] = shape
  if (shape.length === 0 || count === 0 || data.length === 0) {
    throw new FileError(file, `expected rows, found an array of shape (${shape.join(', ')})`)
  }
  const [, height, width, channels = 1] = shape
  const isPicture = shape.length === 3 || (shape.length === 4 && (channels === 1 || channels === 3))
  return {
    kind: 'values',
    file,
    count,
    rows: data,
    ...(isPicture && { picture: { width, height, channels: channels === 3 ? 3 : 1 } }),
    ...(labels && classesOf<number>(labels.data, (a, b) => a - b, file)),
  }
}
