/**
 * node-canvas, loaded only when a figure is drawn: training and evaluation must work where it cannot load.
 * Node only; figures that a browser page shows are described apart from this (`loss-curve-config.ts`).
 */
import { readFile } from 'node:fs/promises'
import { HourglassError } from '../errors.ts'
import { DOTS_PER_INCH } from './theme.ts'

export type CanvasModule = typeof import('canvas')
export type Canvas = import('canvas').Canvas
export type Context = import('canvas').CanvasRenderingContext2D

const FONTS = [
  { file: 'hourglass-sans-regular.ttf', weight: 'normal' },
  { file: 'hourglass-sans-bold.ttf', weight: 'bold' },
] as const

let loading: Promise<CanvasModule> | undefined

/**
 * The canvas module with the fonts of `fonts/` ready for use. The fonts come with the project because
 * node-canvas draws no text at all, and says nothing, on a machine without fonts (a slim container).
 *
 * Throws HourglassError when node-canvas cannot load here.
 */
export function loadCanvas(): Promise<CanvasModule> {
  loading ??= importCanvas(() => import('canvas'))
  return loading
}

/** Separate from `loadCanvas` so that a failing import can be tested. */
export async function importCanvas(load: () => Promise<CanvasModule>): Promise<CanvasModule> {
  let canvas: CanvasModule
  try {
    canvas = await load()
    canvas.createCanvas(1, 1)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new HourglassError(
      `figures need the npm package "canvas", which does not load here (${reason}); try \`npm install\` again`,
      { cause },
    )
  }
  guardEmptyText(canvas.CanvasRenderingContext2D.prototype)
  for (const { file, weight } of FONTS) {
    // The path by way of src/ holds for this source file and for its build in dist/ alike.
    const bytes = await readFile(new URL(`../../src/figures/fonts/${file}`, import.meta.url))
    canvas.fonts.add(new canvas.FontFace('Hourglass Sans', bytes, { weight }))
  }
  return canvas
}

/**
 * canvas 4.0.0-rc1 dies of an illegal instruction, Node with it, when asked to draw or measure the empty
 * string. To be removed when a release of node-canvas passes `empty text` of tests/figures/canvas.test.ts
 * without it.
 */
function guardEmptyText(context: Context): void {
  const { fillText, strokeText, measureText } = context
  context.fillText = function (text, ...rest) {
    if (String(text) !== '') fillText.call(this, text, ...rest)
  }
  context.strokeText = function (text, ...rest) {
    if (String(text) !== '') strokeText.call(this, text, ...rest)
  }
  context.measureText = function (text) {
    return String(text) === '' ? { ...measureText.call(this, ' '), width: 0 } : measureText.call(this, text)
  }
}

/**
 * PNG_FILTER_NONE of libpng. Flat colours are smaller and twice as quickly written when no row is coded by
 * its neighbours.
 */
const PNG_FILTERS = 8

/** The canvas as a PNG file that knows its resolution. */
export function encodePng(canvas: Canvas): Promise<Uint8Array> {
  // With a callback the work is another thread's.
  return new Promise((resolve, reject) => {
    canvas.toBuffer((error, png) => (error ? reject(error) : resolve(png)), 'image/png', {
      resolution: DOTS_PER_INCH,
      filters: PNG_FILTERS,
    })
  })
}
