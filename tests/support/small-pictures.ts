/** A folder of small pictures, of which a network learns something in moments. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePng } from '../../src/formats/png.ts'
import { smallDigits } from '../experiments/small-digits.ts'

/** So many bars of 12 × 12 grey pixels, in a folder for each of four classes. */
export function writeSmallPngs(folder: string, count: number): void {
  const { rows, labels, width, height } = smallDigits(count, 1).train
  const size = width * height
  for (const label of new Set(labels)) mkdirSync(join(folder, String(label)), { recursive: true })
  labels.forEach((label, i) => {
    const png = writePng(rows.subarray(i * size, (i + 1) * size), { width, height, channels: 1 })
    writeFileSync(join(folder, String(label), `${String(i).padStart(4, '0')}.png`), png)
  })
}
