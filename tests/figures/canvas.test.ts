import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HourglassError } from '../../src/errors.ts'
import { importCanvas, loadCanvas } from '../../src/figures/canvas.ts'
import { font } from '../../src/figures/theme.ts'

test('empty text is drawn and measured without harm', async () => {
  const { createCanvas } = await loadCanvas()
  const context = createCanvas(10, 10).getContext('2d')
  context.fillText('', 1, 1)
  context.strokeText('', 1, 1)
  assert.is(context.measureText('').width, 0)
  assert.ok(context.measureText('0.0184').width > 0)
})

test('a machine without fonts gets text of the same width, since the fonts come with the project', async () => {
  const { createCanvas } = await loadCanvas()
  const context = createCanvas(10, 10).getContext('2d')
  context.font = font(20, 'bold')
  const here = context.measureText('MSE σ 0.2 → ±').width
  assert.ok(here > 100, `measured ${here}`)

  const directory = mkdtempSync(join(tmpdir(), 'hourglass-fonts-'))
  try {
    const config = join(directory, 'fonts.conf')
    writeFileSync(config, `<fontconfig><dir>${directory}</dir><cachedir>${directory}</cachedir></fontconfig>`)
    const source = new URL('../../src/figures/', import.meta.url)
    const script = `
      import { loadCanvas } from '${source}canvas.ts'
      import { font } from '${source}theme.ts'
      const context = (await loadCanvas()).createCanvas(10, 10).getContext('2d')
      context.font = font(20, 'bold')
      console.log(context.measureText('MSE σ 0.2 → ±').width)`
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      env: { ...process.env, FONTCONFIG_FILE: config },
      timeout: 60_000,
    })
    assert.is(child.status, 0, child.stderr)
    assert.is(Number(child.stdout), here)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('where node-canvas cannot load there is one line that says what to do', async () => {
  const failing = () => Promise.reject(new Error("Cannot find module 'canvas.node'\nRequire stack:\n- x"))
  try {
    await importCanvas(failing)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, HourglassError)
    const { message } = error as HourglassError
    assert.match(message, /"canvas".*Cannot find module 'canvas\.node'.*npm install/)
    assert.not.match(message, /\n/)
  }
})

test.run()
