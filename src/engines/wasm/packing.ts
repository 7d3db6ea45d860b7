/**
 * Between the canonical form of the parameters (`parameterTable`: (out, in), row-major) and the panels the kernels read.
 * One function packs, one unpacks; nothing else knows both.
 *
 * Packed weights are panels of Wᵀ: element (o, i) lies at [o / 40][i][o mod 40], with ⌈in⌉ rows to a panel.
 * The transposed copy is panels of W: element (o, i) at [i / 40][o][i mod 40], with ⌈out⌉ rows to a panel.
 */
import type { Layer } from '../../model/network.ts'
import type { FloatArray } from '../../model/state.ts'
import { PANEL } from './plan.ts'

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple
}

/** Bytes of an image of `inputs` bytes: rows are padded to what the kernels convert at a time (BYTE_GROUP in assembly/gather.ts). */
export function imageRowBytes(inputs: number): number {
  return roundUp(inputs, 8)
}

/** Elements of packed weights of a layer, padding included. */
export function packedWeightElems(layer: Layer): number {
  return roundUp(layer.outputs, PANEL) * roundUp(layer.inputs, PANEL)
}

/** Canonical (out, in) weights → panels of Wᵀ, and of W where `transposed` is given. Padding becomes zero. */
export function packWeights(
  layer: Layer,
  weights: FloatArray,
  packed: Float32Array,
  transposed?: Float32Array,
): void {
  const { inputs, outputs } = layer
  const inputRows = roundUp(inputs, PANEL)
  const outputRows = roundUp(outputs, PANEL)
  packed.fill(0)
  transposed?.fill(0)
  for (let o = 0; o < outputs; o++) {
    const panel = Math.floor(o / PANEL) * inputRows * PANEL + (o % PANEL)
    for (let i = 0; i < inputs; i++) {
      const value = weights[o * inputs + i]
      packed[panel + i * PANEL] = value
      if (transposed) transposed[(Math.floor(i / PANEL) * outputRows + o) * PANEL + (i % PANEL)] = value
    }
  }
}

/** Panels of Wᵀ → canonical (out, in) weights. */
export function unpackWeights(layer: Layer, packed: Float32Array, weights: Float32Array): void {
  const { inputs, outputs } = layer
  const inputRows = roundUp(inputs, PANEL)
  for (let o = 0; o < outputs; o++) {
    const panel = Math.floor(o / PANEL) * inputRows * PANEL + (o % PANEL)
    for (let i = 0; i < inputs; i++) weights[o * inputs + i] = packed[panel + i * PANEL]
  }
}
