/** Sound files of own data, and their damage: arrays, archives of them, tables as text and as Parquet. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { RandomSequence } from '../../src/random/sequence.ts'
import { damage, pick, TELLING_NUMBERS } from './damage.ts'

export const sourceFixture = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`../fixtures/sources/${name}`, import.meta.url)))

const text = (value: string) => new TextEncoder().encode(value)

/** Cells that readers may take for what they are not. */
const TELLING_CELLS = [
  '',
  '"',
  '""',
  '"a',
  'a"b',
  '"a"b',
  ',',
  ';',
  '\n',
  '\r',
  '\r\n\r\n',
  '\t',
  '\0',
  '\ufeff',
  'NaN',
].concat(['1e999', '-', '.', '0x10', '1,5', '?', 'true', '"1,2\n3"', '1;2;3', 'é', '\ud7ff', ' '])

/** A table with cells put in, doubled, left out, or with other ends of lines. */
export function damageCsv(file: Uint8Array, random: RandomSequence): Uint8Array {
  if (random.below(4) === 0) return damage(file, random)
  const parts = new TextDecoder().decode(file).split(/(?<=[,;\t\n])|(?=[,;\t\n])/)
  const edits = 1 + random.below(6)
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(parts.length)
    switch (random.below(4)) {
      case 0:
        parts[at] = pick(TELLING_CELLS, random)
        break
      case 1:
        parts.splice(at, 1 + random.below(3))
        break
      case 2:
        parts.splice(at, 0, ...parts.slice(random.below(parts.length)).slice(0, 5))
        break
      default:
        parts.splice(at, 0, pick(TELLING_CELLS, random))
    }
  }
  const changed = parts.join('')
  return text(
    random.below(8) === 0 ? changed.replaceAll('\n', pick(['\r', '\r\n', '\n\n'], random)) : changed,
  )
}

/** The same in gzip, which may be damaged as well. */
export function damageCsvInGzip(file: Uint8Array, random: RandomSequence): Uint8Array {
  const packed = gzipSync(damageCsv(file, random))
  return random.below(3) === 0 ? damage(packed, random) : packed
}

/** An array with other words, numbers and signs in its header. */
export function damageNpy(file: Uint8Array, random: RandomSequence): Uint8Array {
  if (random.below(4) === 0) return damage(file, random)
  const latin1 = Buffer.from(file).toString('latin1')
  const end = latin1.indexOf('\n') + 1
  const words = latin1.slice(10, end).split(/(?<=[^\w])|(?=[^\w])/)
  const edits = 1 + random.below(3)
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(words.length)
    const other = [pick(words, random), String(pick(TELLING_NUMBERS, random)), ...`'(),:{}<>|LOV`]
    if (random.below(4) === 0) words.splice(at, 1)
    else words[at] = pick(other, random)
  }
  const header = words.join('')
  const changed = Buffer.from(latin1.slice(0, 10) + header + latin1.slice(end), 'latin1')
  changed.writeUInt16LE(random.below(8) === 0 ? random.below(65536) : header.length & 0xffff, 8)
  return Uint8Array.from(changed)
}

/** A picture's first bytes tell its size: they are changed more often than the others. */
export function damagePicture(file: Uint8Array, random: RandomSequence): Uint8Array {
  if (random.below(2) === 0) return damage(file, random)
  const changed = Uint8Array.from(file)
  const edits = 1 + random.below(4)
  for (let edit = 0; edit < edits; edit++) {
    changed[random.below(Math.min(200, changed.length))] = random.below(256)
  }
  return changed
}
