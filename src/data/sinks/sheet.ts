/** What comes out of a tool: rows under named columns, made a part at a time. Runs in a browser. */
import type { FloatArray } from '../../model/state.ts'

/** `whole` numbers lie within ±2³¹. */
export type CellKind = 'float32' | 'float64' | 'whole' | 'text'

export interface SheetColumn {
  readonly name: string
  readonly kind: CellKind
}

/** Cells of one column, row after row. A number that is NaN is an empty cell. */
export type Cells = FloatArray | Int32Array | readonly string[]

export interface Sheet {
  readonly count: number
  readonly columns: readonly SheetColumn[]
  /** The rows from the first to the last, some at a time: the cells of each column. To be asked for once. */
  readonly parts: AsyncIterable<readonly Cells[]>
}

/** Column `at` of rows (n, width). */
export function cellsOf(rows: FloatArray, width: number, at: number): FloatArray {
  const count = rows.length / width
  const cells = rows instanceof Float64Array ? new Float64Array(count) : new Float32Array(count)
  for (let row = 0; row < count; row++) cells[row] = rows[row * width + at]
  return cells
}

/** All columns of rows (n, width). */
export function columnsOf(rows: FloatArray, width: number): FloatArray[] {
  return Array.from({ length: width }, (_, at) => cellsOf(rows, width, at))
}

/** All cells of a sheet: for formats that do not let rows come one after the other. */
export async function collectCells({ count, columns, parts }: Sheet): Promise<Cells[]> {
  const whole = columns.map(({ kind }) => emptyCells(kind, count))
  let filled = 0
  for await (const part of parts) {
    part.forEach((cells, i) => {
      const target = whole[i]
      if (Array.isArray(target)) for (const cell of cells) target.push(String(cell))
      else (target as Float64Array).set(cells as Float64Array, filled)
    })
    filled += part[0]?.length ?? 0
  }
  return whole
}

function emptyCells(kind: CellKind, count: number): FloatArray | Int32Array | string[] {
  switch (kind) {
    case 'float32':
      return new Float32Array(count)
    case 'float64':
      return new Float64Array(count)
    case 'whole':
      return new Int32Array(count)
    case 'text':
      return []
  }
}
