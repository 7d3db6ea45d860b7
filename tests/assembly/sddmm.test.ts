import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TestCore } from '../support/core.ts'
import {
  assertSameBits,
  CORE_VARIANTS,
  FencedBuffers,
  loadCore,
  signedValues,
  uniforms,
} from '../support/core.ts'

const PANEL = 40
const ENTRY_WORDS = 3
const LANES = 8
const NARROW = 0
const WIDE = 1
/** Columns of C, below, at and above the three or six of a tile, and several tiles. */
const COUNTS = [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 40]
/** Lengths of the sum: one to five steps in the last panel, and an end within a step. */
const LENGTHS = [8, 16, 40, 67, 72, 120, 784]

interface Operands {
  /** A, (2, n) */
  readonly a: Float32Array
  /** B, (columns, n) */
  readonly b: Float32Array
  /** What decides, (2, columns). */
  readonly gate: Float32Array
  readonly n: number
  readonly columns: number
}

function operands(n: number, columns: number): Operands {
  const next = uniforms(n + columns)
  const gate = Float32Array.from({ length: 2 * columns }, () => (next() < 0.4 ? 0 : next() - 0.2))
  return { a: signedValues(2 * n, n), b: signedValues(columns * n, n + 1), gate, n, columns }
}

/**
 * Rows of `n` floats as panels [⌈n⌉ / 40][row][40]: zeros to the end of a step, then a NaN that must not be
 * read.
 */
function panels(values: Float32Array, n: number): Float32Array {
  const rows = values.length / n
  const packed = new Float32Array(Math.ceil(n / PANEL) * rows * PANEL).fill(Number.NaN)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < Math.ceil(n / LANES) * LANES; k++) {
      packed[(Math.floor(k / PANEL) * rows + row) * PANEL + (k % PANEL)] = k < n ? values[row * n + k] : 0
    }
  }
  return packed
}

/** Indices of the columns that are not zero in both rows of the gate. */
function listed({ gate, columns }: Operands): number[] {
  return Array.from({ length: columns }, (_, i) => i).filter((i) => gate[i] !== 0 || gate[columns + i] !== 0)
}

/** C (2, columns) of NaN at first, as words, fences checked. */
function sample({ kernels, memory }: TestCore, wide: number, given: Operands): Uint32Array {
  const { a, b, gate, n, columns } = given
  const bits = new Uint32Array(gate.buffer)
  const list = listed(given).flatMap((i) => [i * PANEL * 4, bits[i], bits[columns + i]])
  const buffers = new FencedBuffers(memory)
  const entries = buffers.input(Uint32Array.from(list))
  const left = buffers.input(panels(a, n))
  const right = buffers.input(panels(b, n))
  const c = buffers.output(2 * columns)
  const scratch = buffers.output(kernels.sampleScratch() / 4)
  const end = entries + list.length * 4
  kernels.sampleProduct(wide, c, columns * 4, entries, end, left, right, columns * PANEL * 4, n, scratch)
  assert.is(list.length % ENTRY_WORDS, 0)
  buffers.check(`n ${n}, ${columns} columns, wide ${wide}`)
  return buffers.bits(c, 2 * columns)
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`sampled product of the core ${variant}`)
  const core = await loadCore(variant)

  test('is the dot product where the gate is above 0, +0 where it is not, and nothing where it is 0 for both rows', () => {
    for (const n of LENGTHS) {
      for (const columns of COUNTS) {
        const given = operands(n, columns)
        const { a, b, gate } = given
        const onList = new Set(listed(given))
        for (const wide of [NARROW, WIDE]) {
          const words = sample(core, wide, given)
          const found = new Float32Array(words.buffer)
          for (let i = 0; i < 2 * columns; i++) {
            const [row, column] = [Math.floor(i / columns), i % columns]
            const what = `n ${n}, ${columns} columns, wide ${wide}: C[${row}][${column}] is ${found[i]}`
            if (!onList.has(column)) assert.ok(Number.isNaN(found[i]), `${what}, expected untouched`)
            else if (gate[i] <= 0) assert.is(words[i], 0, what)
            else {
              let sum = 0
              let magnitude = 0
              for (let k = 0; k < n; k++) {
                const product = a[row * n + k] * b[column * n + k]
                sum += product
                magnitude += Math.abs(product)
              }
              // Each term is rounded at most n / 8 times in its own sum and thrice in the tree (Higham 2002,
              // section 3.1).
              const nu = (n / LANES + 3) * 2 ** -24
              const bound = (nu / (1 - nu)) * magnitude
              assert.ok(Math.abs(found[i] - sum) <= bound, `${what}, not within ${bound} of ${sum}`)
            }
          }
        }
      }
    }
  })

  test('gives the same bits on both tiles, and whatever else is on the list', () => {
    for (const n of LENGTHS) {
      const given = operands(n, 40)
      const expected = sample(core, NARROW, given)
      assertSameBits(sample(core, WIDE, given), expected, `n ${n}`)
      // Column by column: each alone in its tile.
      for (const column of listed(given)) {
        const gate = Float32Array.of(given.gate[column], given.gate[40 + column])
        const alone = { ...given, b: given.b.slice(column * n, (column + 1) * n), gate, columns: 1 }
        const both = Uint32Array.of(expected[column], expected[40 + column])
        for (const wide of [NARROW, WIDE]) {
          assertSameBits(sample(core, wide, alone), both, `n ${n}, column ${column}`)
        }
      }
    }
  })

  test.run()
}
