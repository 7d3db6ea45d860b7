/** Weights in and out of the page, and what the page itself weighs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readModel } from '../../src/formats/model-file.ts'
import { codeSize } from '../../src/model/network.ts'
import {
  browserTest,
  canvasHash,
  closeBrowser,
  download,
  dropFile,
  textOf,
  waitForPhase,
  waitForText,
  withPage,
} from './page.ts'

const test = suite('files in a browser')
test.after(closeBrowser)

const FIXTURES = join(import.meta.dirname, '../fixtures/interop')
const MAX_FIRST_LOAD_BYTES = 150_000

browserTest(test, "PyTorch's MLP.8.pth is dropped and has its known test MSE", () =>
  withPage({ query: 'panel=files' }, async ({ page }) => {
    const { test_mse: known } = JSON.parse(await readFile(join(FIXTURES, 'MLP.8.json'), 'utf8')) as {
      test_mse: number
    }
    await dropFile(page, 'mine.pth', await readFile(join(FIXTURES, 'MLP.8.pth')))
    const status = await waitForText(page, '#file-status', /mine\.pth is in use: test MSE/)
    const found = Number(/MSE (\d+\.\d+)/.exec(status)?.[1])
    // Six decimals are shown.
    assert.ok(Math.abs(found - known) <= 1e-6, `${found} against ${known}`)
    assert.is(await textOf(page, '#about-layers'), '784 → 392 → 8 → 392 → 784')
    assert.is(await textOf(page, '#model-name'), 'mine.pth')
  }),
)

browserTest(test, 'a corrupt file gives a message and leaves the page working', () =>
  withPage({ query: 'panel=files' }, async ({ page }) => {
    const whole = await readFile(join(FIXTURES, 'MLP.8.pth'))
    for (const [name, bytes, message] of [
      ['cut.pth', whole.subarray(0, 100_000), /^cut\.pth: /],
      ['notes.safetensors', Buffer.from('these are no weights'), /^notes\.safetensors: /],
      ['empty.pth', Buffer.alloc(0), /^empty\.pth: /],
    ] as const) {
      await dropFile(page, name, bytes)
      await waitForText(page, '#file-problem', message)
    }
    assert.match(await textOf(page, '#model-name'), /^MLP\.8/)
    await page.click('#tab-denoise')
    await waitForText(page, '#denoised-caption', /MSE/)
  }),
)

browserTest(test, 'what is downloaded opens in Node', () =>
  withPage({ query: 'limit=512&epochs=1&z=3&threads=1' }, async ({ page }) => {
    await page.click('#start')
    await waitForPhase(page, 'finished')
    const sha256 = await textOf(page, '#fact-sha')
    await page.click('#tab-files')
    for (const kind of ['safetensors', 'pth']) {
      const { name, bytes } = await download(page, `[data-download=${kind}]`)
      assert.is(name, `hourglass-z3.${kind}`)
      const { network, parameters } = readModel(bytes, name)
      assert.is(codeSize(network), 3)
      const digest = await crypto.subtle.digest('SHA-256', Float32Array.from(parameters))
      assert.is(Buffer.from(digest).toString('hex'), sha256)
    }
    const onnx = await download(page, '[data-download=onnx]')
    assert.ok(onnx.bytes.length > 4 * (784 * 392 * 2))
    const csv = Buffer.from((await download(page, '[data-download=csv]')).bytes).toString()
    assert.match(csv, /^epoch,trainLoss,testLoss,.*\n1,0\.\d+,0\.\d+,0\.001,[^\n]*\n$/)
    for (const picture of ['loss', 'grid', 'triptych', 'map', 'decoded', 'strip']) {
      const { name, bytes } = await download(page, `#panel-files [data-picture=${picture}]`)
      assert.is(name, `hourglass-${picture}.png`)
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      assert.is(view.getUint32(0), 0x89504e47, `${name} is a PNG`)
      assert.ok(view.getUint32(16) > 150, `${name} is ${view.getUint32(16)} wide`)
    }
  }),
)

browserTest(test, 'the first load is small, and digits come from the cache the second time', () =>
  withPage({}, async ({ page, address, requests }) => {
    await canvasHash(page, '#train-grid')
    const first = requests.splice(0)
    const code = first.filter((file) => /\.(js|wasm)$/.test(file))
    assert.ok(
      code.some((file) => file.endsWith('.wasm')),
      'the .wasm is part of the first load',
    )
    let total = 0
    for (const file of code) {
      total += gzipSync(await readFile(join(import.meta.dirname, '../../dist-web', file))).length
    }
    assert.ok(total <= MAX_FIRST_LOAD_BYTES, `${total} bytes of ${code.join(', ')}`)
    assert.not(first.includes('data/train-images-idx3-ubyte.bin'), 'training digits wait for the first run')
    assert.ok(first.includes('data/t10k-images-idx3-ubyte.bin'))
    await page.goto(address)
    await waitForText(page, '#model-detail', /\d\.\d/)
    assert.equal(
      requests.filter((file) => file.startsWith('data/')),
      [],
    )
  }),
)

test.run()
