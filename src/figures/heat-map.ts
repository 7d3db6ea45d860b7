/** A table of numbers as shades: rows and columns with their names, the darker the more. */
import { encodePng, loadCanvas } from './canvas.ts'
import { dots, drawText } from './text.ts'
import { COLOURS, FIGURE_WIDTH, FONT_SIZE, font } from './theme.ts'

export interface HeatMap {
  readonly title: string
  /** Lines below the title. */
  readonly subtitles?: readonly string[]
  readonly rowNames: readonly string[]
  readonly columnNames: readonly string[]
  /** (rows, columns), row-major, from 0 (white) to 1 (dark). */
  readonly values: ArrayLike<number>
  /** What stands in a cell; default nothing. */
  readonly cellText?: (value: number) => string
}

const MARGIN = dots(14)
const ROW_HEIGHT = dots(20)
const TITLE_LINE = dots(1.5 * FONT_SIZE.title)
const LINE = dots(1.4 * FONT_SIZE.small)
const GAP = dots(8)
const LEAST_CELL = dots(22)
/** Longer names are set smaller. */
const MOST_NAME = dots(130)
/** Vermilion of the series' colours. */
const DARK = [213, 94, 0] as const
/** From here on, text is white. */
const LIGHT_TEXT_FROM = 0.6

/** A PNG file. Throws HourglassError where node-canvas cannot load. */
export async function drawHeatMap(map: HeatMap): Promise<Uint8Array> {
  const { title, subtitles = [], rowNames, columnNames, values, cellText } = map
  const { createCanvas } = await loadCanvas()
  const measuring = createCanvas(1, 1).getContext('2d')
  measuring.font = font(dots(FONT_SIZE.small))
  const widest = (names: readonly string[]) =>
    Math.min(MOST_NAME, Math.ceil(Math.max(0, ...names.map((name) => measuring.measureText(name).width))))
  const left = MARGIN + widest(rowNames) + GAP
  const nameHeight = widest(columnNames)
  const top = MARGIN + TITLE_LINE + subtitles.length * LINE + GAP + nameHeight + GAP
  const room = dots(FIGURE_WIDTH) - left - MARGIN
  const cellWidth = Math.max(LEAST_CELL, Math.floor(room / Math.max(1, columnNames.length)))
  const width = Math.max(dots(FIGURE_WIDTH), left + cellWidth * columnNames.length + MARGIN)
  const canvas = createCanvas(width, top + ROW_HEIGHT * rowNames.length + MARGIN)
  const context = canvas.getContext('2d')
  context.fillStyle = COLOURS.background
  context.fillRect(0, 0, canvas.width, canvas.height)

  let baseline = MARGIN + dots(FONT_SIZE.title)
  drawText(context, title, MARGIN, baseline, width - 2 * MARGIN, FONT_SIZE.title, COLOURS.text, 'bold')
  for (const line of subtitles) {
    baseline += LINE
    drawText(context, line, MARGIN, baseline + dots(2), width - 2 * MARGIN, FONT_SIZE.small, COLOURS.muted)
  }
  columnNames.forEach((name, column) => {
    // Upright, so that long names of narrow columns keep apart.
    context.save()
    context.translate(left + (column + 0.5) * cellWidth + dots(FONT_SIZE.small) / 3, top - GAP)
    context.rotate(-Math.PI / 2)
    drawText(context, name, 0, 0, nameHeight, FONT_SIZE.small, COLOURS.text)
    context.restore()
  })
  rowNames.forEach((name, row) => {
    const y = top + row * ROW_HEIGHT
    const textLine = y + ROW_HEIGHT / 2 + dots(FONT_SIZE.small) / 3
    context.textAlign = 'right'
    drawText(context, name, left - GAP, textLine, left - GAP - MARGIN, FONT_SIZE.small, COLOURS.text)
    context.textAlign = 'center'
    columnNames.forEach((_, column) => {
      const value = Math.min(1, Math.max(0, values[row * columnNames.length + column]))
      const x = left + column * cellWidth
      context.fillStyle = shade(value)
      context.fillRect(x, y, cellWidth - 1, ROW_HEIGHT - 1)
      const text = cellText?.(value) ?? ''
      const colour = value >= LIGHT_TEXT_FROM ? COLOURS.background : COLOURS.text
      drawText(context, text, x + cellWidth / 2, textLine, cellWidth - dots(2), FONT_SIZE.small, colour)
    })
  })
  return encodePng(canvas)
}

function shade(value: number): string {
  const channels = DARK.map((channel) => Math.round(247 + value * (channel - 247)))
  return `rgb(${channels.join(', ')})`
}
