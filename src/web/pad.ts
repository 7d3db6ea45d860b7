/**
 * A drawing pad for mouse, touch and pen. Strokes are kept as lines and drawn anew as MNIST's makers did with
 * theirs: the writing is scaled to fit 20 × 20 pixels and its centre of mass put in the middle of 28 × 28
 * (http://yann.lecun.com/exdb/mnist/), with one stroke width whatever the size of the writing.
 */
import { context2d, fitCanvas, themeColor } from './dom.ts'

interface Point {
  readonly x: number
  readonly y: number
}

const SIZE = 28
const BOX = 20
/** Of the 28: about the width of MNIST's strokes. */
const STROKE_WIDTH = 2.4
/** Drawn at this many times the size and averaged, for the soft edges that MNIST's anti-aliasing left. */
const OVERSAMPLING = 4
/** The arrow keys move the pen by this fraction of the pad's width. */
const KEY_STEP = 0.05
const KEYS: Record<string, Point> = {
  ArrowLeft: { x: -KEY_STEP, y: 0 },
  ArrowRight: { x: KEY_STEP, y: 0 },
  ArrowUp: { x: 0, y: -KEY_STEP },
  ArrowDown: { x: 0, y: KEY_STEP },
}
/** A dot or a very small scrawl is not blown up to fill the box. Fractions of the pad's width. */
const SMALLEST_EXTENT = 0.3

/** In pixels of the canvas drawn on: a shorter stroke has no direction, and a path of no length no cap. */
const DOT_LENGTH = 0.1

function drawStrokes(
  context: CanvasRenderingContext2D,
  strokes: readonly Point[][],
  place: (p: Point) => Point,
): void {
  context.fillStyle = context.strokeStyle
  for (const stroke of strokes) {
    const [first, ...others] = stroke.map(place)
    context.beginPath()
    if (others.every(({ x, y }) => Math.hypot(x - first.x, y - first.y) < DOT_LENGTH)) {
      context.arc(first.x, first.y, context.lineWidth / 2, 0, 2 * Math.PI)
      context.fill()
      continue
    }
    context.moveTo(first.x, first.y)
    for (const { x, y } of others) context.lineTo(x, y)
    context.stroke()
  }
}

/** Strokes in pad coordinates (0 … 1) to 28 × 28 intensities. */
export function rasterize(strokes: readonly Point[][]): Float32Array {
  const points = strokes.flat()
  const pixels = new Float32Array(SIZE * SIZE)
  if (points.length === 0) return pixels
  const xs = points.map((p) => p.x)
  const ys = points.map((p) => p.y)
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  const extent = Math.max(right - left, bottom - top, SMALLEST_EXTENT)
  const scale = (BOX - STROKE_WIDTH) / extent
  const draw = (shiftX: number, shiftY: number) => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = SIZE * OVERSAMPLING
    const context = context2d(canvas)
    context.lineCap = context.lineJoin = 'round'
    context.lineWidth = STROKE_WIDTH * OVERSAMPLING
    drawStrokes(context, strokes, (p) => ({
      x: OVERSAMPLING * (SIZE / 2 + (p.x - (left + right) / 2) * scale + shiftX),
      y: OVERSAMPLING * (SIZE / 2 + (p.y - (top + bottom) / 2) * scale + shiftY),
    }))
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
    pixels.fill(0)
    for (let i = 0; i < canvas.width * canvas.height; i++) {
      const x = Math.floor((i % canvas.width) / OVERSAMPLING)
      const y = Math.floor(i / canvas.width / OVERSAMPLING)
      pixels[y * SIZE + x] += data[4 * i + 3] / 255 / OVERSAMPLING ** 2
    }
  }
  draw(0, 0)
  let mass = 0
  let massX = 0
  let massY = 0
  pixels.forEach((value, i) => {
    mass += value
    massX += value * ((i % SIZE) + 0.5)
    massY += value * (Math.floor(i / SIZE) + 0.5)
  })
  draw(SIZE / 2 - massX / mass, SIZE / 2 - massY / mass)
  return pixels
}

/**
 * Turns a canvas into a pad, for hands and for the keyboard: arrow keys move a pen, Space puts it down or
 * lifts it. `onDraw` gets the 28 × 28 intensities after every movement.
 */
