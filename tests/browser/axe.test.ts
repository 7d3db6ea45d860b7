/** The page by the rules of axe-core: every panel, light and dark. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { browserTest, closeBrowser, trainOwn, withPage } from './page.ts'

const test = suite('axe')
test.after(closeBrowser)

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const PANELS = ['train', 'denoise', 'explore', 'compare', 'data', 'files']

interface Finding {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

browserTest(test, 'no panel has a finding, in light and dark', () =>
  withPage({ query: 'z=8' }, async ({ page }) => {
    // Evaluated by the debugger, for the page's own policy lets no foreign script in.
    await page.evaluate(await readFile(AXE, 'utf8'))
    await trainOwn(page)
    await page.click('#intro summary')
    await page.click('#tour-start')
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const panel of PANELS) {
        await page.click(`#tab-${panel}`)
        await page.waitForTimeout(300)
        const findings = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }
          const { violations } = await axe.run()
          return violations.flatMap(({ id, nodes }) =>
            nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)}: ${failureSummary}`),
          )
        })
        assert.equal(findings, [], `${panel}, ${colorScheme}`)
      }
    }
  }),
)

test.run()
