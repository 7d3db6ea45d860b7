/**
 * What an engine is trained and judged on: a training and a test set of images of one size. Runs in a
 * browser.
 */
import { FileError } from '../errors.ts'
import type { IdxImages } from './idx.ts'
import { parseIdxImages, parseIdxLabels } from './idx.ts'
import { checkLimit, type RowSet } from './rows.ts'

/** Images as rows of bytes (0 black, 255 white; networks see value / 255) with one label each. */
export interface ImageSet extends RowSet {
  readonly width: number
  readonly height: number
  /** (count, height · width), row-major. */
  readonly rows: Uint8Array
  /** (count) class indices. */
  readonly labels: Uint8Array
}

export interface Dataset {
  readonly name: string
  readonly train: ImageSet
  readonly test: ImageSet
}

/** Content of an IDX file, and the name by which errors call it. */
export interface NamedBytes {
  readonly file: string
  readonly bytes: Uint8Array
}

/** Images that were read already. */
export interface NamedImages extends IdxImages {
  readonly file: string
}

/** The four IDX files that make a data set. */
export interface IdxFiles {
  readonly trainImages: NamedBytes | NamedImages
  readonly trainLabels: NamedBytes
  readonly testImages: NamedBytes
  readonly testLabels: NamedBytes
}

/** One image set from two uncompressed IDX files, as views of their bytes. Throws `FileError`. */
export function imageSetFromIdx(imageFile: NamedBytes | NamedImages, labelFile: NamedBytes): ImageSet {
  const images = 'rows' in imageFile ? imageFile : parseIdxImages(imageFile.bytes, imageFile.file)
  const labels = parseIdxLabels(labelFile.bytes, labelFile.file)
  if (labels.length !== images.count) {
    throw new FileError(
      labelFile.file,
      `expected ${images.count} labels, one for each image of ${imageFile.file}, found ${labels.length}`,
    )
  }
  const { count, width, height, rows } = images
  return { count, width, height, rows, labels }
}

/**
 * A data set from four uncompressed IDX files. The result holds views of the bytes given, no copies.
 * Throws `FileError` for a damaged file, counts of images and labels that differ, and sizes that differ.
 */
export function datasetFromIdx(name: string, files: IdxFiles): Dataset {
  const train = imageSetFromIdx(files.trainImages, files.trainLabels)
  const test = imageSetFromIdx(files.testImages, files.testLabels)
  if (test.width !== train.width || test.height !== train.height) {
    throw new FileError(
      files.testImages.file,
      `expected images of ${train.width} × ${train.height} pixels as in ${files.trainImages.file}, ` +
        `found ${test.width} × ${test.height}`,
    )
  }
  return { name, train, test }
}

/**
 * The first `limit` images of a set, as views. Throws `UsageError` unless `limit` is a whole number in 1 …
 * count.
 */
export function limitImages(set: ImageSet, limit: number): ImageSet {
  checkLimit(limit, set.count)
  return {
    ...set,
    count: limit,
    rows: set.rows.subarray(0, limit * set.width * set.height),
    labels: set.labels.subarray(0, limit),
  }
}
