/** The panels that look through a model: denoising, the latent space, and the tabs between them. */
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  browserTest,
  canvasHash,
  closeBrowser,
  textOf,
  trainOwn,
  waitForOtherPicture,
  waitForPhase,
  waitForText,
  withPage,
} from './page.ts'

const test = suite('panels in a browser')
test.after(closeBrowser)

/** Sets a range or number field as a user's hand does, events included. */
function setValue(page: Page, selector: string, value: string): Promise<void> {
  return page.$eval(
    selector,
    (input, text) => {
      if (!(input instanceof HTMLInputElement)) throw new Error('no input')
      input.value = text
      input.dispatchEvent(new Event('input', { bubbles: true }))
      input.dispatchEvent(new Event('change', { bubbles: true }))
    },
    value,
  )
}

function mseOf(caption: string): number {
  return Number(/MSE ([\d.]+)/.exec(caption)?.[1])
}

/** Draws a stroke through points given as fractions of the pad. */
async function drawStroke(page: Page, points: readonly (readonly [number, number])[]): Promise<void> {
  const pad = page.locator('#pad')
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  assert.ok(box)
  const places = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const)
  await page.mouse.move(...places[0])
  await page.mouse.down()
  for (const place of places.slice(1)) await page.mouse.move(...place, { steps: 6 })
  await page.mouse.up()
}

browserTest(test, 'a digit drawn on the pad is reconstructed', () =>
  withPage({ query: 'panel=denoise' }, async ({ page }) => {
    await waitForText(page, '#denoised-caption', /MSE/)
    assert.is(await textOf(page, '#original-caption'), 'test image 0')
    const [original, denoised] = [
      await canvasHash(page, '#view-original'),
      await canvasHash(page, '#view-denoised'),
    ]
    await setValue(page, '#noise', '0')
    await drawStroke(page, [
      [0.5, 0.15],
      [0.52, 0.85],
    ])
    await waitForOtherPicture(page, '#view-original', original)
    await waitForOtherPicture(page, '#view-denoised', denoised)
    assert.is(await textOf(page, '#original-caption'), 'drawn by you')
    // A one is the easiest of all digits: a reconstruction far off would not be one of this drawing.
    await page.waitForFunction(() => {
      const caption = document.getElementById('denoised-caption')?.textContent ?? ''
      return Number(/MSE ([\d.]+)/.exec(caption)?.[1]) < 0.03
    })
    assert.is(mseOf(await textOf(page, '#noisy-caption')), 0)
    await page.click('#pad-clear')
    await waitForText(page, '#original-caption', /^test image 0$/)
  }),
)

for (const [by, touch, dot] of [
  ['click', false, (page: Page) => page.click('#pad')],
  ['tap', true, (page: Page) => page.tap('#pad')],
  [
    'press of Space',
    false,
    async (page: Page) => {
      await page.focus('#pad-frame')
      await page.keyboard.press('Space')
    },
  ],
] as const) {
  browserTest(test, `one ${by} draws a dot`, () =>
    withPage({ query: 'panel=denoise', touch }, async ({ page }) => {
      await waitForText(page, '#denoised-caption', /MSE/)
      await setValue(page, '#noise', '0')
      const original = await canvasHash(page, '#view-original')
      await dot(page)
      await waitForText(page, '#original-caption', /^drawn by you$/)
      await waitForOtherPicture(page, '#view-original', original)
      // Where the ink is, of 28 × 28, and how many pixels of it the pad has.
      const [ink, x, y, onPad] = await page.evaluate(() => {
        const alphaOf = (id: string, channel: number) => {
          const canvas = document.getElementById(id) as HTMLCanvasElement
          const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {}
          return Array.from(data ?? []).filter((_, i) => i % 4 === channel)
        }
        const view = alphaOf('view-original', 0)
        const background = view[0]
        const painted = view.map((value) => Math.abs(value - background) / 255)
        const sum = painted.reduce((all, value) => all + value, 0)
        const mean = (of: (i: number) => number) =>
          painted.reduce((all, value, i) => all + value * of(i), 0) / sum
        return [
          sum,
          mean((i) => (i % 28) + 0.5),
          mean((i) => Math.floor(i / 28) + 0.5),
          alphaOf('pad', 3).filter((alpha) => alpha === 255).length,
        ]
      })
      // A disc as wide as a stroke: 2.4² π / 4 = 4.5.
      assert.ok(ink > 2.5 && ink < 5.5, `${ink} pixels of ink`)
      assert.ok(Math.abs(x - 14) < 0.2 && Math.abs(y - 14) < 0.2, `at ${x}, ${y}`)
      assert.ok(onPad > 50, `${onPad} pixels on the pad`)
      assert.ok(mseOf(await textOf(page, '#denoised-caption')) >= 0)
    }),
  )
}

