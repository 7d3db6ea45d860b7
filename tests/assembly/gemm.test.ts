import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TILE_FORTY, TILE_TWENTIES, TILE_TWENTY } from '../../src/engines/wasm/plan.ts'
import type { TestCore } from '../support/core.ts'
import {
  assertSameBits,
  CORE_VARIANTS,
  FencedBuffers,
  loadCore,
  signedValues,
  uniforms,
} from '../support/core.ts'

const PAIR = 2
const PANEL = 40
const TILE = PAIR * PANEL
const ENTRY_WORDS = 3
/** Lengths of the sum: none, below, at and above pairs and panels, and the input of MNIST. */
const LENGTHS = [0, 1, 2, 3, 15, 33, 39, 40, 41, 784]

interface Operands {
  /** A, (n, 2) */
  readonly a: Float32Array
  /** B, (rows, 40) with rows ≥ n */
  readonly b: Float32Array
  /** Row of B that goes with each row of A, (n); undefined: its own. */
  readonly rows?: Uint32Array
}

interface Oracle {
  /** C in float64, (2, 40) */
  readonly sums: Float64Array
  /** Σ |a b|, (2, 40) */
  readonly magnitudes: Float64Array
}

function oracle({ a, b, rows }: Operands): Oracle {
  const sums = new Float64Array(TILE)
  const magnitudes = new Float64Array(TILE)
  for (let k = 0; k < a.length / PAIR; k++) {
    const from = rows ? rows[k] : k
    for (let i = 0; i < TILE; i++) {
      const product = a[k * PAIR + Math.floor(i / PANEL)] * b[from * PANEL + (i % PANEL)]
      sums[i] += product
      magnitudes[i] += Math.abs(product)
    }
  }
  return { sums, magnitudes }
}

/**
 * A sum of n products in float32 rounds each term at most n times on its way, fused or not: it is off by at
 * most γₙ Σ |a b| with γₙ = n u / (1 − n u), u = 2⁻²⁴ (Higham, Accuracy and Stability, 2002, section 3.1).
 */
function errorBound(n: number): number {
  const nu = n * 2 ** -24
  return nu / (1 - nu)
}

/** The pairs of A each followed by NaN, `stride` floats from one to the next. */
function spread(a: Float32Array, stride: number): Float32Array {
  const values = new Float32Array((a.length / PAIR) * stride).fill(Number.NaN)
  for (let k = 0; k < a.length / PAIR; k++) values.set(a.subarray(k * PAIR, (k + 1) * PAIR), k * stride)
  return values
}

/**
 * C of the dense product, added to `start`, as words, fences checked. `stride`: floats from one pair of A to
 * the next.
 */
function dense(
  { kernels, memory }: TestCore,
  tile: number,
  { a, b }: Operands,
  start: Float32Array = new Float32Array(TILE),
  stride = PAIR,
): Uint32Array {
  const buffers = new FencedBuffers(memory)
  const [c, left, right] = [buffers.inOut(start), buffers.input(spread(a, stride)), buffers.input(b)]
  kernels.gemmTile(tile, c, left, stride * 4, right, a.length / PAIR)
  buffers.check(`gemmTile ${tile}`)
  return buffers.bits(c, TILE)
}

/** C of the sparse product, added to `start`, as words, fences checked. */
function sparse(
  { kernels, memory }: TestCore,
  tile: number,
  { a, b, rows }: Operands,
  start: Float32Array = new Float32Array(TILE),
): Uint32Array {
  const n = a.length / PAIR
  const bits = new Uint32Array(a.buffer, a.byteOffset, a.length)
  const list = new Uint32Array(n * ENTRY_WORDS)
  for (let k = 0; k < n; k++) {
    list.set([(rows ? rows[k] : k) * PANEL * 4, bits[k * PAIR], bits[k * PAIR + 1]], k * ENTRY_WORDS)
  }
  const buffers = new FencedBuffers(memory)
  const addresses = [buffers.inOut(start), buffers.input(list), buffers.input(b)] as const
  const end = addresses[1] + list.byteLength
  kernels.spmmTile(tile, addresses[0], addresses[0] + PANEL * 4, addresses[1], end, addresses[2])
  buffers.check(`spmmTile ${tile}`)
  return buffers.bits(addresses[0], TILE)
}

function assertProduct(words: Uint32Array, operands: Operands, bound: number, what: string): void {
  const { sums, magnitudes } = oracle(operands)
  const actual = new Float32Array(words.buffer)
  for (let i = 0; i < TILE; i++) {
    const allowed = bound * magnitudes[i]
    if (!(Math.abs(actual[i] - sums[i]) <= allowed)) {
      const place = `${what}: C[${Math.floor(i / PANEL)}][${i % PANEL}]`
      assert.unreachable(`${place} is ${actual[i]}, not within ${allowed} of ${sums[i]}`)
    }
  }
}

/**
 * Whole numbers that name their row and column; every sum is below 2²⁴, so that float32 must hold it exactly.
 */
function fingerprints(n: number): Operands {
  const a = Float32Array.from({ length: n * PAIR }, (_, i) => 2 * (Math.floor(i / PAIR) % 8) + (i % PAIR) + 1)
  const b = Float32Array.from(
    { length: n * PANEL },
    (_, i) => 40 * (Math.floor(i / PANEL) % 5) + (i % PANEL) + 1,
  )
  return { a, b }
}

function signed(n: number): Operands {
  return { a: signedValues(n * PAIR, 2 * n + 1), b: signedValues(n * PANEL, 2 * n + 2) }
}

