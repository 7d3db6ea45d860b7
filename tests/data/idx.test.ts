import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { datasetFromIdx, limitImages } from '../../src/data/dataset.ts'
import { parseIdxImages, parseIdxLabels } from '../../src/data/idx.ts'
import { FileError, UsageError } from '../../src/errors.ts'

/** An IDX file from its parts: sizes as the header announces them, body as it really is. */
function idx(sizes: number[], body: number[], magic = [0, 0, 8, sizes.length]): Uint8Array {
  const header = sizes.flatMap((size) => [24, 16, 8, 0].map((shift) => (size >>> shift) & 255))
  return Uint8Array.from([...magic, ...header, ...body])
}

/** Runs `action` and demands one `FileError` line with all of `parts`. */
function expectFileError(action: () => unknown, ...parts: string[]): void {
  let error: unknown
  try {
    action()
  } catch (thrown) {
    error = thrown
  }
  assert.instance(error, FileError)
  const { message } = error as FileError
  assert.not.match(message, /\n/)
  for (const part of parts) assert.ok(message.includes(part), `"${part}" is not in "${message}"`)
}

const pixels = (count: number) => Array.from({ length: count }, (_, i) => (i * 37 + 11) % 256)

test('images are views of the file, with height before width in the header', () => {
  const file = idx([2, 3, 5], pixels(30))
  const parsed = parseIdxImages(file, 'a')
  assert.is(parsed.count, 2)
  assert.is(parsed.height, 3)
  assert.is(parsed.width, 5)
  assert.equal([...parsed.rows], pixels(30))
  assert.is(parsed.rows.buffer, file.buffer)
})

test('a file that begins inside a larger buffer', () => {
  const file = idx([1, 2, 2], [1, 2, 3, 4])
  const larger = new Uint8Array(file.length + 7).fill(255)
  larger.set(file, 3)
  assert.equal([...parseIdxImages(larger.subarray(3, 3 + file.length), 'a').rows], [1, 2, 3, 4])
})

test('labels', () => {
  assert.equal([...parseIdxLabels(idx([3], [7, 0, 9]), 'a')], [7, 0, 9])
})

test('wrong magic number', () => {
  expectFileError(
    () => parseIdxImages(idx([1, 1, 1], [0], [0x89, 0x50, 8, 3]), 'x.idx'),
    'x.idx: ',
    'expected IDX images with magic number 00 00 08 03',
    'found 89 50 08 03',
  )
  expectFileError(
    () => parseIdxLabels(idx([1], [0], [0, 0, 0x0d, 1]), 'y'),
    'y: ',
    'expected IDX labels',
    'found 00 00 0d 01',
  )
})

test('gzip data under a plain name gets a hint', () => {
  expectFileError(() => parseIdxImages(Uint8Array.of(0x1f, 0x8b, 8, 0, 1), 'x'), '1f 8b 08 00', '.gz')
})

test('wrong rank', () => {
  expectFileError(() => parseIdxImages(idx([4], [1, 2, 3, 4]), 'x'), 'x: ', 'rank 3', 'found rank 1')
  expectFileError(() => parseIdxLabels(idx([1, 2, 2], [1, 2, 3, 4]), 'x'), 'x: ', 'rank 1', 'found rank 3')
})

test('truncated at every length', () => {
  const images = idx([2, 2, 2], pixels(8))
  for (let length = 0; length < images.length; length++) {
    const found = length < 16 ? `found a file of ${length}` : `expected 24 bytes, found ${length}`
    expectFileError(() => parseIdxImages(images.subarray(0, length), 'x'), 'x: truncated: ', found)
  }
  const labels = idx([3], [1, 2, 3])
  for (let length = 0; length < labels.length; length++) {
    expectFileError(() => parseIdxLabels(labels.subarray(0, length), 'x'), 'x: truncated: ')
  }
})

test('longer than the header says', () => {
  expectFileError(
    () => parseIdxImages(idx([2, 2, 2], pixels(9)), 'x'),
    'x: longer than its header says: expected 24 bytes, found 25',
  )
  expectFileError(() => parseIdxLabels(idx([2], [1, 2, 3]), 'x'), 'expected 10 bytes, found 11')
})

test('absurd sizes', () => {
  for (const sizes of [
    [0, 28, 28],
    [1, 0, 28],
    [1, 28, 0],
  ]) {
    expectFileError(
      () => parseIdxImages(idx(sizes, []), 'x'),
      'at least one',
      `found ${sizes[0]} of ${sizes[2]} × ${sizes[1]} pixels`,
    )
  }
  expectFileError(() => parseIdxImages(idx([1, 256, 257], []), 'x'), 'at most 65536 pixels', '257 × 256')
  expectFileError(() => parseIdxImages(idx([2 ** 32 - 1, 256, 256], []), 'x'), 'at most 2147483647 bytes')
  expectFileError(() => parseIdxLabels(idx([0], []), 'x'), 'at least one label, found 0')
  expectFileError(() => parseIdxLabels(idx([2 ** 31], []), 'x'), 'at most', 'found 2147483648')
})

const files = {
  trainImages: { file: 'train-images', bytes: idx([3, 2, 2], pixels(12)) },
  trainLabels: { file: 'train-labels', bytes: idx([3], [5, 6, 7]) },
  testImages: { file: 'test-images', bytes: idx([2, 2, 2], pixels(8)) },
  testLabels: { file: 'test-labels', bytes: idx([2], [8, 9]) },
}

test('a data set of four files', () => {
  const dataset = datasetFromIdx('small', files)
  assert.is(dataset.name, 'small')
  assert.is(dataset.train.count, 3)
  assert.equal([...dataset.train.labels], [5, 6, 7])
  assert.equal([...dataset.test.labels], [8, 9])
})

test('counts of images and labels that differ', () => {
  const trainLabels = { file: 'train-labels', bytes: idx([2], [5, 6]) }
  expectFileError(
    () => datasetFromIdx('small', { ...files, trainLabels }),
    'train-labels: expected 3 labels',
    'train-images',
    'found 2',
  )
})

test('sizes of training and test images that differ', () => {
  for (const [height, width] of [
    [1, 4],
    [2, 3],
    [3, 2],
  ]) {
    const testImages = { file: 'test-images', bytes: idx([2, height, width], pixels(2 * height * width)) }
    expectFileError(
      () => datasetFromIdx('small', { ...files, testImages }),
      `test-images: expected images of 2 × 2 pixels as in train-images, found ${width} × ${height}`,
    )
  }
})

test('the first images of a set', () => {
  const { train } = datasetFromIdx('small', files)
  const limited = limitImages(train, 2)
  assert.is(limited.count, 2)
  assert.equal([...limited.rows], pixels(8))
  assert.equal([...limited.labels], [5, 6])
  assert.is(limited.rows.buffer, train.rows.buffer)
  for (const limit of [0, -1, 1.5, Number.NaN, 4]) {
    assert.throws(
      () => limitImages(train, limit),
      (error: unknown) =>
        error instanceof UsageError && error.message.includes(`from 1 to 3, found ${limit}`),
    )
  }
})

test.run()
