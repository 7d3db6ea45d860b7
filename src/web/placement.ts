/**
 * Where one digit falls among the test digits: on the map, beside its nearest, and in the histogram of their
 * errors.
 */
import type { FloatArray } from '../browser.ts'
import { MNIST_PIXELS } from '../browser.ts'
import { byId, context2d, element, fitCanvas, nextTask, setText, themeColor } from './dom.ts'
import { LatentMap } from './latent-map.ts'
import { intensities, row, showDigit } from './picture.ts'
import type { Codes, Session } from './session.ts'

const NEAREST = 6
const BINS = 48
/** Errors beyond this share of the test digits lie in the last bin, so that few do not flatten the rest. */
const SHOWN_SHARE = 0.995

/** Indices of the codes nearest to one, nearest first. */
export function nearestCodes({ count, z, values }: Codes, code: FloatArray, most = NEAREST): number[] {
  const distances = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0
    for (let unit = 0; unit < z; unit++) sum += (values[i * z + unit] - code[unit]) ** 2
    return sum
  })
  return Array.from(distances.keys())
    .sort((a, b) => distances[a] - distances[b])
    .slice(0, most)
}

/** Share of rising values that lie below one. */
export function shareBelow(rising: Float64Array, value: number): number {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rising[middle] < value) low = middle + 1
    else high = middle
  }
  return low / rising.length
}

export class Placement {
  readonly #session: Session
  #map: { readonly version: number; readonly map: LatentMap | undefined } | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /**
   * Shows where a digit falls.
   *
   * @param code (z)
   * @param error mean squared error of its reconstruction
   */
  async show(code: FloatArray, error: number): Promise<void> {
    const { version } = this.#session
    const [codes, errors, digits] = await Promise.all([
      this.#session.codes(),
      this.#session.firstErrors(),
      this.#session.firstDigits(),
    ])
    await nextTask()
    // Other weights have come meanwhile: they bring their own.
    if (version !== this.#session.version || codes.z !== code.length) return
    if (this.#map?.version !== version) {
      this.#map = { version, map: codes.z > 1 ? await LatentMap.of(codes, this.#map?.map) : undefined }
    }
    const canvas = byId('place-map', HTMLCanvasElement)
    canvas.hidden = this.#map.map === undefined
    const { map } = this.#map
    if (map) {
      await map.prepare(canvas)
      await nextTask()
      map.draw(canvas, code)
      await nextTask()
    }
    const nearest = nearestCodes(codes, code)
    byId('place-nearest', HTMLDivElement).replaceChildren(
      ...nearest.map((index) => {
        const small = element('canvas', { className: 'digit' })
        small.setAttribute('role', 'img')
        small.setAttribute('aria-label', `Test digit ${index}, a ${codes.labels[index]}`)
        showDigit(small, intensities(row(digits.rows, index, MNIST_PIXELS) as Uint8Array))
        return small
      }),
    )
    drawErrors(byId('place-errors', HTMLCanvasElement), errors, error)
    setText(byId('place-text', HTMLParagraphElement), describePlace(errors, error))
  }
}

function describePlace(errors: Float64Array, error: number): string {
  const percent = Math.round(100 * shareBelow(errors, error))
  const place =
    percent >= 50
      ? `further out than ${percent} % of the test digits`
      : `closer to what the network knows than ${100 - percent} % of the test digits`
  return `Its error without noise is ${error.toFixed(4)}: ${place}.`
}

/** Histogram of the test digits' errors, with a line at one. */
function drawErrors(canvas: HTMLCanvasElement, errors: Float64Array, error: number): void {
  const { width, height } = fitCanvas(canvas)
  const context = context2d(canvas)
  context.clearRect(0, 0, width, height)
  const most = Math.max(errors[Math.floor(SHOWN_SHARE * (errors.length - 1))], 1e-9)
  const bins = new Array<number>(BINS).fill(0)
  for (const value of errors) bins[Math.min(BINS - 1, Math.floor((value / most) * BINS))]++
  const largest = Math.max(...bins)
  const label = 18
  const plot = height - label
  context.fillStyle = themeColor('sand')
  bins.forEach((count, bin) => {
    const tall = (count / largest) * (plot - 6)
    context.fillRect((bin * width) / BINS, plot - tall, width / BINS - 1, tall)
  })
  const x = Math.min(1, error / most) * (width - 2) + 1
  context.strokeStyle = themeColor('ink')
  context.lineWidth = 2
  context.beginPath()
  context.moveTo(x, 0)
  context.lineTo(x, plot)
  context.stroke()
  context.fillStyle = themeColor('quiet')
  context.font = '11px system-ui, sans-serif'
  context.textAlign = 'left'
  context.fillText('0', 0, height - 4)
  context.textAlign = 'right'
  context.fillText(`error ${most.toFixed(3)} and more`, width, height - 4)
}
