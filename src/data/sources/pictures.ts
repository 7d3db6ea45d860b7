/** Pictures as rows: how pixels become bytes, whoever decodes them. Runs in a browser. */
import { FileError, HourglassError } from '../../errors.ts'
import { MOST_CLASSES, WIDEST_LAYER } from '../../model/check-network.ts'
import type { PictureShape } from '../../model/preprocessing.ts'
import { quote } from '../../quote.ts'
import { classesOf, type RowClasses } from '../classes.ts'
import type { Values } from '../table.ts'
import { pictureSize } from './picture-size.ts'

export interface PictureOptions {
  /** Every picture is brought to it; default: that of the first, which all others must have. */
  readonly size?: { readonly width: number; readonly height: number } | undefined
  /** Red, green and blue in place of grey. */
  readonly colour?: boolean | undefined
}

/** A picture that was decoded. */
export interface DecodedPicture {
  readonly width: number
  readonly height: number
  /** (height · width · 4) red, green, blue, alpha. */
  readonly pixels: Uint8ClampedArray | Uint8Array
}

/**
 * Decodes a picture as large as it is. Throws for one that is damaged; HourglassError for one that it never
 * decodes.
 */
export type DecodePicture = (bytes: Uint8Array) => Promise<DecodedPicture>

/** A picture's bytes and its path within the folder: the first part of several is its class. */
export interface PictureFile {
  readonly path: string
  read(): Promise<Uint8Array>
}

export const PICTURE_NAME = /\.(png|jpe?g|webp)$/i

/** Four bytes each are 256 MiB while a picture is decoded: more than any camera's have. */
const MOST_PIXELS = 2 ** 26

/** Rows of a folder's pictures, in the order of their paths. Transparent pixels lie on white. */
export async function readPictures(
  files: readonly PictureFile[],
  folder: string,
  decode: DecodePicture,
  options: PictureOptions & { readonly checkBytes?: (bytes: number) => void } = {},
): Promise<Values> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  if (sorted.length === 0) throw new FileError(folder, 'expected PNG, JPEG or WebP pictures, found none')
  const { classes, labels } = folderClasses(sorted, folder)
  const channels = options.colour ? 3 : 1
  let picture: PictureShape | undefined
  let rows = new Uint8Array()
  for (const [i, file] of sorted.entries()) {
    const name = `${folder}/${file.path}`
    const decoded = await decodeFile(await file.read(), name, decode, { ...options, channels })
    const { width, height } = options.size ?? decoded
    if (!picture) {
      picture = { width, height, channels }
      options.checkBytes?.(width * height * channels * sorted.length)
      rows = new Uint8Array(width * height * channels * sorted.length)
    }
    if (width !== picture.width || height !== picture.height) {
      throw new FileError(
        name,
        `expected ${picture.width} × ${picture.height} pixels as ${quote(sorted[0].path)}, found ` +
          `${width} × ${height}; a size brings all to one`,
      )
    }
    const values = width * height * channels
    fillRow(rows.subarray(i * values, (i + 1) * values), decoded, picture)
  }
  return {
    kind: 'values',
    file: folder,
    count: sorted.length,
    rows,
    picture,
    names: sorted.map(({ path }) => path),
    ...(labels && { labels, classes }),
  }
}

/** Throws FileError before pixels are decoded that would be too many. */
async function decodeFile(
  bytes: Uint8Array,
  name: string,
  decode: DecodePicture,
  { size, channels }: PictureOptions & { readonly channels: 1 | 3 },
): Promise<DecodedPicture> {
  const found = pictureSize(bytes)
  if (!found || found.width < 1 || found.height < 1) {
    throw new FileError(name, 'expected a PNG, JPEG or WebP picture, found something else')
  }
  const pixels = `found ${found.width} × ${found.height}`
  if (found.width * found.height > MOST_PIXELS) {
    throw new FileError(name, `expected a picture of at most ${MOST_PIXELS} pixels, ${pixels}`)
  }
  const { width, height } = size ?? found
  if (width * height * channels > WIDEST_LAYER) {
    const given = size ? `found a size of ${width} × ${height}` : `${pixels}; a size brings them to fewer`
    throw new FileError(
      name,
      `expected pictures of at most ${WIDEST_LAYER} values${channels === 3 ? ' in three colours' : ''}, ${given}`,
    )
  }
  try {
    return await decode(bytes)
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    const reason = cause instanceof HourglassError ? cause.message : 'found a damaged file'
    throw new FileError(name, `expected a ${found.format} picture that can be decoded, ${reason}`, { cause })
  }
}

