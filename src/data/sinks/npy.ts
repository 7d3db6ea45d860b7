/** NumPy's .npy, format 1.0 (numpy.lib.format): little-endian, row-major. Runs in a browser. */
import { UsageError } from '../../errors.ts'
import { quote } from '../../quote.ts'
import type { Cells, Sheet } from './sheet.ts'

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]
/** Of the header with all before it, so that the data can be mapped into memory. */
const ALIGNMENT = 64

type ElementType = '<f4' | '<f8'

/** The start of a file: everything before the elements. */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`
  const start = MAGIC.length + 2
  const padding = (ALIGNMENT - ((start + dict.length + 1) % ALIGNMENT)) % ALIGNMENT
  const text = `${dict}${' '.repeat(padding)}\n`
  const header = new Uint8Array(start + text.length)
  header.set(MAGIC)
  new DataView(header.buffer).setUint16(MAGIC.length, text.length, true)
  header.set(new TextEncoder().encode(text), start)
  return header
}

/**
 * An array (rows, columns), a part at a time: float32 where all columns are, else float64.
 *
 * @param file its name, for errors
 * @throws UsageError for a column of text
 */
export async function* writeNpy(sheet: Sheet, file: string): AsyncGenerator<Uint8Array> {
  const { count, columns, parts } = sheet
  const text = columns.find(({ kind }) => kind === 'text')
  if (text) {
    throw new UsageError(`${file}: expected numbers alone, found the column of text ${quote(text.name)}`)
  }
  const type = elementType(sheet)
  yield npyHeader(type, [count, columns.length])
  for await (const part of parts) yield elements(part, type)
}

/** `<f4` where all columns of numbers are float32. */
export function elementType({ columns }: Pick<Sheet, 'columns'>): ElementType {
  return columns.every(({ kind }) => kind === 'float32' || kind === 'text') ? '<f4' : '<f8'
}

/** Columns of numbers side by side, row after row. */
export function elements(part: readonly Cells[], type: ElementType): Uint8Array {
  const width = part.length
  const count = part[0]?.length ?? 0
  const size = type === '<f4' ? 4 : 8
  const bytes = new Uint8Array(count * width * size)
  const view = new DataView(bytes.buffer)
  for (let row = 0, at = 0; row < count; row++) {
    for (const cells of part) {
      if (size === 4) view.setFloat32(at, cells[row] as number, true)
      else view.setFloat64(at, cells[row] as number, true)
      at += size
    }
  }
  return bytes
}

/** An array (texts) of NumPy's `<U`: UTF-32, each as long as the longest. */
export function textArray(texts: readonly string[]): Uint8Array[] {
  const points = texts.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0))
  const longest = points.reduce((most, { length }) => Math.max(most, length), 1)
  const bytes = new Uint8Array(4 * longest * texts.length)
  const view = new DataView(bytes.buffer)
  points.forEach((row, i) => {
    row.forEach((point, at) => {
      view.setUint32(4 * (i * longest + at), point, true)
    })
  })
  return [npyHeader(`<U${longest}`, [texts.length]), bytes]
}
