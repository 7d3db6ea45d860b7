import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Table, tableToMarkdown, tableToText } from '../../src/experiments/table.ts'

test('a table in Markdown: numbers to the right', () => {
  const text = tableToMarkdown({
    columns: ['space', 'accuracy'],
    rows: [
      ['pixels', '96.90 %'],
      ['codes', '8.1 %'],
    ],
  })
  assert.is(
    text,
    '| space  | accuracy |\n|--------|---------:|\n| pixels |  96.90 % |\n| codes  |    8.1 % |\n',
  )
})

const WIDE: Table = {
  columns: ['z', 'latent', 'seeds', 'test MSE', 'gain σ 0.1 clipped (dB)', 'active units'],
  rows: [
    ['2', 'relu', '3', '0.04759 ± 0.00677', '-9.46 ± 0.57', '1.7 ± 0.6'],
    ['16', 'relu', '3', '0.01219 ± 0.00110', '-4.41 ± 0.29', '14.3 ± 1.5'],
  ],
  keys: 2,
  notes: ['A note.'],
}

test('a table on a terminal: names over lines, what is the same said once, the rest in the width there is', () => {
  assert.is(
    tableToText(WIDE, 40),
    `latent: relu, seeds: 3

 z           test MSE    gain σ 0.1
                       clipped (dB)
--  -----------------  ------------
 2  0.04759 ± 0.00677  -9.46 ± 0.57
16  0.01219 ± 0.00110  -4.41 ± 0.29

 z      active
         units
--  ----------
 2   1.7 ± 0.6
16  14.3 ± 1.5

A note.
`,
  )
})

test('no line of it is wider than the terminal, down to a key and one column', () => {
  for (const width of [21, 35, 36, 46, 47, 80, 110]) {
    const lines = tableToText(WIDE, width).split('\n')
    const widest = Math.max(...lines.map(({ length }) => length))
    assert.ok(widest <= Math.max(width, 22), `${widest} of ${width}`)
    const cells = lines.join(' ')
    for (const cell of WIDE.rows.flat()) assert.ok(cells.includes(cell), `${cell} at ${width}`)
  }
})

test('a table of one row keeps its columns; one without columns beside its keys is its keys', () => {
  assert.is(tableToText({ columns: ['a', 'b'], rows: [['1', '2']] }, 80), 'a  b\n-  -\n1  2\n')
  assert.is(tableToText({ columns: ['a'], rows: [['1'], ['2']] }, 80), 'a\n-\n1\n2\n')
})

test('rows that do not differ are said once', () => {
  assert.is(
    tableToText(
      {
        columns: ['a', 'b'],
        rows: [
          ['1', '2'],
          ['1', '2'],
        ],
      },
      80,
    ),
    'a: 1, b: 2\n',
  )
})

test.run()
