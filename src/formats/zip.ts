/**
 * The part of ZIP that `torch.save` uses, read with distrust and written plainly. Specification: PKWARE's
 * APPNOTE.TXT.
 *
 * Refused by name: encryption, ZIP64, several disks, methods other than stored and deflated, entries that
 * share bytes, duplicate names, and deflated data that grows beyond MAX_EXPANSION. No name is dangerous:
 * nothing is unpacked.
 */
import { inflateSync } from 'fflate'
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { concatBytes, totalBytes, viewOf } from './bytes.ts'
import { crc32 } from './crc.ts'

/** The entries by name. */
export class ZipDirectory extends Map<string, ZipEntry> {
  /** Of all entries in their order, folders too, which are not among those of the map. */
  readonly names: string[] = []
  /** Where the first of them begins in the file. */
  start = Infinity
}

export interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly crc: number
  readonly compressedBytes: number
  readonly bytes: number
  /** Of the local header, from the file's start. */
  readonly headerOffset: number
  readonly dataOffset: number
}

/** All entries together may inflate to this many times the file's size; trained weights reach about 1.1. */
const MAX_EXPANSION = 8

const STORED = 0
const DEFLATED = 8
const LOCAL_HEADER = 0x04034b50
const DIRECTORY_HEADER = 0x02014b50
const DIRECTORY_END = 0x06054b50
const LOCAL_HEADER_BYTES = 30
const DIRECTORY_HEADER_BYTES = 46
const DIRECTORY_END_BYTES = 22
const FLAG_ENCRYPTED = 0x2041 // bits 0, 6 and 13: encrypted, strongly, with a masked directory

/**
 * The entries by name, each checked against its local header; no data is read yet. Folders are left out.
 *
 * @param file its name, for errors
 * @param besides bytes that the entries may inflate to beside `MAX_EXPANSION` times the file
 * @throws FileError for any fault
 */
export function readZipDirectory(bytes: Uint8Array, file: string, besides = 0): ZipDirectory {
  const fault = (problem: string) => new FileError(file, `damaged or unusual zip: ${problem}`)
  const view = viewOf(bytes)
  const end = findDirectoryEnd(view)
  if (end === undefined) throw fault('it has no end-of-directory record (truncated?)')
  const count = view.getUint16(end + 10, true)
  const directoryBytes = view.getUint32(end + 12, true)
  const directoryOffset = view.getUint32(end + 16, true)
  if (count === 0xffff || directoryBytes === 0xffffffff || directoryOffset === 0xffffffff) {
    throw fault('ZIP64 is not read')
  }
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    throw fault('it spans several disks')
  }
  if (directoryOffset + directoryBytes > end) throw fault('its directory reaches beyond the file')

  const entries = new ZipDirectory()
  let at = directoryOffset
  for (let i = 0; i < count; i++) {
    if (at + DIRECTORY_HEADER_BYTES > end || view.getUint32(at, true) !== DIRECTORY_HEADER) {
      throw fault(`directory entry ${i + 1} of ${count} is not there`)
    }
    const nameBytes = view.getUint16(at + 28, true)
    const next =
      at + DIRECTORY_HEADER_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    if (next > directoryOffset + directoryBytes) throw fault(`directory entry ${i + 1} of ${count} is cut`)
    const entry = readEntry(bytes, at, nameBytes, directoryOffset, fault)
    entries.names.push(entry.name)
    entries.start = Math.min(entries.start, entry.headerOffset)
    if (entries.has(entry.name)) throw fault(`it holds ${quote(entry.name)} twice`)
    entries.set(entry.name, entry)
    at = next
  }
  if (at !== directoryOffset + directoryBytes) throw fault('its directory holds more than its entries')
  checkDisjoint([...entries.values()], fault)
  let inflatedBytes = 0
  for (const entry of entries.values()) inflatedBytes += entry.bytes
  if (inflatedBytes > MAX_EXPANSION * bytes.length + besides) {
    throw fault(`it inflates to ${inflatedBytes} bytes, more than ${MAX_EXPANSION} times its size`)
  }
  for (const { name, bytes } of entries.values()) if (name.endsWith('/') && bytes === 0) entries.delete(name)
  return entries
}

