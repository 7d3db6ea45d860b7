/** Outputs of layers and losses of rows, some rows at a time. */
import type { Inputs } from '../engine.ts'
import type { Pass } from './pass.ts'
import type { Wanted } from './passes.ts'
import type { DeviceParts } from './training.ts'
import { rowBytes, rowKind, uploadRows } from './training-set.ts'

/** Rows that inference takes at once: bounds the memory for activations, changes no result. */
const ROWS_AT_ONCE = 1024

/** Output of layer `last` for rows (n, width) that enter layer `first`, (n, outputs of `last`). */
export async function inferOutputs(
  parts: DeviceParts,
  rows: Inputs,
  width: number,
  first: number,
  last: number,
): Promise<Float32Array> {
  const output = parts.layout.outputs[last]
  const result = new Float32Array((rows.length / width) * output.width)
  await inferChunks(parts, { rows, width, first, last, wanted: 'outputs' }, async (row, count) => {
    result.set(await parts.memory.readMatrix(output, count), row * output.width)
  })
  return result
}

/**
 * The network's own loss of each row, or its squared error: (n). `labels` (n) under the loss `crossEntropy`.
 */
export async function inferRowLosses(
  parts: DeviceParts,
  rows: Inputs,
  wanted: Exclude<Wanted, 'outputs'>,
  labels: Uint8Array | undefined,
): Promise<Float64Array> {
  const { layers } = parts.network
  const width = layers[0].inputs
  const result = new Float64Array(rows.length / width)
  const work = { rows, width, first: 0, last: layers.length - 1, wanted, labels }
  await inferChunks(parts, work, async (row, count, losses) => {
    result.set(await parts.gpu.download(losses, count), row)
  })
  return result
}

interface Inference {
  readonly rows: Inputs
  readonly width: number
  readonly first: number
  readonly last: number
  readonly wanted: Wanted
  readonly labels?: Uint8Array | undefined
}

/** Computes ROWS_AT_ONCE rows at a time; `onChunk` fetches the results of `count` rows from `row` on. */
async function inferChunks(
  { gpu, memory, passes }: DeviceParts,
  { rows, width, first, last, wanted, labels }: Inference,
  onChunk: (row: number, count: number, losses: GPUBuffer) => Promise<void>,
): Promise<void> {
  const n = rows.length / width
  if (n === 0) return
  const kind = rowKind(rows)
  // Always for a whole chunk, so that a row's bits do not depend on how many there are.
  const chain: readonly Pass[] = await passes.inference(kind, first, last, wanted, ROWS_AT_ONCE)
  const capacity = Math.min(n, ROWS_AT_ONCE)
  await memory.reserve({ rows: capacity, lossParts: 0, splitQuads: 0 })
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
  const buffers: GPUBuffer[] = []
  const create = async (what: string, bytes: number, usage: number) => {
    const buffer = await gpu.createBuffer(what, bytes, STORAGE | usage)
    buffers.push(buffer)
    return buffer
  }
  try {
    const rowBuffer = await create('the inputs', capacity * rowBytes(kind, width), COPY_DST)
    const order = await create('the order', 4 * capacity, COPY_DST)
    const losses = await create('the losses', 4 * capacity, COPY_SRC)
    const labelBuffer = labels && (await create('the labels', capacity, COPY_DST))
    gpu.upload(
      order,
      Uint32Array.from({ length: capacity }, (_, i) => i),
    )
    const group = memory.bind({ rows: rowBuffer, order, labels: labelBuffer, losses })
    for (let row = 0; row < n; row += capacity) {
      const count = Math.min(capacity, n - row)
      uploadRows(gpu, rowBuffer, rows.subarray(row * width, (row + count) * width), width)
      if (labels && labelBuffer) gpu.upload(labelBuffer, labels.subarray(row, row + count))
      memory.submit(group, chain, [{ ...memory.places(), rows: count }])
      await onChunk(row, count, losses)
    }
  } finally {
    for (const buffer of buffers) buffer.destroy()
  }
}
