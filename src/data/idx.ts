/**
 * The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): a magic number 00 00 08 rank (08 means
 * unsigned bytes), the sizes of the `rank` dimensions as big-endian 32-bit integers, then the bytes, row-major.
 *
 * Nothing is copied: what is returned are views of the bytes given.
 */
import { FileError } from '../errors.ts'

/** What an image file's header says. */
export interface ImageShape {
  readonly count: number
  readonly width: number
  readonly height: number
}

/** Greyscale images, one byte a pixel. */
export interface IdxImages extends ImageShape {
  /** (count, height · width), row-major. */
  readonly rows: Uint8Array
}

/** Images larger than 256 × 256 are taken for a damaged header: one fully connected layer on them has no use. */
const MAX_PIXELS = 2 ** 16
/** What one array of bytes may hold on every engine. */
const MAX_BYTES = 2 ** 31 - 1

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')

/** Checks magic and rank and returns the sizes of the dimensions. */
function readSizes(bytes: Uint8Array, file: string, rank: number, content: string): number[] {
  const headerBytes = 4 + 4 * rank
  const magic = bytes.subarray(0, 4)
  const wanted = `00 00 08 ${hex(Uint8Array.of(rank))}`
  if (magic.length === 4 && (magic[0] !== 0 || magic[1] !== 0 || magic[2] !== 8)) {
    const hint = magic[0] === 0x1f && magic[1] === 0x8b ? ' (gzip data: such a file must be named .gz)' : ''
    throw new FileError(
      file,
      `expected IDX ${content} with magic number ${wanted}, found ${hex(magic)}${hint}`,
    )
  }
  if (magic.length === 4 && magic[3] !== rank) {
    throw new FileError(file, `expected IDX ${content} of rank ${rank}, found rank ${magic[3]}`)
  }
  if (bytes.length < headerBytes) {
    throw new FileError(
      file,
      `truncated: expected an IDX header of ${headerBytes} bytes, found a file of ${bytes.length}`,
    )
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes)
  return Array.from({ length: rank }, (_, dimension) => header.getUint32(4 + 4 * dimension))
}

/** Throws where a file is not as long as its header announces. */
function checkLength(found: number, file: string, expected: number): void {
  if (found === expected) return
  const fault = found < expected ? 'truncated' : 'longer than its header says'
  throw new FileError(file, `${fault}: expected ${expected} bytes, found ${found}`)
}

/** Bytes of the header of a file of images. */
export const IMAGE_HEADER_BYTES = 16
const LABEL_HEADER_BYTES = 8

/**
 * What the first bytes of an IDX file of rank 3 (count, height, width) say, for a file of `fileBytes` in all. `file` is
 * the name that errors (`FileError`) begin with.
 */
export function parseIdxImageHeader(head: Uint8Array, fileBytes: number, file: string): ImageShape {
  const [count, height, width] = readSizes(head, file, 3, 'images')
  const found = `found ${count} of ${width} × ${height} pixels`
  if (count < 1 || width < 1 || height < 1) {
    throw new FileError(file, `expected at least one image of at least one pixel, ${found}`)
  }
  if (width * height > MAX_PIXELS) {
    throw new FileError(file, `expected images of at most ${MAX_PIXELS} pixels, ${found}`)
  }
  if (count * width * height > MAX_BYTES) {
    throw new FileError(file, `expected at most ${MAX_BYTES} bytes of images, ${found}`)
  }
  checkLength(fileBytes, file, IMAGE_HEADER_BYTES + count * width * height)
  return { count, width, height }
}

/** Parses a whole IDX file of images. */
export function parseIdxImages(bytes: Uint8Array, file: string): IdxImages {
  const shape = parseIdxImageHeader(bytes, bytes.length, file)
  return { ...shape, rows: bytes.subarray(IMAGE_HEADER_BYTES) }
}

/** Parses an IDX file of rank 1, (count). `file` is the name that errors (`FileError`) begin with. */
export function parseIdxLabels(bytes: Uint8Array, file: string): Uint8Array {
  const [count] = readSizes(bytes, file, 1, 'labels')
  if (count < 1) throw new FileError(file, `expected at least one label, found ${count}`)
  if (count > MAX_BYTES) throw new FileError(file, `expected at most ${MAX_BYTES} labels, found ${count}`)
  checkLength(bytes.length, file, LABEL_HEADER_BYTES + count)
  return bytes.subarray(LABEL_HEADER_BYTES)
}
