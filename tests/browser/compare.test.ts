/** Three necks side by side, the race, and the run as an animation. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { browserTest, closeBrowser, download, textOf, waitForPhase, waitForText, withPage } from './page.ts'

const test = suite('comparing in a browser')
test.after(closeBrowser)

browserTest(test, 'three necks are trained alike, and the wider lose less', () =>
  withPage({ query: 'panel=compare&limit=2000&threads=1' }, async ({ page }) => {
    assert.is(await textOf(page, '#compare-digits'), 'the first 2,000 digits')
    await page.click('#compare-start')
    const status = await waitForText(page, '#compare-status', /z 32: test error/)
    const errors = [...status.matchAll(/z (\d+): test error (0\.\d+)/g)]
    assert.equal(
      errors.map(([, z]) => z),
      ['2', '8', '32'],
    )
    const [two, , thirtyTwo] = errors.map(([, , error]) => Number(error))
    assert.ok(two > thirtyTwo, status)
    const rows = await page.$$eval('#compare-rows li', (entries) => entries.map((entry) => entry.textContent))
    assert.equal(rows, ['Original', ...errors.map(([, z, error]) => `z = ${z}${error}`)])
    // Originals and three rows, 56 pixels each with gaps of 2.
    assert.is(await page.$eval('#compare-grid', (canvas) => (canvas as HTMLCanvasElement).height), 4 * 58 - 2)
  }),
)

browserTest(test, 'one thread and two race over the same steps', () =>
  withPage({ query: 'panel=compare&limit=2000&threads=2', webgpu: false }, async ({ page }) => {
    await page.click('#race-start')
    await waitForText(page, '#race-status', /^Images a second/)
    const runners = await page.$$eval('#race > div', (rows) => rows.map((row) => row.textContent))
    assert.match(String(runners[0]), /^1 thread[\d,]+ images\/s$/)
    assert.match(String(runners[1]), /^2 threads[\d,]+ images\/s$/)
  }),
)

browserTest(test, 'the run comes as an animation', () =>
  withPage({ query: 'limit=2000&epochs=3&z=2&threads=1' }, async ({ page }) => {
    for (let epoch = 0; epoch < 3; epoch++) {
      await page.click('#step')
      await waitForText(page, '#read-epoch', new RegExp(`^${epoch + 1}\\.0`))
      await waitForPhase(page, 'paused', 'finished')
    }
    await page.waitForTimeout(500)
    const { name, bytes } = await download(page, '#film')
    assert.is(name, 'hourglass-run.gif')
    assert.is(Buffer.from(bytes.subarray(0, 6)).toString(), 'GIF89a')
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    assert.equal([view.getUint16(6, true), view.getUint16(8, true)], [640, 380])
  }),
)

test.run()