export class Pad {
  readonly #canvas: HTMLCanvasElement
  readonly #onDraw: (pixels: Float32Array) => void
  #strokes: Point[][] = []
  #pointer: number | undefined
  /** The keyboard's pen, while the pad has the focus. */
  #pen: { readonly at: Point; readonly isDown: boolean } | undefined
  #lastPen: Point = { x: 0.5, y: 0.5 }

  /** @param frame has the focus */
  constructor(canvas: HTMLCanvasElement, frame: HTMLElement, onDraw: (pixels: Float32Array) => void) {
    this.#canvas = canvas
    this.#onDraw = onDraw
    canvas.addEventListener('pointerdown', (event) => {
      if (this.#pointer !== undefined || event.button !== 0) return
      event.preventDefault()
      this.#pointer = event.pointerId
      canvas.setPointerCapture(event.pointerId)
      this.#strokes.push([])
      this.#extend(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId === this.#pointer) this.#extend(event)
    })
    const lift = (event: PointerEvent) => {
      if (event.pointerId === this.#pointer) this.#pointer = undefined
    }
    canvas.addEventListener('pointerup', lift)
    canvas.addEventListener('pointercancel', lift)
    this.#listenToKeys(frame)
  }

  get isEmpty(): boolean {
    return this.#strokes.length === 0
  }

  clear(): void {
    this.#strokes = []
    if (this.#pen) this.#pen = { ...this.#pen, isDown: false }
    this.redraw()
  }

  /** Draws the strokes anew, after the canvas's size or the theme has changed. */
  redraw(): void {
    const { width, height } = fitCanvas(this.#canvas)
    const context = context2d(this.#canvas)
    context.clearRect(0, 0, width, height)
    context.strokeStyle = themeColor('ink')
    context.lineCap = context.lineJoin = 'round'
    context.lineWidth = (width * STROKE_WIDTH) / SIZE
    drawStrokes(context, this.#strokes, (p) => ({ x: p.x * width, y: p.y * height }))
    if (!this.#pen) return
    const { at, isDown } = this.#pen
    context.strokeStyle = context.fillStyle = themeColor('sand')
    context.lineWidth = 2
    context.beginPath()
    context.arc(at.x * width, at.y * height, 9, 0, 2 * Math.PI)
    context.stroke()
    if (isDown) context.fill()
  }

  #listenToKeys(frame: HTMLElement): void {
    frame.addEventListener('focus', () => {
      // Not where a hand brought the focus: it needs no pen.
      if (frame.matches(':focus-visible')) this.#setPen(this.#lastPen, false)
    })
    frame.addEventListener('blur', () => {
      this.#pen = undefined
      this.redraw()
    })
    frame.addEventListener('keydown', (event) => {
      const step = KEYS[event.key]
      if (!step && event.key !== ' ') return
      event.preventDefault()
      const { at, isDown } = this.#pen ?? { at: this.#lastPen, isDown: false }
      const within = (share: number) => Math.min(0.95, Math.max(0.05, share))
      if (step) this.#setPen({ x: within(at.x + step.x), y: within(at.y + step.y) }, isDown)
      else this.#setPen(at, !isDown)
    })
  }

  #setPen(at: Point, isDown: boolean): void {
    if (isDown && !this.#pen?.isDown) this.#strokes.push([])
    if (isDown) this.#strokes[this.#strokes.length - 1].push(at)
    this.#pen = { at, isDown }
    this.#lastPen = at
    this.redraw()
    if (isDown) this.#onDraw(rasterize(this.#strokes))
  }

  #extend(event: PointerEvent): void {
    const box = this.#canvas.getBoundingClientRect()
    const stroke = this.#strokes[this.#strokes.length - 1]
    // The browser bundles fast movements into one event; the coalesced ones keep curves round.
    const coalesced = event.getCoalescedEvents?.() ?? []
    for (const { clientX, clientY } of coalesced.length > 0 ? coalesced : [event]) {
      stroke.push({ x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height })
    }
    this.redraw()
    this.#onDraw(rasterize(this.#strokes))
  }
}
