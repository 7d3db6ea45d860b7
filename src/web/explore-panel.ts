/** Panel 3: the latent space as sliders, as a map, and as ways between digits. */
import { deadLatentUnits, type FloatArray, UsageError } from '../browser.ts'
import { CLASS_COLOURS } from '../figures/class-colours.ts'
import { byId, element, LatestOnly, nextTask, setText } from './dom.ts'
import { Interpolation } from './interpolation.ts'
import { LatentMap } from './latent-map.ts'
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
  readonly #latestHover = new LatestOnly()
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
      if (!this.#map) throw new UsageError('One latent unit makes a line and no map: there is none to save.')
      this.#map.draw(canvas, this.#code, { width: 800, height: 800 })
      return {
        canvas,
        title: 'Latent space',
        detail: `${byId('map-detail', HTMLSpanElement).textContent} · ${this.#session.describe()}`,
        legend: CLASS_COLOURS.map((color, digit) => ({ color, label: String(digit) })),
      }
    },
    decoded: async () => {
      await this.#update()
      const digit = await this.#decode()
      const canvas = document.createElement('canvas')
      showGrid(canvas, [digit], 1, { scale: 12, gap: 0 })
      const code = Array.from(this.#code, (value) => value.toFixed(1)).join(' ')
      return { canvas, title: 'A decoded code', detail: `${code} · ${this.#session.describe()}` }
    },
    strip: () => this.#interpolation.picture(),
  }

  constructor(session: Session, report: Report) {
    this.#session = session
    this.#report = report
    this.#interpolation = new Interpolation(session, report)
    byId('legend', HTMLUListElement).append(
      ...CLASS_COLOURS.map((color, digit) => {
        const entry = element('li', { textContent: String(digit) })
        entry.style.setProperty('--dot', color)
        return entry
      }),
    )
    byId('code-mean', HTMLButtonElement).addEventListener('click', () => {
      if (this.#codes) this.#setCode(meanCode(this.#codes), 'from the average of the test digits’ codes')
    })
    byId('code-random', HTMLButtonElement).addEventListener('click', () => {
      if (this.#codes) this.#setTestCode(Math.floor(Math.random() * this.#codes.count))
    })
    this.#listenToMap()
    session.onChange((change) => {
      if (change === 'model') {
        this.#code = new Float32Array()
        this.#map = undefined
      }
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
        // Not within the click that shows the panel, nor in the task of another panel that asks for the same
        // codes.
        await nextTask()
        await this.#update()
        await nextTask()
        if (this.#isVisible && !this.#canvas.hidden) await this.#map?.prepare(this.#canvas)
        this.#drawMap()
        await nextTask()
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
    await nextTask()
    const map = codes.z > 1 ? await LatentMap.of(codes, this.#map) : undefined
    if (map && codes.z === 2) map.fill(await this.#decodeAll(map.cellCodes()))
    await nextTask()
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

  async #decodeAll(codes: FloatArray): Promise<FloatArray> {
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
          ? ['The whole latent space, decoded', this.#describePlane()]
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

  /** With two units, one that is silent leaves all digits on one edge of the map. */
  #describePlane(): string {
    const codes = this.#codes
    const silent = codes ? deadLatentUnits(codes.values, codes.z) : []
    if (silent.length === 0) return 'with the test digits where they land'
    return silent.length === 2
      ? 'both units are silent: every digit has the same code'
      : `unit ${silent[0] + 1} is silent, so that all digits lie on one edge`
  }

  /**
   * One slider a unit, over the range of the test digits' codes. Made anew only for another number of units.
   */
  #makeSliders({ count, z, values }: Codes): void {
    const list = byId('sliders', HTMLDivElement)
    if (this.#sliders.length !== z) {
      this.#sliders = Array.from({ length: z }, (_, unit) => {
        const input = element('input', { type: 'range', step: 'any' })
        // Spoken with the slider, and not once more at every movement.
        const output = element('output', { ariaLive: 'off' })
        input.addEventListener('input', () => {
          this.#code = this.#code.map((value, i) => (i === unit ? Number(input.value) : value))
          this.#describeCode('from the sliders')
          showValue({ input, output }, Number(input.value))
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
      showValue({ input, output }, this.#code[unit])
    })
  }

  #setTestCode(index: number): void {
    if (!this.#codes) return
    const { z, values, labels } = this.#codes
    const source = `from the code of test image ${index}, a ${labels[index]}`
    this.#setCode(Float32Array.from(row(values, index, z)), source)
  }

  #setCode(code: FloatArray, source: string): void {
    this.#code = this.#possible(code)
    this.#describeCode(source)
    this.#showSliders()
    this.#showDecoded()
  }

  /** The decoder never saw a code that its bottleneck cannot give: a ReLU's are not negative. */
  #possible<T extends FloatArray>(code: T): T {
    const { model } = this.#session
    const isRelu = model?.network.layers[model.network.codeLayer].activation === 'relu'
    return isRelu ? (code.map((value) => Math.max(0, value)) as T) : code
  }

  #describeCode(source: string): void {
    setText(byId('decoded-from', HTMLSpanElement), source)
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
    this.#sayPlace()
    if (this.#digit && NARROW.matches) this.#map?.drawInset(this.#canvas, this.#digit, this.#code)
  }

  /** The map is a slider of two directions to those who hear it. */
  #sayPlace(): void {
    if (!this.#map) return
    const [x, y] = this.#map.fractions(this.#map.locate(this.#code)).map((share) => Math.round(100 * share))
    this.#canvas.setAttribute('aria-valuenow', String(Math.min(100, Math.max(0, x))))
    this.#canvas.setAttribute('aria-valuetext', `${x} % from the left, ${y} % from the top`)
  }

  #listenToMap(): void {
    const canvas = this.#canvas
    const placeOf = (event: PointerEvent): readonly [number, number] => {
      const box = canvas.getBoundingClientRect()
      const within = (share: number) => Math.min(1, Math.max(0, share))
      return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)]
    }
    const pick = (event: PointerEvent) => this.#pick(...placeOf(event))
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return
      canvas.setPointerCapture(event.pointerId)
      pick(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) pick(event)
      else if (event.pointerType === 'mouse') this.#hover(placeOf(event))
    })
    canvas.addEventListener('pointerleave', () => this.#drawMap())
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

  /** Decodes the place under the pointer, and leaves the code in hand as it is. */
  #hover(place: readonly [number, number]): void {
    const map = this.#map
    if (!map) return
    this.#latestHover.run(async () => {
      const digit = await this.#decodeAll(this.#possible(map.codeAt(...place)))
      if (map !== this.#map || !this.#canvas.matches(':hover')) return
      this.#drawMap()
      map.drawBeside(this.#canvas, digit, place)
    })
  }

  #pick(fractionX: number, fractionY: number): void {
    if (!this.#map) return
    const near = this.#map.digitNear(fractionX, fractionY, SNAP)
    if (near === undefined) this.#setCode(this.#map.codeAt(fractionX, fractionY), 'from the map')
    else this.#setTestCode(near)
  }
}

function showValue({ input, output }: Slider, value: number): void {
  output.textContent = value.toFixed(1)
  input.setAttribute('aria-valuetext', value.toFixed(1))
}

function meanCode({ count, z, values }: Codes): Float32Array {
  const mean = new Float32Array(z)
  for (let i = 0; i < values.length; i++) mean[i % z] += values[i] / count
  return mean
}
