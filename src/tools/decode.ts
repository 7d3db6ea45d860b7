/** `decode`: raw rows for codes. Runs in a browser. */
import { columnOf, rowsOf } from '../data/features.ts'
import type { Table, Values } from '../data/table.ts'
import { FileError } from '../errors.ts'
import { codeSize } from '../model/network.ts'
import { rawRows } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { throwIfAborted } from '../run/turns.ts'
import { codeName } from './encode.ts'
import type { ToolHooks, ToolModel } from './model.ts'
import type { RawPart } from './reconstruct.ts'

/**
 * Codes (n, z): of a table its columns `code_1` … `code_z`, of an array its rows.
 *
 * @throws FileError for columns that are missing, values that are no finite numbers, and rows of another
 *   width
 */
export function codesOf(set: Table | Values, { engine: { network }, name }: ToolModel): FloatArray {
  const units = codeSize(network)
  if (set.kind === 'table') {
    const features = Array.from({ length: units }, (_, i) => {
      columnOf(set, codeName(i))
      return { kind: 'number' as const, name: codeName(i) }
    })
    if (set.columns.some((column) => column.name === codeName(units))) {
      throw new FileError(
        set.file,
        `expected codes of ${units} units for ${name}, found ${codeName(units)} too`,
      )
    }
    return rowsOf(set, features, 'error').rows
  }
  const { rows, count, file } = set
  if (rows.length !== count * units) {
    throw new FileError(
      file,
      `expected codes of ${units} units for ${name}, found rows of ${rows.length / count}`,
    )
  }
  const codes = rows instanceof Uint8Array ? Float32Array.from(rows) : rows
  const wrong = codes.findIndex((value) => !Number.isFinite(value))
  if (wrong !== -1) {
    throw new FileError(
      file,
      `row ${Math.floor(wrong / units) + 1}: expected finite numbers, found ${codes[wrong]}`,
    )
  }
  return codes
}

const ROWS_AT_ONCE = 4096

/** Raw rows, some at a time. @param codes (n, z) */
export async function* decodeCodes(
  { engine, preprocessing = {} }: ToolModel,
  codes: FloatArray,
  { onProgress, signal }: ToolHooks = {},
): AsyncGenerator<RawPart> {
  const units = codeSize(engine.network)
  const count = codes.length / units
  for (let from = 0; from < count; from += ROWS_AT_ONCE) {
    throwIfAborted(signal)
    const to = Math.min(count, from + ROWS_AT_ONCE)
    const rows = await engine.decode(codes.subarray(from * units, to * units))
    yield { from, to, rows: rawRows(rows, preprocessing) }
    onProgress?.(to / count)
  }
}
