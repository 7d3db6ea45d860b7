/** How the page lies on screens of every width, what a reload and Back do, and browsers that keep nothing. */
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { browserTest, closeBrowser, textOf, trainOwn, waitForPhase, waitForText, withPage } from './page.ts'

const test = suite('layout and life of the page')
test.after(closeBrowser)

const WIDTHS = [320, 344, 360, 412, 600, 761, 800, 820, 900, 961, 1024, 1280, 1600]
const PHONE = { viewport: { width: 360, height: 740 }, touch: true }
const PANELS = ['train', 'denoise', 'explore', 'compare', 'data', 'files']

/** In the page: what sticks out to the right, and which texts lie over one another. */
function findFaults(): string[] {
  const faults: string[] = []
  const width = document.documentElement.clientWidth
  if (document.documentElement.scrollWidth > width) {
    faults.push(`scrolls sideways: ${document.documentElement.scrollWidth} of ${width}`)
  }
  const cells = [...document.querySelectorAll<HTMLElement>('dt, dd, figcaption, label, .triptych p, button')]
  const boxes = cells
    // What scrolls by itself may be wider than the window.
    .filter((cell) => cell.offsetParent !== null && cell.textContent?.trim() && !cell.closest('.own-table'))
    .map((cell) => ({ cell, box: textBox(cell) }))
  for (const { cell, box } of boxes) {
    if (box.right > width + 0.5) faults.push(`${cell.textContent?.trim()} ends at ${box.right}`)
  }
  boxes.forEach((a, i) => {
    for (const b of boxes.slice(i + 1)) {
      if (a.cell.contains(b.cell) || b.cell.contains(a.cell)) continue
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left)
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
      if (across > 1 && down > 1) {
        faults.push(`"${a.cell.textContent?.trim()}" lies over "${b.cell.textContent?.trim()}"`)
      }
    }
  })
  return faults

  /** Where the text is, which may be more than its element's box. */
  function textBox(cell: HTMLElement): DOMRect {
    const range = document.createRange()
    range.selectNodeContents(cell)
    return range.getBoundingClientRect()
  }
}

browserTest(test, 'nothing overlaps or sticks out at any width, with readings as wide as they get', () =>
  withPage({ query: 'z=8' }, async ({ page }) => {
    // Readings of a long run on a fast machine.
    const fill = (texts: Record<string, string>) => {
      for (const [id, text] of Object.entries(texts)) {
        const element = document.getElementById(id)
        if (element) element.textContent = text
      }
    }
    await trainOwn(page)
    for (const panel of PANELS) {
      await page.click(`#tab-${panel}`)
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 })
        await page.waitForTimeout(30)
        await page.evaluate(fill, {
          'read-epoch': '999.9 / 1000',
          'read-speed': '123,456',
          'read-train': '0.01234',
          'read-test': '0.01234',
          'denoised-caption': 'MSE 0.0123\nPSNR 19.1 dB',
        })
        assert.equal(await page.evaluate(findFaults), [], `${panel} at ${width} px`)
      }
    }
  }),
)

browserTest(test, 'with letters twice as large nothing sticks out on a phone', () =>
  withPage({ ...PHONE, query: 'z=8' }, async ({ page }) => {
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '200%'
    })
    for (const panel of PANELS) {
      await page.click(`#tab-${panel}`)
      for (const width of [360, 320]) {
        await page.setViewportSize({ width, height: 740 })
        await page.waitForTimeout(30)
        const widths = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement
          return { scrollWidth, clientWidth }
        })
        assert.is(widths.scrollWidth, widths.clientWidth, `${panel} at ${width} px`)
      }
    }
  }),
)

browserTest(test, 'the bar of tabs does not scroll up and down', () =>
  withPage({ ...PHONE, query: 'z=8' }, async ({ page }) => {
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 740 })
      await page.waitForTimeout(30)
      const over = await page.$eval('.tabs', (bar) => bar.scrollHeight - bar.clientHeight)
      assert.is(over, 0, `${width} px`)
    }
  }),
)

browserTest(test, 'on a phone Start is in the first screen, and a swipe scrolls past the map', () =>
  withPage({ ...PHONE, query: 'z=8' }, async ({ page }) => {
    const box = await page.locator('#start').boundingBox()
    assert.ok(box && box.y + box.height <= 740, `Start ends at ${box && box.y + box.height}`)
    await page.click('#tab-explore')
    const touch = await page.$eval('#map', (map) => getComputedStyle(map).touchAction)
    assert.is(touch, 'pan-y')
  }),
)

