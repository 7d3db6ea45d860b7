/** The page's emblem: the network's layers as an hourglass whose sand is the epoch's progress. */

import { prefersReducedMotion } from './dom.ts'

const NAMESPACE = 'http://www.w3.org/2000/svg'
/** In units of the drawing: where rim, neck and foot lie, and how wide a layer of the input's size is. */
const RIM = 14
const NECK = 116
const FOOT = 218
const CENTRE = 92
const WIDEST = 164
const NARROWEST = 7
/** How far the stream of sand falls between two readings. */
const FALL = 2.2

function svg(tag: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(NAMESPACE, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return made
}

/** Half width of a layer. By the root of its size, for 8 units beside 784 would not be seen. */
function halfWidth(units: number, widest: number): number {
  return Math.max(NARROWEST, WIDEST * Math.sqrt(units / widest)) / 2
}

/** Heights of the layers: those before the neck evenly above it, the others evenly below. */
function layerHeights(layers: number, neck: number): number[] {
  return Array.from({ length: layers }, (_, layer) =>
    layer <= neck
      ? RIM + ((NECK - RIM) * layer) / Math.max(1, neck)
      : NECK + ((FOOT - NECK) * (layer - neck)) / (layers - 1 - neck),
  )
}

/**
 * The glass's outline: walls through the ends of the layers. Upright at rim, neck and foot; at the hidden
 * layers as steep as the line between their neighbours, so that the wall has no corner there.
 */
function outline(halves: readonly number[], heights: readonly number[], neck: number): string {
  const last = halves.length - 1
  const slope = (layer: number) =>
    layer === 0 || layer === neck || layer === last
      ? 0
      : (halves[layer + 1] - halves[layer - 1]) / (heights[layer + 1] - heights[layer - 1])
  const wall = (side: 1 | -1, order: readonly number[]) =>
    order
      .slice(1)
      .map((to, i) => {
        const from = order[i]
        // A cubic Bézier curve with given slopes at its ends has its handles at a third of the way.
        const third = (heights[to] - heights[from]) / 3
        const point = (layer: number, along: number) =>
          `${CENTRE + side * (halves[layer] + slope(layer) * along)} ${heights[layer] + along}`
        return `C${point(from, third)} ${point(to, -third)} ${point(to, 0)}`
      })
      .join('')
  const [top, bottom] = [halves[0], halves[last]]
  const downwards = Array.from(halves.keys())
  const right = wall(1, downwards)
  const left = wall(-1, downwards.toReversed())
  return `M${CENTRE - top} ${RIM}H${CENTRE + top}${right}H${CENTRE - bottom}${left}Z`
}

export class Hourglass {
  #moves = 0
  readonly #svg: SVGSVGElement
  readonly #upper = svg('rect', { class: 'glass-sand', x: 0, width: 184 })
  readonly #stream = svg('line', {
    class: 'glass-stream',
    x1: CENTRE,
    x2: CENTRE,
    y1: NECK,
    y2: FOOT,
  })
  readonly #lower = svg('rect', { class: 'glass-sand', x: 0, width: 184 })

  constructor(element: SVGSVGElement) {
    this.#svg = element
  }

  /** Draws the glass for layers of these sizes, input first; `neck` is the place of the codes among them. */
  drawNetwork(sizes: readonly number[], neck: number): void {
    const widest = Math.max(...sizes)
    const halves = sizes.map((units) => halfWidth(units, widest))
    const heights = layerHeights(sizes.length, neck)
    const path = outline(halves, heights, neck)
    const clip = svg('clipPath', { id: 'glass-clip' })
    clip.append(svg('path', { d: path }))
    const sand = svg('g', { 'clip-path': 'url(#glass-clip)' })
    sand.append(this.#upper, this.#lower, this.#stream)
    const layers = sizes.flatMap((units, i) => {
      const bar = { x1: CENTRE - halves[i], x2: CENTRE + halves[i], y1: heights[i], y2: heights[i] }
      const label = svg('text', { x: 184, y: heights[i] + 4 })
      label.textContent = i === neck ? `z ${units}` : String(units)
      return [svg('line', { class: 'glass-layer', ...bar }), label]
    })
    const title = this.#svg.querySelector('title')
    if (title) title.textContent = `${sizes.join(', ')} units`
    this.#svg.replaceChildren(
      ...(title ? [title] : []),
      clip,
      sand,
      svg('path', { class: 'glass-line', d: path }),
      ...layers,
    )
    this.setSand(0)
  }

  /** Moves the share `done`, 0 … 1, of the sand to the lower half. */
  setSand(done: number): void {
    const chamber = (NECK - RIM) * 0.82
    const share = Math.min(1, Math.max(0, done))
    // A cone's volume goes with the cube of its height; the square reads better in a flat drawing.
    const upper = chamber * Math.sqrt(1 - share)
    const lower = chamber * (1 - Math.sqrt(1 - share))
    this.#upper.setAttribute('y', String(NECK - upper))
    this.#upper.setAttribute('height', String(upper))
    this.#lower.setAttribute('y', String(FOOT - lower))
    this.#lower.setAttribute('height', String(lower))
    // Moved with the readings rather than by a CSS animation, which would repaint the page 60 times a second.
    if (!prefersReducedMotion()) this.#stream.setAttribute('stroke-dashoffset', String(-FALL * ++this.#moves))
  }

  /** Shows the sand running, or not. */
  setRunning(isRunning: boolean): void {
    this.#svg.classList.toggle('running', isRunning)
  }
}
