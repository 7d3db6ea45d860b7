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

test('what a link says and cannot be used is named, and nothing else', () => {
  const usual = defaultSettings(2)
  const problemsOf = (query: string) => readSettings(query, usual).problems
  const names = /^In the link, expected settings among panel, z, epochs, .*, device, found /
  for (const [query, found] of [
    ['weightDecay=0', 'weightDecay.'],
    ['output-bias=mean', 'output-bias.'],
    ['=1', 'nothing.'],
    [`${'a'.repeat(100)}=1`, `${'a'.repeat(40)}….`],
    ['a%0Ab=1&a%0Ab=2', 'a\\nb.'],
  ]) {
    const [problem, ...others] = problemsOf(query)
    assert.match(problem, names)
    assert.ok(problem.endsWith(`found ${found}`), problem)
    assert.equal(others, [])
  }
  assert.equal(problemsOf('outputBias='), [
    "In the link, Outputs' bias: expected constant, mean, found nothing.",
  ])
  assert.equal(problemsOf('panel=trian'), [
    'In the link, Panel: expected train, denoise, explore, compare, data, files, found trian.',
  ])
  const [several, ...rest] = problemsOf('a=1&b=2&c=3&d=4&e=5')
  assert.ok(several.endsWith(', found a, b, c, 2 more.'), several)
  assert.equal(rest, [])
  const { settings, problems } = readSettings('latentBias=-0,5&schedule=cosine%20', usual)
  assert.equal(problems, [])
  assert.equal(settings, { ...usual, latentBias: -0.5, schedule: 'cosine' })
  assert.equal(problemsOf('z=+'), [
    'In the link, Latent units: expected a whole number from 1 to 128, found nothing.',
  ])
  assert.equal(problemsOf('utm_source=x&fbclid=y&gclid=z&panel=files&z=4'), [])
  assert.equal(problemsOf('z=4&z=4&panel=data&panel=train&panel=files'), [
    'In the link, panel: expected one value, found 3; the first counts.',
    'In the link, z: expected one value, found 2; the first counts.',
  ])
  assert.equal(readSettings('z=4&z=5', usual).settings.z, 4)
  assert.equal(readSettings('z=4&weightDecay=0', usual).settings, { ...usual, z: 4 })
})

test('the page starts with the defaults of the commands, but for z and epochs', () => {
  assert.equal(runSettings(defaultSettings(2)), completeSettings({ bottleneck: 8, epochs: 10 }))
})

test.run()
