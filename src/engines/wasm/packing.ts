/**
 * Sizes of what the kernels read: rows and panels are padded to whole groups. What lies where in them is
 * `assembly/operands/packing.ts`.
 */
import type { Layer } from '../../model/network.ts'
import { BYTE_GROUP, PANEL } from './plan.ts'

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple
}

/** Bytes of a row of `columns` bytes: rows are padded to what the kernels convert at a time. */
export function byteRowBytes(columns: number): number {
  return roundUp(columns, BYTE_GROUP)
}

/** Elements of packed weights of a layer, padding included. */
export function packedWeightElems(layer: Layer): number {
  return roundUp(layer.outputs, PANEL) * roundUp(layer.inputs, PANEL)
}
