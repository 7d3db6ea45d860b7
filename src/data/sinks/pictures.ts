/** Rows as pictures: each a PNG of its own, or all beside each other on one. Runs in a browser. */
import { UsageError } from '../../errors.ts'
import { writePng } from '../../formats/png.ts'
import type { PictureShape } from '../../model/preprocessing.ts'
import type { FloatArray } from '../../model/state.ts'

/** Pixels along a side of a page of pictures: viewers take no more. */
const MOST_SIDE = 16_384
/** Pixels between two pictures of a page. */
const GAP = 2
const GAP_GREY = 255

export interface Pictures {
  readonly count: number
  readonly shape: PictureShape
  /** (n, height · width · channels), from the first to the last: 0 black, 1 white, clipped to that. */
  readonly parts: AsyncIterable<FloatArray>
  /** Path of each within a folder; default 1.png, 2.png, … */
  readonly names?: readonly string[] | undefined
}

export interface NamedPng {
  /** Parts separated by `/`. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Values as bytes: 0 black, 255 white. */
function pictureBytes(values: FloatArray): Uint8Array {
  return Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))
}

/**
 * A PNG for each, in order. Names of other formats end in .png; no two are equal, and one that ends so
 * already is no other picture's.
 */
export async function* pictureFiles({ count, shape, parts, names }: Pictures): AsyncGenerator<NamedPng> {
  const size = sizeOf(shape)
  const digits = String(count).length
  const own = names && pngNames(names)
  let index = 0
  for await (const part of parts) {
    for (let at = 0; at < part.length; at += size, index++) {
      const name = own?.[index] ?? `${String(index + 1).padStart(digits, '0')}.png`
      yield { name, bytes: writePng(pictureBytes(part.subarray(at, at + size)), shape) }
    }
  }
}

/** Of `a.jpg` and `a.png`, which would both become `a.png`, the former becomes `a-2.png`. */
function pngNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  const found = names.map((name) => {
    const isOwn = /\.png$/i.test(name) && !taken.has(name.toLowerCase())
    if (isOwn) taken.add(name.toLowerCase())
    return isOwn ? name : undefined
  })
  return names.map((name, i) => {
    if (found[i] !== undefined) return found[i]
    const stem = name.replace(/\.[^./]*$/, '')
    let free = `${stem}.png`
    for (let copy = 2; taken.has(free.toLowerCase()); copy++) free = `${stem}-${copy}.png`
    taken.add(free.toLowerCase())
    return free
  })
}

/**
 * One PNG: a single picture as it is, several beside each other in rows, on white.
 *
 * @throws UsageError for more than a page has room for
 */
export async function picturePage({ count, shape, parts }: Pictures): Promise<Uint8Array> {
  const { width, height, channels } = shape
  const square = Math.ceil(Math.sqrt((count * (height + GAP)) / (width + GAP)))
  const columns = Math.min(count, Math.max(1, square))
  const lines = Math.ceil(count / columns)
  const page = { width: columns * (width + GAP) - GAP, height: lines * (height + GAP) - GAP, channels }
  if (Math.max(page.width, page.height) > MOST_SIDE) {
    const most =
      Math.floor((MOST_SIDE + GAP) / (width + GAP)) * Math.floor((MOST_SIDE + GAP) / (height + GAP))
    throw new UsageError(
      `pictures: expected at most ${most} of ${width} × ${height} on one PNG, found ${count}; a folder has room for all`,
    )
  }
  const pixels = new Uint8Array(sizeOf(page)).fill(GAP_GREY)
  const size = sizeOf(shape)
  let index = 0
  for await (const part of parts) {
    const bytes = pictureBytes(part)
    for (let at = 0; at < bytes.length; at += size, index++) {
      const left = (index % columns) * (width + GAP)
      const top = Math.floor(index / columns) * (height + GAP)
      for (let y = 0; y < height; y++) {
        const line = bytes.subarray(at + y * width * channels, at + (y + 1) * width * channels)
        pixels.set(line, ((top + y) * page.width + left) * channels)
      }
    }
  }
  return writePng(pixels, page)
}

function sizeOf({ width, height, channels }: PictureShape): number {
  return width * height * channels
}
