/** Own data by the files that somebody chose in a page: one file, or the pictures of a folder. */
import { FileError, UsageError } from '../../errors.ts'
import { kindOf } from '../../quote.ts'
import type { Source } from '../table.ts'
import { type DecodePicture, PICTURE_NAME, readPictures } from './pictures.ts'
import { checkMemory, describe, readSource, type SourceOptions } from './source.ts'

/** What is asked of a `File`, whose own type only programs with the DOM's types have. */
export interface ChosenFile {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Empty where no folder was chosen. */
  readonly webkitRelativePath: string
  arrayBuffer(): Promise<ArrayBuffer>
}

/**
 * A file and where it lies: `digits/3/a.png`, or its name alone. A dropped folder's files do not know it
 * themselves.
 */
export interface PlacedFile {
  readonly file: ChosenFile
  readonly path: string
}

/** Files as an `<input type="file">`, one with `webkitdirectory`, gives them. */
export function placed(files: Iterable<ChosenFile>): PlacedFile[] {
  const refused = (found: unknown) => new UsageError(`files: expected a list of File, found ${kindOf(found)}`)
  if (!(Symbol.iterator in Object(files))) throw refused(files)
  return Array.from(files, (file) => {
    if (typeof file?.arrayBuffer !== 'function') throw refused(file)
    return { file, path: file.webkitRelativePath || file.name }
  })
}

/**
 * What files hold, as a page gets them: a table or array, or pictures, whose class is the name of the folder
 * that they lie in, within the one that was chosen.
 *
 * @throws FileError for what cannot be read, or is no data
 */
export async function sourceFromFiles(
  files: readonly PlacedFile[],
  options: SourceOptions = {},
): Promise<Source> {
  const all = files.filter(({ file }) => !file.name.startsWith('.'))
  const pictures = all.filter(({ file }) => PICTURE_NAME.test(file.name))
  const [first] = all
  if (!first) throw new FileError('files', 'expected a table, an array or pictures, found none')
  if (pictures.length === 0) {
    const { name, size } = first.file
    if (all.length > 1) throw new FileError(name, `expected one file, found ${all.length}`)
    checkMemory(size, name, options)
    return readSource(await bytesOf(first.file), name, options)
  }
  const folder = folderOf(first.path) || 'pictures'
  const train = await readPictures(
    pictures.map(({ file, path }) => ({
      path: path.slice(folderOf(path).length).replace(/^\//, ''),
      read: () => bytesOf(file),
    })),
    folder,
    decodeInBrowser,
    { ...options, checkBytes: (bytes) => checkMemory(bytes, folder, options) },
  )
  return { train, description: describe(train, undefined, all.length - pictures.length) }
}

/** The folder that was chosen; empty for files alone. */
function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

async function bytesOf(file: ChosenFile): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (cause) {
    throw new FileError(file.name, 'cannot be read', { cause })
  }
}

/** By the browser: PNG, JPEG and WebP. */
export const decodeInBrowser: DecodePicture = async (bytes) => {
  const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]), {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  })
  const { width, height } = bitmap
  const context = new OffscreenCanvas(width, height).getContext('2d')
  if (!context) throw new Error('no canvas')
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  return { width, height, pixels: context.getImageData(0, 0, width, height).data }
}
