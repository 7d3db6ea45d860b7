/**
 * What the writer of the tests writes: a file that says of itself whether it is whole, and which version it
 * is.
 */
import { createHash } from 'node:crypto'

const BYTES = 300_000
const DIGEST_BYTES = 32

/** The version in four bytes, filling that follows from it, and the SHA-256 of all before. */
export function content(version: number): Uint8Array {
  const bytes = new Uint8Array(BYTES)
  new DataView(bytes.buffer).setUint32(0, version)
  const end = BYTES - DIGEST_BYTES
  for (let i = 4; i < end; i++) bytes[i] = (i * 31 + version * 17) & 255
  bytes.set(createHash('sha256').update(bytes.subarray(0, end)).digest(), end)
  return bytes
}

/** The version of a whole file; throws for any other bytes. */
export function versionOf(bytes: Uint8Array): number {
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (Buffer.compare(bytes, content(version)) !== 0) throw new Error('the file is torn')
  return version
}
