/** Sizes of what the kernels read: rows and panels are padded to whole groups. What lies where in them is `assembly/packing.ts`. */
import type { Layer } from '../../model/network.ts'
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