/** Classes by the names of the folders, where every picture lies in one. */
function folderClasses(files: readonly PictureFile[], folder: string): Partial<RowClasses> {
  const folders = files.map(({ path }) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : ''))
  if (folders.includes('')) return {}
  return classesOf(folders, undefined, folder, `expected at most ${MOST_CLASSES} folders of pictures`)
}

/**
 * The bytes of a row, scaled by the mean over the area that each of its pixels covers: the same whoever
 * decodes, unlike what a canvas would draw.
 */
function fillRow(row: Uint8Array, { pixels, ...from }: DecodedPicture, to: PictureShape): void {
  const { channels } = to
  const line = new Uint8Array(from.width * channels)
  if (from.width === to.width && from.height === to.height) {
    fillLine(row, pixels, channels)
    return
  }
  const sums = new Float64Array(row.length)
  const across = overlaps(from.width, to.width)
  const along = overlaps(from.height, to.height)
  let next = 0
  for (let y = 0; y < from.height; y++) {
    fillLine(line, pixels.subarray(4 * y * from.width, 4 * (y + 1) * from.width), channels)
    const narrowed = new Float64Array(to.width * channels)
    for (const { source, target, share } of across) {
      for (let c = 0; c < channels; c++)
        narrowed[target * channels + c] += share * line[source * channels + c]
    }
    for (; next < along.length && along[next].source === y; next++) {
      const { target, share } = along[next]
      const at = target * narrowed.length
      for (let i = 0; i < narrowed.length; i++) sums[at + i] += share * narrowed[i]
    }
  }
  for (let i = 0; i < row.length; i++) row[i] = Math.round(sums[i])
}

interface Overlap {
  readonly source: number
  readonly target: number
  /** Of the target that the source covers. */
  readonly share: number
}

/** Which of `from` pixels in a line cover which of `to`, by source and target. */
function overlaps(from: number, to: number): Overlap[] {
  const found: Overlap[] = []
  // In units of which a source pixel has `to` and a target pixel `from`: whole numbers.
  for (let source = 0, target = 0; source < from && target < to; ) {
    const end = Math.min((source + 1) * to, (target + 1) * from)
    found.push({ source, target, share: (end - Math.max(source * to, target * from)) / from })
    if (end === (source + 1) * to) source++
    if (end === (target + 1) * from) target++
  }
  return found
}

function fillLine(line: Uint8Array, pixels: ArrayLike<number>, channels: 1 | 3): void {
  for (let at = 0, to = 0; to < line.length; at += 4) {
    const alpha = pixels[at + 3] / 255
    const onWhite = (value: number) => value * alpha + 255 * (1 - alpha)
    const [red, green, blue] = [onWhite(pixels[at]), onWhite(pixels[at + 1]), onWhite(pixels[at + 2])]
    if (channels === 1) {
      line[to++] = grey(red, green, blue)
    } else {
      line[to++] = Math.round(red)
      line[to++] = Math.round(green)
      line[to++] = Math.round(blue)
    }
  }
}

/**
 * Luma by ITU-R BT.601, 0.299 red + 0.587 green + 0.114 blue, in the sixteen bits of Pillow's convert('L').
 */
function grey(red: number, green: number, blue: number): number {
  return Math.floor((19595 * red + 38470 * green + 7471 * blue + 0x8000) / 0x10000)
}
