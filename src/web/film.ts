/** The run as an animation: digits that sharpen beside the map that unfolds. */
import { type EpochRecord, MNIST_PIXELS, UsageError } from '../browser.ts'
import { CLASS_COLOURS } from '../figures/class-colours.ts'
import { KINDS, oneOfEach } from './digits.ts'
import { context2d, nextTask, themeColor } from './dom.ts'
import { LatentMap } from './latent-map.ts'
import { drawDigit, intensities, row } from './picture.ts'
import type { Session } from './session.ts'

/** What is kept of one moment. */
interface Frame {
  readonly epoch: number
  readonly testLoss: number | undefined
  /** (KINDS, pixels) bytes. */
  readonly digits: Uint8Array
  /** (dots, 2) fractions of the map's sides. */
  readonly dots: Float32Array
}

/** Kept at most: from then on every second one is dropped. */
const MOST_FRAMES = 160
/** Dots on the map of the animation. */
const DOTS = 1000
const WIDTH = 640
const HEIGHT = 380
const CELL = 62
const MAP = 270
const FRAME_MS = 120
const LAST_MS = 2500
const COLOURS = 64

export class Film {
  readonly #session: Session
  #frames: Frame[] = []
  #map: LatentMap | undefined
  #name = ''

  constructor(session: Session) {
    this.#session = session
  }

  get length(): number {
    return this.#frames.length
  }

  /** Begins anew, for another run. */
  clear(): void {
    this.#frames = []
    this.#map = undefined
  }

  /** Keeps a picture of this moment. `progress` in epochs, 1.5 in the middle of the second. */
  async take(progress: number, history: readonly EpochRecord[]): Promise<void> {
    const { rows } = oneOfEach(await this.#session.firstDigits())
    const outputs = await this.#session.infer((engine) => engine.forward(rows))
    const codes = await this.#session.codes()
    await nextTask()
    this.#name = this.#session.describe()
    const dots = new Float32Array(2 * DOTS)
    if (codes.z > 1) {
      this.#map = await LatentMap.of(codes, this.#map)
      this.#map.places(DOTS).forEach((place, i) => {
        dots.set(place, 2 * i)
      })
    }
    await nextTask()
    const digits = Uint8Array.from(outputs, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))
    this.#frames.push({ epoch: progress, testLoss: history.at(-1)?.testLoss, digits, dots })
    if (this.#frames.length > MOST_FRAMES) this.#frames = this.#frames.filter((_, i) => i % 2 === 1)
  }

  /** The bytes of a GIF. `onFrame`: how many of how many are done. */
  async gif(onFrame: (done: number, all: number) => void): Promise<Blob> {
    if (this.#frames.length < 2) {
      throw new UsageError('There is no run to animate yet: train for a few seconds first.')
    }
    const [{ GIFEncoder, quantize, applyPalette }, set] = await Promise.all([
      import('gifenc'),
      this.#session.firstDigits(),
    ])
    const { rows: originals } = oneOfEach(set)
    const canvas = document.createElement('canvas')
    canvas.width = WIDTH
    canvas.height = HEIGHT
    const encoder = GIFEncoder()
    let palette: number[][] | undefined
    for (const [i, frame] of this.#frames.entries()) {
      this.#draw(canvas, frame, originals, set.labels)
      const { data } = context2d(canvas).getImageData(0, 0, WIDTH, HEIGHT)
      palette ??= quantize(data, COLOURS)
      const isLast = i === this.#frames.length - 1
      encoder.writeFrame(applyPalette(data, palette), WIDTH, HEIGHT, {
        palette,
        delay: isLast ? LAST_MS : FRAME_MS,
      })
      onFrame(i + 1, this.#frames.length)
      // The page stays alive between two frames.
      await nextTask()
    }
    encoder.finish()
    return new Blob([encoder.bytes()], { type: 'image/gif' })
  }

  #draw(canvas: HTMLCanvasElement, frame: Frame, originals: Uint8Array, labels: Uint8Array): void {
    const context = context2d(canvas)
    context.fillStyle = themeColor('card')
    context.fillRect(0, 0, WIDTH, HEIGHT)
    context.fillStyle = themeColor('ink')
    context.font = '600 17px system-ui, sans-serif'
    const loss = frame.testLoss === undefined ? '' : `, test error ${frame.testLoss.toFixed(4)}`
    context.fillText(`Epoch ${frame.epoch.toFixed(1)}${loss}`, 16, 30)
    context.fillStyle = themeColor('quiet')
    context.font = '12px system-ui, sans-serif'
    context.fillText(`Hourglass · ${this.#name}`, 16, 50, WIDTH - 32)
    for (let digit = 0; digit < KINDS; digit++) {
      // Two columns of five pairs: the original, and what came out.
      const x = 16 + Math.floor(digit / 5) * (2 * CELL + 30)
      const y = 66 + (digit % 5) * (CELL - 2)
      drawDigit(context, intensities(row(originals, digit, MNIST_PIXELS)), x, y, CELL - 6)
      drawDigit(context, intensities(row(frame.digits, digit, MNIST_PIXELS)), x + CELL, y, CELL - 6)
    }
    const left = WIDTH - MAP - 16
    const top = 66
    context.strokeStyle = themeColor('line')
    context.strokeRect(left - 4, top - 4, MAP + 8, MAP + 8)
    for (let i = 0; i < DOTS; i++) {
      context.fillStyle = CLASS_COLOURS[labels[i]]
      context.fillRect(
        left + frame.dots[2 * i] * MAP - 1.25,
        top + frame.dots[2 * i + 1] * MAP - 1.25,
        2.5,
        2.5,
      )
    }
  }
}
