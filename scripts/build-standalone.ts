/**
 * The package for browsers in one file, dist/hourglass.browser.js: the core and the code of the workers lie
 * in it as text, so that every bundler, an import map or a CDN gives all of it or nothing.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { type Plugin, rolldown } from 'rolldown'
import { minify } from 'terser'
import { writeFileAtomically } from '../src/files/write.ts'

const CORES = ['core.relaxed.wasm', 'core.plain.wasm']
const WORKERS = { startPoolWorker: 'browser-worker', startHostWorker: 'browser-host-worker' }
/** Names of modules that have no file, or one that is found from anywhere. */
const PACKED = 'hourglass:packed'
const ERRORS = 'hourglass:errors'

/**
 * Terser after Rolldown's own: the file for browsers takes 4 kB less. Arrows are unsafe for function
 * expressions that are called with `new`; here classes alone are.
 */
const TERSER = { ecma: 2020, compress: { passes: 3, unsafe_arrows: true } } as const

/** One file of all that `input` imports. */
async function bundle(input: string, format: 'es' | 'iife', plugins: Plugin[] = []): Promise<string> {
  const build = await rolldown({ input, plugins, platform: 'browser', logLevel: 'silent' })
  try {
    const { output } = await build.generate({ format, minify: true, codeSplitting: false })
    if (output.length !== 1) throw new Error(`internal: ${input}: expected one file, found ${output.length}`)
    const { code } = await minify(output[0].code, { ...TERSER, module: format === 'es' })
    if (code === undefined) throw new Error(`internal: ${input}: terser gave nothing`)
    return code
  } finally {
    await build.close()
  }
}

/** WGSL without its comments, and without what only sets its lines off. */
function withoutComments(module: string): string {
  const lines = (JSON.parse(module.replace(/^export default /, '')) as string)
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
  return lines.filter((line) => line !== '').join('\n')
}

/** Less memory is shorter blocks with codes of their own: code and text take 3 % less than by default. */
const SMALLEST = { level: 9, memLevel: 6 }

/**
 * The first of 85 neighbouring characters, none of which is a double quote. The one after the last stands for
 * the backslash among them, which a text has twice.
 */
const FIRST_DIGIT = 35
const BACKSLASH = 92
const NO_BACKSLASH = FIRST_DIGIT + 85

/** Bytes as numbers of base 85, five digits for four bytes: a sixteenth less than base 64 takes. */
function base85(bytes: Uint8Array): string {
  const whole = Buffer.alloc(4 * Math.ceil(bytes.length / 4))
  whole.set(bytes)
  let text = ''
  for (let at = 0; at < whole.length; at += 4) {
    const word = whole.readUInt32BE(at)
    for (let power = 85 ** 4; power >= 1; power /= 85) {
      const digit = FIRST_DIGIT + (Math.floor(word / power) % 85)
      text += String.fromCharCode(digit === BACKSLASH ? NO_BACKSLASH : digit)
    }
  }
  return text
}

/**
 * A module that holds the files in one stream, whose window reaches from one build of the core over the next.
 * It is unpacked when the first of them is asked for.
 */
function packedModule(files: ReadonlyMap<string, Uint8Array>): string {
  const whole = deflateRawSync(Buffer.concat([...files.values()]), SMALLEST)
  const ends: Record<string, readonly [number, number]> = {}
  let at = 0
  for (const [name, { length }] of files) {
    ends[name] = [at, at + length]
    at += length
  }
  return `
    import { inflateSync } from 'fflate'
    const PACKED = ${JSON.stringify(base85(whole))}
    const PLACES = ${JSON.stringify(ends)}
    let files
    const unpacked = () => {
      const bytes = new DataView(new ArrayBuffer((PACKED.length / 5) * 4))
      for (let at = 0; at < PACKED.length; at += 5) {
        let word = 0
        for (let i = at; i < at + 5; i++) {
          const digit = PACKED.charCodeAt(i)
          word = word * 85 + (digit === ${NO_BACKSLASH} ? ${BACKSLASH} : digit) - ${FIRST_DIGIT}
        }
        bytes.setUint32((at / 5) * 4, word)
      }
      return new Uint8Array(bytes.buffer)
    }
    export const fileOf = (name) => {
      files ??= inflateSync(unpacked())
      return files.slice(...PLACES[name])
    }
    export const textOf = (name) => new TextDecoder().decode(fileOf(name))`
}

/** What stands in the place of `browser-files.ts`. */
const INLINED_FILES = `
  import { DeviceError } from '${ERRORS}'
  import { fileOf } from '${PACKED}'
  export const REMEDY = "a Content-Security-Policy must allow worker-src blob: and script-src 'wasm-unsafe-eval'"
  export const loadCore = async (file) => fileOf(file)
  const urls = new Map()
  const started = (name) => {
    let url = urls.get(name)
    if (!url) urls.set(name, (url = URL.createObjectURL(new Blob([fileOf(name)], { type: 'text/javascript' }))))
    try {
      return new Worker(url)
    } catch (cause) {
      throw new DeviceError(\`expected to start a worker, found: \${cause.message}; \${REMEDY}\`, { cause })
    }
  }
  ${Object.entries(WORKERS)
    .map(([name, file]) => `export const ${name} = () => started('${file}')`)
    .join('\n')}`

/**
 * What few pages need lies in a second file, dist/hourglass.tables.js, which hands it over here when it is
 * imported: the reader of CSV, and Parquet's reader and writer. Until then the first file says what to do.
 */
