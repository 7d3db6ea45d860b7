/**
 * The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): a magic number 00 00 08 rank
 * (08 means unsigned bytes), the sizes of the `rank` dimensions as big-endian 32-bit integers, then the
 * bytes, row-major.
 *
 * Nothing is copied: what is returned are views of the bytes given.
 */
import { FileError } from '../errors.ts'
import { WIDEST_LAYER } from '../model/check-network.ts'
import { INFLATED_BESIDES, ReaderBudget } from '../reader-budget.ts'

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

/**
 * Bytes that an IDX file of images or labels has in all, by its first bytes, or undefined where the parsers
 * refuse it for what these say.
 */
function announcedBytes(header: Uint8Array): number | undefined {
  if (header.length < 4 || header[0] !== 0 || header[1] !== 0 || header[2] !== 8) return undefined
  const rank = header[3]
  const headerBytes = 4 + 4 * rank
  if ((rank !== 1 && rank !== 3) || header.length < headerBytes) return undefined
  const view = new DataView(header.buffer, header.byteOffset, headerBytes)
  let bodyBytes = 1
  for (let at = 4; at < headerBytes; at += 4) bodyBytes *= view.getUint32(at)
  return bodyBytes >= 1 && bodyBytes <= MAX_BYTES ? headerBytes + bodyBytes : undefined
}

/** Longest header of images or labels. */
const MAX_HEADER_BYTES = 16

/**
 * The bytes of an IDX file from a stream that inflates it. The header says how many there are: no more is
 * asked for, and none beyond what a file of `packedBytes` may take. Of a file whose header is refused only
 * the header is returned, for the parser to say why.
 *
 * @throws FileError for more bytes than the header announces, or more than the file may take
 */
export async function unpackIdx(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  packedBytes: number,
): Promise<Uint8Array> {
  const header = new Uint8Array(MAX_HEADER_BYTES)
  let bytes: Uint8Array | undefined
  let filled = 0
  for await (const chunk of chunks) {
    let rest = chunk
    if (bytes === undefined) {
      const begun = rest.subarray(0, MAX_HEADER_BYTES - filled)
      header.set(begun, filled)
      filled += begun.length
      rest = rest.subarray(begun.length)
      // A file of a few labels is shorter than a header of images.
      const total = announcedBytes(header.subarray(0, filled))
      if (filled < MAX_HEADER_BYTES && (total === undefined || total > filled)) continue
      if (total === undefined) return header
      new ReaderBudget(file, packedBytes, INFLATED_BESIDES).arrays(total, 'what its header announces')
      if (filled > total) throw longerThan(file, total)
      bytes = new Uint8Array(total)
      bytes.set(header.subarray(0, filled))
    }
    if (filled + rest.length > bytes.length) throw longerThan(file, bytes.length)
    bytes.set(rest, filled)
    filled += rest.length
  }
  return (bytes ?? header).subarray(0, filled)
}

function longerThan(file: string, bytes: number): FileError {
  return new FileError(file, `longer than its header says: expected ${bytes} bytes, found more`)
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
 * What the first bytes of an IDX file of rank 3 (count, height, width) say, for a file of `fileBytes` in all.
 * `file` is the name that errors (`FileError`) begin with.
 */
export function parseIdxImageHeader(head: Uint8Array, fileBytes: number, file: string): ImageShape {
  const [count, height, width] = readSizes(head, file, 3, 'images')
  const found = `found ${count} of ${width} × ${height} pixels`
  if (count < 1 || width < 1 || height < 1) {
    throw new FileError(file, `expected at least one image of at least one pixel, ${found}`)
  }
  // Larger images are taken for a damaged header.
  if (width * height > WIDEST_LAYER) {
    throw new FileError(file, `expected images of at most ${WIDEST_LAYER} pixels, ${found}`)
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