/**
 * The data of one entry, checked against its size and CRC-32: a view of `bytes` where it is stored.
 *
 * @throws FileError for any fault
 */
export function readZipEntry(
  bytes: Uint8Array,
  entry: ZipEntry,
  file: string,
  budget = new ReaderBudget(file, bytes.length),
): Uint8Array {
  const fault = (problem: string) => new FileError(file, `zip entry ${quote(entry.name)}: ${problem}`)
  let data = bytes.subarray(entry.dataOffset, entry.dataOffset + entry.compressedBytes)
  if (entry.method === DEFLATED) {
    budget.arrays(entry.bytes, `the zip entry ${quote(entry.name)}`)
    try {
      // One byte of room more than promised, so that data which is longer shows; fflate never grows a given
      // buffer.
      data = inflateSync(data, { out: new Uint8Array(entry.bytes + 1) })
    } catch {
      throw fault('its deflated data is damaged')
    }
  }
  if (data.length !== entry.bytes) {
    throw fault(`expected ${entry.bytes} bytes, found ${data.length > entry.bytes ? 'more' : data.length}`)
  }
  if (crc32(data) !== entry.crc) throw fault('its CRC-32 is wrong: the data is damaged')
  return data
}

/**
 * A zip of stored entries, in the given order, each entry's data at a multiple of `alignment` bytes (as
 * torch.save does, by an extra field that pads). Dates are fixed: the same entries give the same bytes.
 */
export function writeStoredZip(entries: ReadonlyMap<string, Uint8Array>, alignment: number): Uint8Array {
  const locals: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, data] of entries) {
    const encodedName = new TextEncoder().encode(name)
    const crc = crc32(data)
    const padding = paddingField(offset + LOCAL_HEADER_BYTES + encodedName.length, alignment)
    const local = headerBytes(LOCAL_HEADER, LOCAL_HEADER_BYTES, encodedName, crc, data.length)
    viewOf(local).setUint16(28, padding.length, true)
    const listed = headerBytes(DIRECTORY_HEADER, DIRECTORY_HEADER_BYTES, encodedName, crc, data.length)
    viewOf(listed).setUint32(42, offset, true)
    locals.push(local, padding, data)
    directory.push(listed)
    offset += local.length + padding.length + data.length
  }
  const end = new Uint8Array(DIRECTORY_END_BYTES)
  const view = viewOf(end)
  view.setUint32(0, DIRECTORY_END, true)
  view.setUint16(8, entries.size, true)
  view.setUint16(10, entries.size, true)
  view.setUint32(12, totalBytes(directory), true)
  view.setUint32(16, offset, true)
  return concatBytes([...locals, ...directory, end])
}

type Fault = (problem: string) => FileError

