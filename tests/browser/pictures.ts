/**
 * Takes the pictures of the page anew: `npm run pictures:page -- [card] [results]`, default both. `card`:
 * what links to the page unfurl to, which the next build ships. `results`: those that README shows, of a run
 * as fast as this machine is now. No test, for it depends on wall time.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { CARD } from '../../src/web/card.ts'
import { closeBrowser, openPage, waitForPhase, waitForText } from './page.ts'

const ROOT = join(import.meta.dirname, '../..')
/** In CSS pixels. Each picture shows so much of the page's height as its main things take. */
const WIDTH = 1280
const HEIGHTS = { 'page-train.png': 1520, 'page-explore.png': 1120 } as const

function dataUrl(page: Page, selector: string): Promise<string> {
  return page.$eval(selector, (canvas) => (canvas as HTMLCanvasElement).toDataURL('image/png'))
}

function cardHtml(mark: string, rows: string): string {
  return `<!doctype html><style>
    body { margin: 0; width: ${CARD.width}px; height: ${CARD.height}px; background: #f6f2ea; color: #24201a;
      display: grid; grid-template-columns: 450px 1fr; align-items: center; gap: 40px; padding: 0 48px 0 64px;
      box-sizing: border-box; font-family: system-ui, sans-serif; font-size: 27px; line-height: 1.4 }
    h1 { font: 600 68px/1 P052, Palatino, Georgia, serif; margin: 0 0 20px }
    svg { width: 84px; height: 104px; margin-bottom: 24px }
    .mark-glass { fill: #fffdf8; stroke: #cfc4b0 } .mark-sand { fill: #b8741a }
    .mark-frame { stroke: #2a2620; stroke-width: 2.4; stroke-linecap: round }
    p { margin: 0 0 16px } .quiet { color: #6d6559; font-size: 22px }
    img { width: 100%; box-sizing: border-box; image-rendering: pixelated; background: #fffdf8; padding: 22px;
      border: 1px solid #e4dccd; border-radius: 20px }
  </style><div>${mark}<h1>Hourglass</h1><p>An autoencoder you can watch: digits through a neck of 8 numbers, and
    back.</p><p class="quiet">It learns in your browser, on all cores. Here, what each of the 8 draws.</p></div>
  <img src="${rows}" alt="">`
}

/** Waits until each of these canvases shows something: pictures come when training leaves the time. */
async function waitForInk(page: Page, selector: string): Promise<void> {
  await page.waitForFunction((canvases) => {
    const isDrawn = (canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [],
      }
      return data.some((value, i) => value !== data[i % 4])
    }
    return Array.from(document.querySelectorAll<HTMLCanvasElement>(canvases)).every(isDrawn)
  }, selector)
}

async function takeCard(): Promise<void> {
  const { page, context, close } = await openPage({ query: 'z=8' })
  try {
    await page.emulateMedia({ colorScheme: 'light' })
    await waitForInk(page, '#unit-rows')
    const [mark, rows] = [
      await page.$eval('.mark', (svg) => svg.outerHTML),
      await dataUrl(page, '#unit-rows'),
    ]
    const card = await context.newPage()
    await card.setViewportSize(CARD)
    await card.setContent(cardHtml(mark, rows))
    writeFileSync(join(ROOT, 'src/web/public', CARD.file), await card.screenshot())
  } finally {
    await close()
  }
}

async function takeResults(): Promise<void> {
  const { page, close } = await openPage({
    query: 'epochs=6',
    viewport: { width: WIDTH, height: HEIGHTS['page-train.png'] },
    webgpu: false,
  })
  const take = async (name: keyof typeof HEIGHTS) => {
    await page.setViewportSize({ width: WIDTH, height: HEIGHTS[name] })
    await page.evaluate(() => scrollTo(0, 0))
    writeFileSync(join(ROOT, 'results', name), await page.screenshot())
  }
  try {
    await page.emulateMedia({ colorScheme: 'light' })
    await page.click('#start')
    await waitForText(page, '#read-epoch', /^3\.[4-9]/)
    await take('page-train.png')
    await waitForPhase(page, 'finished')
    await page.click('#tab-explore')
    await waitForText(page, '#map-detail', /PCA/)
    await waitForInk(page, '#panel-explore canvas')
    await take('page-explore.png')
  } finally {
    await close()
  }
}

const wanted = process.argv.slice(2)
try {
  if (wanted.length === 0 || wanted.includes('card')) await takeCard()
  if (wanted.length === 0 || wanted.includes('results')) await takeResults()
} finally {
  await closeBrowser()
}
