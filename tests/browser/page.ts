/**
 * Opens a built page in a real Chromium, served by a small static host, and watches what it writes to the
 * console.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { skipTest } from '../support/skip.ts'
import { smallTable } from '../support/small-table.ts'

const DIST_WEB = join(import.meta.dirname, '../../dist-web')
/** Not the host's root: the page must work under any path. */
const BASE_PATH = '/some/where/'
const CANDIDATES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}
const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}
/** Above what any wait of these tests takes on two busy cores. */
const PATIENCE_MS = 60_000

export interface OpenOptions {
  /** Query of the address, without the question mark. */
  readonly query?: string
  /** Whether the host sets the headers of cross-origin isolation; default true. */
  readonly headers?: boolean
  /** Whether the page may install its service worker; default false. */
  readonly serviceWorker?: boolean
  /** Waits for the pre-trained model; default true. */
  readonly waitForModel?: boolean
  /** Whether Chromium is told to accept any WebGPU adapter, software too; default true. */
  readonly webgpu?: boolean
  /** Runs in the page before its own scripts do: makes another browser of this one. */
  readonly initScript?: () => void
  /** Size of the window in CSS pixels; default Playwright's. */
  readonly viewport?: { readonly width: number; readonly height: number }
  /** Whether it is a touch screen; default false. */
  readonly touch?: boolean
  /** Folder of a built page other than Hourglass's own, which is the default. */
  readonly folder?: string
}

export interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Address of the page without query. */
  readonly address: string
  /** Paths that the host was asked for since the last look, relative to the page. */
  readonly requests: string[]
  /** What was written to the console as an error, and what was thrown and not caught. */
  readonly errors: string[]
  close(): Promise<void>
}

function findChromium(): string | undefined {
  return CANDIDATES.find((path) => path !== undefined && existsSync(path))
}

/** Why tests that need a browser cannot run; undefined where they can. */
export function missingBrowser(): string | undefined {
  return findChromium() ? undefined : 'no Chromium found: install it, or set CHROMIUM to its path'
}

/** Registers a test that needs a browser; where none is found it is skipped, loudly. */
export function browserTest(test: Test, name: string, run: () => Promise<void>): void {
  const why = missingBrowser()
  if (why === undefined) test(name, run)
  else skipTest(test, name, why)
}

interface Host {
  readonly port: number
  close(): void
}

function startHost(folder: string, headers: boolean, requests: string[]): Promise<Host> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://host').pathname)
    if (!path.startsWith(BASE_PATH)) {
      response.writeHead(404).end()
      return
    }
    const file = path === BASE_PATH ? 'index.html' : path.slice(BASE_PATH.length)
    requests.push(file)
    readFile(join(folder, file)).then(
      (bytes) => {
        const type = TYPES[extname(file)] ?? 'application/octet-stream'
        response.writeHead(200, {
          'Content-Type': type,
          'Content-Length': bytes.length,
          ...(headers ? ISOLATION_HEADERS : {}),
        })
        response.end(bytes)
      },
      () => response.writeHead(404).end(),
    )
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      resolve({ port, close })
    })
  })
}

/** One for pages that may use any WebGPU adapter, one for those that may not. */
const browsers = new Map<boolean, Browser>()

async function launch(webgpu: boolean): Promise<Browser> {
  const running = browsers.get(webgpu)
  if (running) return running
  const browser = await chromium.launch({
    executablePath: findChromium() ?? '',
    headless: true,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(webgpu ? ['--enable-unsafe-webgpu'] : []),
    ],
  })
  browsers.set(webgpu, browser)
  return browser
}

/** Ends what was launched; call it in `test.after`. */
export async function closeBrowser(): Promise<void> {
  await Promise.all([...browsers.values()].map((browser) => browser.close()))
  browsers.clear()
}

