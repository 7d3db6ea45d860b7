/** Rows of small images with text around them, each pixel of an image a square of equal dots. */
import { HourglassError } from '../errors.ts'
import { type Context, encodePng, loadCanvas } from './canvas.ts'
import { commonSize, dots, drawText } from './text.ts'
import { COLOURS, FIGURE_WIDTH, FONT_SIZE, font } from './theme.ts'

export interface ImageCell {
  /**
   * (height · width · channels) of the grid's images. Bytes: 0 black, 255 white; floats: 0 black, 1 white,
   * clipped to that.
   */
  readonly pixels: Uint8Array | Float32Array | Float64Array
  /** Above the image: what it is. */
  readonly label?: string
  /** Below the image: lines with its numbers. */
  readonly captions?: readonly string[]
}

export interface ImageGrid {
  readonly title: string
  /** Lines below the title. */
  readonly subtitles?: readonly string[]
  /** Pixels of every image. */
  readonly imageWidth: number
  readonly imageHeight: number
  /** Grey, the default, or red, green and blue of a pixel side by side. */
  readonly channels?: 1 | 3 | undefined
  /** Rows from the top, cells from the left. Rows may differ in length. */
  readonly rows: readonly (readonly ImageCell[])[]
  /** Text to the left of each row. */
  readonly rowLabels?: readonly string[]
  /** Of the whole figure, in CSS pixels (96 an inch, drawn at 150 dots an inch); default 7 inches. */
  readonly width?: number
}

/** Of a figure whose images are small or few, in dots: some 65 inches. */
const MAX_SIDE = 10_000
/** canvas has room for no more, and PNG viewers for less. */
const MAX_CANVAS_SIDE = 32_767
const MARGIN = dots(14)
const GAP = dots(12)
const TITLE_LINE = dots(1.5 * FONT_SIZE.title)
const LABEL_LINE = dots(1.45 * FONT_SIZE.label)
const CAPTION_LINE = dots(1.4 * FONT_SIZE.small)

/** Where the images of a grid lie, in dots: for drawing, and for tests that look at their pixels. */
export interface GridLayout {
  readonly width: number
  readonly height: number
  /** Dots of an image's pixel, along either side; 1 where several pixels share a dot. */
  readonly scale: number
  /**
   * Pixels of an image that share a dot, along either side: more than 1 only for images too large for any
   * figure.
   */
  readonly pixelsPerDot: number
  /** Dots of an image. */
  readonly cellWidth: number
  readonly cellHeight: number
  /** Left upper corner of each cell's image, by row and column. */
  readonly corners: readonly (readonly { x: number; y: number }[])[]
}

/**
 * The largest whole scale at which the longest row fits the width; at least 1, and then the figure is wider.
 * Where it would be wider or higher than is of use, several pixels of an image share a dot.
 */
export function layoutImageGrid(grid: ImageGrid, rowLabelWidth = 0): GridLayout {
  const { imageWidth, imageHeight, rows, subtitles = [] } = grid
  const width = dots(grid.width ?? FIGURE_WIDTH)
  const columns = Math.max(1, ...rows.map((row) => row.length))
  const left = MARGIN + (rowLabelWidth > 0 ? rowLabelWidth + GAP : 0)
  const room = width - left - MARGIN - (columns - 1) * GAP
  const scale = Math.max(1, Math.floor(room / (columns * imageWidth)))
  const pixelsPerDot = Math.max(
    shareOf(columns * imageWidth, MAX_SIDE - left - MARGIN - (columns - 1) * GAP),
    shareOf(rows.length * imageHeight, MAX_SIDE / 2),
  )
  const cellWidth = pixelsPerDot > 1 ? Math.ceil(imageWidth / pixelsPerDot) : scale * imageWidth
  const cellHeight = pixelsPerDot > 1 ? Math.ceil(imageHeight / pixelsPerDot) : scale * imageHeight
  const used = left + columns * cellWidth + (columns - 1) * GAP + MARGIN
  // What the whole scale leaves over widens the gaps: text beside its neighbour's needs the room.
  const gap = columns > 1 ? GAP + Math.max(0, Math.floor((width - used) / (columns - 1))) : GAP

  let y = MARGIN + TITLE_LINE + subtitles.length * CAPTION_LINE + GAP
  const corners = rows.map((row) => {
    if (row.some((cell) => cell.label)) y += LABEL_LINE
    const top = y
    const captionLines = Math.max(0, ...row.map((cell) => cell.captions?.length ?? 0))
    y += cellHeight + captionLines * CAPTION_LINE + (captionLines > 0 ? dots(4) : 0) + GAP
    return row.map((_, column) => ({ x: left + column * (cellWidth + gap), y: top }))
  })
  const size = { width: Math.max(width, used), height: y - GAP + MARGIN }
  return { ...size, scale, pixelsPerDot, cellWidth, cellHeight, corners }
}

/** How many pixels must share a dot so that so many fit the room; 1 where nothing helps. */
function shareOf(pixels: number, room: number): number {
  return room > 0 ? Math.max(1, Math.ceil(pixels / room)) : 1
}

/**
 * A grid of images as a PNG file. Text too wide for its place is set smaller, and with it what is beside it
 * in its row. Throws where node-canvas cannot load.
 */
