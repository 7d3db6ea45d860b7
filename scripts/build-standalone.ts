/**
 * The package for browsers in one file, dist/hourglass.browser.js: the core and the code of the workers lie in it as
 * text, so that every bundler, an import map or a CDN gives all of it or nothing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'fflate'
import { type Plugin, rolldown } from 'rolldown'
import { writeFileAtomically } from '../src/files/write.ts'

/** The module that says where the core and the workers come from. */
const FILES_MODULE = /[\\/]engines[\\/]wasm[\\/]browser-files\.js$/
const CORES = ['core.relaxed.wasm', 'core.plain.wasm']
const WORKERS = { startPoolWorker: 'browser-worker', startHostWorker: 'browser-host-worker' }

/** One file of all that `input` imports. */
async function bundle(input: string, format: 'es' | 'iife', plugins: Plugin[] = []): Promise<string> {
  const build = await rolldown({ input, plugins, platform: 'browser', logLevel: 'silent' })
  try {
    const { output } = await build.generate({ format, minify: true, codeSplitting: false })
    if (output.length !== 1) throw new Error(`internal: ${input}: expected one file, found ${output.length}`)
    return output[0].code
  } finally {
    await build.close()
  }
}

/** What stands in the place of `browser-files.ts`. */
async function inlinedFiles(root: string): Promise<string> {
  const packed = async (name: string) => deflateSync(await readFile(join(root, 'build', name)), { level: 9 })
  const cores = await Promise.all(
    CORES.map(async (name) => [name, Buffer.from(await packed(name)).toString('base64')]),
  )
  const starters = Object.entries(WORKERS).map(async ([name, file]) => {
    const code = await bundle(join(root, `dist/engines/wasm/${file}.js`), 'iife')
    return `const ${name}Code = ${JSON.stringify(code)}
      export const ${name} = () => started(${name}Code)`
  })
  return `
    import { inflateSync } from 'fflate'
    import { DeviceError } from '../../errors.js'
    export const REMEDY = "a Content-Security-Policy must allow worker-src blob: and script-src 'wasm-unsafe-eval'"
    const CORES = ${JSON.stringify(Object.fromEntries(cores))}
    export const loadCore = async (file) =>
      inflateSync(Uint8Array.from(atob(CORES[file]), (letter) => letter.charCodeAt(0)))
    const urls = new Map()
    const started = (code) => {
      let url = urls.get(code)
      if (!url) urls.set(code, (url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))))
      try {
        return new Worker(url)
      } catch (cause) {
        throw new DeviceError(\`expected to start a worker, found: \${cause.message}; \${REMEDY}\`, { cause })
      }
    }
    ${(await Promise.all(starters)).join('\n')}`
}

/** WGSL without its comments, and without what only sets its lines off. */
function withoutComments(module: string): string {
  const lines = (JSON.parse(module.replace(/^export default /, '')) as string)
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
  return `export default ${JSON.stringify(lines.filter((line) => line !== '').join('\n'))}`
}

/**
 * Parquet's reader and writer are half as large again as all the rest, and few pages need them: the file says where
 * they are.
 */
const PARQUET_MODULE = /[\\/]data[\\/](sources|sinks)[\\/]parquet\.js$/
const NO_PARQUET = `
  import { UsageError } from '../../errors.js'
  const refuse = async () => {
    throw new UsageError('Parquet: expected hourglass-autoencoder/browser, which reads and writes it, found the file of one piece')
  }
  export const readParquet = refuse
  export const writeParquet = refuse`

/** The file travels alone: the licences of all that is in it go with it. */
async function licences(root: string): Promise<string> {
  const files = ['LICENSE', 'node_modules/fflate/LICENSE', 'node_modules/papaparse/LICENSE']
  const [own, fflate, papaparse] = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))
  const text = [
    'hourglass-autoencoder, and in it fflate (MIT), Papa Parse (MIT) and a part of @assemblyscript/loader (Apache-2.0,',
    'https://www.apache.org/licenses/LICENSE-2.0, Copyright The AssemblyScript Authors).',
    '',
    own.trim(),
    '',
    `fflate: ${/Copyright.*/.exec(fflate)?.[0]}, under the same licence.`,
    `Papa Parse: ${/Copyright.*/.exec(papaparse)?.[0]}, under the same licence.`,
  ]
  return `/*!\n${text.join('\n')}\n*/\n`
}

/** Needs dist/ as it is otherwise, and build/. */
export async function buildStandalone(root: string): Promise<void> {
  const files = await inlinedFiles(root)
  const inline: Plugin = {
    name: 'inlined-files',
    load: (id) => (FILES_MODULE.test(id) ? files : PARQUET_MODULE.test(id) ? NO_PARQUET : undefined),
    transform: (code, id) => (/\.wgsl\.js$/.test(id) ? withoutComments(code) : undefined),
  }
  const code = await bundle(join(root, 'dist/browser.js'), 'es', [inline])
  if (/import\.meta|\bimport[\s(]/.test(code)) {
    throw new Error('internal: the standalone file asks for files beside it')
  }
  await writeFileAtomically(join(root, 'dist/hourglass.browser.js'), (await licences(root)) + code)
}
