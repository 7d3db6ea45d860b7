/**
 * What each latent unit draws: one row a unit, decoded over the range that the unit takes on test digits
 * while the others stay at their mean; and beside it what the first layer looks for, its weights as pictures.
 */
import type { FloatArray, Network } from '../browser.ts'
import { MNIST_PIXELS, parameterTable } from '../browser.ts'
import { byId, context2d, inSlices, nextTask, setText, themeColor } from './dom.ts'
import type { Picture } from './panel.ts'
import { drawDigit, row, weightBitmap } from './picture.ts'
import type { Codes, Session } from './session.ts'

/** Digits of a row, over the unit's range. */
const STEPS = 11
/** More rows would be a wall: those units are shown whose codes vary most. */
const MOST_UNITS = 16
const CELL = 40
const GAP = 3
/** Room for the unit's number. */
const LABEL = 30
/** First-layer units shown: those with the largest weights. */
const FILTERS = 40
const FILTER_COLUMNS = 10

interface Decoded {
  /** Numbers of the units, from 0. */
  readonly units: readonly number[]
  /** (units, STEPS, pixels) */
  readonly images: FloatArray
}

/** Codes (units · STEPS, z): the mean code with one unit moved over its range. */
export function traversals({ count, z, values }: Codes, units: readonly number[]): Float32Array {
  const mean = new Float64Array(z)
  const low = new Float64Array(z).fill(Number.POSITIVE_INFINITY)
  const high = new Float64Array(z).fill(Number.NEGATIVE_INFINITY)
  for (let i = 0; i < values.length; i++) {
    const unit = i % z
    mean[unit] += values[i] / count
    low[unit] = Math.min(low[unit], values[i])
    high[unit] = Math.max(high[unit], values[i])
  }
  const codes = new Float32Array(units.length * STEPS * z)
  units.forEach((unit, i) => {
    for (let step = 0; step < STEPS; step++) {
      const at = (i * STEPS + step) * z
      codes.set(mean, at)
      codes[at + unit] = low[unit] + ((high[unit] - low[unit]) * step) / (STEPS - 1)
    }
  })
  return codes
}

/** The units to show, in their order: all, or those of the largest variance. */
export function shownUnits({ count, z, values }: Codes, most = MOST_UNITS): number[] {
  const all = Array.from({ length: z }, (_, unit) => unit)
  if (z <= most) return all
  const variances = all.map((unit) => {
    let sum = 0
    let squares = 0
    for (let i = unit; i < values.length; i += z) {
      sum += values[i]
      squares += values[i] ** 2
    }
    return squares / count - (sum / count) ** 2
  })
  return all
    .toSorted((a, b) => variances[b] - variances[a])
    .slice(0, most)
    .toSorted((a, b) => a - b)
}

/** Indices of the first layer's units with the longest weight vectors, longest first. */
function largestFilters(weights: FloatArray, units: number): number[] {
  const lengths = Array.from({ length: units }, (_, unit) => {
    let sum = 0
    for (const weight of row(weights, unit, MNIST_PIXELS)) sum += weight * weight
    return sum
  })
  return Array.from(lengths.keys())
    .sort((a, b) => lengths[b] - lengths[a])
    .slice(0, FILTERS)
}

export class UnitRows {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  /** Draws rows and filters of the model in use. */
  async refresh(): Promise<void> {
    const { model } = this.#session
    if (!model) return
    const decoded = await this.#decode()
    await nextTask()
    await inSlices(this.#drawRows(byId('unit-rows', HTMLCanvasElement), decoded))
    await nextTask()
    await inSlices(drawFilters(byId('filters', HTMLCanvasElement), model.network, model.state.parameters))
    const { z } = this.#session
    const shown = decoded.units.length
    setText(
      byId('unit-rows-of', HTMLSpanElement),
      shown < z ? `the ${shown} of ${z} that vary most` : 'from its lowest value to its highest',
    )
  }

  async picture(): Promise<Picture> {
    const canvas = document.createElement('canvas')
    await inSlices(this.#drawRows(canvas, await this.#decode()))
    return { canvas, title: 'What each latent unit draws', detail: this.#session.describe() }
  }

  async #decode(): Promise<Decoded> {
    const codes = await this.#session.codes()
    const units = shownUnits(codes)
    const images = await this.#session.infer((engine) => engine.decode(traversals(codes, units)))
    return { units, images }
  }

  /** Row by row. */
  *#drawRows(canvas: HTMLCanvasElement, { units, images }: Decoded): Generator<void> {
    canvas.width = LABEL + STEPS * (CELL + GAP) - GAP
    canvas.height = units.length * (CELL + GAP) - GAP
    const context = context2d(canvas)
    context.font = '15px system-ui, sans-serif'
    context.textBaseline = 'middle'
    for (const [i, unit] of units.entries()) {
      const y = i * (CELL + GAP)
      context.fillStyle = themeColor('quiet')
      context.fillText(String(unit + 1), 2, y + CELL / 2)
      for (let step = 0; step < STEPS; step++) {
        const image = row(images, i * STEPS + step, MNIST_PIXELS)
        drawDigit(context, image, LABEL + step * (CELL + GAP), y, CELL)
      }
      yield
    }
  }
}

/** Filter by filter. */
function* drawFilters(canvas: HTMLCanvasElement, network: Network, parameters: FloatArray): Generator<void> {
  const { offset, length, shape } = parameterTable(network)[0]
  const weights = parameters.subarray(offset, offset + length) as FloatArray
  const chosen = largestFilters(weights, shape[0])
  yield
  const rows = Math.ceil(chosen.length / FILTER_COLUMNS)
  canvas.width = FILTER_COLUMNS * (CELL + GAP) - GAP
  canvas.height = rows * (CELL + GAP) - GAP
  const context = context2d(canvas)
  context.imageSmoothingEnabled = false
  const stage = document.createElement('canvas')
  stage.width = stage.height = 28
  for (const [i, unit] of chosen.entries()) {
    context2d(stage).putImageData(weightBitmap(row(weights, unit, MNIST_PIXELS)), 0, 0)
    const x = (i % FILTER_COLUMNS) * (CELL + GAP)
    context.drawImage(stage, x, Math.floor(i / FILTER_COLUMNS) * (CELL + GAP), CELL, CELL)
    yield
  }
}
