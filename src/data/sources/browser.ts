/** Own data by the files that somebody chose in a page: one file, or the pictures of a folder. */
import { FileError } from '../../errors.ts'
import type { Source } from '../table.ts'
import { type DecodePicture, PICTURE_NAME, readPictures } from './pictures.ts'
import { checkMemory, describe, readSource, type SourceOptions } from './source.ts'

/**
 * What files hold, as an `<input type="file">`, one with `webkitdirectory`, or a drop gives them: a table or array, or
 * pictures, whose class is the name of the folder that they lie in.
 *
 * @throws FileError for what cannot be read, or is no data
 */
export async function sourceFromFiles(files: Iterable<File>, options: SourceOptions = {}): Promise<Source> {
  const all = [...files].filter(({ name }) => !name.startsWith('.'))
  const pictures = all.filter(({ name }) => PICTURE_NAME.test(name))
  const [first] = all
  if (!first) throw new FileError('files', 'expected a table, an array or pictures, found none')
  if (pictures.length === 0) {
    if (all.length > 1) throw new FileError(first.name, `expected one file, found ${all.length}`)
    checkMemory(first.size, first.name, options)
    return readSource(await bytesOf(first), first.name, options)
  }
  const folder = first.webkitRelativePath.split('/', 1)[0] || 'pictures'
  const train = await readPictures(
    pictures.map((file) => ({ path: pathOf(file), read: () => bytesOf(file) })),
    folder,
    decodeInBrowser,
    { ...options, checkBytes: (bytes) => checkMemory(bytes, folder, options) },
  )
  return { train, description: describe(train) }
}

/** Within the folder that was chosen. */
function pathOf({ name, webkitRelativePath: path }: File): string {
  return path === '' ? name : path.slice(path.indexOf('/') + 1)
}

async function bytesOf(file: File): Promise<Uint8Array> {
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
