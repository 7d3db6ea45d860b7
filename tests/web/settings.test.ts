/** The page's settings against those of the commands. */
import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RACERS } from '../../scripts/bench/quality.ts'
import { completeSettings } from '../../src/run/settings.ts'
import { defaultSettings, readSettings, runSettings } from '../../src/web/settings.ts'

test('the link to a short run has the settings of the short recipe, at the page’s z', async () => {
  const html = await readFile('src/web/index.html', 'utf8')
  const href = /id="short-run" href="\?([^"]*)"/.exec(html)?.[1] ?? ''
  const { settings, problems } = readSettings(href.replaceAll('&amp;', '&'), defaultSettings(2))
  assert.equal(problems, [])
  const short = RACERS.find(({ name }) => name === 'short, ReLU')?.settings
  assert.equal(runSettings(settings), completeSettings({ ...short, bottleneck: 8 }))
})

test('the page starts with the defaults of the commands, but for z and epochs', () => {
  assert.equal(runSettings(defaultSettings(2)), completeSettings({ bottleneck: 8, epochs: 10 }))
})

test.run()
