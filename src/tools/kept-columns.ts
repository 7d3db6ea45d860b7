/** Columns of the data that go with the rows into a tool's output: ids, labels, names. Runs in a browser. */
import { columnOf } from '../data/features.ts'
import type { Cells, SheetColumn } from '../data/sinks/sheet.ts'
import type { Table, Values } from '../data/table.ts'
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'

export interface KeptColumn extends SheetColumn {
  /** Of the rows from `from` to `to`. */
  cells(from: number, to: number): Cells
}

/** What arrays and pictures have in place of columns. */
const OF_VALUES = ['label', 'name'] as const

/**
 * The columns of these names. Arrays and pictures have `label` (the name of the class) and `name` (the
 * picture's path), where they have them.
 *
 * @param kept which row of the data each is, where some were left out
 * @throws FileError for a name that is not there
 */
export function keptColumns(
  set: Table | Values,
  names: readonly string[],
  kept: Uint32Array | undefined,
): KeptColumn[] {
  return names.map((name) => (set.kind === 'table' ? ofTable(set, name, kept) : ofValues(set, name, kept)))
}

function ofTable(table: Table, name: string, kept: Uint32Array | undefined): KeptColumn {
  const column = columnOf(table, name)
  return { name, ...selected(column.values, kept) }
}

function ofValues(values: Values, name: string, kept: Uint32Array | undefined): KeptColumn {
  const found = { label: labelTexts(values), name: values.names }
  const texts = found[name as (typeof OF_VALUES)[number]]
  if (texts) return { name, ...selected(texts, kept) }
  const there = OF_VALUES.filter((one) => found[one] !== undefined)
  throw new FileError(
    values.file,
    `expected a column ${quote(name)}, found ${there.length > 0 ? there.join(' and ') : 'rows without names'}`,
  )
}

function labelTexts({ labels, classes }: Values): readonly string[] | undefined {
  return labels && Array.from(labels, (label) => classes?.[label] ?? String(label))
}

function selected(
  values: Float64Array | readonly string[],
  kept: Uint32Array | undefined,
): Omit<KeptColumn, 'name'> {
  const rowOf = (i: number) => (kept ? kept[i] : i)
  if (values instanceof Float64Array) {
    return {
      kind: 'float64',
      cells: (from, to) => Float64Array.from({ length: to - from }, (_, i) => values[rowOf(from + i)]),
    }
  }
  return {
    kind: 'text',
    cells: (from, to) => Array.from({ length: to - from }, (_, i) => values[rowOf(from + i)]),
  }
}
