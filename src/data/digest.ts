/** SHA-256 of what a run was trained on and of what came out, in hex, in Node and in browsers. */
import { UsageError } from '../errors.ts'
import { concatBytes } from '../formats/bytes.ts'
import type { FloatArray } from '../model/state.ts'
import { kindOf } from '../quote.ts'
import type { RowSet } from './rows.ts'

/** IDX type codes, as in the files of MNIST: unsigned byte and float32. */
const IDX_BYTE = 0x08
const IDX_FLOAT = 0x0d

/** Digests that whoever read the rows has found already, by the very array of rows. */
const known = new WeakMap<ArrayBufferView, string>()

/** Tells the digest of an array of rows or labels that is that of the whole IDX file it came from. */
export function rememberDigest(values: Uint8Array, sha256: string): void {
  known.set(values, sha256)
}

/** Browsers offer it to secure pages only (https, or this machine). */
function subtle(): SubtleCrypto | undefined {
  return globalThis.crypto?.subtle
}

/** In hex, of the parts one behind the other; undefined where the page is no secure one. */
export async function sha256Of(parts: readonly Uint8Array[]): Promise<string | undefined> {
  const digester = subtle()
  if (!digester) return undefined
  // One array that is not shared, as the digester wants it.
  const digest = new Uint8Array(await digester.digest('SHA-256', concatBytes(parts)))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function idxHeader(type: number, sizes: readonly number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
  header.setUint8(2, type)
  header.setUint8(3, sizes.length)
  sizes.forEach((size, i) => {
    header.setUint32(4 + 4 * i, size)
  })
  return new Uint8Array(header.buffer)
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/**
 * Digest of rows and labels: of the SHA-256 of each as an IDX file (floats in the machine's byte order).
 * Undefined where the page is no secure one. What it reads is copied before it first awaits.
 */
export async function digestRows(
  set: RowSet & { width?: number; height?: number },
): Promise<string | undefined> {
  const { count, rows, labels, width, height } = set
  const shape = width && height ? [count, height, width] : [count, rows.length / Math.max(count, 1)]
  const type = rows instanceof Uint8Array ? IDX_BYTE : IDX_FLOAT
  const ofRows = known.get(rows) ?? sha256Of([idxHeader(type, shape), bytesOf(rows)])
  const ofLabels = labels && (known.get(labels) ?? sha256Of([idxHeader(IDX_BYTE, [count]), labels]))
  const [rowsHex, labelsHex] = await Promise.all([ofRows, ofLabels])
  if (rowsHex === undefined) return undefined
  return sha256Of([new TextEncoder().encode(`${rowsHex} ${labelsHex ?? '-'}`)])
}

/**
 * Of the little-endian float32 bytes of the canonical parameters: what every client prints for its runs.
 * Rejects with a UsageError for what is no array of floats, such as a promise of one.
 */
export async function parametersSha256(parameters: FloatArray): Promise<string | undefined> {
  if (!(parameters instanceof Float32Array || parameters instanceof Float64Array)) {
    throw new UsageError(`parameters: expected a Float32Array or Float64Array, found ${kindOf(parameters)}`)
  }
  return sha256Of([bytesOf(Float32Array.from(parameters))])
}
