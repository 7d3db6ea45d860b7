/** Pictures as PNG (W3C, "Portable Network Graphics", third edition): eight bits a channel, grey or RGB. */
import { zlibSync } from 'fflate'
import type { PictureShape } from '../model/preprocessing.ts'
import { concatBytes, viewOf } from './bytes.ts'
import { crc32 } from './crc.ts'

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const COLOUR_TYPES = { 1: 0, 3: 2 } as const

/** @param pixels (height · width · channels), row-major, channels of a pixel side by side */
export function writePng(pixels: Uint8Array, { width, height, channels }: PictureShape): Uint8Array {
  const line = width * channels
  // Each line begins with its filter: none.
  const filtered = new Uint8Array(height * (line + 1))
  for (let y = 0; y < height; y++) {
    filtered.set(pixels.subarray(y * line, (y + 1) * line), y * (line + 1) + 1)
  }
  const header = new Uint8Array(13)
  const view = viewOf(header)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, COLOUR_TYPES[channels], 0, 0, 0], 8)
  return concatBytes([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(filtered)),
    chunk('IEND', new Uint8Array()),
  ])
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const checked = concatBytes([new TextEncoder().encode(type), data])
  const bytes = new Uint8Array(checked.length + 8)
  const view = viewOf(bytes)
  view.setUint32(0, data.length)
  bytes.set(checked, 4)
  view.setUint32(4 + checked.length, crc32(checked))
  return bytes
}
