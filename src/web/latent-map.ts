/**
 * The map of the latent space: at z = 2 the space itself, filled with decoded digits; for larger z the plane
 * of the codes' two principal components. Test digits lie on it as dots, a cross marks the code in hand.
 */
import type { FloatArray } from '../browser.ts'
import { MNIST_PIXELS } from '../browser.ts'
import { CLASS_COLOURS } from '../figures/class-colours.ts'
import { context2d, fitCanvas, inSlices, nextTask, type Size, themeColor } from './dom.ts'
import { drawDigit, row } from './picture.ts'
import { alignAxes, lift, type Plane, principalPlane, project } from './projection.ts'
import type { Codes } from './session.ts'

/** Decoded digits along each side of the full map. */
export const MAP_CELLS = 20

/** Side of the inset as a fraction of the map's width, and its distance from the edge in CSS pixels. */
const INSET = 0.26
const INSET_MARGIN = 8

/** Dots that are drawn before the clock is looked at. */
const DOTS_AT_ONCE = 100

/** Side of the digit under the pointer. */
const HOVER = 0.16

type Point = readonly [number, number]

interface Range {
  readonly low: number
  readonly high: number
}

/** Low and high of values with a little room around, but not below `floor`. */
function roomyRange(values: readonly number[], floor: number): Range {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const room = 0.04 * (high - low) || 1
  return { low: Math.max(low - room, Math.min(low, floor)), high: high + room }
}

function keyOf({ width, height }: HTMLCanvasElement): string {
  return `${width} ${height} ${themeColor('paper')}`
}

function planeLike(plane: Plane, before: Plane | undefined): Plane {
  return before ? { ...plane, axes: alignAxes(plane.axes, before.axes) } : plane
}

export class LatentMap {
  readonly #codes: Codes
  /** Undefined at z = 2, where the map's axes are the latent units themselves. */
  readonly #plane: Plane | undefined
  readonly #points: readonly Point[]
  /** Where the dots were before the weights changed, as fractions. */
  readonly #trails: readonly Point[] | undefined
  #cells: FloatArray | undefined
  #kept: { readonly key: string; readonly picture: HTMLCanvasElement } | undefined
  readonly #x: Range
  readonly #y: Range

  private constructor(codes: Codes, before?: LatentMap) {
    const { count, z, values } = codes
    this.#codes = codes
    const planeBefore = before ? before.#plane : undefined
    this.#plane = z === 2 ? undefined : planeLike(principalPlane(values, z), planeBefore)
    this.#points = Array.from({ length: count }, (_, i) => this.locate(row(values, i, z)))
    // Below 0 there is nothing where the units are ReLUs.
    const floor = !this.#plane && values.every((value) => value >= 0) ? 0 : Number.NEGATIVE_INFINITY
    const range = (axis: 0 | 1) =>
      roomyRange(
        this.#points.map((point) => point[axis]),
        floor,
      )
    this.#x = range(0)
    this.#y = range(1)
    if (before && before.#points.length === count) {
      this.#trails = before.#points.map((point) => before.fractions(point))
    }
  }

  /**
   * The map of these codes; its plane and its points are found in a task each.
   *
   * @param before the map of the same model's earlier weights: axes stay as near to its as they can
   */
  static async of(codes: Codes, before?: LatentMap): Promise<LatentMap> {
    if (codes.z !== 2) principalPlane(codes.values, codes.z)
    await nextTask()
    return new LatentMap(codes, before)
  }

  /** Share of the codes' variance that the map shows, 0 … 1. */
  get explained(): number {
    return this.#plane?.explained ?? 1
  }

  /** Places of the first dots, as fractions of the map's width and height. */
  places(count: number): Point[] {
    return this.#points.slice(0, count).map((point) => this.fractions(point))
  }

  /** Where a code lies on the map, in the map's own units. */
  locate(code: FloatArray): Point {
    return this.#plane ? project(this.#plane, code) : [code[0], code[1]]
  }

  /** The code of a place given as fractions of the map's width and height, from the top left. */
  codeAt(fractionX: number, fractionY: number): Float32Array {
    const x = this.#x.low + fractionX * (this.#x.high - this.#x.low)
    const y = this.#y.high - fractionY * (this.#y.high - this.#y.low)
    return this.#plane ? lift(this.#plane, [x, y]) : Float32Array.of(x, y)
  }

