import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Operand } from '../../src/engines/wasm/plan.ts'
import { writeStructure } from '../../src/engines/wasm/structures.ts'
import { CORE_VARIANTS, FencedBuffers, loadCore, uniforms } from '../support/core.ts'

const PANEL = 40
const BLOCK_ROWS = 200
const ENTRY_WORDS = 3
const ROW_BYTES = PANEL * 4

/** (rows, columns), 60 % zeros; whole rows of a panel are zero too. */
function matrix(rows: number, columns: number, seed: number): Float32Array {
  const next = uniforms(seed)
  const values = Float32Array.from({ length: rows * columns }, () => (next() < 0.6 ? 0 : next() - 0.5))
  for (let row = 0; row < rows; row += 3) values.fill(0, row * columns, row * columns + PANEL)
  return values
}

/** Panels [columns / 40][rows][40]. */
function panelsOf(values: Float32Array, rows: number, columns: number): Float32Array {
  const panels = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const panel = Math.floor(column / PANEL)
      panels[(panel * rows + row) * PANEL + (column % PANEL)] = values[row * columns + column]
    }
  }
  return panels
}

/**
 * Entries [offset, first, second] of the places `from` … `to` at which the two, as `at` gives them, are not
 * both zero.
 */
function entries(from: number, to: number, at: (place: number) => [number, number]): number[] {
  const words = new Uint32Array(Float32Array.of(0, 0).buffer)
  const list: number[] = []
  for (let place = from; place < to; place++) {
    const pair = at(place)
    if (pair[0] === 0 && pair[1] === 0) continue
    new Float32Array(words.buffer).set(pair)
    list.push(place * ROW_BYTES, ...words)
  }
  return list
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`lists, core ${variant}`)
  const { kernels, memory } = await loadCore(variant)

  test('of pairs of rows name the columns that are not zero, block by block', () => {
    const rows = 6
    for (const columns of [PANEL, BLOCK_ROWS, BLOCK_ROWS + PANEL, 2 * BLOCK_ROWS + 3 * PANEL]) {
      const values = matrix(rows, columns, columns)
      const blocks = Math.ceil(columns / BLOCK_ROWS)
      const buffers = new FencedBuffers(memory)
      const panels = buffers.input(panelsOf(values, rows, columns))
      const lists = buffers.output((rows / 2) * columns * ENTRY_WORDS)
      const marks = buffers.output((rows / 2) * (blocks + 1))
      const operand = buffers.output(Operand.bytes / 4)
      const fields = { columns, rowCapacity: rows, rowLists: lists, rowMarks: marks }
      writeStructure(memory.buffer, operand, Operand, fields)
      for (let pair = rows / 2 - 1; pair >= 0; pair--) {
        for (let column = 0; column < columns; column += PANEL) {
          const tile = ((column / PANEL) * rows + 2 * pair) * ROW_BYTES
          const isZero = entries(column, column + PANEL, (c) => cell(pair, c)).length === 0
          kernels.extendRowList(operand, pair, isZero ? 0 : panels + tile, column)
        }
      }
      buffers.check(`${columns} columns`)
      const found = buffers.bits(marks, (rows / 2) * (blocks + 1))
      for (let pair = 0; pair < rows / 2; pair++) {
        for (let block = 0; block < blocks; block++) {
          const [start, end] = found.subarray(pair * (blocks + 1) + block)
          const last = Math.min(columns, (block + 1) * BLOCK_ROWS)
          const expected = entries(block * BLOCK_ROWS, last, (c) => cell(pair, c))
          const what = `${columns} columns, pair ${pair}, block ${block}`
          assert.equal([...new Uint32Array(memory.buffer, start, (end - start) / 4)], expected, what)
        }
      }

      function cell(pair: number, column: number): [number, number] {
        return [values[2 * pair * columns + column], values[(2 * pair + 1) * columns + column]]
      }
    }
  })

  for (const isPaired of [false, true]) {
    const which = isPaired ? 'as a pairing has them' : 'that are neighbours'
    test(`of pairs of columns ${which} name the rows of a segment that are not zero`, () => {
      const columns = 2 * PANEL
      const rows = 30
      const values = matrix(rows, columns, 5)
      const segments = [
        { row0: 0, rows: 12 },
        { row0: 12, rows: 0 },
        { row0: 12, rows: 18 },
      ]
      // Pairs from both ends of a panel; of the second one only six columns exist.
      const existing = [PANEL, 6]
      const order = Uint32Array.from({ length: columns }, (_, i) => {
        const place = i % PANEL
        const count = existing[Math.floor(i / PANEL)]
        if (!isPaired || place >= count) return place
        return place % 2 === 0 ? place / 2 : count - 1 - (place - 1) / 2
      })
      const buffers = new FencedBuffers(memory)
      const pairing = buffers.input(order)
      const panels = buffers.input(panelsOf(values, rows, columns))
      const lists = buffers.output((columns / 2) * rows * ENTRY_WORDS)
      const ends = buffers.output((columns / 2) * segments.length)
      const operand = buffers.output(Operand.bytes / 4)
      writeStructure(memory.buffer, operand, Operand, {
        columns: PANEL + 6,
        rowCapacity: rows,
        panels,
        columnLists: lists,
        columnEnds: ends,
        segments: segments.length,
      })
      segments.forEach((segment, s) => {
        existing.forEach((_, panel) => {
          kernels.listColumns(operand, isPaired ? pairing : 0, panel, s, segment.row0, segment.rows)
        })
      })
      buffers.check('columns')
      const found = buffers.bits(ends, (columns / 2) * segments.length)
      segments.forEach((segment, s) => {
        existing.forEach((count, panel) => {
          let start = lists + (PANEL / 2) * (panel * rows + segment.row0) * ENTRY_WORDS * 4
          for (let pair = 0; pair < count / 2; pair++) {
            const [first, second] = [2 * pair, 2 * pair + 1].map((place) => {
              return panel * PANEL + order[panel * PANEL + place]
            })
            const end = found[(panel * segments.length + s) * (PANEL / 2) + pair]
            const expected = entries(segment.row0, segment.row0 + segment.rows, (row) => [
              values[row * columns + first],
              values[row * columns + second],
            ])
            const what = `panel ${panel}, pair ${pair}, segment ${s}`
            assert.equal([...new Uint32Array(memory.buffer, start, (end - start) / 4)], expected, what)
            start = end
          }
        })
      })
    })
  }

  test.run()
}
