/**
 * Where everything lies on the device. All arithmetic is on quads (`vec4f`), so every matrix is rows of
 * quads: a row of `width` values takes ⌊width / 4⌋ + 1 of them. After its last value comes the input of the
 * bias, 1, then zeros; in a gradient, zeros. A layer's weights are such a matrix too, (outputs, inputs), with
 * each unit's bias after its weights: a product over whole rows adds the bias, and the gradient of the
 * weights brings that of the bias.
 */
import type { Network } from '../../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../../model/network.ts'
import type { FloatArray } from '../../model/state.ts'

/** Values of a `vec4f`. */
export const QUAD = 4
export const QUAD_BYTES = 4 * QUAD

/** Quads of a row of so many values. */
export function quadsOf(width: number): number {
  return Math.floor(width / QUAD) + 1
}

/** A matrix with one row for each row of the minibatch, in the buffer `scratch`. */
export interface BatchMatrix {
  readonly width: number
  /** Of a row. */
  readonly quads: number
  /**
   * Quads of one row of all matrices that lie before it: its first quad is so many times the capacity in
   * rows.
   */
  readonly before: number
}

/** A layer's weights and biases in the slabs. */
export interface WeightMatrix {
  /** Its first quad. */
  readonly at: number
  /** The layer's outputs. */
  readonly rows: number
  readonly quads: number
}

export interface Layout {
  /** The minibatch's inputs, where they are not read from the training rows: with noise. */
  readonly inputs: BatchMatrix
  /** Output of each layer; in training the last one holds its gradient at once. */
  readonly outputs: readonly BatchMatrix[]
  /** Gradient by the argument of each layer's activation. */
  readonly gradients: readonly BatchMatrix[]
  /** Of one row of all matrices of a minibatch. */
  readonly rowQuads: number
  readonly weights: readonly WeightMatrix[]
  /** Of the parameters, and of each moment. */
  readonly slabQuads: number
}

export function layoutOf(network: Network): Layout {
  let rowQuads = 0
  const place = (width: number): BatchMatrix => {
    const matrix = { width, quads: quadsOf(width), before: rowQuads }
    rowQuads += matrix.quads
    return matrix
  }
  const inputs = place(inputSize(network))
  const outputs = network.layers.map((layer) => place(layer.outputs))
  const last = outputs.length - 1
  const gradients = outputs.map((output, l) => (l === last ? output : place(output.width)))

  let slabQuads = 0
  const weights = network.layers.map((layer): WeightMatrix => {
    const matrix = { at: slabQuads, rows: layer.outputs, quads: quadsOf(layer.inputs) }
    slabQuads += matrix.rows * matrix.quads
    return matrix
  })
  return { inputs, outputs, gradients, rowQuads, weights, slabQuads }
}

/**
 * Calls `visit` for the weights, with bias, of each unit: where they begin in the canonical slab and in ours.
 */
function forEachUnit(
  network: Network,
  layout: Layout,
  visit: (inputs: number, weights: number, bias: number, ours: number) => void,
): void {
  const table = parameterTable(network)
  network.layers.forEach(({ inputs, outputs }, l) => {
    const { at, quads } = layout.weights[l]
    for (let unit = 0; unit < outputs; unit++) {
      const weights = table[2 * l].offset + unit * inputs
      visit(inputs, weights, table[2 * l + 1].offset + unit, QUAD * (at + unit * quads))
    }
  })
}

/** A slab in canonical order, (parameterCount), as it lies on the device, (slabQuads · QUAD). */
export function packSlab(network: Network, layout: Layout, slab: FloatArray): Float32Array {
  const packed = new Float32Array(QUAD * layout.slabQuads)
  forEachUnit(network, layout, (inputs, weights, bias, ours) => {
    packed.set(slab.subarray(weights, weights + inputs), ours)
    packed[ours + inputs] = slab[bias]
  })
  return packed
}

/** The inverse of `packSlab`. */
export function unpackSlab(network: Network, layout: Layout, packed: Float32Array): Float32Array {
  const slab = new Float32Array(parameterCount(network))
  forEachUnit(network, layout, (inputs, weights, bias, ours) => {
    slab.set(packed.subarray(ours, ours + inputs), weights)
    slab[bias] = packed[ours + inputs]
  })
  return slab
}

/** Rows of floats (n, width) as a matrix of quads, the bias's 1 included. */
export function packFloats(rows: FloatArray, width: number): Float32Array {
  const stride = QUAD * quadsOf(width)
  const packed = new Float32Array((rows.length / width) * stride)
  for (let from = 0, to = 0; from < rows.length; from += width, to += stride) {
    packed.set(rows.subarray(from, from + width), to)
    packed[to + width] = 1
  }
  return packed
}

/** The values (n, width) of a matrix of quads. */
export function unpackFloats(packed: Float32Array, width: number): Float32Array {
  const stride = QUAD * quadsOf(width)
  const rows = new Float32Array((packed.length / stride) * width)
  for (let from = 0, to = 0; to < rows.length; from += stride, to += width) {
    rows.set(packed.subarray(from, from + width), to)
  }
  return rows
}

/** Rows of bytes (n, width), each of whole words: the rows themselves where they are that already. */
export function packBytes(rows: Uint8Array, width: number): Uint8Array {
  const stride = QUAD * Math.ceil(width / QUAD)
  if (stride === width) return rows
  const packed = new Uint8Array((rows.length / width) * stride)
  for (let from = 0, to = 0; from < rows.length; from += width, to += stride) {
    packed.set(rows.subarray(from, from + width), to)
  }
  return packed
}
