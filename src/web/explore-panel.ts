/** Panel 3: the latent space as sliders, as a map, and as ways between digits. */
import type { FloatArray } from '../browser.ts'
import { byId, element, LatestOnly } from './dom.ts'
import { Interpolation } from './interpolation.ts'
import { DIGIT_COLORS, LatentMap } from './latent-map.ts'
import type { Panel, Report } from './panel.ts'
import { row, showDigit, showGrid } from './picture.ts'
import type { Codes, Session } from './session.ts'

/** A click this near to a test digit, as a fraction of the map, takes that digit's own code. */
const SNAP = 0.012
/** The arrow keys move the mark by this fraction of the map. */
const KEY_STEP = 0.02
const SLIDER_STEPS = 200
/** One column, as in the style sheet: the decoded digit's own place is then below the map. */
const NARROW = matchMedia('(max-width: 960px)')

interface Slider {
  readonly input: HTMLInputElement
  readonly output: HTMLOutputElement
}

export class ExplorePanel implements Panel {
  readonly #session: Session
  readonly #report: Report
  readonly #latestModel = new LatestOnly()
  readonly #latestCode = new LatestOnly()
  readonly #interpolation: Interpolation
  readonly #canvas = byId('map', HTMLCanvasElement)
  #isVisible = false
  /** Version of the weights that the map and the ranges were made from. */
  #version = -1
  #codes: Codes | undefined
  #map: LatentMap | undefined
  #sliders: Slider[] = []
  #code: FloatArray = new Float32Array()
  #digit: FloatArray | undefined

  readonly pictures = {
    map: async () => {
      await this.#update()
      const canvas = document.createElement('canvas')
      this.#map?.draw(canvas, this.#code, { width: 800, height: 800 })
      return canvas
    },
    decoded: async () => {
      await this.#update()
      const digit = await this.#decode()
      const canvas = document.createElement('canvas')
      showGrid(canvas, [digit], 1, { scale: 12, gap: 0 })
      return canvas
    },
    strip: () => this.#interpolation.picture(),
  }

