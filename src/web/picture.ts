/** Digits on canvases: intensity 0 is paper, 1 is ink, in the colours of the page's theme. */
import { context2d, themeColor } from './dom.ts'

type Rgb = readonly [number, number, number]

function parseHex(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16)
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255]
}

/** Shades between paper and ink. */
const SHADES = 256

interface Inks {
  readonly paper: Rgb
  readonly ink: Rgb
  readonly above: Rgb
  readonly below: Rgb
  /** (SHADES) from paper to ink, each as the four bytes of a pixel. */
  readonly shades: Uint32Array
}

let inks: Inks | undefined

function themeInks(): Inks {
  inks ??= readInks()
  return inks
}

function readInks(): Inks {
  const [paper, ink, above, below] = ['paper', 'ink', 'sand', 'slate'].map((name) =>
    parseHex(themeColor(name)),
  )
  const pixels = new ImageData(SHADES, 1)
  for (let shade = 0; shade < SHADES; shade++) blend(pixels, shade, paper, ink, shade / (SHADES - 1))
  return { paper, ink, above, below, shades: new Uint32Array(pixels.data.buffer) }
}

/** `share` of the way from one colour to another. */
function blend(bitmap: ImageData, pixel: number, from: Rgb, to: Rgb, share: number): void {
  for (let channel = 0; channel < 3; channel++) {
    bitmap.data[4 * pixel + channel] = Math.round(from[channel] + (to[channel] - from[channel]) * share)
  }
  bitmap.data[4 * pixel + 3] = 255
}

/** Drops the colours read from the style sheet; called when the theme changes. */
export function forgetColors(): void {
  inks = undefined
}

/** One image to a bitmap; (height · width) intensities, outside [0, 1] clipped. */
export function digitBitmap(pixels: ArrayLike<number>, width = 28, height = 28): ImageData {
  const { shades } = themeInks()
  const bitmap = new ImageData(width, height)
  const words = new Uint32Array(bitmap.data.buffer)
  for (let i = 0; i < words.length; i++) {
    words[i] = shades[Math.round((SHADES - 1) * Math.min(1, Math.max(0, pixels[i])))]
  }
  return bitmap
}

/** A unit's weights, (28 · 28), as a bitmap: paper is 0, the accents are its largest weight up and down. */
export function weightBitmap(weights: ArrayLike<number>): ImageData {
  const { paper, above, below } = themeInks()
  let largest = 1e-12
  for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i]))
  const bitmap = new ImageData(28, 28)
  for (let i = 0; i < weights.length; i++) {
    blend(bitmap, i, paper, weights[i] > 0 ? above : below, Math.abs(weights[i]) / largest)
  }
  return bitmap
}

let stage: HTMLCanvasElement | undefined

/** Draws one 28 × 28 image as a square of `size`, pixels kept square and sharp. */
export function drawDigit(
  context: CanvasRenderingContext2D,
  pixels: ArrayLike<number>,
  x: number,
  y: number,
  size: number,
): void {
  stage ??= document.createElement('canvas')
  stage.width = 28
  stage.height = 28
  context2d(stage).putImageData(digitBitmap(pixels), 0, 0)
  context.imageSmoothingEnabled = false
  context.drawImage(stage, x, y, size, size)
}

/** Shows one image as the whole of a canvas; CSS scales it up with `image-rendering: pixelated`. */
export function showDigit(canvas: HTMLCanvasElement, pixels: ArrayLike<number>): void {
  canvas.width = 28
  canvas.height = 28
  context2d(canvas).putImageData(digitBitmap(pixels), 0, 0)
}

/**
 * Lays images out in rows of `columns` with a gap of `gap` pixels, each at `scale` pixels a pixel.
 * `leastRows`: room for those that are to come.
 */
export function showGrid(
  canvas: HTMLCanvasElement,
  images: readonly ArrayLike<number>[],
  columns: number,
  { scale = 2, gap = 2, leastRows = 1 } = {},
): void {
  const cell = 28 * scale
  const rows = Math.max(leastRows, Math.ceil(images.length / columns))
  canvas.width = columns * cell + (columns - 1) * gap
  canvas.height = rows * cell + (rows - 1) * gap
  const context = context2d(canvas)
  context.clearRect(0, 0, canvas.width, canvas.height)
  images.forEach((pixels, i) => {
    const x = (i % columns) * (cell + gap)
    const y = Math.floor(i / columns) * (cell + gap)
    drawDigit(context, pixels, x, y, cell)
  })
}

/** Row `i` of an (n, width) array, as a view. */
export function row<T extends Uint8Array | Float32Array | Float64Array>(
  array: T,
  i: number,
  width: number,
): T {
  return array.subarray(i * width, (i + 1) * width) as T
}

/** Bytes 0 … 255 as intensities 0 … 1. */
export function intensities(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, (byte) => byte / 255)
}