browserTest(test, 'the keyboard draws as a hand does', () =>
  withPage({ query: 'panel=denoise' }, async ({ page }) => {
    await waitForText(page, '#denoised-caption', /MSE/)
    await setValue(page, '#noise', '0')
    const original = await canvasHash(page, '#view-original')
    await page.focus('#pad-frame')
    for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowUp')
    assert.is(await textOf(page, '#original-caption'), 'test image 0', 'the pen is up')
    await page.keyboard.press('Space')
    for (let i = 0; i < 14; i++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Space')
    await page.keyboard.press('ArrowRight')
    await waitForOtherPicture(page, '#view-original', original)
    assert.is(await textOf(page, '#original-caption'), 'drawn by you')
    // A one: so are the nearest.
    await page.waitForFunction(
      () => document.querySelectorAll('#place-nearest [aria-label$=", a 1"]').length > 4,
    )
    await page.keyboard.press('Tab')
    assert.is(await page.evaluate(() => document.activeElement?.id), 'pad-clear', 'Tab leaves the pad')
  }),
)

browserTest(test, 'the noise slider, its clipping and the choice of digits change what is shown', () =>
  withPage({ query: 'panel=denoise' }, async ({ page }) => {
    await waitForText(page, '#noisy-caption', /MSE 0\.02/)
    const clipped = mseOf(await textOf(page, '#noisy-caption'))
    await page.uncheck('#clip')
    // Without clipping the error is the noise's variance, 0.04, on 784 pixels give or take a few per cent.
    await waitForText(page, '#noisy-caption', /MSE 0\.0[34]/)
    assert.ok(mseOf(await textOf(page, '#noisy-caption')) > clipped)
    await setValue(page, '#noise', '0.60')
    await waitForText(page, '#noisy-caption', /MSE 0\.3/)
    assert.is(await textOf(page, '#noise-value'), '0.60')
    await page.click('#pick button:nth-child(4)')
    // The first 3 of the test set.
    await waitForText(page, '#original-caption', /^test image 18$/)
  }),
)

browserTest(test, 'sliders, map and buttons decode codes', () =>
  withPage({ query: 'panel=explore' }, async ({ page }) => {
    await page.waitForSelector('#sliders input')
    assert.is(await page.locator('#sliders input').count(), 8)
    await waitForText(page, '#map-detail', /^PCA: \d+ % of the variance/)
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('#decoded')?.width === 28)
    let shown = await canvasHash(page, '#decoded')
    const next = async (act: () => Promise<unknown>) => {
      await act()
      await waitForOtherPicture(page, '#decoded', shown)
      shown = await canvasHash(page, '#decoded')
    }
    const largest = await page.getAttribute('#sliders label:nth-child(2) input', 'max')
    await next(() => setValue(page, '#sliders label:nth-child(2) input', String(largest)))
    assert.is(await textOf(page, '#decoded-from'), 'from the sliders')
    await next(() => page.click('#code-mean'))
    const box = await page.locator('#map').boundingBox()
    assert.ok(box)
    await next(() => page.mouse.click(box.x + 0.9 * box.width, box.y + 0.06 * box.height))
    assert.match(await textOf(page, '#decoded-from'), /^from the (map|code of test image)/)
    await page.focus('#map')
    await next(() => page.keyboard.press('ArrowLeft'))
    assert.is(await textOf(page, '#decoded-from'), 'from the map')
  }),
)

