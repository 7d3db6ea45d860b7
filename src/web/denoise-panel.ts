/** Panel 2: one digit, drawn or chosen, its noisy copy and what the network makes of that. */
import {
  type FloatArray,
  imageNoise,
  MNIST_PIXELS,
  meanSquaredError,
  peakSignalToNoiseRatio,
  STREAM_EVALUATION_NOISE,
} from '../browser.ts'
import { byId, context2d, element, fitCanvas, LatestOnly, nextTask, setText, themeColor } from './dom.ts'
import { Pad } from './pad.ts'
import type { Panel, Report } from './panel.ts'
import { intensities, row, showDigit, showGrid } from './picture.ts'
import { Placement } from './placement.ts'
import type { Session } from './session.ts'

const DIGITS = 10

interface Views {
  readonly original: Float32Array
  readonly noisy: Float32Array
  readonly denoised: Float32Array
  readonly code: FloatArray
  /** Of the original, without noise. */
  readonly cleanCode: FloatArray
  readonly cleanError: number
}

/** "MSE 0.0123, 19.1 dB" on two lines. */
function quality(original: Float32Array, other: Float32Array): string {
  const mse = meanSquaredError(original, other)
  return `MSE ${mse.toFixed(4)}\nPSNR ${peakSignalToNoiseRatio(mse).toFixed(1)} dB`
}

export class DenoisePanel implements Panel {
  readonly #session: Session
  readonly #report: Report
  readonly #latest = new LatestOnly()
  readonly #placement: Placement
  readonly #pad: Pad
  readonly #noise = byId('noise', HTMLInputElement)
  readonly #clip = byId('clip', HTMLInputElement)
  readonly #index = byId('denoise-index', HTMLInputElement)
  #isVisible = false
  /** Drawn on the pad; undefined while a test image is chosen. */
  #drawn: Float32Array | undefined
  #views: Views | undefined

  readonly pictures = {
    triptych: async () => {
      await this.#compute()
      const canvas = document.createElement('canvas')
      if (this.#views) {
        const { original, noisy, denoised } = this.#views
        showGrid(canvas, [original, noisy, denoised], 3, { scale: 10, gap: 20 })
      }
      return {
        canvas,
        title: 'Original, noisy, reconstructed',
        detail: `noise σ ${this.#sigma.toFixed(2)} · ${this.#session.describe()}`,
      }
    },
  }

