/** Makes out/ of ../page: the page and one file of JavaScript. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const here = import.meta.dirname
await build({
  entryPoints: [join(here, '../page/train.js')],
  bundle: true,
  format: 'esm',
  minify: true,
  outdir: join(here, 'out'),
})
await copyFile(join(here, '../page/index.html'), join(here, 'out/index.html'))
