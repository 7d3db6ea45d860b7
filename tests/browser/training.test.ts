/** The Train panel in a real browser: the same bits as in Node, with and without isolation, workers freed. */
import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitImages } from '../../src/data/dataset.ts'
import { loadDataset } from '../../src/data/node-files.ts'
import { createEngine } from '../../src/engines/create.ts'
import { hourglass } from '../../src/model/recipes.ts'
import type { TrainingConfig } from '../../src/training/config.ts'
import { DEFAULT_TRAINING } from '../../src/training/config.ts'
import { train } from '../../src/training/trainer.ts'
import { browserTest, canvasHash, closeBrowser, textOf, waitForPhase, waitForText, withPage } from './page.ts'

const test = suite('training in a browser')
test.after(closeBrowser)

/** Seven full minibatches and a partial one. */
const LIMIT = 2000
const RUN = `limit=${LIMIT}&z=8&epochs=2&batch=256&seed=7`

let expected: Promise<string> | undefined

/** SHA-256 of the weights that Node gets for RUN. */
function nodeSha256(): Promise<string> {
  expected ??= trainInNode()
  return expected
}

async function trainInNode(changes: Partial<TrainingConfig> = {}): Promise<string> {
  const data = await loadDataset()
  const network = hourglass({ input: 784, hidden: 392, bottleneck: 8 })
  const engine = await createEngine(network, { threads: 1 })
  try {
    const config = { ...DEFAULT_TRAINING, seed: 7, epochs: 2, ...changes }
    const test = limitImages(data.test, 256)
    await train(engine, { train: limitImages(data.train, LIMIT), test }, config)
    const { parameters } = await engine.readState()
    return createHash('sha256').update(Float32Array.from(parameters)).digest('hex')
  } finally {
    await engine.dispose()
  }
}

async function trainedSha256(page: Page): Promise<string> {
  await page.click('#start')
  await waitForPhase(page, 'finished')
  return waitForText(page, '#fact-sha', /^[0-9a-f]{64}$/)
}

for (const threads of [1, 2]) {
  browserTest(test, `two epochs with ${threads} worker(s) give Node's bits`, () =>
    withPage({ query: `${RUN}&threads=${threads}` }, async ({ page }) => {
      assert.ok(await page.evaluate(() => crossOriginIsolated))
      const before = await canvasHash(page, '#train-grid')
      assert.is(await trainedSha256(page), await nodeSha256())
      assert.match(await textOf(page, '#fact-device'), new RegExp(`^wasm, ${threads} thread`))
      assert.is(await textOf(page, '#read-epoch'), '2.0 / 2')
      assert.match(await textOf(page, '#read-test'), /^0\.\d{5}$/)
      assert.match(await textOf(page, '#units-text'), /^\d of 8 latent units are active/)
      assert.is.not(await canvasHash(page, '#train-grid'), before)
    }),
  )
}

browserTest(test, 'without isolation the page says what it costs and trains to the same bits', () =>
  withPage({ query: `${RUN}&threads=2`, headers: false }, async ({ page }) => {
    assert.not(await page.evaluate(() => crossOriginIsolated))
    assert.match(await textOf(page, '#notices'), /One thread only, for the host does not isolate this page/)
    assert.is(await trainedSha256(page), await nodeSha256())
    assert.match(await textOf(page, '#fact-device'), /^wasm, 1 thread,/)
  }),
)

browserTest(test, 'on a host without headers the service worker isolates the page', () =>
  withPage({ query: `${RUN}&threads=2`, headers: false, serviceWorker: true }, async ({ page }) => {
    await page.waitForFunction(() => crossOriginIsolated)
    await waitForText(page, '#model-detail', /\d\.\d/)
    assert.is(await trainedSha256(page), await nodeSha256())
    assert.match(await textOf(page, '#fact-device'), /^wasm, 2 threads/)
  }),
)

browserTest(test, 'the chart is drawn for new losses or another size, not for whatever else changes', () =>
  withPage({ query: `${RUN}&threads=1` }, async ({ page }) => {
    await page.click('#step')
    await waitForPhase(page, 'paused')
    await page.evaluate(() => {
      const { clearRect } = CanvasRenderingContext2D.prototype
      CanvasRenderingContext2D.prototype.clearRect = function (...args) {
        if (this.canvas.id === 'loss-chart') document.body.dataset.charts += 'x'
        clearRect.apply(this, args)
      }
      document.body.dataset.charts = ''
    })
    const charts = () => page.evaluate(() => document.body.dataset.charts?.length ?? 0)
    await page.fill('input[name=seed]', '9')
    await page.press('input[name=seed]', 'Tab')
    await waitForText(page, '#settings-pending', /Seed/)
    assert.is(await charts(), 0, 'other settings')
    await page.setViewportSize({ width: 700, height: 800 })
    await page.waitForFunction(() => document.body.dataset.charts !== '')
    const before = await charts()
    await page.click('#step')
    await waitForPhase(page, 'finished')
    const finished = await charts()
    assert.ok(finished > before, 'another epoch')
    await page.click('#tab-denoise')
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.click('#tab-train')
    await page.waitForTimeout(100)
    assert.ok((await charts()) > finished, 'another theme, while the panel was hidden')
  }),
)