browserTest(test, 'the pad stays where it is, whatever is said above it', () =>
  withPage({ ...PHONE, query: 'panel=denoise' }, async ({ page }) => {
    await waitForText(page, '#denoise-verdict', /nearer/)
    for (const width of [360, 412, 600, 768, 900]) {
      await page.setViewportSize({ width, height: 740 })
      const tops = await page.evaluate(() => {
        const texts = [
          'No noise: what is lost here is what does not fit through the neck.',
          'The reconstruction is 10.8 dB further from the original than the noisy image. A model trained ' +
            'with noise on its inputs does better: set σ in the Train panel.',
        ]
        return texts.map((text) => {
          const verdict = document.getElementById('denoise-verdict')
          if (verdict) verdict.textContent = text
          return document.getElementById('pad')?.getBoundingClientRect().top ?? Number.NaN
        })
      })
      // A letter of another font may make a line a fraction higher.
      assert.ok(Math.abs(tops[0] - tops[1]) < 1, `${width} px: ${tops}`)
    }
  }),
)

interface LayoutShift extends PerformanceEntry {
  readonly value: number
  readonly hadRecentInput: boolean
  readonly sources: readonly { readonly node?: Node | null }[]
}

/** In the page, before its scripts: keeps what moved though nobody touched anything, by how much. */
function watchShifts(): void {
  const shifts: { readonly value: number; readonly what: string }[] = []
  Object.assign(globalThis, { shifts })
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as LayoutShift[]) {
      const names = sources.map(({ node }) => (node instanceof Element ? node.id || node.className : 'text'))
      if (!hadRecentInput) shifts.push({ value, what: names.join(', ') })
    }
  }).observe({ type: 'layout-shift', buffered: true })
}

/** Half of what is called good (https://web.dev/articles/cls). */
const MOST_SHIFT = 0.05

async function assertStill(page: Page, name: string): Promise<void> {
  const shifts = await page.evaluate(
    () => (globalThis as unknown as { shifts: { value: number; what: string }[] }).shifts,
  )
  const sum = shifts.reduce((all, { value }) => all + value, 0)
  const told = shifts.map(({ value, what }) => `${value.toFixed(3)} ${what}`)
  assert.ok(sum <= MOST_SHIFT, `${name}: what is read moves by ${sum.toFixed(3)}: ${told.join('; ')}`)
}

browserTest(test, 'nothing moves under the reader while a panel loads on a phone', async () => {
  for (const panel of PANELS) {
    // Without the headers a notice comes up as well.
    const options = { ...PHONE, query: `panel=${panel}`, headers: false, initScript: watchShifts }
    await withPage(options, async ({ page }) => {
      await page.waitForSelector('.notice')
      await assertStill(page, panel)
    })
  }
})

browserTest(test, 'nor while a run begins, goes on and ends', () =>
  withPage(
    { ...PHONE, query: 'limit=4000&epochs=3&z=4&threads=1', initScript: watchShifts },
    async ({ page }) => {
      await train(page)
      await assertStill(page, 'a run')
    },
  ),
)

browserTest(test, 'a panel begins at its top', () =>
  withPage({ ...PHONE, query: 'z=8' }, async ({ page }) => {
    await page.evaluate(() => scrollTo(0, 1500))
    await page.click('#tab-files')
    const top = await page.$eval('#panel-files', (panel) => panel.getBoundingClientRect().top)
    assert.ok(top > 0 && top < 300, `its top is at ${top}`)
  }),
)

/** In the page, before its scripts: site data are blocked. */
function blockSiteData(): void {
  const refuse = () => {
    throw new DOMException('blocked', 'SecurityError')
  }
  for (const name of ['sessionStorage', 'localStorage', 'indexedDB', 'caches']) {
    Object.defineProperty(globalThis, name, { get: refuse })
  }
}

browserTest(test, 'with site data blocked and no headers the page trains all the same', () =>
  withPage(
    {
      query: 'limit=512&epochs=1&z=3&threads=1',
      headers: false,
      serviceWorker: true,
      initScript: blockSiteData,
    },
    async ({ page }) => {
      await page.click('#start')
      await waitForPhase(page, 'finished')
    },
  ),
)

async function train(page: Page): Promise<string> {
  await page.click('#start')
  await waitForPhase(page, 'finished')
  return waitForText(page, '#fact-sha', /^[0-9a-f]{64}$/)
}

