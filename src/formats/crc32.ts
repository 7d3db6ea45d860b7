/** The check that ZIP and PNG have in common. */

/** [i]: what a byte does to the CRC when i bytes of zeros come after it. */
const CRC_TABLES = crcTables(4)

function crcTables(count: number): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    return crc
  })
  const tables = [first]
  while (tables.length < count) {
    tables.push((tables.at(-1) as Int32Array).map((crc) => first[crc & 0xff] ^ (crc >>> 8)))
  }
  return tables
}

/**
 * The CRC-32 of ZIP and PNG: reflected polynomial 0xEDB88320, initial value and final XOR all ones. Four bytes at a time ("slicing-by-4",
 * Kounavis and Berry 2008): a file of weights has megabytes.
 */
export function crc32(bytes: Uint8Array): number {
  const [last, third, second, first] = CRC_TABLES
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
