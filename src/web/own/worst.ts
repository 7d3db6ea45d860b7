/** Pictures of greatest error beside what the model makes of them. */
import type { FloatArray } from '../../browser.ts'
import type { PictureShape } from '../../model/preprocessing.ts'
import { context2d, element } from '../dom.ts'
import type { WorstPictures } from './messages.ts'

/** Fills the list in `box`, and hides it where the rows are no pictures. */
export function showWorst(box: HTMLElement, worst: WorstPictures | undefined): void {
  box.hidden = worst === undefined
  if (!worst) return
  const { shape, names, originals, outputs } = worst
  const pairs = names.map((name, i) =>
    element('li', {}, [
      picture(originals[i], shape, `${name}, the original`),
      picture(outputs[i], shape, `${name}, reconstructed`),
      element('span', { textContent: name, title: name }),
    ]),
  )
  box.querySelector('ul')?.replaceChildren(...pairs)
}

function picture(pixels: FloatArray, { width, height, channels }: PictureShape, label: string) {
  const canvas = element('canvas', { width, height, className: 'digit' })
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', label)
  const bitmap = new ImageData(width, height)
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = pixels[i * channels + (channels === 3 ? channel : 0)]
      bitmap.data[4 * i + channel] = Math.round(255 * Math.min(1, Math.max(0, value)))
    }
    bitmap.data[4 * i + 3] = 255
  }
  context2d(canvas).putImageData(bitmap, 0, 0)
  return canvas
}
