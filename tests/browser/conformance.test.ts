/**
 * Both browser engines under the conformance suite in Chromium, and one of PyTorch's trajectories through
 * each: what tests/engines checks in Node. A page of its own, conformance/, runs the tests one by one; each
 * is a test here.
 */
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { build } from 'vite'
import { limitImages } from '../../src/data/dataset.ts'
import { loadDataset } from '../../src/data/node-files.ts'
import { skipTest } from '../support/skip.ts'
import type { EngineName, PageTests } from './conformance/main.ts'
import { closeBrowser, missingAdapter, missingBrowser, type OpenPage, openPage } from './page.ts'

/** In the page. */
declare const hourglassTests: PageTests

interface Configuration {
  readonly label: string
  readonly engine: EngineName
  /** Whether the host isolates the page. */
  readonly headers: boolean
  /** Few of the networks that Node's test of the same engine has: a software adapter takes 2 s for each. */
  readonly isBrief: boolean
  readonly trajectory: 'z2-b64.json' | 'eight-mixed.json'
  /** What the engine must say of itself: that it is the one meant. */
  readonly info: { readonly threads: number; readonly arithmetic: RegExp }
}

const CONFIGURATIONS: readonly Configuration[] = [
  {
    label: 'WASM, isolated: three workers',
    engine: 'wasm',
    headers: true,
    isBrief: false,
    trajectory: 'z2-b64.json',
    info: { threads: 3, arithmetic: /^relaxed SIMD/ },
  },
  {
    label: 'WASM, isolated: two workers, plain SIMD',
    engine: 'wasm-plain',
    headers: true,
    isBrief: false,
    trajectory: 'z2-b64.json',
    info: { threads: 2, arithmetic: /separate multiply and add/ },
  },
  {
    label: 'WASM, not isolated: one worker',
    engine: 'wasm',
    headers: false,
    isBrief: false,
    trajectory: 'z2-b64.json',
    info: { threads: 1, arithmetic: /^relaxed SIMD/ },
  },
  {
    label: 'WebGPU',
    engine: 'webgpu',
    headers: true,
    isBrief: true,
    trajectory: 'eight-mixed.json',
    info: { threads: 1, arithmetic: /^float32 WGSL on / },
  },
]

/** The trajectory of MNIST visits images 1000 … 2919. */
const TRAJECTORY_IMAGES = 2920

/** Builds the page that runs the tests into a temporary folder, with the trajectory's images beside it. */
async function buildPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hourglass-conformance-'))
  process.on('exit', () => rmSync(folder, { recursive: true }))
  await build({
    configFile: false,
    root: join(import.meta.dirname, 'conformance'),
    base: './',
    logLevel: 'warn',
    worker: { format: 'es' },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      reportCompressedSize: false,
    },
  })
  const { train } = await loadDataset()
  await writeFile(join(folder, 'images.bin'), limitImages(train, TRAJECTORY_IMAGES).rows)
  return folder
}

const test = suite('conformance in a browser')
const openPages: OpenPage[] = []
test.after(async () => {
  await Promise.all(openPages.map(({ close }) => close()))
  await closeBrowser()
})

async function registerConfiguration(folder: string, configuration: Configuration): Promise<void> {
  const { label, engine, headers, info, isBrief } = configuration
  const open = await openPage({ folder, headers, waitForModel: false })
  openPages.push(open)
  const { page, errors } = open

  test(`${label}: is the engine that is meant`, async () => {
    assert.is(await page.evaluate(() => crossOriginIsolated), headers)
    const found = await page.evaluate((name) => hourglassTests.describe(name), engine)
    assert.is(found.threads, info.threads)
    assert.match(found.arithmetic, info.arithmetic)
  })

  const names = await page.evaluate(([name, brief]) => hourglassTests.register(name, brief), [
    engine,
    isBrief,
  ] as const)
  for (const name of names) {
    test(`${label}: ${name}`, async () => {
      const failure = await page.evaluate((registered) => hourglassTests.runTest(registered), name)
      if (failure !== undefined) throw new Error(failure)
    })
  }

  test(`${label}: lands where PyTorch does`, async () => {
    const file = new URL(`../fixtures/parity/${configuration.trajectory}`, import.meta.url)
    const trajectory = await readFile(file, 'utf8')
    const report = await page.evaluate(([name, text]) => hourglassTests.parity(name, text, './images.bin'), [
      engine,
      trajectory,
    ] as const)
    assert.is(report.losses.length, 30)
    assert.ok(report.lossError <= 1e-6, `losses: ${report.lossError}`)
    for (const tensor of report.tensors) assert.ok(tensor.passed, JSON.stringify(tensor))
    assert.ok(report.passed)
  })

  test(`${label}: writes no error to the console`, () => assert.equal(errors, []))
}

const noBrowser = missingBrowser()
if (noBrowser === undefined) {
  const folder = await buildPage()
  const noAdapter = await missingAdapter({ folder })
  for (const configuration of CONFIGURATIONS) {
    if (configuration.engine === 'webgpu' && noAdapter !== undefined) {
      skipTest(test, configuration.label, noAdapter)
    } else {
      await registerConfiguration(folder, configuration)
    }
  }
} else {
  for (const { label } of CONFIGURATIONS) skipTest(test, label, noBrowser)
}

test.run()
