/** Makes out/, a folder for any static host: the page, its script, and the package's file for browsers. */
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = import.meta.dirname
const out = join(here, 'out')
await mkdir(out, { recursive: true })
await copyFile(join(here, 'index.html'), join(out, 'index.html'))
await copyFile(join(here, '../page/train.js'), join(out, 'train.js'))
const standalone = fileURLToPath(import.meta.resolve('hourglass-autoencoder/standalone'))
await copyFile(standalone, join(out, 'hourglass.browser.js'))
