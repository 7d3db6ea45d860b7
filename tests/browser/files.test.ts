/** Weights in and out of the page, and what the page itself weighs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readModel, writeModel } from '../../src/formats/model-file.ts'
import { codeSize } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { initialParameters } from '../../src/random/streams.ts'
import {
  browserTest,
  canvasHash,
  closeBrowser,
  download,
  dropFile,
  openPage,
  textOf,
  waitForPhase,
  waitForText,
  withPage,
} from './page.ts'

const test = suite('files in a browser')
test.after(closeBrowser)

const FIXTURES = join(import.meta.dirname, '../fixtures/interop')
const MAX_CODE_BYTES = 150_000
const MAX_FIRST_LOAD_BYTES = 1_700_000

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
    assert.match(await textOf(page, '#model-name'), /^Pre-trained/)
    await page.click('#tab-denoise')
    await waitForText(page, '#denoised-caption', /MSE/)
  }),
)

browserTest(test, 'a model that the page cannot show is refused by its latent units', () =>
  withPage({ query: 'panel=files' }, async ({ page }) => {
    const network = hourglass({ input: 784, hidden: 1, bottleneck: 129 })
    const bytes = writeModel({ network, parameters: initialParameters(network, 1) }, 'wide.safetensors')
    await dropFile(page, 'wide.safetensors', Buffer.from(bytes))
    await waitForText(
      page,
      '#file-problem',
      /^wide\.safetensors: expected at most 128 latent units.*found 129/,
    )
  }),
)

browserTest(test, 'a file that takes for ever to read ends in a message, and the page works meanwhile', () =>
  withPage({ query: 'panel=files' }, async ({ page }) => {
    // A reader that never answers.
    await page.route(/reading-worker/, (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        body: '',
        headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
      }),
    )
    await dropFile(page, 'endless.pth', await readFile(join(FIXTURES, 'MLP.8.pth')))
    await page.click('#tab-denoise')
    await waitForText(page, '#denoised-caption', /MSE/)
    await page.click('#tab-files')
    await waitForText(page, '#file-problem', /^endless\.pth: expected a file that is read within 10 s/)
  }),
)

browserTest(test, 'no script runs that is not a file of the page', () =>
  withPage({}, async ({ page, errors }) => {
    await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'document.body.dataset.injected = "yes"'
      document.head.append(script)
    })
    assert.is(await page.evaluate(() => document.body.dataset.injected), undefined)
    // The browser says so on the console, which is no fault of the page.
    assert.match(errors.splice(0).join(), /^Executing inline script violates.*'self' 'wasm-unsafe-eval'/)
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

/** The checkpoint of a run of two epochs, after the first and after both. */
async function checkpointsOfRun(page: Page): Promise<{ half: Uint8Array; whole: Uint8Array }> {
  await page.click('#step')
  await waitForPhase(page, 'paused')
  await page.click('#tab-files')
  const half = await download(page, '[data-download=checkpoint]')
  await page.click('#tab-train')
  await page.click('#start')
  await waitForPhase(page, 'finished')
  await page.click('#tab-files')
  const whole = await download(page, '[data-download=checkpoint]')
  return { half: half.bytes, whole: whole.bytes }
}

/** Waits until the address holds these settings. */
async function waitForAddress(page: Page, expected: Readonly<Record<string, string>>): Promise<void> {
  await page.waitForFunction((wanted) => {
    const parameters = new URLSearchParams(location.search)
    return Object.entries(wanted).every(([name, value]) => parameters.get(name) === value)
  }, expected)
}

browserTest(
  test,
  'a run that is opened says whether it goes on, and its settings are the page’s',
  async () => {
    const { page: first, close } = await openPage({ query: 'limit=512&epochs=2&z=3&seed=5&threads=1' })
    const { half, whole } = await checkpointsOfRun(first).finally(close)
    await withPage({ query: 'threads=1' }, async ({ page }) => {
      assert.is(await textOf(page, '#limit-help'), '')
      await dropFile(page, 'half.safetensors', half)
      await waitForText(
        page,
        '#file-status',
        /^half\.safetensors is a run after 1 of 2 epochs, and goes on in Train/,
      )
      await waitForText(page, '#start', /^Go on$/)

      await dropFile(page, 'whole.safetensors', whole)
      await waitForText(
        page,
        '#file-status',
        /^whole\.safetensors is a run that has ended after 2 epochs, and goes on in Train if Epochs is raised/,
      )
      await waitForText(page, '#start', /^Start$/)
      await waitForAddress(page, { z: '3', epochs: '2', seed: '5', limit: '512' })
      await waitForText(page, '#limit-help', /^Trains on the first 512 of 60,000 digits only\.$/)

      // The button follows the field before it is left.
      await page.click('input[name=epochs]')
      await page.keyboard.press('ControlOrMeta+A')
      await page.keyboard.type('3')
      await waitForText(page, '#start', /^Go on$/)
      await page.keyboard.press('Backspace')
      assert.is(await textOf(page, '#settings-problem'), '', 'a number half typed is no problem yet')
      await page.keyboard.type('3')
      await page.click('#start')
      await page.waitForFunction(() => document.querySelector('#read-epoch')?.textContent === '3.0 / 3')
      await waitForPhase(page, 'finished')
      await waitForAddress(page, { z: '3', epochs: '3', seed: '5', limit: '512' })

      // Other settings are the address's once a run has them.
      await page.fill('input[name=z]', '4')
      await page.click('#reset')
      await waitForAddress(page, { z: '4', epochs: '3', seed: '5', limit: '512' })
    })
  },
)

