/** Own data by their path, in Node: a file, a folder of pictures, or the four IDX files of a data set. */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { FileError } from '../../errors.ts'
import { loadCanvas } from '../../figures/canvas.ts'
import { reason } from '../../files/reason.ts'
import type { ImageSet } from '../dataset.ts'
import { holdsIdxFiles, loadDataset, readFileBytes } from '../node-files.ts'
import type { Source, Values } from '../table.ts'
import { pictureSize } from './picture-size.ts'
import { type DecodePicture, PICTURE_NAME, type PictureFile, readPictures } from './pictures.ts'
import { soundPng } from './png-check.ts'
import {
  checkMemory,
  describe,
  readSource,
  SOURCE_NAMES,
  type SourceOptions,
  sourceFormat,
} from './source.ts'

/** Folders within folders: the class, and what somebody sorted below it. */
const MOST_DEPTH = 8

/**
 * What lies at a path. A folder with IDX files is a data set of four; any other is one of pictures.
 *
 * @throws FileError for what is not there, cannot be read, or is no data
 */
export async function loadSource(path: string, options: SourceOptions = {}): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new FileError(path, `cannot be read: ${reason(cause)}`, { cause })
  })
  if (found.isDirectory()) return loadFolder(path, options)
  if (sourceFormat(path) === undefined) {
    throw new FileError(path, `expected one of ${SOURCE_NAMES}, or a folder, found another name`)
  }
  // Before it is read whole.
  checkMemory(found.size, path, options)
  return readSource(await readFileBytes(path), path, options)
}

async function loadFolder(path: string, options: SourceOptions): Promise<Source> {
  if (await holdsIdxFiles(path)) {
    const { train, test } = await loadDataset(path)
    const sets = { train: valuesOfImages(train, path), test: valuesOfImages(test, path) }
    return { ...sets, description: describe(sets.train, sets.test) }
  }
  const files: PictureFile[] = []
  const others = await findPictures(path, path, files, 0)
  const train = await readPictures(files, path, decodeInNode, {
    ...options,
    checkBytes: (bytes) => checkMemory(bytes, path, options),
  })
  return { train, description: describe(train, undefined, others) }
}

function valuesOfImages({ count, rows, labels, width, height }: ImageSet, file: string): Values {
  return { kind: 'values', file, count, rows, labels, picture: { width, height, channels: 1 } }
}

/** Adds the pictures to `files`; returns how many other files there are. */
async function findPictures(
  root: string,
  folder: string,
  files: PictureFile[],
  depth: number,
): Promise<number> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    throw new FileError(folder, `cannot be read: ${reason(cause)}`, { cause })
  }
  let others = 0
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory() && depth < MOST_DEPTH) others += await findPictures(root, path, files, depth + 1)
    else if (entry.isFile() && PICTURE_NAME.test(entry.name)) {
      files.push({ path: relative(root, path).split(sep).join('/'), read: () => readFileBytes(path) })
    } else others++
  }
  return others
}

/** By node-canvas; WebP, which it does not know, by a package of its own. */
export const decodeInNode: DecodePicture = async (bytes) => {
  const format = pictureSize(bytes)?.format
  if (format === 'WebP') return (await import('./webp.ts')).decodeWebp(bytes)
  const sound = format === 'PNG' ? soundPng(bytes) : bytes
  const { createCanvas, loadImage } = await loadCanvas()
  const image = await loadImage(Buffer.from(sound))
  const { width, height } = image
  const context = createCanvas(width, height).getContext('2d')
  context.drawImage(image, 0, 0)
  return { width, height, pixels: context.getImageData(0, 0, width, height).data }
}