browserTest(test, 'a run that a reload stops is kept, and goes on to the same bits', () =>
  withPage({ query: 'limit=2000&epochs=2&z=4&seed=5&threads=1' }, async ({ page }) => {
    const whole = await train(page)
    await page.click('#reset')
    await page.click('#step')
    await waitForPhase(page, 'paused')
    await page.waitForFunction(async () => {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const opening = indexedDB.open('hourglass', 1)
      opening.onsuccess = () => {
        const kept = opening.result.transaction('runs').objectStore('runs').get('last')
        kept.onsuccess = () => {
          resolve(kept.result?.epoch)
          opening.result.close()
        }
      }
      return (await promise) === 1
    })
    await page.reload()
    await page.click('#notices button:has-text("Open it")')
    await waitForPhase(page, 'paused')
    assert.is(await textOf(page, '#start'), 'Go on')
    assert.is(await textOf(page, '#read-epoch'), '1.0 / 2')
    assert.is(await train(page), whole)
  }),
)

browserTest(test, 'Back returns to the panel before', () =>
  withPage({ query: 'z=8' }, async ({ page }) => {
    await page.click('#tab-denoise')
    await page.click('#tab-explore')
    await page.goBack()
    assert.ok(await page.isVisible('#panel-denoise'))
    await page.goBack()
    assert.ok(await page.isVisible('#panel-train'))
  }),
)

browserTest(test, 'settings changed in a pause are said to wait, and the link is of the run', () =>
  withPage({ query: 'limit=2000&epochs=2&z=4&seed=5&threads=1' }, async ({ page }) => {
    await page.click('#step')
    await waitForPhase(page, 'paused')
    await page.fill('input[name=seed]', '9')
    await page.press('input[name=seed]', 'Tab')
    const pending = await waitForText(page, '#settings-pending', /Seed/)
    assert.is(pending, "Seed is not this run's. Go on keeps the run's own; Reset begins one with yours.")
    await page.waitForTimeout(300)
    assert.is(await textOf(page, '#settings-pending'), pending)
    assert.is(new URL(page.url()).searchParams.get('seed'), '5')
    await page.click('#reset')
    await waitForPhase(page, 'ready')
    assert.is(await textOf(page, '#settings-pending'), '')
  }),
)

browserTest(test, 'after the last epoch more epochs go on, and threads are nobody’s but the visitor’s', () =>
  withPage({ query: 'limit=2000&epochs=1&z=4&seed=5&threads=1' }, async ({ page }) => {
    await train(page)
    await page.fill('input[name=epochs]', '2')
    await page.press('input[name=epochs]', 'Tab')
    await waitForText(page, '#start', /^Go on$/)
    await page.click('#start')
    await waitForText(page, '#read-epoch', /^2\.0 \/ 2$/)
    await waitForPhase(page, 'finished')
    const kept = new URL(page.url()).searchParams
    assert.is(kept.get('threads'), '1', 'it was in the address')
    const copied = await page.evaluate(async () => {
      let link = ''
      Object.defineProperty(navigator, 'clipboard', {
        value: {
          writeText: async (text: string) => {
            link = text
          },
        },
      })
      document.getElementById('copy-link')?.click()
      return link
    })
    assert.not(new URL(copied).searchParams.has('threads'))
    assert.is(new URL(copied).searchParams.get('epochs'), '2')
  }),
)

browserTest(test, 'on a phone the tour leaves in sight what it speaks of', () =>
  withPage({ ...PHONE, query: 'z=8' }, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.click('#tour-start')
    for (let stop = 1; stop <= 5; stop++) {
      await page.waitForTimeout(300)
      const seen = await page.evaluate(() => {
        const bottom = (selector: string) => document.querySelector(selector)?.getBoundingClientRect().bottom
        const top = (selector: string) => document.querySelector(selector)?.getBoundingClientRect().top
        const from = Math.max(top('.pointed') ?? Number.NaN, bottom('.tabs') ?? Number.NaN)
        return Math.min(bottom('.pointed') ?? Number.NaN, top('#tour') ?? Number.NaN) - from
      })
      assert.ok(seen > 200, `stop ${stop}: ${seen} px of it are seen`)
      await page.click('#tour-next')
    }
  }),
)

browserTest(test, 'the tour walks through the panels and back to its button', () =>
  withPage({ query: 'z=5' }, async ({ page }) => {
    await page.click('#reset')
    await waitForText(page, '#tagline-z', /^5$/)
    await page.click('#tour-start')
    assert.match(await textOf(page, '#tour-text'), / through a neck of 5 numbers /)
    const seen: string[] = []
    for (let stop = 0; stop < 5; stop++) {
      seen.push((await page.$eval('[role=tab][aria-selected=true]', (tab) => tab.id)).slice(4))
      assert.is(await page.locator('.pointed:visible').count(), 1, `stop ${stop + 1}`)
      await page.click('#tour-next')
    }
    assert.equal(seen, ['train', 'train', 'denoise', 'explore', 'train'])
    assert.not(await page.isVisible('#tour'))
    assert.is(await page.evaluate(() => document.activeElement?.id), 'tour-start')
  }),
)

test.run()
