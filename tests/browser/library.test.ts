/**
 * Data of one's own in the package's one file, in Chromium: the numbers of the command line, of the library
 * in Node and of ONNX Runtime.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as ort from 'onnxruntime-web'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type * as Hourglass from '../../src/browser.ts'
import { Autoencoder, loadData, parametersSha256 } from '../../src/index.ts'
import { runScript } from '../support/command.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { writeSmallPngs } from '../support/small-pictures.ts'
import { smallTable } from '../support/small-table.ts'
import { browserTest, closeBrowser, missingBrowser, withPage } from './page.ts'

/** In the page. */
declare const hourglass: typeof Hourglass

const test = suite('the library in a browser')
const ROOT = join(import.meta.dirname, '../..')
const root = mkdtempSync(join(tmpdir(), 'hourglass-library-'))
// Inside the checkout, where its imports find their packages.
const built = join(ROOT, 'build/library-test')
const site = join(root, 'site')
if (missingBrowser() === undefined) {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build-package.ts'), built])
  mkdirSync(site)
  for (const file of ['hourglass.browser.js', 'hourglass.tables.js']) {
    cpSync(join(built, file), join(site, file))
  }
  writeFileSync(
    join(site, 'index.html'),
    `<!doctype html><link rel="icon" href="data:,"><input type="file" id="folder" webkitdirectory>
    <script type="module">
      import * as hourglass from './hourglass.browser.js'
      import './hourglass.tables.js'
      window.hourglass = hourglass
    </script>`,
  )
}
test.after(async () => {
  rmSync(root, { recursive: true, force: true })
  rmSync(built, { recursive: true, force: true })
  await closeBrowser()
})

async function command(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runScript(script, args, root)
  assert.is(code, 0, stderr)
  return stdout
}

