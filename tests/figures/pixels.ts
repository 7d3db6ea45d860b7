/** PNG files as pixels, for tests of figures. */
import { loadCanvas } from '../../src/figures/canvas.ts'

export interface Pixels {
  readonly width: number
  readonly height: number
  /** (height, width, 4): red, green, blue, alpha. */
  readonly data: Uint8ClampedArray
}

export async function decodePng(bytes: Uint8Array): Promise<Pixels> {
  const { createCanvas, loadImage } = await loadCanvas()
  const image = await loadImage(Buffer.from(bytes))
  const canvas = createCanvas(image.width, image.height)
  const context = canvas.getContext('2d')
  context.drawImage(image, 0, 0)
  return context.getImageData(0, 0, image.width, image.height)
}

export function pixelAt({ width, data }: Pixels, x: number, y: number): number[] {
  return [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4)]
}

/** How many pixels have exactly this colour, given as `#rrggbb`. */
export function countColour({ data }: Pixels, colour: string): number {
  const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
  let count = 0
  for (let at = 0; at < data.length; at += 4) {
    if (wanted.every((value, channel) => data[at + channel] === value)) count++
  }
  return count
}