/** As a minibatch of MNIST: most pairs are zero as a whole, and the rest have zeros in them. */
function mostlyZero(n: number): Operands {
  const operands = signed(n)
  const next = uniforms(n)
  for (let k = 0; k < n; k++) {
    const pair = operands.a.subarray(k * PAIR, (k + 1) * PAIR)
    if (next() < 0.7) pair.fill(0)
    else pair[k % PAIR] = 0
  }
  return operands
}

/** The terms of a product whose pair of A is not zero, with the rows of B that they belong to. */
function withoutZeros({ a, b }: Operands): Operands {
  const rows = Uint32Array.from({ length: a.length / PAIR }, (_, k) => k).filter((k) =>
    a.subarray(k * PAIR, (k + 1) * PAIR).some((value) => value !== 0),
  )
  const kept = Float32Array.from(
    { length: rows.length * PAIR },
    (_, i) => a[rows[i >> 1] * PAIR + (i % PAIR)],
  )
  return { a: kept, b, rows }
}

for (const variant of CORE_VARIANTS) {
  const test = suite(`products of the core ${variant}`)
  const core = await loadCore(variant)
  const tiles = [TILE_TWENTIES, TILE_FORTY] as const

  test('a product in two stretches gives the bits of one', () => {
    for (const tile of tiles) {
      const { a, b } = signed(33)
      const first = { a: a.subarray(0, 13 * PAIR), b: b.subarray(0, 13 * PANEL) }
      const rest = { a: a.subarray(13 * PAIR), b: b.subarray(13 * PANEL) }
      const half = new Float32Array(dense(core, tile, first).buffer)
      const what = `two stretches, tile ${tile}`
      const whole = dense(core, tile, { a, b })
      assertSameBits(dense(core, tile, rest, half), whole, what)
      assertSameBits(sparse(core, tile, rest, half), whole, `${what}, sparse`)
    }
  })

  test('sums of fingerprints are exact, dense and sparse', () => {
    for (const n of LENGTHS) {
      const operands = fingerprints(n)
      for (const tile of tiles) {
        assertProduct(dense(core, tile, operands), operands, 0, `dense, n ${n}, tile ${tile}`)
        assertProduct(sparse(core, tile, operands), operands, 0, `sparse, n ${n}, tile ${tile}`)
      }
    }
  })

  test('sums of n signed products are within n u / (1 - n u) of their magnitude, u = 2^-24', () => {
    for (const n of LENGTHS) {
      const operands = signed(n)
      for (const tile of tiles) {
        assertProduct(dense(core, tile, operands), operands, errorBound(n), `n ${n}, tile ${tile}`)
      }
    }
  })

  test('an empty sum is +0', () => {
    const operands = signed(0)
    for (const tile of tiles) {
      assertSameBits(dense(core, tile, operands), new Uint32Array(TILE), 'dense')
      assertSameBits(sparse(core, tile, operands), new Uint32Array(TILE), 'sparse')
    }
  })

  test('tiles of forty and of twenty columns, dense and sparse, agree to the bit', () => {
    for (const n of LENGTHS) {
      const operands = signed(n)
      const expected = dense(core, TILE_TWENTIES, operands)
      assertSameBits(dense(core, TILE_FORTY, operands), expected, `dense, tile ${TILE_FORTY}, n ${n}`)
      for (const tile of tiles) {
        // The pairs of A a panel's row apart, as the weight gradient reads them.
        assertSameBits(dense(core, tile, operands, undefined, PANEL), expected, `columns of a panel, n ${n}`)
      }
      for (const tile of tiles) {
        assertSameBits(sparse(core, tile, operands), expected, `sparse, tile ${tile}, n ${n}`)
      }
    }
  })

  test('the tile of twenty columns gives their bits and leaves the others as they are', () => {
    for (const n of LENGTHS) {
      const operands = signed(n)
      const start = signedValues(TILE, n + 5)
      const expected = new Uint32Array(start.slice().buffer)
      const whole = dense(core, TILE_TWENTIES, operands, start)
      for (const row of [0, PANEL]) expected.set(whole.subarray(row, row + PANEL / 2), row)
      assertSameBits(dense(core, TILE_TWENTY, operands, start), expected, `dense, n ${n}`)
      assertSameBits(sparse(core, TILE_TWENTY, operands, start), expected, `sparse, n ${n}`)
    }
  })

  test('leaving zeros out changes no bit', () => {
    for (const n of LENGTHS) {
      const operands = mostlyZero(n)
      const short = withoutZeros(operands)
      if (n >= 15)
        assert.ok(short.a.length < operands.a.length && short.a.length > 0, `n ${n}: nothing to test`)
      for (const tile of tiles) {
        const what = `tile ${tile}, n ${n}, ${short.a.length / PAIR} left`
        assertSameBits(sparse(core, tile, short), dense(core, tile, operands), what)
      }
    }
  })

  test('a list may name rows in any order and again, and the others are not read', () => {
    for (const n of LENGTHS) {
      const { a, b } = signed(n)
      const rowsOfB = 3 * n + 1
      const rows = Uint32Array.from({ length: n }, (_, k) => 3 * ((k * 7 + 2) % Math.max(1, n - 1)) + 1)
      const spread = new Float32Array(rowsOfB * PANEL).fill(Number.NaN)
      for (const row of rows) {
        const from = Math.floor(row / 3)
        spread.set(b.subarray(from * PANEL, (from + 1) * PANEL), row * PANEL)
      }
      const operands = { a, b: spread, rows }
      for (const tile of tiles) {
        assertProduct(sparse(core, tile, operands), operands, errorBound(n), `n ${n}, tile ${tile}`)
      }
    }
  })

  test.run()
}
