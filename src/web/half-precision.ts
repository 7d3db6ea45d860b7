/**
 * Weights at half the size, for the page's first load. Runs in the build, under a Node that has Float16Array
 * (24 or newer).
 */

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/**
 * A safetensors file of float32 tensors with each in float16, under the same metadata. What every reader of
 * safetensors takes; a weight of a network moves by 2⁻¹¹ of itself at most.
 */
export function halfPrecision(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const headerBytes = Number(view.getBigUint64(0, true))
  const data = 8 + headerBytes
  const { __metadata__: metadata, ...entries } = JSON.parse(
    new TextDecoder().decode(file.subarray(8, data)),
  ) as Record<string, Entry>
  const parts: Uint8Array[] = []
  const header: Record<string, unknown> = { __metadata__: metadata }
  let at = 0
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    if (dtype !== 'F32') throw new Error(`${name}: expected float32, found ${dtype}`)
    // A copy: a Buffer's own slice is a view of its pool.
    const values = new Float32Array(
      Uint8Array.from(file.subarray(data + offsets[0], data + offsets[1])).buffer,
    )
    const half = new Uint8Array(Float16Array.from(values).buffer)
    parts.push(half)
    header[name] = { dtype: 'F16', shape, data_offsets: [at, at + half.length] }
    at += half.length
  }
  const json = JSON.stringify(header)
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true)
  return new Uint8Array(Buffer.concat([length, text, ...parts]))
}
