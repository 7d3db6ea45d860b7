/** `encode`: the codes of rows. Runs in a browser. */
import { columnsOf, type Sheet } from '../data/sinks/sheet.ts'
import { codeSize } from '../model/network.ts'
import type { KeptColumn } from './kept-columns.ts'
import type { ToolHooks, ToolModel } from './model.ts'
import { type ModelRows, networkParts } from './rows.ts'

/** Name of a code's column, from 0: `code_1`, … */
export function codeName(unit: number): string {
  return `code_${unit + 1}`
}

/** Columns that are kept, then `code_1` … `code_z`. A classifier has codes too. */
export function encodeRows(
  model: ToolModel,
  rows: ModelRows,
  kept: readonly KeptColumn[] = [],
  hooks: ToolHooks = {},
): Sheet {
  const units = codeSize(model.engine.network)
  const codes = Array.from({ length: units }, (_, i) => ({ name: codeName(i), kind: 'float32' as const }))
  return { count: rows.count, columns: [...kept, ...codes], parts: parts(model, rows, kept, hooks) }
}

async function* parts(model: ToolModel, rows: ModelRows, kept: readonly KeptColumn[], hooks: ToolHooks) {
  const units = codeSize(model.engine.network)
  for await (const { from, to, inputs } of networkParts(model, rows, hooks)) {
    const codes = columnsOf(await model.engine.encode(inputs), units)
    yield [...kept.map((column) => column.cells(from, to)), ...codes]
  }
}