function near(found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void {
  assert.is(found.length, wanted.length, what)
  const far = Array.from(wanted).findIndex(
    (value, i) => !(Math.abs(found[i] - value) <= 1e-5 * Math.max(1, Math.abs(value))),
  )
  assert.is(far, -1, `${what} ${far}: expected ${wanted[far]}, found ${found[far]}`)
}

interface Scored {
  readonly errors: readonly number[]
  readonly percentiles: readonly number[]
  readonly verdicts: readonly number[]
  readonly features: readonly string[]
  readonly auroc: number | undefined
}

async function withLibrary(use: (page: Page) => Promise<void>, headers = true): Promise<void> {
  await withPage({ folder: site, waitForModel: false, headers }, async ({ page }) => {
    await page.waitForFunction(() => 'hourglass' in window)
    await page.addScriptTag({ content: `window.scoredBy = ${scoredBy}` })
    await use(page)
  })
}

/** What the commands have written. */
async function scoredByCommand(name: string, end: string): Promise<Scored> {
  const lines = readFileSync(join(root, name), 'utf8').trim().split('\r\n')
  const names = lines[0].split(',')
  const cells = (column: string) => lines.slice(1).map((line) => line.split(',')[names.indexOf(column)])
  return {
    errors: cells('error').map(Number),
    percentiles: cells('percentile').map(Number),
    verdicts: cells('verdict').map(Number),
    features: cells('feature_1'),
    auroc: JSON.parse(String(end.trimEnd().split('\n').at(-1))).auroc,
  }
}

/** By either library: the page gets it as text. */
async function scoredBy(
  { measureScores, truthOf }: Pick<typeof Hourglass, 'measureScores' | 'truthOf'>,
  model: Pick<Autoencoder, 'score' | 'preprocessing'>,
  rows: Hourglass.ReadRows,
): Promise<Scored> {
  const scores = await model.score(rows)
  const { most, names, features } = scores.explanation
  const truth = truthOf(rows.source, { usualLabel: model.preprocessing?.label })
  return {
    errors: [...scores.errors],
    percentiles: [...scores.percentiles],
    verdicts: [...scores.verdicts],
    features: Array.from(scores.errors, (_, row) => names[features[row * most]]),
    auroc: truth && measureScores(scores, truth)?.auroc,
  }
}

browserTest(test, 'digits are loaded from a folder beside the page', async () => {
  const data = smallDataset(4, 6)
  const folder = writeDataset(join(root, 'strokes'), data)
  mkdirSync(join(site, 'strokes'))
  for (const name of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
    writeFileSync(join(site, 'strokes', `${name}.bin`), gzipSync(readFileSync(join(folder, name))))
  }
  await withLibrary(async (page) => {
    const rows = await page.evaluate(async () => {
      const set = await hourglass.loadStaticImageSet('strokes/', 'test')
      return [...set.rows]
    })
    assert.equal(rows, [...data.test.rows])
  })
})

browserTest(test, 'a file is scored alike by command, Node, browser and ONNX Runtime', async () => {
  // Empty cells, a constant column, categories; and a file with the columns in another order and another
  // constant in one row.
  const text = smallTable(200)
  const [head, ...rows] = text.trimEnd().split('\n')
  const changed = rows.slice(0, 60).with(4, rows[4].replace(',7,', ',8,'))
  const other = [head, ...changed].map((line) => line.split(',').reverse().join()).join('\n')
  writeFileSync(join(root, 'seen.csv'), text)
  writeFileSync(join(root, 'new.csv'), `${other}\n`)
  const flags = ['--label', 'outlier', '--one-hot', 'site']
  await command('train', '--data', 'seen.csv', ...flags, '-s', 'm.pth')
  await command('export', '-l', 'm.pth', '--onnx', 'score.onnx', '--part', 'score')
  const session = await ort.InferenceSession.create(readFileSync(join(root, 'score.onnx')), {
    executionProviders: ['wasm'],
  })
  await using model = await Autoencoder.load(join(root, 'm.pth'), { device: 'cpu' })
  await withLibrary(async (page) => {
    for (const name of ['seen.csv', 'new.csv']) {
      const end = await command('score', '-l', 'm.pth', '--data', name, '-o', 's.csv', '--no-plot', '--json')
      const wanted = await scoredByCommand('s.csv', end)
      assert.ok((wanted.auroc ?? 0) > 0.9)
      assert.is(wanted.features[4] === 'fixed', name === 'new.csv', 'the constant is another one there')
      const readInNode = await model.loadRows(join(root, name))
      const inNode = await scoredBy(await import('../../src/index.ts'), model, readInNode)
      const inBrowser = await page.evaluate(
        async ([bytes, data, file]) => {
          const decode = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
          const loaded = await hourglass.Autoencoder.fromBytes(decode(bytes), 'm.pth')
          const read = await loaded.loadRows([new File([decode(data)], file)])
          return scoredBy(hourglass, loaded, read).finally(() => loaded.dispose())
        },
        [
          readFileSync(join(root, 'm.pth')).toString('base64'),
          readFileSync(join(root, name)).toString('base64'),
          name,
        ] as const,
      )
      // Raw rows: what is empty in the file is NaN.
      const raw = new ort.Tensor('float32', rawRows(readFileSync(join(root, name), 'utf8')), [
        wanted.errors.length,
        6,
      ])
      const onnx = await session.run({ row: raw })
      near(onnx.error.data as Float32Array, wanted.errors, `${name}: ONNX, error`)
      assert.equal(Array.from(onnx.verdict.data as Uint8Array, Number), wanted.verdicts)
      for (const [where, found] of Object.entries({ inNode, inBrowser })) {
        near(found.errors, wanted.errors, `${name}: ${where}, error`)
        near(found.percentiles, wanted.percentiles, `${name}: ${where}, percentile`)
        assert.equal(found.verdicts, wanted.verdicts)
        assert.equal(found.features, wanted.features)
        assert.is(found.auroc, wanted.auroc)
      }
    }
  })
  await session.release()
})

/** a, b, c, fixed, and an input for each site. */
function rawRows(text: string): Float32Array {
  const [head, ...lines] = text.trimEnd().split('\n')
  const names = head.split(',')
  return Float32Array.from(
    lines.flatMap((line) => {
      const cells = line.split(',')
      const cell = (name: string) => cells[names.indexOf(name)]
      const numbers = ['a', 'b', 'c', 'fixed'].map((name) => (cell(name) === '' ? Number.NaN : +cell(name)))
      return [...numbers, ...['p', 'q'].map((site) => Number(cell('site') === site))]
    }),
  )
}

browserTest(test, 'a folder of 200 pictures trains, reconstructs and denoises as in Node', async () => {
  const folder = join(root, 'digits')
  writeSmallPngs(folder, 200)
  const settings = { bottleneck: 4, hidden: 16, epochs: 3, noiseStd: 0.1 }
  const { bottleneck, hidden, ...training } = settings
  const data = await loadData(folder)
  assert.is(data.train.count, 200)
  await using model = await Autoencoder.create({ input: data.inputs, bottleneck, hidden, device: 'cpu' })
  await model.train(data, training)
  const wanted = {
    sha256: await parametersSha256(await model.parameters()),
    rebuilt: await model.reconstruct(data.train),
    denoised: await model.denoise(data.train),
    labels: data.train.labels,
  }
  await withLibrary(async (page) => {
    await page.setInputFiles('#folder', folder)
    const found = await page.evaluate(async ({ bottleneck, hidden, ...training }) => {
      const { files } = document.querySelector('#folder') as HTMLInputElement
      const data = await hourglass.loadData(files ?? [])
      const input = data.inputs
      const model = await hourglass.Autoencoder.create({ input, bottleneck, hidden, device: 'cpu' })
      await model.train(data, training)
      const bytes = await model.toBytes('safetensors')
      const again = await hourglass.Autoencoder.fromBytes(bytes, 'digits.safetensors', { device: 'cpu' })
      const rows = await again.loadRows(files ?? [])
      const result = {
        description: data.description,
        sha256: await hourglass.parametersSha256(await model.parameters()),
        rebuilt: [...(await model.reconstruct(data.train))],
        denoised: [...(await again.denoise(rows))],
        labels: [...(data.train.labels ?? [])],
        picture: again.preprocessing?.picture,
      }
      await model.dispose()
      await again.dispose()
      return result
    }, settings)
    assert.is(found.description, 'digits: 200 pictures, 12 × 12 pixels of bytes, 4 classes')
    assert.equal(found.labels, [...(wanted.labels ?? [])])
    assert.equal(found.picture, { width: 12, height: 12, channels: 1 })
    assert.is(found.sha256, wanted.sha256)
    near(found.rebuilt, wanted.rebuilt, 'rebuilt')
    near(found.denoised, wanted.denoised, 'denoised')
  })
})

browserTest(test, 'files that are none, and a policy that forbids WebAssembly, are refused in words', () =>
  withLibrary(async (page) => {
    const refusals = await page.evaluate(async () => {
      const { Autoencoder, loadData } = hourglass
      const said = (promise: Promise<unknown>) =>
        promise.then(
          () => 'nothing',
          ({ name, message }: Error) => `${name}: ${message}`,
        )
      // What a browser does under a Content-Security-Policy without 'wasm-unsafe-eval'.
      const refuse = async () => {
        throw new WebAssembly.CompileError('WebAssembly.compile(): blocked by CSP')
      }
      const files = [null, 'x', [1], new File([], 'x.csv')] as never[]
      const of = await Promise.all(files.map((file) => said(loadData(file))))
      WebAssembly.compile = refuse
      return [...of, await said(Autoencoder.create({ device: 'cpu' }))]
    })
    const expected = (found: string) => `UsageError: files: expected a list of File, found ${found}`
    assert.equal(refusals, [
      ...['null', '"x"', '1', 'an object'].map(expected),
      "DeviceError: expected to compile the core, found: WebAssembly.compile(): blocked by CSP; a Content-Security-Policy must allow script-src 'wasm-unsafe-eval'",
    ])
  }),
)

/** In the page: what becomes of runs of small epochs that are stopped, or whose model is disposed of. */
async function endings(): Promise<Record<string, unknown>> {
  const sizes = { input: 20, hidden: 10, bottleneck: 3, seed: 7, device: 'cpu', threads: 2 } as const
  const train = { count: 200, rows: Uint8Array.from({ length: 4000 }, (_, i) => (i * 97) % 251) }
  const settings = { batchSize: 32, epochs: 10_000 }
  const model = await hourglass.Autoencoder.create(sizes)
  await model.train({ train }, { ...settings, epochs: 20 })
  const sha256 = await hourglass.parametersSha256(await model.parameters())
  const stop = new AbortController()
  let calls = 0
  const onProgress = () => {
    calls++
    // On a busy machine one more may come before the run has stopped.
    if (calls === 3) stop.abort()
  }
  const progress = await model.train({ train }, { ...settings, signal: stop.signal, onProgress })
  await model.dispose()
  const isStopped = progress.epoch < settings.epochs
  const disposed = async (hooks: (model: Hourglass.Autoencoder) => Hourglass.TrainOptions) => {
    const model = await hourglass.Autoencoder.create(sizes)
    return model.train({ train }, { ...settings, ...hooks(model) }).then(
      () => 'resolved',
      (error: Error) => `${error.name}: ${error.message}`,
    )
  }
  return {
    isIsolated: crossOriginIsolated,
    sha256,
    reports: calls >= 3,
    isStopped,
    inOnEpoch: await disposed((model) => ({ onEpoch: () => model.dispose() })),
    inOnProgress: await disposed((model) => ({ onProgress: () => void model.dispose() })),
    outside: await disposed((model) => {
      setTimeout(() => model.dispose(), 100)
      return {}
    }),
  }
}

browserTest(test, 'isolated or not, a run reports, stops and is disposed of alike', async () => {
  const results: Record<string, unknown>[] = []
  for (const headers of [true, false]) {
    await withLibrary(async (page) => {
      results.push(await page.evaluate(endings))
    }, headers)
  }
  const [isolated, alone] = results
  const said = 'UsageError: engine: expected no call to be under way at dispose, found one, which was stopped'
  assert.equal(isolated, {
    isIsolated: true,
    sha256: isolated.sha256,
    reports: true,
    isStopped: true,
    inOnEpoch: said,
    inOnProgress: said,
    outside: said,
  })
  assert.equal(alone, { ...isolated, isIsolated: false })
})

test.run()