/** Opens the page. The caller closes it, and looks at its errors. */
export async function openPage(options: OpenOptions = {}): Promise<OpenPage> {
  const { query = '', headers = true, serviceWorker = false, waitForModel = true } = options
  const { webgpu = true, initScript, viewport, touch = false, folder = DIST_WEB } = options
  assert.ok(existsSync(join(folder, 'index.html')), `${folder} is missing: run npm run build:web first`)
  const browser = await launch(webgpu)
  const requests: string[] = []
  const host = await startHost(folder, headers, requests)
  const context = await browser.newContext({
    serviceWorkers: serviceWorker ? 'allow' : 'block',
    acceptDownloads: true,
    hasTouch: touch,
    ...(viewport && { viewport: { ...viewport } }),
  })
  context.setDefaultTimeout(PATIENCE_MS)
  const close = async () => {
    await context.close()
    host.close()
  }
  try {
    if (initScript) await context.addInitScript(initScript)
    const page = await context.newPage()
    const errors: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    page.on('pageerror', (error) => errors.push(error.message))
    const address = `http://127.0.0.1:${host.port}${BASE_PATH}`
    await page.goto(`${address}?${query}`)
    if (waitForModel) await page.waitForFunction(hasMeasuredModel)
    return { page, context, address, requests, errors, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Opens the page, hands it to `use`, and fails if it wrote an error to the console. */
export async function withPage(options: OpenOptions, use: (open: OpenPage) => Promise<void>): Promise<void> {
  const open = await openPage(options)
  try {
    await use(open)
    assert.equal(open.errors, [], 'errors on the console')
  } finally {
    await open.close()
  }
}

/** Why WebGPU tests cannot run: there is no browser, or it has no adapter. undefined where they can. */
export async function missingAdapter(options: OpenOptions = {}): Promise<string | undefined> {
  const noBrowser = missingBrowser()
  if (noBrowser !== undefined) return noBrowser
  const { page, close } = await openPage({ ...options, waitForModel: false })
  try {
    const found = await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null)
    return found ? undefined : 'Chromium found no WebGPU adapter'
  } finally {
    await close()
  }
}

/** In the page: the model's test MSE stands at its head. */
function hasMeasuredModel(): boolean {
  return /\d\.\d/.test(document.getElementById('model-detail')?.textContent ?? '')
}

/** Waits until the training run is in one of these phases, and returns it. A failed run fails the test. */
export async function waitForPhase(page: Page, ...phases: string[]): Promise<string> {
  const handle = await page.waitForFunction((wanted) => {
    const phase = document.body.dataset.phase ?? ''
    return wanted.includes(phase) || phase === 'failed' ? phase : undefined
  }, phases)
  const phase = String(await handle.jsonValue())
  if (phase === 'failed' && !phases.includes('failed')) {
    throw new Error(`the run failed: ${await page.textContent('#train-status')}`)
  }
  return phase
}

/** The text of an element as it is now. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector)) ?? ''
}

/** The text of an element once it matches. */
export async function waitForText(page: Page, selector: string, pattern: RegExp): Promise<string> {
  await page.waitForFunction(
    ([where, source]) => new RegExp(source).test(document.querySelector(where)?.textContent ?? ''),
    [selector, pattern.source],
  )
  return textOf(page, selector)
}

/** A number that tells pictures apart: the canvas's bytes, hashed. */
export function canvasHash(page: Page, selector: string): Promise<number> {
  return page.evaluate((where) => {
    const canvas = document.querySelector(where)
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error(`no canvas ${where}`)
    const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] }
    let hash = 0
    for (const byte of data) hash = (Math.imul(hash, 31) + byte) | 0
    return hash
  }, selector)
}

/** Waits until a canvas shows another picture than the one with this hash. */
export async function waitForOtherPicture(page: Page, selector: string, before: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while ((await canvasHash(page, selector)) === before) {
    if (Date.now() > deadline) throw new Error(`${selector} did not change`)
    await page.waitForTimeout(50)
  }
}

/** Drops a file on the page as a user does. */
export function dropFile(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  return dropFiles(page, [[name, bytes]])
}

/** Drops files one after the other, with no wait between them. */
export async function dropFiles(
  page: Page,
  files: readonly (readonly [name: string, bytes: Uint8Array])[],
): Promise<void> {
  const drops = await page.evaluateHandle(
    (all) =>
      all.map(([file, base64]) => {
        const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
        const dataTransfer = new DataTransfer()
        dataTransfer.items.add(new File([content], file))
        return new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer })
      }),
    files.map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
  )
  await drops.evaluate((events) => {
    for (const event of events) document.getElementById('drop')?.dispatchEvent(event)
  })
}

/** Clicks and returns the bytes of the download that follows, with the name it was given. */
export async function download(page: Page, selector: string): Promise<{ name: string; bytes: Uint8Array }> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(selector)])
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) }
}

/**
 * Drops a small labelled table on the page and trains on it, so that the panel of data shows all that it can.
 */
export async function trainOwn(page: Page): Promise<void> {
  await dropFile(page, 'machines.csv', Buffer.from(smallTable(200)))
  await waitForText(page, '#own-proposal', /^Proposed/)
  await page.selectOption('select[aria-label="Use of column outlier"]', 'label')
  await page.fill('#own-epochs', '5')
  await page.click('#own-start')
  await waitForText(page, '#own-status', /^Trained/)
}
