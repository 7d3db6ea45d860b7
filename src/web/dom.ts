/** Small helpers around the DOM; the page uses no framework. */

/** The element with this id, checked to be of the class given. A missing one is a defect of the page. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`internal: the page has no ${type.name} with id ${id}`)
  return found
}

/** A new element with properties and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  children: (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** Sets an element's text where it is another: what reads the page aloud repeats every change. */
export function setText(of: Element, text: string): void {
  if (of.textContent !== text) of.textContent = text
}

/** A canvas's 2-D context; every browser that runs WebAssembly SIMD has one. */
export function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d')
  if (!context) throw new Error('internal: this browser gives no 2-D canvas context')
  return context
}

/**
 * The value of one of the page's CSS custom properties, so that canvases follow the light and dark themes.
 */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** Calls back whenever light changes to dark or back. */
export function onThemeChange(callback: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', callback)
}

export function prefersReducedMotion(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * Sizes a canvas's bitmap to a box in CSS pixels (default: its own on the page) and scales its context, so
 * that drawing code speaks CSS pixels and lines stay sharp. Returns the box.
 */
export function fitCanvas(canvas: HTMLCanvasElement, size?: Size): Size {
  const { width, height } = size ?? { width: canvas.clientWidth, height: canvas.clientHeight }
  const ratio = Math.min(devicePixelRatio || 1, 3)
  const pixelWidth = Math.max(1, Math.round(width * ratio))
  const pixelHeight = Math.max(1, Math.round(height * ratio))
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth
    canvas.height = pixelHeight
  }
  context2d(canvas).setTransform(ratio, 0, 0, ratio, 0, 0)
  return { width, height }
}

/**
 * Runs one asynchronous task at a time and, of those asked for meanwhile, only the newest: what a slider
 * needs, whose every intermediate value would otherwise queue up.
 */
export class LatestOnly {
  #running = false
  #next: (() => Promise<void>) | undefined

  run(task: () => Promise<void>): void {
    this.#next = task
    if (!this.#running) void this.#drain()
  }

  async #drain(): Promise<void> {
    this.#running = true
    try {
      while (this.#next) {
        const task = this.#next
        this.#next = undefined
        await task()
      }
    } finally {
      this.#running = false
    }
  }
}

/**
 * Lets the page handle what waits. Settled promises run on in one task: without this, steps that are each
 * short would freeze the page as one.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** Tasks of the page's own are to be this short: beside threads that train, half of the time is not ours. */
const SLICE_MS = 8

/** Does the steps one after the other, in tasks that are each short. */
export async function inSlices(steps: Iterable<unknown>): Promise<void> {
  let begunMs = performance.now()
  for (const _ of steps) {
    if (performance.now() - begunMs < SLICE_MS) continue
    await nextTask()
    begunMs = performance.now()
  }
}
