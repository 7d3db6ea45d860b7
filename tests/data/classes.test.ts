/** Labels of tables, arrays and folders of pictures become classes by one rule. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { classesOf } from '../../src/data/classes.ts'
import { labelsOf } from '../../src/data/features.ts'
import type { NpyArray } from '../../src/data/sources/npy.ts'
import { valuesOf } from '../../src/data/sources/npz.ts'
import { readPictures } from '../../src/data/sources/pictures.ts'
import { FileError } from '../../src/errors.ts'
import { expectFileError } from '../support/file-error.ts'

const upTo = (count: number) => Float64Array.from({ length: count }, (_, i) => i)
const columnFile = (values: Float64Array) =>
  labelsOf(
    {
      kind: 'table',
      file: 'x.csv',
      count: values.length,
      columns: [{ kind: 'number', name: 'y', values }],
      firstRow: 1,
    },
    'y',
  )

function arrayOf(data: Float64Array, shape = [data.length]): NpyArray {
  return { shape, data, type: '<f8', isWhole: true }
}

function expectRefusal(work: () => unknown, message: string): void {
  assert.throws(work, (error: Error) => error instanceof FileError && error.message === message)
}

test('the distinct values are the classes, in the order asked for', () => {
  const labels = Uint8Array.of(2, 0, 1, 2)
  assert.equal(
    classesOf<number>([10, -1, 9, 10], (a, b) => a - b, 'x'),
    { labels, classes: ['-1', '9', '10'] },
  )
  assert.equal(classesOf(['b', 'B', 'a', 'b'], undefined, 'x'), { labels, classes: ['B', 'a', 'b'] })
})

test('256 classes are all, of tables, arrays and folders', async () => {
  assert.is(columnFile(upTo(256)).labels[255], 255)
  expectRefusal(
    () => columnFile(upTo(257)),
    'x.csv: column "y": expected labels of at most 256 classes, found 257',
  )
  const rows = arrayOf(upTo(257), [257, 1])
  assert.is(valuesOf(rows, 'x.npz', arrayOf(upTo(257).map((i) => i % 256))).classes?.length, 256)
  expectRefusal(
    () => valuesOf(rows, 'x.npz', arrayOf(upTo(257))),
    'x.npz: expected labels of at most 256 classes, found 257',
  )
  const read = () => Promise.reject(new Error('no picture is read before the classes are counted'))
  const pictures = Array.from(upTo(257), (i) => ({ path: `${i}/a.png`, read }))
  await expectFileError(
    readPictures(pictures, 'x', read),
    'x: expected at most 256 folders of pictures, found 257',
  )
})

test.run()
