import { crc32 } from 'node:zlib'
import { zipSync } from 'fflate'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readZipDirectory, readZipEntry, writeStoredZip } from '../../src/formats/zip.ts'
import { assertRefused } from './refusal.ts'

const text = (value: string) => new TextEncoder().encode(value)
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function readAll(bytes: Uint8Array, file = 'f'): Map<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>()
  for (const [name, entry] of readZipDirectory(bytes, file)) {
    contents.set(name, Uint8Array.from(readZipEntry(bytes, entry, file)))
  }
  return contents
}

const CONTENTS = new Map([
  ['a/first', text('one')],
  ['a/größer', Uint8Array.from({ length: 300 }, (_, i) => i * 7)],
  ['a/empty', new Uint8Array(0)],
])

/** Where the directory entry of `name` begins. */
function directoryEntry(zip: Uint8Array, name: string): number {
  const wanted = Buffer.from(name)
  for (let at = 0; at < zip.length - 46; at++) {
    if (view(zip).getUint32(at, true) !== 0x02014b50) continue
    if (wanted.equals(zip.subarray(at + 46, at + 46 + view(zip).getUint16(at + 28, true)))) return at
  }
  throw new Error(`no directory entry ${name}`)
}

/** A zip of stored entries that `change` has damaged. */
function damaged(change: (zip: Uint8Array, entry: number, local: number) => void): Uint8Array {
  const zip = writeStoredZip(CONTENTS, 64)
  const entry = directoryEntry(zip, 'a/first')
  change(zip, entry, view(zip).getUint32(entry + 42, true))
  return zip
}

test('what is written is read back, each entry’s data at a multiple of the alignment', () => {
  const zip = writeStoredZip(CONTENTS, 64)
  assert.equal([...readAll(zip)], [...CONTENTS])
  for (const { dataOffset } of readZipDirectory(zip, 'f').values()) assert.is(dataOffset % 64, 0)
})

test('the CRC is that of zlib, whatever the length leaves over', () => {
  for (const length of [0, 1, 2, 3, 4, 5, 63, 64, 1027]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length) ^ (i >>> 3))
    const entry = readZipDirectory(writeStoredZip(new Map([['a', bytes]]), 64), 'f').get('a')
    assert.is(entry?.crc, crc32(bytes), `${length} bytes`)
  }
})

test('archives of fflate, deflated and stored, with a comment and folders', () => {
  const zip = zipSync(
    {
      'a/': new Uint8Array(0),
      'a/long': [new Uint8Array(3000).map((_, i) => i * i), { level: 9 }],
      b: text('b'),
    },
    { level: 0 },
  )
  const comment = text('a comment with PK\x05\x06 in it, which is no end of directory')
  const commented = new Uint8Array(zip.length + comment.length)
  commented.set(zip)
  commented.set(comment, zip.length)
  view(commented).setUint16(zip.length - 2, comment.length, true)
  const contents = readAll(commented)
  assert.equal([...contents.keys()].sort(), ['a/long', 'b'])
  assert.equal(
    contents.get('a/long'),
    new Uint8Array(3000).map((_, i) => i * i),
  )
})

test('a file truncated anywhere is refused', () => {
  const zip = writeStoredZip(CONTENTS, 64)
  for (let length = 0; length < zip.length; length++) {
    assertRefused((file) => readAll(zip.subarray(0, length), file), /end-of-directory/)
  }
})

test('a wrong CRC, of the data or in the directory', () => {
  assertRefused(
    (file) =>
      readAll(
        damaged((zip, entry) => view(zip).setUint8(entry + 16, zip[entry + 16] ^ 1)),
        file,
      ),
    /"a\/first": its CRC-32 is wrong/,
  )
  const flipped = writeStoredZip(CONTENTS, 64)
  flipped[(readZipDirectory(flipped, 'f').get('a/größer')?.dataOffset ?? 0) + 200] ^= 0x10
  assertRefused((file) => readAll(flipped, file), /"a\/größer": its CRC-32 is wrong/)
})

test('names are only names: nothing is unpacked', () => {
  for (const name of [
    '../x',
    '/etc/passwd',
    'a/../../x',
    'a//x',
    './x',
    'C:/x',
    'a\\x',
    '..',
    'z:8/data.pkl',
  ]) {
    const zip = writeStoredZip(new Map([[name, text('x')]]), 64)
    assert.equal([...readAll(zip)], [[name, text('x')]])
    assert.equal(readZipDirectory(zip, 'f').names, [name])
  }
})

