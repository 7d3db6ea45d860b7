/**
 * NumPy's archives: `rows`, the columns of numbers side by side; `columns`, their names; and each column of
 * text under its own name. Runs in a browser.
 */
import { concatBytes } from '../../formats/bytes.ts'
import { writeStoredZip } from '../../formats/zip.ts'
import { elements, elementType, npyHeader, textArray } from './npy.ts'
import { collectCells, type Sheet } from './sheet.ts'

const ALIGNMENT = 64

export async function writeNpz(sheet: Sheet): Promise<Uint8Array> {
  const all = await collectCells(sheet)
  const { columns, count } = sheet
  const isText = (_: unknown, i: number) => columns[i].kind === 'text'
  const numbers = all.filter((_, i) => !isText(_, i))
  const names = columns.filter((_, i) => !isText(_, i)).map(({ name }) => name)
  const type = elementType(sheet)
  const entries = new Map([
    ['rows.npy', concatBytes([npyHeader(type, [count, names.length]), elements(numbers, type)])],
    ['columns.npy', concatBytes(textArray(names))],
  ])
  all.filter(isText).forEach((cells, i) => {
    const { name } = columns.filter(isText)[i]
    // It may be called as an array of ours.
    let entry = name
    while (entries.has(`${entry}.npy`)) entry += '_'
    entries.set(`${entry}.npy`, concatBytes(textArray(cells as readonly string[])))
  })
  return writeStoredZip(entries, ALIGNMENT)
}
