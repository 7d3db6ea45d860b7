/** Which classes rows are of, and what index each row's has among them. */
import { FileError } from '../errors.ts'
import { MOST_CLASSES } from '../model/check-network.ts'

export interface RowClasses {
  /** (count) indices into the classes. */
  readonly labels: Uint8Array
  readonly classes: readonly string[]
}

/**
 * Classes by a value of each row: its distinct values are the classes.
 *
 * @param order of the classes, as of `Array.sort`
 * @param expected what a complaint of too many begins with
 * @throws FileError for more than `MOST_CLASSES`
 */
export function classesOf<Value extends number | string>(
  values: ArrayLike<Value> & Iterable<Value>,
  order: ((a: Value, b: Value) => number) | undefined,
  file: string,
  expected = `expected labels of at most ${MOST_CLASSES} classes`,
): RowClasses {
  const classes = [...new Set(values)].sort(order)
  if (classes.length > MOST_CLASSES) throw new FileError(file, `${expected}, found ${classes.length}`)
  const places = new Map(classes.map((value, i) => [value, i]))
  return { labels: Uint8Array.from(values, (value) => places.get(value) ?? 0), classes: classes.map(String) }
}
