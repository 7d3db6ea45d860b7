/** The wire format of Protocol Buffers, writing only: https://protobuf.dev/programming-guides/encoding/ */
import { concatBytes, totalBytes, viewOf } from './bytes.ts'

const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** A whole number in [0, 2⁵³) as field `number`. */
export function integerField(number: number, value: number): Uint8Array {
  return concatBytes([varint(number * 8 + VARINT), varint(value)])
}

/** A float64 as field `number`. */
export function doubleField(number: number, value: number): Uint8Array {
  return concatBytes([varint(number * 8 + FIXED_64), littleEndianDoubles([value])])
}

/** A float32, to which `value` is rounded, as field `number`. */
export function floatField(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setFloat32(0, value, true)
  return concatBytes([varint(number * 8 + FIXED_32), bytes])
}

/** A repeated float64, packed, as field `number`. */
export function doublesField(number: number, values: readonly number[]): Uint8Array {
  return messageField(number, [littleEndianDoubles(values)])
}

/** Text in UTF-8 as field `number`. */
export function textField(number: number, text: string): Uint8Array {
  return messageField(number, [new TextEncoder().encode(text)])
}

/** Bytes, or an embedded message given as its fields, as field `number`. */
export function messageField(number: number, parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes([varint(number * 8 + LENGTH_DELIMITED), varint(totalBytes(parts)), ...parts])
}

function littleEndianDoubles(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length)
  const view = viewOf(bytes)
  values.forEach((value, i) => {
    view.setFloat64(8 * i, value, true)
  })
  return bytes
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
