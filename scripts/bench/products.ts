/**
 * The eleven matrix products of a training step with the numbers of a real minibatch: what the kernels are
 * measured on, and what they must give. Each is C (rows, columns) = A (rows, terms) · B (terms, columns).
 *
 *   forward          C = X Wᵀ     rows images, terms inputs, columns outputs
 *   input gradient   C = δ W      rows images, terms outputs, columns inputs; not for the first layer, whose
 *                                 inputs are data; where training samples it, only what passes the ReLU
 *   weight gradient  C = Xᵀ δ     rows inputs, terms images, columns outputs; pairs of rows are neighbours
 *                                 here, where training pairs hidden units that fire together and skips more
 */
import { forward } from '../../src/engines/reference/forward.ts'
import { meanSquaredErrorBackward } from '../../src/engines/reference/loss.ts'
import { samplesInputGradient } from '../../src/engines/wasm/algorithms.ts'
import { SHARD_ROWS } from '../../src/engines/wasm/engine-memory.ts'
import { BLOCK_ROWS, DENSE_BLOCK_ROWS, PANEL, SEGMENT_ROWS } from '../../src/engines/wasm/plan.ts'
import type { Network } from '../../src/model/network.ts'
import { parameterTable } from '../../src/model/network.ts'

/**
 * How training computes a product: by lists of the non-zero pairs of A (2 rows of one term); all of it; or,
 * `sampled`, only those places of C that pairs of a gate (2 rows of one column) leave open.
 */
export type Method = 'lists' | 'dense' | 'sampled'

export type Phase = 'forward' | 'input gradient' | 'weight gradient' | 'in the first cache'

export interface Product {
  readonly layer: string
  readonly phase: Phase
  readonly rows: number
  readonly terms: number
  readonly columns: number
  /** A, (rows, terms). */
  readonly left: Float32Array
  /** B, (terms, columns). */
  readonly right: Float32Array
  readonly method: Method
  /** For method `sampled`, (rows, columns): C is wanted where this is above 0, and is 0 elsewhere. */
  readonly gate?: Float32Array
  /** Terms of a block of the lists, and rows whose sums are kept at a time, as in training. */
  readonly blockTerms: number
  readonly chunkRows: number
  /** What C must be, in float64. */
  readonly expected: ExactProduct
}

export interface ExactProduct {
  /** Σ a b, (rows, columns). */
  readonly sums: Float64Array
  /** Σ |a b|, (rows, columns): what rounding errors are proportional to. */
  readonly magnitudes: Float64Array
}

/** A B in float64. */
export function exactProduct(
  left: Float32Array,
  right: Float32Array,
  rows: number,
  terms: number,
  columns: number,
): ExactProduct {
  const sums = new Float64Array(rows * columns)
  const magnitudes = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let term = 0; term < terms; term++) {
      const a = left[row * terms + term]
      if (a === 0) continue
      const from = term * columns
      const to = row * columns
      for (let column = 0; column < columns; column++) {
        const product = a * right[from + column]
        sums[to + column] += product
        magnitudes[to + column] += Math.abs(product)
      }
    }
  }
  return { sums, magnitudes }
}

/** (rows, columns) → (columns, rows). */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column]
  }
  return result
}

/**
 * The products of one step of an autoencoder, layer by layer.
 *
 * @param parameters canonical order, (parameterCount): they decide which hidden units are zero
 * @param images (batch, inputs) in [0, 1], in the order in which they lie in the minibatch
 */
export function stepProducts(network: Network, parameters: Float32Array, images: Float32Array): Product[] {
  const { layers } = network
  const table = parameterTable(network)
  const batch = images.length / layers[0].inputs
  const outputs = forward(network, Float64Array.from(parameters), Float64Array.from(images))
  const inputsOf = (index: number) => (index === 0 ? images : Float32Array.from(outputs[index - 1].y))

  const products: Product[] = []
  const { y } = outputs[layers.length - 1]
  const dY = meanSquaredErrorBackward(y, Float64Array.from(images))
  let delta = Float32Array.from(dY, (d, i) => d * y[i] * (1 - y[i]))
  for (let index = layers.length - 1; index >= 0; index--) {
    const { name, inputs, outputs: width } = layers[index]
    const x = inputsOf(index)
    const { offset, length } = table[2 * index]
    const weights = parameters.subarray(offset, offset + length)
    const ofLayer: Product[] = [
      product(name, 'forward', x, transposed(weights, width, inputs), batch, inputs, width, BLOCK_ROWS),
    ]
    const weightGradient = product(
      name,
      'weight gradient',
      transposed(x, batch, inputs),
      delta,
      inputs,
      batch,
      width,
      index === 0 ? SEGMENT_ROWS : SHARD_ROWS,
    )
    if (index > 0) {
      const inputGradient = product(name, 'input gradient', delta, weights, batch, width, inputs)
      ofLayer.push(samplesInputGradient(network, index) ? sampled(inputGradient, x) : inputGradient)
      // Every hidden layer is a ReLU: no gradient passes where its output is zero.
      delta = Float32Array.from(inputGradient.expected.sums, (sum, i) => (x[i] > 0 ? sum : 0))
    }
    ofLayer.push(weightGradient)
    products.unshift(...ofLayer)
  }
  return products
}

/** The same product where `gate` is above 0, and 0 elsewhere. */
function sampled(dense: Product, gate: Float32Array): Product {
  const { sums, magnitudes } = dense.expected
  const open = (values: Float64Array) => values.map((value, i) => (gate[i] > 0 ? value : 0))
  return { ...dense, method: 'sampled', gate, expected: { sums: open(sums), magnitudes: open(magnitudes) } }
}

/** Rows of sums that a worker's scratch holds (CHUNK_ROWS in assembly/phases/forward.ts). */
const CHUNK_ROWS = 64

/** `blockTerms`: terms of a block of A's lists; none where training has no lists of A. */
function product(
  layer: string,
  phase: Phase,
  left: Float32Array,
  right: Float32Array,
  rows: number,
  terms: number,
  columns: number,
  blockTerms?: number,
): Product {
  return {
    layer,
    phase,
    rows,
    terms,
    columns,
    left,
    right,
    method: blockTerms === undefined ? 'dense' : 'lists',
    blockTerms: blockTerms ?? terms,
    chunkRows: phase === 'weight gradient' ? PANEL : CHUNK_ROWS,
    expected: exactProduct(left, right, rows, terms, columns),
  }
}

/**
 * A few register tiles, dense, whose operands (25 kB) stay in the first cache: what the tile alone can do.
 * Several, so that the call from JavaScript takes no visible share.
 */
export function cachedTiles(): Product {
  const rows = 8
  const terms = DENSE_BLOCK_ROWS
  const columns = PANEL
  // Signed values without a pattern: the fractional parts of multiples of the golden ratio.
  const values = (length: number, first: number) =>
    Float32Array.from({ length }, (_, i) => (((first + i) * 0.6180339887) % 1) - 0.5)
  const left = values(rows * terms, 1)
  const right = values(terms * columns, left.length + 1)
  return product('tiles', 'in the first cache', left, right, rows, terms, columns)
}
