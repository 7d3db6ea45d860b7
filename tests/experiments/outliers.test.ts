/** What labels say of outliers, and how well scores find them, by hand. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Table } from '../../src/data/table.ts'
import { FileError } from '../../src/errors.ts'
import { labelTable } from '../../src/experiments/anomaly-tables.ts'
import { judgeLabel, separation, squaredLengths, UNKNOWN } from '../../src/experiments/outliers.ts'
import { truthOf } from '../../src/tools/score-labels.ts'

function textTable(values: readonly string[]): Table {
  return {
    kind: 'table',
    file: 'x.csv',
    count: values.length,
    columns: [{ kind: 'text', name: 'y', values }],
    firstRow: 2,
  }
}

test('0 is an inlier however it is written, anything else an outlier, nothing unknown', () => {
  const said = (texts: readonly string[]) => texts.map((text) => judgeLabel(text))
  assert.equal(said(['0', '0.0', '-0', ' 0']), [0, 0, 0, 0])
  assert.equal(said(['1', '-1', 'no', ' ', '0x']), [1, 1, 1, 1, 1])
  assert.is(judgeLabel(''), UNKNOWN)
  assert.equal(
    ['7.0', '0', 'odd'].map((text) => judgeLabel(text, '7')),
    [1, 0, 0],
  )
  // Columns of true and false are read as numbers.
  assert.equal(said(['false', 'True']), [0, 1])
  assert.equal(
    ['1', '0', 'TRUE'].map((text) => judgeLabel(text, 'true')),
    [1, 0, 1],
  )
})

test('tables to compare on and rows to score are judged alike', () => {
  const labels = ['0', 'odd', '0.0', '3', '0']
  const table = textTable(labels)
  assert.equal([...labelTable(table, 'y', 'x').outliers], [0, 1, 0, 1, 0])
  assert.equal([...(truthOf(table, { label: 'y' })?.values ?? [])], [0, 1, 0, 1, 0])
  // Rows are counted as in the file, whose first line holds the names.
  assert.throws(
    () => labelTable(textTable(['0', '0', '', '1']), 'y', 'x'),
    (error: Error) =>
      error instanceof FileError &&
      error.message === 'x.csv: expected a label in every row, found none in row 4',
  )
})

test('rows of which nothing is known do not count', () => {
  // Outliers 3, 2 against inliers 2, 1: of four pairs three in order and one equal. Precision 1, then 2 of 3.
  const truth = [1, UNKNOWN, 1, 0, 0]
  assert.equal(separation([3, 9, 2, 2, 1], truth), { auroc: 3.5 / 4, averagePrecision: 0.5 + (0.5 * 2) / 3 })
})

test('squared lengths of rows, from a mean on', () => {
  assert.equal(squaredLengths(Float32Array.of(3, 4, 0, -2), 2), Float64Array.of(25, 4))
  assert.equal(squaredLengths(Uint8Array.of(3, 4, 0, 2), 2, Float64Array.of(1, 1)), Float64Array.of(13, 2))
})

test.run()
