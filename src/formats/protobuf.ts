/** The wire format of Protocol Buffers, writing only: https://protobuf.dev/programming-guides/encoding/ */
import { concatBytes, totalBytes } from './bytes.ts'

const VARINT = 0
const LENGTH_DELIMITED = 2

/** A whole number in [0, 2⁵³) as field `number`. */
export function integerField(number: number, value: number): Uint8Array {
  return concatBytes([varint(number * 8 + VARINT), varint(value)])
}

/** Text in UTF-8 as field `number`. */
export function textField(number: number, text: string): Uint8Array {
  return messageField(number, [new TextEncoder().encode(text)])
}

/** Bytes, or an embedded message given as its fields, as field `number`. */
export function messageField(number: number, parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes([varint(number * 8 + LENGTH_DELIMITED), varint(totalBytes(parts)), ...parts])
}

/** Seven bits a byte, lowest first; the top bit says that more follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
