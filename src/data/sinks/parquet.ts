/**
 * Tables in Parquet, by hyparquet-writer: FLOAT, DOUBLE, INT32 and STRING, packed by Snappy. Runs in a
 * browser.
 */
import type { BasicType } from 'hyparquet-writer'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { type CellKind, collectCells, type Sheet } from './sheet.ts'

const TYPES: Readonly<Record<CellKind, BasicType>> = {
  float32: 'FLOAT',
  float64: 'DOUBLE',
  whole: 'INT32',
  text: 'STRING',
}

/** NaN stays NaN: which cells were empty is not kept apart from what is no number. */
export async function writeParquet(sheet: Sheet): Promise<Uint8Array> {
  const cells = await collectCells(sheet)
  const columnData = sheet.columns.map(({ name, kind }, i) => ({
    name,
    type: TYPES[kind],
    data: cells[i] as Float64Array | string[],
    nullable: false,
  }))
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}
