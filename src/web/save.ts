/** Files for the user to keep. */
import { context2d, element, themeColor } from './dom.ts'

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

/** Saves a picture as PNG on the page's paper. */
export async function savePng(name: string, picture: HTMLCanvasElement): Promise<void> {
  const canvas = document.createElement('canvas')
  canvas.width = picture.width + 2 * MARGIN
  canvas.height = picture.height + 2 * MARGIN
  const context = context2d(canvas)
  context.fillStyle = themeColor('card')
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(picture, MARGIN, MARGIN)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (!blob) throw new Error('internal: the browser made no PNG of the picture')
  downloadFile(name, blob)
}
