/**
 * Archives with other content or other records, whose checks of bytes (CRC-32, sizes) still hold where they
 * should.
 */
import { concatBytes, viewOf } from '../../src/formats/bytes.ts'
import { readZipDirectory, readZipEntry, writeStoredZip } from '../../src/formats/zip.ts'
import type { RandomSequence } from '../../src/random/sequence.ts'
import { pick, TELLING_NUMBERS } from './damage.ts'

/** Archives are taken apart once: their copies are made by the thousand. */
const known = new WeakMap<Uint8Array, readonly (readonly [name: string, data: Uint8Array])[]>()

function entriesOf(file: Uint8Array): [name: string, data: Uint8Array][] {
  const entries =
    known.get(file) ??
    [...readZipDirectory(file, 'f')].map(([name, entry]) => [name, readZipEntry(file, entry, 'f')] as const)
  known.set(file, entries)
  return entries.map(([name, data]) => [name, data])
}

/**
 * The same archive with other content: its CRCs are right, so that the damage reaches what comes after them.
 */
export function repacked(
  file: Uint8Array,
  change: (name: string, data: Uint8Array) => Uint8Array,
): Uint8Array {
  const entries = entriesOf(file).map(([name, data]) => [name, change(name, data)] as const)
  return writeStoredZip(new Map(entries), 64)
}

/** The archive with its entries in another order, some left out, renamed, doubled or resized. */
export function reordered(file: Uint8Array, random: RandomSequence): Uint8Array {
  const entries = entriesOf(file)
  const edits = 1 + random.below(3)
  for (let edit = 0; edit < edits; edit++) {
    const at = random.below(entries.length)
    const [name, data] = entries[at]
    switch (random.below(6)) {
      case 0:
        entries.splice(at, 1)
        break
      case 1:
        entries.unshift(...entries.splice(at, 1))
        break
      case 2:
        entries[at] = [name.toUpperCase(), data]
        break
      case 3:
        entries.push([
          pick(['../x', 'x', `${name}/`, 'archive/data/9', 'archive/constants.pkl'], random),
          data,
        ])
        break
      case 4:
        entries[at] = [name, data.subarray(0, random.below(data.length + 1))]
        break
      default:
        entries[at] = [name, concatBytes([data, data])]
    }
    if (entries.length === 0) break
  }
  return writeStoredZip(new Map(entries), 64)
}

const LOCAL_HEADER = 0x04034b50
const DIRECTORY_HEADER = 0x02014b50
const DIRECTORY_END = 0x06054b50
/** Offsets and widths of the fields after each signature. */
const FIELDS: Readonly<Record<number, readonly (readonly [offset: number, bytes: 2 | 4])[]>> = {
  [LOCAL_HEADER]: [
    [6, 2],
    [8, 2],
    [14, 4],
    [18, 4],
    [22, 4],
    [26, 2],
    [28, 2],
  ],
  [DIRECTORY_HEADER]: [
    [8, 2],
    [10, 2],
    [16, 4],
    [20, 4],
    [24, 4],
    [28, 2],
    [30, 2],
    [32, 2],
    [42, 4],
  ],
  [DIRECTORY_END]: [
    [4, 2],
    [8, 2],
    [10, 2],
    [12, 4],
    [16, 4],
    [20, 2],
  ],
}

/** One to four fields of the archive's records set to numbers at which readers go wrong. */
export function withOtherFields(file: Uint8Array, random: RandomSequence): Uint8Array {
  const changed = Uint8Array.from(file)
  const view = viewOf(changed)
  const records: number[] = []
  for (let at = 0; at + 4 <= changed.length; at++) {
    if (FIELDS[view.getUint32(at, true)] !== undefined) records.push(at)
  }
  const edits = 1 + random.below(4)
  for (let edit = 0; edit < edits; edit++) {
    const record = pick(records, random)
    const fields = FIELDS[view.getUint32(record, true)]
    if (fields === undefined) continue
    const [offset, bytes] = pick(fields, random)
    const at = record + offset
    if (at + bytes > changed.length) continue
    const old = bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
    const near = old + random.below(5) - 2
    const value = random.below(2) === 0 ? near : pick(TELLING_NUMBERS, random)
    if (bytes === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
  }
  return changed
}
