/** `npm run vite` serves ../page, `npm run vite:build` makes vite/out/ of it. */
import { join } from 'node:path'
import { defineConfig } from 'vite'

/** With these the page is cross-origin isolated, and trains on all cores; without them on one. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  root: join(import.meta.dirname, '../page'),
  base: './',
  build: { outDir: join(import.meta.dirname, 'out'), emptyOutDir: true },
  server: { headers },
  preview: { headers },
})
