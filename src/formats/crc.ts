/** Cyclic redundancy checks of 32 bits. */

/** [i]: what a byte does to the CRC when i bytes of zeros come after it. */
function crcTables(polynomial: number, count: number): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
  const tables = [first]
  while (tables.length < count) {
    tables.push((tables.at(-1) as Int32Array).map((crc) => first[crc & 0xff] ^ (crc >>> 8)))
  }
  return tables
}

/**
 * A CRC of a reflected polynomial, whose initial value and final XOR are all ones. Four bytes at a time
 * ("slicing-by-4", Kounavis and Berry 2008): a file of weights has megabytes.
 */
function reflectedCrc(polynomial: number): (bytes: Uint8Array) => number {
  const [last, third, second, first] = crcTables(polynomial, 4)
  return (bytes) => {
    const wholeWords = bytes.length - (bytes.length % 4)
    let crc = -1
    let at = 0
    for (; at < wholeWords; at += 4) {
      crc =
        first[(crc ^ bytes[at]) & 0xff] ^
        second[((crc >>> 8) ^ bytes[at + 1]) & 0xff] ^
        third[((crc >>> 16) ^ bytes[at + 2]) & 0xff] ^
        last[(crc >>> 24) ^ bytes[at + 3]]
    }
    for (; at < bytes.length; at++) crc = last[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8)
    return ~crc >>> 0
  }
}

/** Node's own, on the processor's instructions: a twentieth of the time. Undefined before Node 22.2. */
const nodesCrc32: ((bytes: Uint8Array) => number) | undefined =
  globalThis.process?.getBuiltinModule?.('node:zlib')?.crc32

/** ZIP's, PNG's and gzip's CRC-32. */
export const crc32 = nodesCrc32 ?? reflectedCrc(0xedb88320)

/** Castagnoli's CRC-32C, of iSCSI (RFC 3720) and TensorFlow's records. */
export const crc32c = reflectedCrc(0x82f63b78)
