/** From one digit to another through the latent space: as a strip, and as an animation. */
import type { FloatArray } from '../browser.ts'
import { interpolateCodes, MNIST_PIXELS } from '../browser.ts'
import { FIRST_DIGITS } from '../data/static-files.ts'
import { byId, LatestOnly, prefersReducedMotion } from './dom.ts'
import type { Picture, Report } from './panel.ts'
import { intensities, row, showDigit, showGrid } from './picture.ts'
import type { Session } from './session.ts'

/** One way takes this long. */
const SWEEP_MS = 2400
/** The animation's frames are decoded once, then only shown. */
const FRAMES = 49

export class Interpolation {
  readonly #session: Session
  readonly #report: Report
  readonly #latest = new LatestOnly()
  readonly #from = byId('from-index', HTMLInputElement)
  readonly #to = byId('to-index', HTMLInputElement)
  readonly #steps = byId('between-steps', HTMLInputElement)
  readonly #play = byId('morph-play', HTMLButtonElement)
  readonly #slider = byId('morph-t', HTMLInputElement)
  #frames: FloatArray | undefined
  #strip: ArrayLike<number>[] = []
  #animation = 0

  constructor(session: Session, report: Report) {
    this.#session = session
    this.#report = report
    for (const input of [this.#from, this.#to, this.#steps]) {
      input.addEventListener('change', () => this.refresh())
    }
    byId('between-random', HTMLButtonElement).addEventListener('click', () => {
      this.#from.value = String(Math.floor(Math.random() * FIRST_DIGITS))
      this.#to.value = String(Math.floor(Math.random() * FIRST_DIGITS))
      this.refresh()
    })
    this.#slider.addEventListener('input', () => {
      this.stop()
      this.#showFrame(Number(this.#slider.value))
    })
    this.#play.addEventListener('click', () => {
      if (this.#animation) this.stop()
      else this.#start()
    })
  }

  /** Decodes both anew and draws them. */
  refresh(): void {
    if (!this.#session.model) return
    this.#latest.run(async () => {
      try {
        await this.#compute()
        showGrid(byId('strip', HTMLCanvasElement), this.#strip, this.#strip.length)
        this.#showFrame(Number(this.#slider.value))
      } catch (error) {
        this.#report(error)
      }
    })
  }

  /** Stops the animation; the frame it was at stays. */
  stop(): void {
    cancelAnimationFrame(this.#animation)
    this.#animation = 0
    this.#play.textContent = 'Play'
    this.#play.setAttribute('aria-pressed', 'false')
  }

  async picture(): Promise<Picture> {
    await this.#compute()
    const canvas = document.createElement('canvas')
    showGrid(canvas, this.#strip, this.#strip.length, { scale: 4, gap: 6 })
    return {
      canvas,
      title: `From test digit ${this.#from.value} to ${this.#to.value}`,
      detail: `the outermost are the originals · ${this.#session.describe()}`,
    }
  }

  async #compute(): Promise<void> {
    const test = await this.#session.firstDigits()
    const steps = readWhole(this.#steps)
    const ends = [this.#from, this.#to].map((input) => row(test.rows, readWhole(input), MNIST_PIXELS))
    const { strip, frames } = await this.#session.infer(async (engine) => {
      const [from, to] = [await engine.encode(ends[0]), await engine.encode(ends[1])]
      return {
        strip: await engine.decode(interpolateCodes(from, to, steps)),
        frames: await engine.decode(interpolateCodes(from, to, FRAMES)),
      }
    })
    this.#frames = frames
    this.#strip = [
      intensities(ends[0]),
      ...Array.from({ length: steps }, (_, i) => row(strip, i, MNIST_PIXELS)),
      intensities(ends[1]),
    ]
  }

  #start(): void {
    this.#play.textContent = 'Stop'
    this.#play.setAttribute('aria-pressed', 'true')
    const startMs = performance.now()
    // For those who asked for less motion: one slow way, not back and forth for ever.
    const isOneWay = prefersReducedMotion()
    const tick = (nowMs: number) => {
      const ways = Math.max(0, nowMs - startMs) / SWEEP_MS
      if (isOneWay && ways >= 1) {
        this.#setTime(1)
        this.stop()
        return
      }
      const within = ways % 2
      this.#setTime(within <= 1 ? within : 2 - within)
      this.#animation = requestAnimationFrame(tick)
    }
    this.#animation = requestAnimationFrame(tick)
  }

  #setTime(t: number): void {
    this.#slider.value = String(t)
    this.#showFrame(t)
  }

  #showFrame(t: number): void {
    byId('morph-value', HTMLOutputElement).textContent = t.toFixed(2)
    this.#slider.setAttribute('aria-valuetext', `${Math.round(100 * t)} %`)
    if (!this.#frames) return
    const frame = row(this.#frames, Math.round(t * (FRAMES - 1)), MNIST_PIXELS)
    showDigit(byId('morph', HTMLCanvasElement), frame)
  }
}

/** A number field's value, brought within its limits and made whole; the field then shows it. */
function readWhole(input: HTMLInputElement): number {
  const value = Math.round(Number(input.value)) || 0
  const kept = Math.min(Number(input.max), Math.max(Number(input.min), value))
  if (String(kept) !== input.value) input.value = String(kept)
  return kept
}