const TABLES = "globalThis[Symbol.for('hourglass-autoencoder/tables')]"
const handedOver = (format: string, names: readonly string[]) => `
  import { UsageError } from '${ERRORS}'
  const find = (name) => async (...args) => {
    const found = ${TABLES}
    if (found) return found[name](...args)
    throw new UsageError("${format}: expected hourglass-autoencoder/tables, which has it, imported in the page, found it missing")
  }
  ${names.map((name) => `export const ${name} = find('${name}')`).join('\n')}`

/** Modules that others stand in for. */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/[\\/]engines[\\/]wasm[\\/]browser-files\.js$/, INLINED_FILES],
  [/[\\/]data[\\/]sources[\\/]parquet\.js$/, handedOver('Parquet', ['readParquet'])],
  [/[\\/]data[\\/]sinks[\\/]parquet\.js$/, handedOver('Parquet', ['writeParquet'])],
  [/[\\/]data[\\/]sources[\\/]csv\.js$/, handedOver('CSV', ['readCsv'])],
  [
    /[\\/]engines[\\/]reference[\\/]reference-engine\.js$/,
    `import { UsageError } from '${ERRORS}'
    export const createReferenceEngine = async () => {
      throw new UsageError('device: expected auto, cpu, wasm or webgpu, found reference, which hourglass-autoencoder/browser alone has')
    }`,
  ],
]

/** The file's modules: those of dist/, and what is replaced and packed. */
async function replacements(root: string, dist: string): Promise<Plugin> {
  const files = new Map<string, Uint8Array>()
  for (const core of CORES) files.set(core, await readFile(join(root, 'build', core)))
  for (const file of Object.values(WORKERS)) {
    files.set(file, Buffer.from(await bundle(join(dist, `engines/wasm/${file}.js`), 'iife')))
  }
  const shaders = join(dist, 'engines/webgpu/shaders')
  for (const name of (await readdir(shaders)).filter((file) => file.endsWith('.wgsl.js')).sort()) {
    files.set(name, Buffer.from(withoutComments(await readFile(join(shaders, name), 'utf8'))))
  }
  const packed = packedModule(files)
  return {
    name: 'replacements',
    resolveId: (id) => {
      if (id === PACKED) return id
      return id === ERRORS ? join(dist, 'errors.js') : undefined
    },
    load: (id) => {
      if (id === PACKED) return packed
      if (id.endsWith('.wgsl.js')) {
        return `import { textOf } from '${PACKED}'\nexport default textOf('${basename(id)}')`
      }
      return REPLACED.find(([pattern]) => pattern.test(id))?.[1]
    },
  }
}

/** A file travels alone: the licences of all that is in it go with it. */
async function licences(root: string, packages: Readonly<Record<string, string>>): Promise<string> {
  const own = await readFile(join(root, 'LICENSE'), 'utf8')
  const lines = Object.entries(packages).map(async ([name, title]) => {
    const text = await readFile(join(root, 'node_modules', name, 'LICENSE'), 'utf8')
    // hyparquet's name no holder.
    const holder = /^Copyright.*/m.exec(text)?.[0]
    return holder === undefined
      ? `${title}, under the same licence.`
      : `${title}: ${holder}, under the same licence.`
  })
  return `${own.trim()}\n\n${(await Promise.all(lines)).join('\n')}\n*/\n`
}

const LOADER =
  'a part of @assemblyscript/loader (Apache-2.0,\nhttps://www.apache.org/licenses/LICENSE-2.0, Copyright The AssemblyScript Authors)'

/** Needs `dist` as it is otherwise, and build/ of the checkout. */
export async function buildStandalone(root: string, dist: string): Promise<void> {
  const code = await bundle(join(dist, 'browser.js'), 'es', [await replacements(root, dist)])
  if (/import\.meta|\bimport[\s(]/.test(code)) {
    throw new Error('internal: the standalone file asks for files beside it')
  }
  const head = `/*!\nhourglass-autoencoder, and in it fflate (MIT) and ${LOADER}.\n\n`
  const text = head + (await licences(root, { fflate: 'fflate' })) + code
  await writeFileAtomically(join(dist, 'hourglass.browser.js'), text)
}

/** The second file: it shares the classes of errors with the first, which must lie beside it. */
export async function buildTables(root: string, dist: string): Promise<void> {
  const entry = join(dist, 'tables.js')
  const plugin: Plugin = {
    name: 'tables',
    resolveId: (id) =>
      /[\\/]errors\.js$/.test(id) ? { id: './hourglass.browser.js', external: true } : undefined,
    load: (id) =>
      id === entry
        ? `import { readCsv } from './data/sources/csv.js'
          import { readParquet } from './data/sources/parquet.js'
          import { writeParquet } from './data/sinks/parquet.js'
          ${TABLES} = { readCsv, readParquet, writeParquet }`
        : undefined,
  }
  const code = await bundle(entry, 'es', [plugin])
  const head =
    '/*!\nhourglass-autoencoder/tables, and in it Papa Parse, hyparquet, hyparquet-writer and fflate (MIT).\n\n'
  const others = {
    papaparse: 'Papa Parse',
    hyparquet: 'hyparquet',
    'hyparquet-writer': 'hyparquet-writer',
    fflate: 'fflate',
  }
  await writeFileAtomically(join(dist, 'hourglass.tables.js'), head + (await licences(root, others)) + code)
}
