/** Files for the user to keep. */
import { context2d, element, themeColor } from './dom.ts'
import type { Picture } from './panel.ts'

/** Paper around a saved picture, in its pixels. */
const MARGIN = 24

export function downloadFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = element('a', { href: url, download: name })
  document.body.append(link)
  link.click()
  link.remove()
  // The download has its own hold on the blob as soon as the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Lines of the heading, in pixels of a picture of usual width. */
const TITLE = 26
const DETAIL = 17
const LEGEND = 20
/** Narrower pictures get their heading as if they were so wide. */
const LEAST_WIDTH = 560

/** Saves a picture as PNG on the page's paper, under its title, detail and legend. */
export async function savePng(name: string, picture: Picture): Promise<void> {
  const blob = await new Promise<Blob | null>((resolve) => framed(picture).toBlob(resolve, 'image/png'))
  if (!blob) throw new Error('internal: the browser made no PNG of the picture')
  downloadFile(name, blob)
}

/** The picture on paper, with its heading. */
export function framed({ canvas: picture, title, detail, legend = [] }: Picture): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  const width = Math.max(picture.width, LEAST_WIDTH)
  // On a screen of high resolution the picture has more pixels, and so has its heading.
  const scale = Math.max(1, width / 900)
  const line = (size: number) => size * scale * 1.4
  const head = line(TITLE) + line(DETAIL) + (legend.length > 0 ? line(LEGEND) : 0)
  canvas.width = width + 2 * MARGIN
  canvas.height = picture.height + head + 2.5 * MARGIN
  const context = context2d(canvas)
  context.fillStyle = themeColor('card')
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.textBaseline = 'top'
  const write = (text: string, size: number, color: string, y: number, weight = '') => {
    context.font = `${weight} ${size * scale}px system-ui, sans-serif`
    context.fillStyle = themeColor(color)
    context.fillText(text, MARGIN, y, width)
  }
  write(title, TITLE * 0.8, 'ink', MARGIN, '600')
  write(detail, DETAIL * 0.85, 'quiet', MARGIN + line(TITLE))
  drawLegend(context, legend, MARGIN + line(TITLE) + line(DETAIL), scale)
  context.drawImage(picture, MARGIN + (width - picture.width) / 2, head + 1.5 * MARGIN)
  return canvas
}

function drawLegend(
  context: CanvasRenderingContext2D,
  legend: NonNullable<Picture['legend']>,
  y: number,
  scale: number,
): void {
  const size = 14 * scale
  context.font = `${size}px system-ui, sans-serif`
  let x = MARGIN
  for (const { color, label } of legend) {
    context.fillStyle = themeColor(color) || color
    context.beginPath()
    context.arc(x + size / 3, y + size / 2, size / 3, 0, 2 * Math.PI)
    context.fill()
    context.fillStyle = themeColor('text')
    context.fillText(label, x + size, y)
    x += size * 2 + context.measureText(label).width
  }
}
