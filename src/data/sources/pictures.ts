/** Pictures as rows: how pixels become bytes, whoever decodes them. Runs in a browser. */
import { FileError } from '../../errors.ts'
import type { PictureShape } from '../../model/preprocessing.ts'
import { quote } from '../../quote.ts'
import type { Values } from '../table.ts'

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

/** Decodes a picture, and scales it to a size if one is given. */
export type DecodePicture = (bytes: Uint8Array, size: PictureOptions['size']) => Promise<DecodedPicture>

/** A picture's bytes and its path within the folder: the first part of several is its class. */
export interface PictureFile {
  readonly path: string
  read(): Promise<Uint8Array>
}

export const PICTURE_NAME = /\.(png|jpe?g|webp)$/i

/** One fully connected layer on more has no use. */
const MOST_VALUES = 2 ** 16
const MOST_CLASSES = 256

/** Grey of a colour: luma by ITU-R BT.601, as PIL's convert('L') weighs it. */
function grey(red: number, green: number, blue: number): number {
  return Math.round((299 * red + 587 * green + 114 * blue) / 1000)
}

/** Rows of a folder's pictures, in the order of their paths. Transparent pixels lie on white. */
export async function readPictures(
  files: readonly PictureFile[],
  folder: string,
  decode: DecodePicture,
  options: PictureOptions & { readonly checkBytes?: (bytes: number) => void } = {},
): Promise<Values> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  if (sorted.length === 0) throw new FileError(folder, 'expected PNG, JPEG or WebP pictures, found none')
  const { classes, labels } = classesOf(sorted, folder)
  const channels = options.colour ? 3 : 1
  let picture: PictureShape | undefined
  let rows: Uint8Array | undefined
  for (const [i, file] of sorted.entries()) {
    const { width, height, pixels } = await decodeFile(file, folder, decode, options)
    if (!picture || !rows) {
      picture = { width, height, channels }
      const values = width * height * channels
      if (values > MOST_VALUES) {
        const found = `${width} × ${height}${channels === 3 ? ' in colour' : ''}`
        throw new FileError(
          `${folder}/${file.path}`,
          `expected pictures of at most ${MOST_VALUES} values, found ${found}; a size brings them to fewer`,
        )
      }
      options.checkBytes?.(values * sorted.length)
      rows = new Uint8Array(values * sorted.length)
    }
    if (width !== picture.width || height !== picture.height) {
      throw new FileError(
        `${folder}/${file.path}`,
        `expected ${picture.width} × ${picture.height} pixels as ${quote(sorted[0].path)}, found ` +
          `${width} × ${height}; a size brings all to one`,
      )
    }
    const values = width * height * channels
    copyPixels(pixels, rows.subarray(i * values, (i + 1) * values), channels)
  }
  return {
    kind: 'values',
    file: folder,
    count: sorted.length,
    rows: rows ?? new Uint8Array(),
    picture,
    names: sorted.map(({ path }) => path),
    ...(labels && { labels, classes }),
  }
}

async function decodeFile(
  file: PictureFile,
  folder: string,
  decode: DecodePicture,
  { size }: PictureOptions,
): Promise<DecodedPicture> {
  try {
    return await decode(await file.read(), size)
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    throw new FileError(
      `${folder}/${file.path}`,
      'expected a PNG, JPEG or WebP picture, found a damaged file',
      {
        cause,
      },
    )
  }
}

/** Classes by the names of the folders, where every picture lies in one. */
function classesOf(
  files: readonly PictureFile[],
  folder: string,
): { labels?: Uint8Array; classes?: readonly string[] } {
  const folders = files.map(({ path }) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : undefined))
  if (folders.some((name) => name === undefined)) return {}
  const classes = [...new Set(folders as string[])].sort()
  if (classes.length > MOST_CLASSES) {
    throw new FileError(
      folder,
      `expected at most ${MOST_CLASSES} folders of pictures, found ${classes.length}`,
    )
  }
  return { classes, labels: Uint8Array.from(folders, (name) => classes.indexOf(String(name))) }
}

function copyPixels(pixels: ArrayLike<number>, row: Uint8Array, channels: 1 | 3): void {
  for (let at = 0, to = 0; to < row.length; at += 4) {
    const alpha = pixels[at + 3] / 255
    const onWhite = (value: number) => value * alpha + 255 * (1 - alpha)
    const [red, green, blue] = [onWhite(pixels[at]), onWhite(pixels[at + 1]), onWhite(pixels[at + 2])]
    if (channels === 1) {
      row[to++] = grey(red, green, blue)
    } else {
      row[to++] = Math.round(red)
      row[to++] = Math.round(green)
      row[to++] = Math.round(blue)
    }
  }
}