test('names with a NUL, and duplicate names', () => {
  assertRefused((file) => readAll(writeStoredZip(new Map([['a\0x', text('x')]]), 64), file), /holds a NUL/)
  const zip = writeStoredZip(
    new Map([
      ['a1', text('x')],
      ['a2', text('y')],
    ]),
    64,
  )
  for (let at = 0; at < zip.length - 1; at++) if (zip[at] === 0x61 && zip[at + 1] === 0x32) zip[at + 1] = 0x31
  assertRefused((file) => readAll(zip, file), /holds "a1" twice/)
})

test('encryption, ZIP64, other methods and several disks are refused by name', () => {
  const refuse = (change: (zip: Uint8Array, entry: number, local: number) => void, expected: RegExp) =>
    assertRefused((file) => readAll(damaged(change), file), expected)
  refuse((zip, entry) => view(zip).setUint16(entry + 8, 0x801, true), /"a\/first" is encrypted/)
  refuse((zip, entry) => view(zip).setUint16(entry + 10, 14, true), /compressed by method 14/)
  refuse((zip, entry) => view(zip).setUint32(entry + 24, 0xffffffff, true), /ZIP64/)
  refuse((zip, entry) => view(zip).setUint32(entry + 42, 0xffffffff, true), /ZIP64/)
  refuse((zip) => view(zip).setUint16(zip.length - 12, 0xffff, true), /ZIP64/)
  refuse((zip) => view(zip).setUint16(zip.length - 18, 1, true), /several disks/)
})

test('sizes, offsets and headers that contradict each other', () => {
  const refuse = (change: (zip: Uint8Array, entry: number, local: number) => void, expected: RegExp) =>
    assertRefused((file) => readAll(damaged(change), file), expected)
  refuse((zip, entry) => view(zip).setUint32(entry + 24, 4, true), /two sizes/)
  refuse((zip, entry) => {
    view(zip).setUint32(entry + 20, 1e9, true)
    view(zip).setUint32(entry + 24, 1e9, true)
  }, /reaches beyond the archive's data/)
  refuse((zip, entry) => view(zip).setUint32(entry + 42, 1e9, true), /no local header/)
  refuse((zip, entry) => view(zip).setUint32(entry + 42, 1, true), /no local header/)
  refuse((zip, _, local) => view(zip).setUint8(local + 30, 0x62), /differs between its local header/)
  refuse(
    (zip) => view(zip).setUint16(zip.length - 14, 2, true) ?? view(zip).setUint16(zip.length - 12, 2, true),
    /more than its entries/,
  )
  refuse((zip) => {
    view(zip).setUint16(zip.length - 14, 4, true)
    view(zip).setUint16(zip.length - 12, 4, true)
  }, /directory entry 4 of 4 is not there/)
  refuse((zip) => view(zip).setUint32(zip.length - 6, zip.length, true), /reaches beyond the file/)
  refuse((zip, entry) => view(zip).setUint16(entry + 30, 60_000, true), /is cut/)
})

test('entries that share bytes', () => {
  const zip = writeStoredZip(
    new Map([
      ['a', text('same')],
      ['b', text('same')],
    ]),
    64,
  )
  // The first entry is grown into the second's local header.
  const first = directoryEntry(zip, 'a')
  for (const field of [20, 24]) view(zip).setUint32(first + field, 20, true)
  assertRefused((file) => readAll(zip, file), /"b" overlaps another entry/)
})

test('deflated data that is damaged, shorter or longer than promised, or grows without bound', () => {
  const data = new Uint8Array(1000).map((_, i) => (i * i) % 251)
  const zip = zipSync({ x: data }, { level: 6 })
  const entry = directoryEntry(zip, 'x')
  const resized = (size: number) => {
    const copy = zip.slice()
    view(copy).setUint32(entry + 24, size, true)
    return copy
  }
  assert.equal(readAll(zip).get('x'), data)
  assertRefused((file) => readAll(resized(999), file), /expected 999 bytes, found more/)
  assertRefused((file) => readAll(resized(1001), file), /expected 1001 bytes, found 1000/)
  const broken = zip.slice()
  broken.fill(0xff, 31, 60)
  assertRefused((file) => readAll(broken, file), /"x": (its deflated data is damaged|expected 1000 bytes)/)
  const bomb = zipSync({ zeros: new Uint8Array(10_000_000) }, { level: 9 })
  assertRefused((file) => readAll(bomb, file), /inflates to 10000000 bytes, more than 8 times its size/)
})

test.run()