browserTest(test, 'pausing frees the workers, and going on changes no bit', () =>
  withPage({ query: `limit=30000&z=8&epochs=1&batch=32&seed=3&threads=2` }, async ({ page }) => {
    const idle = page.workers().length
    const whole = await trainedSha256(page)
    assert.is(page.workers().length, idle, 'workers after the run')

    await page.click('#reset')
    await waitForPhase(page, 'ready')
    await page.click('#start')
    await page.waitForFunction(() => {
      const shown = Number.parseFloat(document.getElementById('read-epoch')?.textContent ?? '')
      return shown >= 0.1
    })
    assert.is.not(page.workers().length, idle, 'workers while training')
    await page.click('#start')
    assert.is(await waitForPhase(page, 'paused', 'finished'), 'paused')
    assert.is(page.workers().length, idle, 'workers after pausing')
    const paused = await waitForText(page, '#fact-sha', /^[0-9a-f]{64}$/)
    assert.is.not(paused, whole)

    assert.is(await trainedSha256(page), whole)
    await page.goto('about:blank')
    assert.is(page.workers().length, 0, 'workers after leaving')
  }),
)

browserTest(test, 'one epoch at a time, then back to the start', () =>
  withPage({ query: `${RUN}&threads=2` }, async ({ page }) => {
    for (const epoch of [1, 2]) {
      await page.click('#step')
      await waitForPhase(page, epoch === 2 ? 'finished' : 'paused')
      assert.is(await textOf(page, '#read-epoch'), `${epoch}.0 / 2`)
    }
    assert.is(await textOf(page, '#fact-sha'), await nodeSha256())
    await page.click('#reset')
    await waitForPhase(page, 'ready')
    assert.is(await textOf(page, '#read-epoch'), '–')
  }),
)

browserTest(test, 'rates that go on step by step give the bits of Node', () =>
  withPage(
    {
      query: `${RUN}&threads=2&schedule=cosine&warmup=0.5&finalLr=0.00001&latentBias=1&outputBias=mean&decay=0`,
    },
    async ({ page }) => {
      const rates = { schedule: 'cosine', warmup: 0.5, finalLearningRate: 1e-5 } as const
      const start = { latentBias: 1, outputBias: 'mean', weightDecay: 0 } as const
      assert.is(await trainedSha256(page), await trainInNode({ ...rates, ...start }))
    },
  ),
)

browserTest(test, 'the link repeats the run, and says what in it cannot be used', () =>
  withPage(
    { query: 'limit=2000&z=0&epochs=2&seed=7&noise=0.3&device=tpu&schedule=step&outputBias=2' },
    async ({ page }) => {
      const notices = await textOf(page, '#notices')
      assert.match(notices, /Latent units: expected a whole number from 1 to 128, found 0/)
      assert.match(notices, /Device: expected auto, wasm, webgpu, found tpu/)
      assert.match(notices, /Schedule: expected plateau, cosine, linear, constant, found step/)
      assert.match(notices, /Outputs' bias: expected constant, mean, found 2/)
      assert.is(await page.inputValue('[name=z]'), '8')
      assert.is(await page.inputValue('[name=noise]'), '0.3')
      await page.fill('[name=seed]', '41')
      await page.fill('[name=batch]', '0')
      await page.click('#start')
      assert.match(await textOf(page, '#settings-problem'), /Batch size: expected .* found 0/)
      assert.is(await page.evaluate(() => document.body.dataset.phase), 'ready')
      await page.fill('[name=batch]', '128')
      await page.fill('[name=finalLr]', '0.0001')
      await page.click('#start')
      const problem = 'Final learning rate: expected none with the schedule plateau, found 0.0001.'
      assert.is(await textOf(page, '#settings-problem'), problem)
      await page.selectOption('[name=schedule]', 'linear')
      await page.press('[name=batch]', 'Tab')
      const query = new URL(page.url()).searchParams
      const kept = ['z', 'epochs', 'batch', 'noise', 'seed', 'limit', 'schedule', 'finalLr', 'warmup']
      const found = kept.map((name) => query.get(name))
      assert.equal(found, ['8', '2', '128', '0.3', '41', '2000', 'linear', '0.0001', null])
    },
  ),
)

test.run()