export async function drawImageGrid(grid: ImageGrid): Promise<Uint8Array> {
  const { createCanvas } = await loadCanvas()
  const measuring = createCanvas(1, 1).getContext('2d')
  measuring.font = font(dots(FONT_SIZE.label))
  const rowLabelWidth = Math.ceil(
    Math.max(0, ...(grid.rowLabels ?? []).map((label) => measuring.measureText(label).width)),
  )
  const layout = layoutImageGrid(grid, rowLabelWidth)
  if (Math.max(layout.width, layout.height) > MAX_CANVAS_SIDE) {
    throw new HourglassError(
      `the figure "${grid.title}" would be of ${layout.width} × ${layout.height} dots, more than canvas can draw`,
    )
  }
  const canvas = createCanvas(layout.width, layout.height)
  const context = canvas.getContext('2d')
  context.fillStyle = COLOURS.background
  context.fillRect(0, 0, layout.width, layout.height)
  context.textBaseline = 'alphabetic'

  const textRoom = layout.width - 2 * MARGIN
  let baseline = MARGIN + dots(FONT_SIZE.title)
  drawText(context, grid.title, MARGIN, baseline, textRoom, FONT_SIZE.title, COLOURS.text, 'bold')
  for (const line of grid.subtitles ?? []) {
    baseline += CAPTION_LINE
    drawText(context, line, MARGIN, baseline + dots(2), textRoom, FONT_SIZE.small, COLOURS.muted)
  }

  const { cellWidth, cellHeight } = layout
  grid.rows.forEach((row, rowIndex) => {
    const corners = layout.corners[rowIndex]
    const pitch = corners.length > 1 ? corners[1].x - corners[0].x : cellWidth + GAP
    const room = pitch - dots(6)
    const sizeOf = (lines: readonly (string | undefined)[], size: number) =>
      commonSize(
        context,
        lines.filter((line) => line !== undefined),
        room,
        size,
      )
    const labelSize = sizeOf(
      row.map(({ label }) => label),
      FONT_SIZE.label,
    )
    const captionSize = sizeOf(
      row.flatMap(({ captions = [] }) => captions),
      FONT_SIZE.small,
    )
    row.forEach((cell, column) => {
      const { x, y } = corners[column]
      context.putImageData(imageDots(context, cell.pixels, grid, layout), x, y)
      context.textAlign = 'center'
      const centre = x + cellWidth / 2
      if (cell.label) drawText(context, cell.label, centre, y - dots(5), room, labelSize, COLOURS.text)
      cell.captions?.forEach((line, index) => {
        const at = y + cellHeight + dots(3) + (index + 0.85) * CAPTION_LINE
        drawText(context, line, centre, at, room, captionSize, COLOURS.muted)
      })
    })
    const rowLabel = grid.rowLabels?.[rowIndex]
    if (rowLabel && corners.length > 0) {
      context.textAlign = 'right'
      const middle = corners[0].y + cellHeight / 2 + dots(FONT_SIZE.label) / 3
      drawText(context, rowLabel, corners[0].x - GAP, middle, rowLabelWidth, FONT_SIZE.label, COLOURS.text)
    }
  })
  return encodePng(canvas)
}

/** One value of a pixel, 0 to 255: floats are 0 for black and 1 for white, clipped to that. */
export function byteOf(pixels: ImageCell['pixels'], index: number): number {
  const value = pixels[index]
  return pixels instanceof Uint8Array ? value : Math.round(255 * Math.min(1, Math.max(0, value)))
}

/** The image as it is drawn: each pixel a square of dots, or each dot the mean of a square of pixels. */
function imageDots(
  context: Context,
  pixels: ImageCell['pixels'],
  { imageWidth, imageHeight, channels = 1 }: ImageGrid,
  { scale, pixelsPerDot, cellWidth, cellHeight }: GridLayout,
) {
  if (pixels.length !== imageWidth * imageHeight * channels) {
    throw new Error(
      `internal: expected an image of ${imageWidth} × ${imageHeight} pixels, ${channels} values each, ` +
        `found ${pixels.length} values`,
    )
  }
  const meanOf = (left: number, top: number, channel: number) => {
    let sum = 0
    const right = Math.min(imageWidth, left + pixelsPerDot)
    const bottom = Math.min(imageHeight, top + pixelsPerDot)
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) sum += byteOf(pixels, (y * imageWidth + x) * channels + channel)
    return Math.round(sum / ((right - left) * (bottom - top)))
  }
  const image = context.createImageData(cellWidth, cellHeight)
  for (let y = 0; y < cellHeight; y++) {
    for (let x = 0; x < cellWidth; x++) {
      const pixel = Math.floor(y / scale) * imageWidth + Math.floor(x / scale)
      const at = 4 * (y * cellWidth + x)
      for (let channel = 0; channel < channels; channel++) {
        const value =
          pixelsPerDot > 1
            ? meanOf(x * pixelsPerDot, y * pixelsPerDot, channel)
            : byteOf(pixels, pixel * channels + channel)
        image.data.fill(value, at + channel, channels === 1 ? at + 3 : at + channel + 1)
      }
      image.data[at + 3] = 255
    }
  }
  return image
}