  constructor(session: Session, report: Report) {
    this.#session = session
    this.#report = report
    this.#placement = new Placement(session)
    this.#pad = new Pad(byId('pad', HTMLCanvasElement), byId('pad-frame', HTMLDivElement), (pixels) => {
      this.#drawn = pixels
      this.#describeSource('drawn by you')
      this.#refresh()
    })
    byId('pad-clear', HTMLButtonElement).addEventListener('click', () => {
      this.#pad.clear()
      this.#choose(Number(this.#index.value))
    })
    this.#noise.addEventListener('input', () => {
      byId('noise-value', HTMLOutputElement).textContent = this.#sigma.toFixed(2)
      this.#refresh()
    })
    this.#clip.addEventListener('change', () => this.#refresh())
    this.#index.addEventListener('change', () => this.#choose(Number(this.#index.value)))
    for (let digit = 0; digit < DIGITS; digit++) {
      const key = element('button', {
        type: 'button',
        textContent: String(digit),
        ariaLabel: `Another ${digit} from the test set`,
      })
      key.addEventListener('click', () => void this.#chooseDigit(digit))
      byId('pick', HTMLDivElement).append(key)
    }
    session.onChange(() => this.#refresh())
  }

  show(): void {
    this.#isVisible = true
    this.#pad.redraw()
    if (!this.#drawn) this.#choose(Number(this.#index.value))
    this.#refresh()
  }

  hide(): void {
    this.#isVisible = false
  }

  redraw(): void {
    if (!this.#isVisible) return
    this.#pad.redraw()
    this.#refresh()
  }

  get #sigma(): number {
    return Number(this.#noise.value)
  }

  /** The next test image of this digit after the one shown. */
  async #chooseDigit(digit: number): Promise<void> {
    try {
      const { labels } = await this.#session.firstDigits()
      const next = labels.indexOf(digit, Number(this.#index.value) + 1)
      this.#choose(next === -1 ? labels.indexOf(digit) : next)
    } catch (error) {
      this.#report(error)
    }
  }

  #choose(index: number): void {
    const last = Number(this.#index.max)
    this.#index.value = String(Math.min(last, Math.max(0, Math.round(index) || 0)))
    this.#drawn = undefined
    this.#pad.clear()
    this.#describeSource(undefined)
    this.#refresh()
  }

  #describeSource(source: string | undefined): void {
    byId('pad-hint', HTMLParagraphElement).hidden = !this.#pad.isEmpty
    byId('original-caption', HTMLSpanElement).textContent = source ?? `test image ${this.#index.value}`
  }

  #refresh(): void {
    if (!this.#isVisible || !this.#session.model) return
    this.#latest.run(async () => {
      try {
        await this.#compute()
        await nextTask()
        this.#draw()
        await nextTask()
        if (this.#views) await this.#placement.show(this.#views.cleanCode, this.#views.cleanError)
      } catch (error) {
        this.#report(error)
      }
    })
  }

  async #compute(): Promise<void> {
    const original = this.#drawn ?? (await this.#testImage())
    const noisy = this.#addNoise(original)
    this.#views = await this.#session.infer(async (engine) => ({
      original,
      noisy,
      denoised: Float32Array.from(await engine.forward(noisy)),
      code: await engine.encode(noisy),
      cleanCode: await engine.encode(original),
      cleanError: (await engine.reconstructionErrors(original))[0],
    }))
  }

  async #testImage(): Promise<Float32Array> {
    const { rows: images } = await this.#session.firstDigits()
    return intensities(row(images, Number(this.#index.value), MNIST_PIXELS))
  }

  /** The same noise at every σ, only stronger: the picture changes smoothly as the slider moves. */
  #addNoise(image: Float32Array): Float32Array {
    const noise = new Float32Array(MNIST_PIXELS)
    imageNoise(noise, Number(this.#index.value), 0, 0, STREAM_EVALUATION_NOISE)
    return image.map((value, i) => {
      const noisy = value + this.#sigma * noise[i]
      return this.#clip.checked ? Math.min(1, Math.max(0, noisy)) : noisy
    })
  }

  #draw(): void {
    if (!this.#views) return
    const { original, noisy, denoised, code } = this.#views
    showDigit(byId('view-original', HTMLCanvasElement), original)
    showDigit(byId('view-noisy', HTMLCanvasElement), noisy)
    showDigit(byId('view-denoised', HTMLCanvasElement), denoised)
    byId('noisy-caption', HTMLSpanElement).textContent = quality(original, noisy)
    byId('denoised-caption', HTMLSpanElement).textContent = quality(original, denoised)
    setText(byId('denoise-verdict', HTMLParagraphElement), this.#verdict(original, noisy, denoised))
    drawCodeBars(byId('code-bars', HTMLCanvasElement), code)
  }

  #verdict(original: Float32Array, noisy: Float32Array, denoised: Float32Array): string {
    if (this.#sigma === 0) return 'No noise: what is lost here is what does not fit through the neck.'
    const decibels = (image: Float32Array) => peakSignalToNoiseRatio(meanSquaredError(original, image))
    const gain = decibels(denoised) - decibels(noisy)
    if (gain >= 0)
      return `The reconstruction is ${gain.toFixed(1)} dB nearer to the original than the noisy image.`
    return (
      `The reconstruction is ${(-gain).toFixed(1)} dB further from the original than the noisy image. ` +
      'A model trained with noise on its inputs does better: set σ in the Train panel.'
    )
  }
}

/** The code as bars, one a latent unit. */
function drawCodeBars(canvas: HTMLCanvasElement, code: FloatArray): void {
  const { width, height } = fitCanvas(canvas)
  const context = context2d(canvas)
  context.clearRect(0, 0, width, height)
  const labelHeight = 20
  const largest = Math.max(...code.map(Math.abs), 1e-6)
  const hasNegative = code.some((value) => value < 0)
  const plotHeight = height - labelHeight
  const zero = hasNegative ? plotHeight / 2 : plotHeight
  const pitch = width / code.length
  const bar = Math.min(46, pitch * 0.62)
  context.font = '11px system-ui, sans-serif'
  context.textAlign = 'center'
  context.strokeStyle = themeColor('line-strong')
  context.beginPath()
  context.moveTo(0, zero + 0.5)
  context.lineTo(width, zero + 0.5)
  context.stroke()
  code.forEach((value, unit) => {
    const x = pitch * (unit + 0.5)
    const length = (Math.abs(value) / largest) * (hasNegative ? plotHeight / 2 - 16 : plotHeight - 16)
    context.fillStyle = themeColor('sand')
    context.fillRect(x - bar / 2, value < 0 ? zero : zero - length, bar, length)
    if (pitch < 30) return
    context.fillStyle = themeColor('text')
    context.fillText(value.toFixed(1), x, value < 0 ? zero + length + 11 : zero - length - 5)
    context.fillStyle = themeColor('quiet')
    context.fillText(String(unit + 1), x, height - 5)
  })
}