  /** Index of the test digit within `distance` (a fraction of the map's size) of a place, if there is one. */
  digitNear(fractionX: number, fractionY: number, distance: number): number | undefined {
    let nearest: number | undefined
    let best = distance
    this.#points.forEach((point, i) => {
      const [x, y] = this.fractions(point)
      const apart = Math.hypot(x - fractionX, y - fractionY)
      if (apart < best) {
        best = apart
        nearest = i
      }
    })
    return nearest
  }

  /** A point of the map as fractions of its width and height, from the top left. */
  fractions([x, y]: Point): Point {
    return [
      (x - this.#x.low) / (this.#x.high - this.#x.low),
      (this.#y.high - y) / (this.#y.high - this.#y.low),
    ]
  }

  /** Codes of the cells of the full map, (MAP_CELLS², z), row by row from the top left. */
  cellCodes(): Float32Array {
    const cells = MAP_CELLS * MAP_CELLS
    const codes = new Float32Array(cells * this.#codes.z)
    for (let cell = 0; cell < cells; cell++) {
      const x = ((cell % MAP_CELLS) + 0.5) / MAP_CELLS
      const y = (Math.floor(cell / MAP_CELLS) + 0.5) / MAP_CELLS
      codes.set(this.codeAt(x, y), cell * this.#codes.z)
    }
    return codes
  }

  /** Fills the map with the decoded digits of `cellCodes`, (MAP_CELLS², pixels). */
  fill(cells: FloatArray): void {
    this.#cells = cells
  }

  /**
   * Draws everything, with the mark at a code. `size`: in CSS pixels; default: the canvas's own on the page.
   */
  draw(canvas: HTMLCanvasElement, marked: FloatArray, size?: Size): void {
    const { width, height } = fitCanvas(canvas, size)
    const context = context2d(canvas)
    context.imageSmoothingEnabled = false
    context.drawImage(this.#background(canvas, { width, height }), 0, 0, width, height)
    this.#drawMark(context, marked, { width, height })
  }

  /** Does what takes long of drawing on this canvas, in short tasks: `draw` then has little to do. */
  async prepare(canvas: HTMLCanvasElement): Promise<void> {
    const size = fitCanvas(canvas)
    const key = keyOf(canvas)
    if (this.#kept?.key === key) return
    const picture = document.createElement('canvas')
    await inSlices(this.#drawBackground(picture, size))
    this.#kept = { key, picture }
  }

  /** Cells and dots, which stay the same while the mark moves: drawn once for each size and theme. */
  #background(canvas: HTMLCanvasElement, size: Size): HTMLCanvasElement {
    const key = keyOf(canvas)
    if (this.#kept?.key !== key) {
      const picture = document.createElement('canvas')
      for (const _ of this.#drawBackground(picture, size));
      this.#kept = { key, picture }
    }
    return this.#kept.picture
  }

  /** Step by step. */
  *#drawBackground(canvas: HTMLCanvasElement, size: Size): Generator<void> {
    const { width, height } = fitCanvas(canvas, size)
    const context = context2d(canvas)
    context.fillStyle = themeColor('paper')
    context.fillRect(0, 0, width, height)
    const cells = this.#cells
    if (cells) {
      const cell = width / MAP_CELLS
      for (let i = 0; i < MAP_CELLS * MAP_CELLS; i++) {
        const x = (i % MAP_CELLS) * cell
        drawDigit(context, row(cells, i, MNIST_PIXELS), x, Math.floor(i / MAP_CELLS) * cell, cell)
        yield
      }
    }
    context.globalAlpha = 0.25
    context.lineWidth = 1
    yield* this.#drawTrails(context, size)
    context.globalAlpha = cells ? 0.9 : 0.75
    const radius = Math.max(2, width / (cells ? 260 : 190))
    for (const [i, point] of this.#points.entries()) {
      const [x, y] = this.fractions(point)
      context.fillStyle = CLASS_COLOURS[this.#codes.labels[i]]
      context.beginPath()
      context.arc(x * width, y * height, radius, 0, 2 * Math.PI)
      context.fill()
      if (i % DOTS_AT_ONCE === 0) yield
    }
  }

  /** How the dots have moved since the frame before. */
  *#drawTrails(context: CanvasRenderingContext2D, { width, height }: Size): Generator<void> {
    for (const [i, [fromX, fromY]] of (this.#trails ?? []).entries()) {
      const [x, y] = this.fractions(this.#points[i])
      context.strokeStyle = CLASS_COLOURS[this.#codes.labels[i]]
      context.beginPath()
      context.moveTo(fromX * width, fromY * height)
      context.lineTo(x * width, y * height)
      context.stroke()
      if (i % DOTS_AT_ONCE === 0) yield
    }
  }

  /** Shows a decoded digit beside a place of the map, which is given as fractions. */
  drawBeside(canvas: HTMLCanvasElement, digit: FloatArray, [x, y]: Point): void {
    const context = context2d(canvas)
    const { clientWidth: width, clientHeight: height } = canvas
    const size = HOVER * width
    const left = x < 0.7 ? x * width + INSET_MARGIN : x * width - size - INSET_MARGIN
    const top = Math.min(height - size - 1, Math.max(1, y * height - size / 2))
    drawDigit(context, digit, left, top, size)
    context.strokeStyle = themeColor('line-strong')
    context.lineWidth = 1
    context.strokeRect(left, top, size, size)
  }

  /**
   * Shows a decoded digit in the corner away from the mark, for layouts where its own place is out of sight.
   */
  drawInset(canvas: HTMLCanvasElement, digit: FloatArray, marked: FloatArray): void {
    const context = context2d(canvas)
    const { clientWidth: width, clientHeight: height } = canvas
    const size = INSET * width
    const [x, y] = this.fractions(this.locate(marked))
    const left = x < 0.5 ? width - size - INSET_MARGIN : INSET_MARGIN
    const top = y < 0.5 ? height - size - INSET_MARGIN : INSET_MARGIN
    drawDigit(context, digit, left, top, size)
    context.strokeStyle = themeColor('line-strong')
    context.lineWidth = 1
    context.strokeRect(left, top, size, size)
  }

  #drawMark(context: CanvasRenderingContext2D, code: FloatArray, { width, height }: Size): void {
    const [fractionX, fractionY] = this.fractions(this.locate(code))
    const x = fractionX * width
    const y = fractionY * height
    for (const [color, lineWidth] of [
      [themeColor('paper'), 5],
      [themeColor('ink'), 2],
    ] as const) {
      context.strokeStyle = color
      context.lineWidth = lineWidth
      context.beginPath()
      context.arc(x, y, 9, 0, 2 * Math.PI)
      context.moveTo(x - 15, y)
      context.lineTo(x - 5, y)
      context.moveTo(x + 5, y)
      context.lineTo(x + 15, y)
      context.moveTo(x, y - 15)
      context.lineTo(x, y - 5)
      context.moveTo(x, y + 5)
      context.lineTo(x, y + 15)
      context.stroke()
    }
  }
}