function readEntry(
  bytes: Uint8Array,
  at: number,
  nameBytes: number,
  dataEnd: number,
  fault: Fault,
): ZipEntry {
  const view = viewOf(bytes)
  const name = decodeName(
    bytes.subarray(at + DIRECTORY_HEADER_BYTES, at + DIRECTORY_HEADER_BYTES + nameBytes),
  )
  if (name === undefined) throw fault('an entry has a name that is not UTF-8')
  const quoted = quote(name)
  // Readers in C end the name there, and see another one.
  if (name.includes('\0')) throw fault(`the entry name ${quoted} holds a NUL`)
  const flags = view.getUint16(at + 8, true)
  const method = view.getUint16(at + 10, true)
  const crc = view.getUint32(at + 16, true)
  const compressedBytes = view.getUint32(at + 20, true)
  const size = view.getUint32(at + 24, true)
  const headerOffset = view.getUint32(at + 42, true)
  if ((flags & FLAG_ENCRYPTED) !== 0) throw fault(`${quoted} is encrypted`)
  if (method !== STORED && method !== DEFLATED) throw fault(`${quoted} is compressed by method ${method}`)
  if (compressedBytes === 0xffffffff || size === 0xffffffff || headerOffset === 0xffffffff) {
    throw fault('ZIP64 is not read')
  }
  if (method === STORED && compressedBytes !== size) throw fault(`${quoted} is stored with two sizes`)

  if (headerOffset + LOCAL_HEADER_BYTES > dataEnd || view.getUint32(headerOffset, true) !== LOCAL_HEADER) {
    throw fault(`${quoted} has no local header`)
  }
  const localNameBytes = view.getUint16(headerOffset + 26, true)
  const nameEnd = headerOffset + LOCAL_HEADER_BYTES + localNameBytes
  const dataOffset = nameEnd + view.getUint16(headerOffset + 28, true)
  if (dataOffset + compressedBytes > dataEnd) throw fault(`${quoted} reaches beyond the archive's data`)
  const localName = decodeName(bytes.subarray(headerOffset + LOCAL_HEADER_BYTES, nameEnd))
  const localFlags = view.getUint16(headerOffset + 6, true)
  if (localName !== name || localFlags !== flags || view.getUint16(headerOffset + 8, true) !== method) {
    throw fault(`${quoted} differs between its local header and the directory`)
  }
  return { name, method, crc, compressedBytes, bytes: size, headerOffset, dataOffset }
}

/** Entries that share bytes are how small archives inflate without bound. */
function checkDisjoint(entries: ZipEntry[], fault: Fault): void {
  let end = 0
  for (const entry of entries.sort((a, b) => a.headerOffset - b.headerOffset)) {
    if (entry.headerOffset < end) throw fault(`${quote(entry.name)} overlaps another entry`)
    end = entry.dataOffset + entry.compressedBytes
  }
}

/** Searched from the end: a comment of up to 65,535 bytes may follow, which must end where the file ends. */
function findDirectoryEnd(view: DataView): number | undefined {
  const last = view.byteLength - DIRECTORY_END_BYTES
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === DIRECTORY_END && at + view.getUint16(at + 20, true) === last) return at
  }
  return undefined
}

function decodeName(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes))
  } catch {
    return undefined
  }
}

/**
 * Local and directory headers tell the same; the directory's has two more bytes of version before, and 14
 * behind.
 */
function headerBytes(
  signature: number,
  fixedBytes: number,
  name: Uint8Array,
  crc: number,
  size: number,
): Uint8Array {
  const header = new Uint8Array(fixedBytes + name.length)
  const view = viewOf(header)
  const isDirectory = signature === DIRECTORY_HEADER
  view.setUint32(0, signature, true)
  if (isDirectory) view.setUint16(4, 20, true)
  const shared = isDirectory ? 6 : 4
  view.setUint16(shared, 20, true) // needs version 2.0
  view.setUint16(shared + 2, 0x0800, true) // names are UTF-8
  view.setUint16(shared + 8, 0x21, true) // 1 January 1980
  view.setUint32(shared + 10, crc, true)
  view.setUint32(shared + 14, size, true)
  view.setUint32(shared + 18, size, true)
  view.setUint16(shared + 22, name.length, true)
  header.set(name, fixedBytes)
  return header
}

/** An extra field `FB` (as torch.save's) after which `at` is a multiple of the alignment. */
function paddingField(at: number, alignment: number): Uint8Array {
  const fieldHeaderBytes = 4
  const length = fieldHeaderBytes + ((alignment - ((at + fieldHeaderBytes) % alignment)) % alignment)
  const field = new Uint8Array(length).fill(0x5a)
  field.set([0x46, 0x42])
  viewOf(field).setUint16(2, length - fieldHeaderBytes, true)
  return field
}
