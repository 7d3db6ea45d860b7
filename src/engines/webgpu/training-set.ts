/** Rows on the device: the training set, and in inference the rows of a call. */
import type { Inputs } from '../engine.ts'
import type { GpuDevice } from './device.ts'
import { packBytes, packFloats, QUAD, QUAD_BYTES, quadsOf } from './layout.ts'
import type { RowKind } from './products.ts'

/** Rows that are brought into the device's layout at once: bounds the memory that they take twice. */
const PACKED_AT_ONCE = 4096

export interface ResidentRows {
  readonly kind: RowKind
  readonly count: number
  readonly rows: GPUBuffer
  readonly labels: GPUBuffer | undefined
}

export function rowKind(rows: Inputs): RowKind {
  return rows instanceof Uint8Array ? 'bytes' : 'floats'
}

/** Bytes of a row of so many values on the device. */
export function rowBytes(kind: RowKind, width: number): number {
  return kind === 'bytes' ? QUAD * Math.ceil(width / QUAD) : QUAD_BYTES * quadsOf(width)
}

/** Writes rows (n, width) to a buffer as passes read them. */
export function uploadRows(gpu: GpuDevice, buffer: GPUBuffer, rows: Inputs, width: number): void {
  const bytes = rowBytes(rowKind(rows), width)
  for (let row = 0; row * width < rows.length; row += PACKED_AT_ONCE) {
    const [from, to] = [row * width, (row + PACKED_AT_ONCE) * width]
    const packed =
      rows instanceof Uint8Array
        ? packBytes(rows.subarray(from, to), width)
        : packFloats(rows.subarray(from, to), width)
    gpu.upload(buffer, packed, row * bytes)
  }
}

/** Rejects with a DeviceError where they do not fit. `count` and `labels` have been checked. */
export async function createResidentRows(
  gpu: GpuDevice,
  rows: Uint8Array | Float32Array,
  width: number,
  labels: Uint8Array | undefined,
): Promise<ResidentRows> {
  const { STORAGE, COPY_DST } = GPUBufferUsage
  const kind = rowKind(rows)
  const count = rows.length / width
  const buffer = await gpu.createBuffer(
    'the training rows',
    count * rowBytes(kind, width),
    STORAGE | COPY_DST,
  )
  uploadRows(gpu, buffer, rows, width)
  if (!labels) return { kind, count, rows: buffer, labels: undefined }
  const labelBuffer = await gpu.createBuffer('the training labels', labels.length, STORAGE | COPY_DST)
  gpu.upload(labelBuffer, labels)
  return { kind, count, rows: buffer, labels: labelBuffer }
}

export function destroyResidentRows({ rows, labels }: ResidentRows): void {
  rows.destroy()
  labels?.destroy()
}