browserTest(test, 'at the head of the page no model has the error of another', () =>
  withPage({ query: 'limit=512&epochs=1&z=3&threads=1' }, async ({ page }) => {
    const watch = () =>
      page.evaluate(() => {
        const textOf = (id: string) => document.getElementById(id)?.textContent ?? ''
        const seen: string[][] = []
        Object.assign(globalThis, { seen })
        new MutationObserver(() => seen.push([textOf('model-name'), textOf('model-detail')])).observe(
          document.getElementById('model-chip') ?? document,
          { subtree: true, childList: true, characterData: true },
        )
      })
    let before = await textOf(page, '#model-detail')
    /** The one error that stands beside a name, which is not that of the model before. */
    const errorOf = async (name: RegExp): Promise<string> => {
      await waitForText(page, '#model-name', name)
      await waitForText(page, '#model-detail', /\d\.\d/)
      const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[][] }).seen.splice(0))
      const details = seen.filter(([of]) => name.test(of)).map(([, detail]) => detail)
      const [error, ...others] = new Set(details.filter((detail) => /\d\.\d/.test(detail)))
      assert.equal(others, [])
      assert.is.not(error, before)
      before = error
      return error
    }
    await watch()
    const pth = await readFile(join(FIXTURES, 'MLP.8.pth'))
    await dropFile(page, 'mine.pth', pth)
    const mine = await errorOf(/^mine\.pth$/)
    await page.click('#reset')
    await errorOf(/^This run/)
    await page.click('#tab-files')
    await page.click('#pretrained')
    await errorOf(/^Pre-trained/)

    // Nor has it that of a run that is pausing.
    await page.click('#tab-train')
    await page.fill('input[name=epochs]', '1000')
    await page.click('#start')
    await waitForText(page, '#model-detail', /after epoch/)
    await dropFile(page, 'mine.pth', pth)
    await waitForPhase(page, 'paused')
    assert.is(await errorOf(/^mine\.pth$/), mine)

    await page.reload()
    await waitForText(page, '#model-detail', /\d\.\d/)
    before = await textOf(page, '#model-detail')
    await watch()
    await page.click('text=Open it')
    await errorOf(/^This run/)
  }),
)

browserTest(test, 'what cannot be fetched is said in words for visitors', async () => {
  const { page, context, close } = await openPage()
  try {
    for (const [pattern, said] of [
      ['**/*.wasm', /cannot be fetched.*; load the page anew$/],
      ['**/*.half.safetensors', /: the pre-trained model could not be fetched$/],
      ['**/loading-worker*', /could not be started: load the page anew\.$/],
    ] as const) {
      await context.route(pattern, (route) => route.abort())
      await page.reload()
      await page.waitForSelector('.notice.bad')
      assert.match(await textOf(page, '.notice.bad span'), said)
      assert.is(await textOf(page, '#model-name'), 'No model yet')
      await context.unroute(pattern)
    }
  } finally {
    await close()
  }
})

browserTest(test, 'the first load is small, and digits come from the cache the second time', () =>
  withPage({}, async ({ page, address, requests }) => {
    await canvasHash(page, '#train-grid')
    const first = requests.splice(0)
    const code = first.filter((file) => /\.(js|wasm)$/.test(file))
    assert.ok(
      code.some((file) => file.endsWith('.wasm')),
      'the .wasm is part of the first load',
    )
    const sizeOf = async (file: string) => {
      const bytes = await readFile(join(import.meta.dirname, '../../dist-web', file))
      // Hosts compress text; data lie compressed, and weights do not compress.
      return file.startsWith('data/') ? bytes.length : gzipSync(bytes).length
    }
    const total = async (files: readonly string[]) =>
      (await Promise.all(files.map(sizeOf))).reduce((sum, size) => sum + size, 0)
    assert.ok((await total(code)) <= MAX_CODE_BYTES, `${await total(code)} bytes of ${code.join(', ')}`)
    const later = first.indexOf('data/t10k-images-idx3-ubyte.bin')
    assert.ok(later > 0, 'all test digits come after the page stands')
    const before = first.slice(0, later).filter((file) => !file.includes('t10k-labels'))
    assert.ok((await total(before)) <= MAX_FIRST_LOAD_BYTES, `${await total(before)}: ${before.join(', ')}`)
    assert.ok(before.includes('data/MLP.8.half.safetensors'))
    assert.not(before.includes('data/train-images-idx3-ubyte.bin'), 'nor do training digits come first')
    await waitForText(page, '#model-detail', /\d\.\d/)
    // The training digits are fetched while nobody waits for them.
    while (!requests.concat(first).includes('data/train-images-idx3-ubyte.bin')) await page.waitForTimeout(50)
    await page.waitForFunction(async () => {
      const cache = await caches.open('hourglass-mnist-1')
      return (await cache.keys()).length === 6
    })
    requests.splice(0)
    await page.goto(address)
    await waitForText(page, '#model-detail', /\d\.\d/)
    assert.equal(
      // Whether the training digits were kept in time is the browser's affair.
      requests.filter((file) => file.endsWith('.bin') && !file.includes('train')),
      [],
    )
  }),
)

test.run()