browserTest(test, 'two digits are joined by a strip and an animation', () =>
  withPage({ query: 'panel=explore' }, async ({ page }) => {
    await page.waitForFunction(() => (document.querySelector<HTMLCanvasElement>('#strip')?.width ?? 0) > 300)
    // Both originals and nine steps, 56 pixels each with gaps of 2.
    const width = () => page.$eval('#strip', (canvas) => (canvas as HTMLCanvasElement).width)
    assert.is(await width(), 11 * 58 - 2)
    await setValue(page, '#between-steps', '5')
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('#strip')?.width === 404)
    const strip = await canvasHash(page, '#strip')
    await setValue(page, '#to-index', '4')
    await waitForOtherPicture(page, '#strip', strip)
    const frame = await canvasHash(page, '#morph')
    await page.click('#morph-play')
    await waitForOtherPicture(page, '#morph', frame)
    assert.is(await page.getAttribute('#morph-play', 'aria-pressed'), 'true')
    await page.click('#morph-play')
    assert.is(await page.getAttribute('#morph-play', 'aria-pressed'), 'false')
    await setValue(page, '#morph-t', '1')
    assert.is(await textOf(page, '#morph-value'), '1.00')
  }),
)

browserTest(test, 'at z = 2 the whole latent space is one map', () =>
  withPage({ query: 'limit=1000&epochs=1&z=2&batch=50&threads=1' }, async ({ page }) => {
    await page.click('#start')
    await waitForPhase(page, 'finished')
    await page.click('#tab-explore')
    await waitForText(page, '#map-title', /^The whole latent space, decoded$/)
    assert.is(await page.locator('#sliders input').count(), 2)
    const before = await canvasHash(page, '#decoded')
    const box = await page.locator('#map').boundingBox()
    assert.ok(box)
    await page.mouse.click(box.x + 0.8 * box.width, box.y + 0.2 * box.height)
    await waitForOtherPicture(page, '#decoded', before)
  }),
)

browserTest(test, 'tabs move by keyboard, and the URL follows', () =>
  withPage({}, async ({ page }) => {
    await page.focus('#tab-train')
    await page.keyboard.press('ArrowRight')
    assert.ok(await page.isVisible('#panel-denoise'))
    assert.not(await page.isVisible('#panel-train'))
    assert.is(await page.evaluate(() => document.activeElement?.id), 'tab-denoise')
    assert.is(new URL(page.url()).searchParams.get('panel'), 'denoise')
    await page.keyboard.press('End')
    assert.is(await page.getAttribute('#tab-files', 'aria-selected'), 'true')
    // Every field, button and canvas that a keyboard or a screen reader meets has a name.
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, canvas')]
        .filter((element) => {
          const labels = element instanceof HTMLInputElement || element instanceof HTMLSelectElement
          const label = labels ? element.labels?.[0]?.textContent : element.textContent
          return !element.getAttribute('aria-label') && !label?.trim()
        })
        .map((element) => element.outerHTML),
    )
    assert.equal(nameless, [])
  }),
)

browserTest(test, 'Tab reaches all there is in every panel, in its order, and is caught nowhere', () =>
  withPage({ query: 'z=8', webgpu: false }, async ({ page }) => {
    await trainOwn(page)
    for (const panel of ['train', 'denoise', 'explore', 'compare', 'data', 'files']) {
      await page.click(`#tab-${panel}`)
      await page.waitForTimeout(300)
      const stops = await page.$$eval(
        `#panel-${panel} :is(a[href], button, input, select, summary, [tabindex="0"])`,
        (elements) =>
          elements.filter((of) => (of as HTMLElement).offsetParent && !(of as HTMLButtonElement).disabled)
            .length,
      )
      await page.focus('#tour-start')
      for (let stop = 1; stop <= stops; stop++) {
        await page.keyboard.press('Tab')
        const isInside = await page.evaluate(
          (id) => document.getElementById(id)?.contains(document.activeElement) === true,
          `panel-${panel}`,
        )
        assert.ok(isInside, `${panel}: stop ${stop} of ${stops}`)
      }
      await page.keyboard.press('Tab')
      assert.ok(
        await page.evaluate(() => document.activeElement === document.body),
        `${panel}: Tab leaves it`,
      )
    }
  }),
)

test.run()
