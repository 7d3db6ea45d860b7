/**
 * PNG (W3C, "Portable Network Graphics", third edition) before node-canvas sees it: 4.0.0-rc1 dies of a
 * damaged one, Node with it. Node only.
 */
import { inflateSync } from 'node:zlib'
import { HourglassError } from '../../errors.ts'
import { concatBytes, viewOf } from '../../formats/bytes.ts'
import { crc32 } from '../../formats/crc.ts'

const SIGNATURE_BYTES = 8
/** Length, type and checksum. */
const CHUNK_BESIDES = 12
/** What pixels are made of. All else, such as a profile of colours, is passed over. */
const KEPT = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']
/** Samples of a pixel and the bits that each may have, by the type of colour. */
const COLOURS: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
}
const INDEXED = 3
const MOST_FILTER = 4
/** Of Adam7: where each pass begins, and its steps, across and down. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

interface Chunk {
  readonly type: string
  readonly data: Uint8Array
  /** With length, type and checksum. */
  readonly whole: Uint8Array
}

/**
 * The same picture with nothing in it but what its pixels are made of.
 *
 * @param bytes that begin as a PNG does
 * @throws HourglassError for what is damaged
 */
export function soundPng(bytes: Uint8Array): Uint8Array {
  const fail: Fail = (expected) => {
    throw new HourglassError(`found a damaged file: no ${expected}`)
  }
  const chunks = readChunks(bytes, fail).filter(({ type }) => KEPT.includes(type))
  const of = (type: string) => chunks.filter((chunk) => chunk.type === type)
  const [header] = of('IHDR')
  if (of('IHDR').length !== 1 || chunks[0] !== header || header.data.length !== 13) fail('header')
  if (chunks.at(-1)?.type !== 'IEND' || of('IEND').length !== 1) fail('end')
  const { data } = header
  const [depth, colour, compression, filter, interlace] = data.subarray(8)
  const kind = COLOURS[colour]
  if (!kind?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    fail('known kind of pixels')
  }
  checkPalette(of('PLTE'), of('tRNS'), chunks, colour, fail)
  const view = viewOf(data)
  const lines = linesOf(view.getUint32(0), view.getUint32(4), kind.samples * depth, interlace === 1)
  checkPixels(
    of('IDAT').map((chunk) => chunk.data),
    lines,
    fail,
  )
  return concatBytes([bytes.subarray(0, SIGNATURE_BYTES), ...chunks.map(({ whole }) => whole)])
}

type Fail = (expected: string) => never

function readChunks(bytes: Uint8Array, fail: Fail): Chunk[] {
  const view = viewOf(bytes)
  const chunks: Chunk[] = []
  let at = SIGNATURE_BYTES
  while (at + CHUNK_BESIDES <= bytes.length) {
    const length = view.getUint32(at)
    const end = at + CHUNK_BESIDES + length
    if (end > bytes.length) break
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(at + 4, end - 4))) fail('right checksum')
    chunks.push({ type, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) })
    if (type === 'IEND') return chunks
    at = end
  }
  return fail('end')
}

function checkPalette(
  palettes: readonly Chunk[],
  transparencies: readonly Chunk[],
  chunks: readonly Chunk[],
  colour: number,
  fail: Fail,
): void {
  const before = (type: string) => chunks.findIndex((chunk) => chunk.type === type)
  const isBefore = (type: string) => before(type) === -1 || before(type) < before('IDAT')
  if (palettes.length > 1 || transparencies.length > 1 || !isBefore('PLTE') || !isBefore('tRNS')) {
    fail('known order')
  }
  const entries = (palettes[0]?.data.length ?? 0) / 3
  if (!Number.isInteger(entries) || entries > 256 || (colour === INDEXED && entries === 0)) fail('palette')
  const [transparency] = transparencies
  const most = { 0: 2, 2: 6, [INDEXED]: entries }[colour] ?? 0
  if (transparency && (transparency.data.length > most || transparency.data.length === 0)) {
    fail('transparency for it')
  }
}

/** The bytes of each line, its filter included. */
function linesOf(width: number, height: number, bits: number, isInterlaced: boolean): [number, number][] {
  const passes = isInterlaced ? PASSES : [[0, 0, 1, 1] as const]
  return passes.flatMap(([x, y, across, down]): [number, number][] => {
    const pixels = Math.max(0, Math.ceil((width - x) / across))
    const count = Math.max(0, Math.ceil((height - y) / down))
    return pixels === 0 || count === 0 ? [] : [[count, 1 + Math.ceil((pixels * bits) / 8)]]
  })
}

/** @param lines how many, and of how many bytes each, pass after pass */
function checkPixels(parts: readonly Uint8Array[], lines: readonly [number, number][], fail: Fail): void {
  const expected = lines.reduce((sum, [count, bytes]) => sum + count * bytes, 0)
  const pixels = inflated(concatBytes(parts), expected, fail)
  if (pixels.length !== expected) fail('pixel for each place')
  let at = 0
  for (const [count, bytes] of lines) {
    for (let line = 0; line < count; line++, at += bytes) {
      if (pixels[at] > MOST_FILTER) fail('known filter')
    }
  }
}

function inflated(packed: Uint8Array, most: number, fail: Fail): Uint8Array {
  try {
    return inflateSync(packed, { maxOutputLength: most })
  } catch {
    return fail('intact pixels')
  }
}
