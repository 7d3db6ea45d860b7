/** Small pictures of images alone, one pixel a dot: for programs that enlarge them themselves. */
import { encodePng, loadCanvas } from './canvas.ts'
import { byteOf, type ImageCell } from './image-grid.ts'

/** Dots between images. */
const GAP = 2
const GAP_GREY = 128

export interface ImageStrip {
  readonly width: number
  readonly height: number
  readonly png: Uint8Array
}

/** Rows of images of one size as a PNG file. Throws where node-canvas cannot load. */
export async function drawImageStrip(
  rows: readonly (readonly ImageCell['pixels'][])[],
  imageWidth: number,
  imageHeight: number,
): Promise<ImageStrip> {
  const { createCanvas } = await loadCanvas()
  const columns = Math.max(1, ...rows.map((row) => row.length))
  const width = columns * (imageWidth + GAP) - GAP
  const height = rows.length * (imageHeight + GAP) - GAP
  const canvas = createCanvas(width, height)
  const context = canvas.getContext('2d')
  const image = context.createImageData(width, height)
  const paint = (at: number, grey: number) => image.data.set([grey, grey, grey, 255], 4 * at)
  for (let at = 0; at < width * height; at++) paint(at, GAP_GREY)
  rows.forEach((row, r) => {
    row.forEach((pixels, column) => {
      const corner = r * (imageHeight + GAP) * width + column * (imageWidth + GAP)
      for (let y = 0; y < imageHeight; y++) {
        for (let x = 0; x < imageWidth; x++) paint(corner + y * width + x, byteOf(pixels, y * imageWidth + x))
      }
    })
  })
  context.putImageData(image, 0, 0)
  return { width, height, png: await encodePng(canvas) }
}
