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
const LANES = 8
const NARROW = 0
const WIDE = 1
/** Columns of C, below, at and above the three or six of a tile, and several tiles. */
const COUNTS = [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 40]
/**
 * Lengths of the sum: one to five steps in the last panel, an end within a step, and as many panels as are
 * taken at a time or little more.
 */
const LENGTHS = [8, 16, 40, 67, 72, 120, 200, 208, 250, 784]

/** Pairs of rows of A, most of which have lists of other lengths. */
const PAIRS = 3

interface Operands {
  /** A, (2 · pairs, n) */
  readonly a: Float32Array
  /** B, (columns, n) */
  readonly b: Float32Array
  /** What decides, (2 · pairs, columns). */
  readonly gate: Float32Array
  readonly n: number
  readonly columns: number
  readonly pairs: number
}

function operands(n: number, columns: number, pairs = PAIRS): Operands {
  const next = uniforms(n + columns)
  const gate = Float32Array.from({ length: 2 * pairs * columns }, () => (next() < 0.4 ? 0 : next() - 0.2))
  return { a: signedValues(2 * pairs * n, n), b: signedValues(columns * n, n + 1), gate, n, columns, pairs }
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

/** Columns that are not zero in both rows of a pair of the gate. */
function listed({ gate, columns }: Operands, pair: number): number[] {
  const first = 2 * pair * columns
  return Array.from({ length: columns }, (_, i) => i).filter((i) => {
    return gate[first + i] !== 0 || gate[first + columns + i] !== 0
  })
}

/** C (2 · pairs, columns) of NaN at first, as words, fences checked. */
function sample({ kernels, memory }: TestCore, wide: number, given: Operands): Uint32Array {
  const { a, b, gate, n, columns, pairs } = given
  const bits = new Uint32Array(gate.buffer)
  const lists = Array.from({ length: pairs }, (_, pair) => {
    const first = 2 * pair * columns
    return listed(given, pair).flatMap((i) => [i * PANEL * 4, bits[first + i], bits[first + columns + i]])
  })
  const buffers = new FencedBuffers(memory)
  const addresses = lists.map((list) => buffers.input(Uint32Array.from(list)))
  const ends = lists.map((list, pair) => addresses[pair] + list.length * 4)
  const marks = buffers.input(Uint32Array.from(addresses.flatMap((address, pair) => [address, ends[pair]])))
  const left = buffers.input(panels(a, n))
  const right = buffers.input(panels(b, n))
  const c = buffers.output(2 * pairs * columns)
  const scratch = buffers.output(kernels.sampleScratch() / 4)
  const [aPanelBytes, bPanelBytes] = [2 * pairs * PANEL * 4, columns * PANEL * 4]
  kernels.sampleProduct(
    wide,
    c,
    columns * 4,
    pairs,
    marks,
    8,
    left,
    aPanelBytes,
    right,
    bPanelBytes,
    n,
    scratch,
  )
  buffers.check(`n ${n}, ${columns} columns, ${pairs} pairs, wide ${wide}`)
  return buffers.bits(c, 2 * pairs * columns)
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`sampled product of the core ${variant}`)
  const core = await loadCore(variant)

  test('is the dot product where the gate is above 0, +0 where it is not, and nothing where it is 0 for both rows', () => {
    for (const n of LENGTHS) {
      for (const columns of COUNTS) {
        const given = operands(n, columns)
        const { a, b, gate } = given
        const onLists = Array.from({ length: PAIRS }, (_, pair) => new Set(listed(given, pair)))
        for (const wide of [NARROW, WIDE]) {
          const words = sample(core, wide, given)
          const found = new Float32Array(words.buffer)
          for (let i = 0; i < 2 * PAIRS * columns; i++) {
            const [row, column] = [Math.floor(i / columns), i % columns]
            const what = `n ${n}, ${columns} columns, wide ${wide}: C[${row}][${column}] is ${found[i]}`
            if (!onLists[row >> 1].has(column))
              assert.ok(Number.isNaN(found[i]), `${what}, expected untouched`)
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

  test('gives the same bits on both tiles, and whatever else is on the list or computed with it', () => {
    for (const n of LENGTHS) {
      // As many pairs as are computed at once.
      const given = operands(n, 40, core.kernels.sampledPairs())
      const expected = sample(core, NARROW, given)
      assertSameBits(sample(core, WIDE, given), expected, `n ${n}`)
      // Column by column of the last pair: each alone in its tile.
      const row = 2 * (given.pairs - 1)
      const a = given.a.slice(row * n)
      for (const column of listed(given, given.pairs - 1)) {
        const places = [row * 40 + column, (row + 1) * 40 + column]
        const gate = Float32Array.from(places, (place) => given.gate[place])
        const b = given.b.slice(column * n, (column + 1) * n)
        const both = Uint32Array.from(places, (place) => expected[place])
        for (const wide of [NARROW, WIDE]) {
          const alone = sample(core, wide, { a, b, gate, n, columns: 1, pairs: 1 })
          assertSameBits(alone, both, `n ${n}, column ${column}`)
        }
      }
    }
  })

  test.run()
}