  constructor(session: Session, report: Report) {
    this.#session = session
    this.#report = report
    this.#interpolation = new Interpolation(session, report)
    byId('legend', HTMLUListElement).append(
      ...DIGIT_COLORS.map((color, digit) => {
        const entry = element('li', { textContent: String(digit) })
        entry.style.setProperty('--dot', color)
        return entry
      }),
    )
    byId('code-mean', HTMLButtonElement).addEventListener('click', () => {
      if (this.#codes) this.#setCode(meanCode(this.#codes), 'from the mean of the test codes')
    })
    byId('code-random', HTMLButtonElement).addEventListener('click', () => {
      if (this.#codes) this.#setTestCode(Math.floor(Math.random() * this.#codes.count))
    })
    this.#listenToMap()
    session.onChange((change) => {
      if (change === 'model') this.#code = new Float32Array()
      if (this.#isVisible) this.#refresh()
    })
  }

  show(): void {
    this.#isVisible = true
    this.#refresh()
  }

  hide(): void {
    this.#isVisible = false
    this.#interpolation.stop()
  }

  redraw(): void {
    if (!this.#isVisible) return
    this.#drawMap()
    if (this.#digit) showDigit(byId('decoded', HTMLCanvasElement), this.#digit)
    this.#interpolation.refresh()
  }

  #refresh(): void {
    if (!this.#session.model) return
    this.#latestModel.run(async () => {
      try {
        await this.#update()
        this.#drawMap()
        this.#showDecoded()
        this.#interpolation.refresh()
      } catch (error) {
        this.#report(error)
      }
    })
  }

  /** Brings map, ranges and sliders up to the present weights. */
  async #update(): Promise<void> {
    const { version } = this.#session
    if (this.#version === version) return
    const codes = await this.#session.codes()
    const map = codes.z > 1 ? new LatentMap(codes) : undefined
    if (map && codes.z === 2) map.fill(await this.#decodeAll(map.cellCodes()))
    this.#codes = codes
    this.#map = map
    this.#version = version
    if (this.#code.length !== codes.z) {
      this.#code = Float32Array.from(row(codes.values, 0, codes.z))
      this.#describeCode('from the code of test image 0')
    }
    this.#makeSliders(codes)
    this.#describeMap(codes.z)
  }

  async #decodeAll(codes: Float32Array): Promise<FloatArray> {
    return this.#session.infer((engine) => engine.decode(codes))
  }

  #decode(): Promise<FloatArray> {
    const code = Float32Array.from(this.#code)
    return this.#session.infer((engine) => engine.decode(code))
  }

  #describeMap(z: number): void {
    const [title, detail] =
      z === 1
        ? ['One latent unit', 'its slider is the whole space']
        : z === 2
          ? ['The whole latent space, decoded', 'with the test digits where they land']
          : [
              `${z} latent units on a plane`,
              `PCA: ${Math.round(100 * (this.#map?.explained ?? 1))} % of the variance`,
            ]
    byId('map-title', HTMLSpanElement).textContent = title
    byId('map-detail', HTMLSpanElement).textContent = detail
    for (const part of [
      this.#canvas,
      byId('legend', HTMLUListElement),
      byId('map-help', HTMLParagraphElement),
    ]) {
      part.hidden = z === 1
    }
  }

  /** One slider a unit, over the range of the test digits' codes. Made anew only for another number of units. */
  #makeSliders({ count, z, values }: Codes): void {
    const list = byId('sliders', HTMLDivElement)
    if (this.#sliders.length !== z) {
      this.#sliders = Array.from({ length: z }, (_, unit) => {
        const input = element('input', { type: 'range', step: 'any' })
        const output = element('output')
        input.addEventListener('input', () => {
          this.#code = this.#code.map((value, i) => (i === unit ? Number(input.value) : value))
          this.#describeCode('from the sliders')
          output.textContent = Number(input.value).toFixed(1)
          this.#showDecoded()
        })
        return { input, output }
      })
      list.replaceChildren(
        ...this.#sliders.map(({ input, output }, unit) =>
          element('label', { className: 'slider' }, [
            element('span', { textContent: String(unit + 1), title: `Latent unit ${unit + 1}` }),
            input,
            output,
          ]),
        ),
      )
    }
    this.#sliders.forEach(({ input }, unit) => {
      let low = 0
      let high = 0
      for (let i = 0; i < count; i++) {
        low = Math.min(low, values[i * z + unit])
        high = Math.max(high, values[i * z + unit])
      }
      input.min = String(low)
      // A unit that never fires still gets a slider: its decoder weights are there to be seen.
      input.max = String(high > low ? high : low + 1)
      input.step = String((Number(input.max) - low) / SLIDER_STEPS)
      input.setAttribute('aria-label', `Latent unit ${unit + 1}`)
    })
    this.#showSliders()
  }

  #showSliders(): void {
    this.#sliders.forEach(({ input, output }, unit) => {
      input.value = String(this.#code[unit])
      output.textContent = this.#code[unit].toFixed(1)
    })
  }

  #setTestCode(index: number): void {
    if (!this.#codes) return
    const { z, values, labels } = this.#codes
    const source = `from the code of test image ${index}, a ${labels[index]}`
    this.#setCode(Float32Array.from(row(values, index, z)), source)
  }

  #setCode(code: FloatArray, source: string): void {
    // The decoder never saw a code that its bottleneck cannot give: a ReLU's are not negative.
    const { model } = this.#session
    const isRelu = model?.network.layers[model.network.codeLayer].activation === 'relu'
    this.#code = isRelu ? code.map((value) => Math.max(0, value)) : code
    this.#describeCode(source)
    this.#showSliders()
    this.#showDecoded()
  }

  #describeCode(source: string): void {
    byId('decoded-from', HTMLSpanElement).textContent = source
  }

  #showDecoded(): void {
    this.#latestCode.run(async () => {
      try {
        this.#digit = await this.#decode()
        showDigit(byId('decoded', HTMLCanvasElement), this.#digit)
        this.#drawMap()
      } catch (error) {
        this.#report(error)
      }
    })
  }

  #drawMap(): void {
    if (!this.#isVisible || this.#canvas.hidden) return
    this.#map?.draw(this.#canvas, this.#code)
    if (this.#digit && NARROW.matches) this.#map?.drawInset(this.#canvas, this.#digit, this.#code)
  }

  #listenToMap(): void {
    const canvas = this.#canvas
    const pick = (event: PointerEvent) => {
      const box = canvas.getBoundingClientRect()
      const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
      this.#pick(Math.min(1, Math.max(0, place[0])), Math.min(1, Math.max(0, place[1])))
    }
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return
      canvas.setPointerCapture(event.pointerId)
      pick(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) pick(event)
    })
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-KEY_STEP, 0],
      ArrowRight: [KEY_STEP, 0],
      ArrowUp: [0, -KEY_STEP],
      ArrowDown: [0, KEY_STEP],
    }
    canvas.addEventListener('keydown', (event) => {
      const move = moves[event.key]
      if (!move || !this.#map) return
      event.preventDefault()
      const [x, y] = this.#map.fractions(this.#map.locate(this.#code))
      this.#setCode(this.#map.codeAt(x + move[0], y + move[1]), 'from the map')
    })
  }

  #pick(fractionX: number, fractionY: number): void {
    if (!this.#map) return
    const near = this.#map.digitNear(fractionX, fractionY, SNAP)
    if (near === undefined) this.#setCode(this.#map.codeAt(fractionX, fractionY), 'from the map')
    else this.#setTestCode(near)
  }
}

function meanCode({ count, z, values }: Codes): Float32Array {
  const mean = new Float32Array(z)
  for (let i = 0; i < values.length; i++) mean[i % z] += values[i] / count
  return mean
}
