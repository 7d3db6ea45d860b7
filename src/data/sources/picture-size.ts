/**
 * Width and height of a PNG, JPEG or WebP picture by its first bytes: what decoding it will take. Runs in a
 * browser.
 */
import { viewOf } from '../../formats/bytes.ts'

export interface PictureSize {
  readonly width: number
  readonly height: number
}

export type PictureFormat = 'PNG' | 'JPEG' | 'WebP'

/** Undefined for bytes that are none of the three, or are cut before they tell. */
export function pictureSize(
  bytes: Uint8Array,
): (PictureSize & { readonly format: PictureFormat }) | undefined {
  const view = viewOf(bytes)
  const text = (at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length))
  if (text(0, 8) === '\x89PNG\r\n\x1a\n' && text(12, 4) === 'IHDR' && bytes.length >= 24) {
    return { format: 'PNG', width: view.getUint32(16), height: view.getUint32(20) }
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const size = jpegSize(view)
    return size && { format: 'JPEG', ...size }
  }
  if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP' && bytes.length >= 30) {
    const size = webpSize(view, text(12, 4))
    return size && { format: 'WebP', ...size }
  }
  return undefined
}

/** ITU-T T.81: segments of a marker and their length, until one of those that begin a frame. */
function jpegSize(view: DataView): PictureSize | undefined {
  for (let at = 2; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    if (marker === 0xff) {
      at++
      continue
    }
    const beginsFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (beginsFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    // Markers without a segment.
    at += marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8) ? 2 : 2 + view.getUint16(at + 2)
  }
  return undefined
}

/** https://developers.google.com/speed/webp/docs/riff_container: extended, lossy and lossless. */
function webpSize(view: DataView, chunk: string): PictureSize | undefined {
  const uint24 = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16
  if (chunk === 'VP8X') return { width: uint24(24) + 1, height: uint24(27) + 1 }
  if (chunk === 'VP8 ') {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
  }
  if (chunk !== 'VP8L') return undefined
  const bits = view.getUint32(21, true)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}
