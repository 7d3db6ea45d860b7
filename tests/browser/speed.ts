/**
 * How fast the page trains beside Node, and how long its longest task holds the page's own thread, with each
 * panel open: `npm run test:page-speed -- [rounds] [panels]`. For a quiet machine; no test, for it depends on
 * wall time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { runScript } from '../support/command.ts'
import { closeBrowser, download, openPage, trainOwn, waitForPhase } from './page.ts'

const PANELS = ['train', 'denoise', 'explore', 'compare', 'data', 'files']
const EPOCHS = 4
const THREADS = 2
/** The first epoch is of code that V8 still optimizes. */
const WARM_UP = 1

interface LongTask {
  readonly duration: number
  /** Functions that took the time, as far as the browser tells them. */
  readonly scripts: string
}

interface Watched {
  tasks: number[]
  frames: LongTask[]
}

/** In the page: keeps all tasks of more than 50 ms from now on, and the scripts of slow frames. */
function watch(): void {
  const watched: Watched = { tasks: [], frames: [] }
  Object.assign(globalThis, { watched })
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watched.tasks.push(duration)
  }).observe({ type: 'longtask' })
  interface ScriptTiming {
    readonly duration: number
    readonly invoker: string
    readonly sourceFunctionName: string
  }
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { scripts } = entry as unknown as { scripts: readonly ScriptTiming[] }
      const told = scripts.map(
        ({ duration, invoker, sourceFunctionName }) =>
          `${sourceFunctionName || invoker} ${duration.toFixed(0)}`,
      )
      watched.frames.push({ duration: entry.duration, scripts: told.join(', ') })
    }
  }).observe({ type: 'long-animation-frame' })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

async function speedOfNode(root: string): Promise<number> {
  const flags = ['-z', '8', '-e', String(EPOCHS), '--simd', '128', '--threads', String(THREADS), '--json']
  const { stdout } = await runScript('train', flags, root)
  const records = stdout.trimEnd().split('\n')
  const speeds = records
    .map((line) => JSON.parse(line) as { imagesPerSecond?: number })
    .flatMap(({ imagesPerSecond }) => imagesPerSecond ?? [])
  return median(speeds.slice(WARM_UP))
}

async function speedOfPage(page: Page): Promise<number> {
  const { bytes } = await download(page, '[data-download=csv]')
  const [, ...lines] = Buffer.from(bytes).toString().trimEnd().split('\n')
  return median(lines.slice(WARM_UP).map((line) => Number(line.split(',').at(-1))))
}

async function trainWith(panel: string): Promise<Watched & { readonly speed: number }> {
  const { page, close } = await openPage({ query: `epochs=${EPOCHS}&threads=${THREADS}&device=wasm` })
  try {
    if (panel === 'data') await trainOwn(page)
    await page.click('#tab-train')
    await page.click('#start')
    await waitForPhase(page, 'running')
    await page.click(`#tab-${panel}`)
    await page.evaluate(watch)
    await waitForPhase(page, 'finished')
    const { tasks, frames } = await page.evaluate(
      () => (globalThis as unknown as { watched: Watched }).watched,
    )
    await page.click('#tab-files')
    return { tasks, frames, speed: await speedOfPage(page) }
  } finally {
    await close()
  }
}

const rounds = Number(process.argv[2] ?? 3)
const panels = process.argv[3]?.split(',') ?? PANELS
const root = mkdtempSync(join(tmpdir(), 'hourglass-page-speed-'))
try {
  for (const panel of panels) {
    const ratios: number[] = []
    const speeds: string[] = []
    const tasks: number[] = []
    const frames: LongTask[] = []
    for (let round = 0; round < rounds; round++) {
      const node = await speedOfNode(root)
      const found = await trainWith(panel)
      ratios.push(found.speed / node)
      speeds.push(`${Math.round(found.speed)}/${Math.round(node)}`)
      tasks.push(...found.tasks)
      frames.push(...found.frames)
    }
    const longest =
      tasks.length === 0 ? 'none above 50 ms' : `${Math.max(...tasks).toFixed(0)} ms of ${tasks.length}`
    console.log(
      `${panel}: ${median(ratios).toFixed(3)} of Node (${speeds.join(', ')}); long tasks: ${longest}`,
    )
    for (const { duration, scripts } of frames.toSorted((a, b) => b.duration - a.duration).slice(0, 4)) {
      console.log(`  frame of ${duration.toFixed(0)} ms: ${scripts}`)
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true })
  await closeBrowser()
}
