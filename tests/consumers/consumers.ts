/** Who uses the package, and how each is tried. */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, runCommand } from '../package/installed.ts'
import {
  answering,
  apart,
  lastLine,
  packed,
  runExample,
  runtime,
  Skip,
  succeed,
  TOOLS,
  trainAt,
  trainInPage,
  webpack,
  withImages,
  withPage,
} from './steps.ts'

export interface Consumer {
  readonly name: string
  /** Tried only when it is named. */
  readonly isLarge?: boolean
  /**
   * What it printed or found; the SHA-256 of its weights where it trains. Throws where it fails, or `Skip`.
   */
  run(project: string): Promise<string>
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

const TYPES_WITHOUT_DOM = `
import { Autoencoder, drawLossCurve, loadDataset } from 'hourglass-autoencoder'
import { Autoencoder as Page } from 'hourglass-autoencoder/browser'
import { Autoencoder as Standalone } from 'hourglass-autoencoder/standalone'
import 'hourglass-autoencoder/tables'
export const model: Promise<Autoencoder> = Autoencoder.create({ bottleneck: 8 })
export const all: readonly unknown[] = [drawLossCurve, loadDataset, Page, Standalone]
`

export const CONSUMERS: readonly Consumer[] = [
  {
    name: 'publint',
    async run(project) {
      const cli = join(TOOLS, 'publint/src/cli.js')
      await succeed(process.execPath, [cli, '--strict', '--level', 'warning', packed(project)], project)
      return 'no errors and no warnings'
    },
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
    name: 'csv',
    async run(project) {
      const output = await runExample('csv', project)
      const [line] = output.split('\n')
      if (!line.startsWith('12 of 120 rows are above the threshold')) throw new Error(output)
      return line
    },
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
      await runExample('vite:build', project)
      return trainInPage(join(project, 'vite/out'))
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
      await runExample('esbuild', project)
      return trainInPage(join(project, 'esbuild/out'))
    },
  },
  {
    name: 'plain page',
    async run(project) {
      await runExample('plain', project)
      return trainInPage(join(project, 'plain/out'))
    },
  },
  {
    name: 'plain page, not isolated',
    async run(project) {
      await runExample('plain', project)
      return trainInPage(join(project, 'plain/out'), false)
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
    name: 'parcel',
    isLarge: true,
    async run(project) {
      const args = [
        'build',
        'page/index.html',
        '--public-url',
        './',
        '--dist-dir',
        'parcel/out',
        '--no-cache',
      ]
      await succeed(process.execPath, [runtime('parcel/lib/bin.js'), ...args], project)
      return trainInPage(withImages(project, 'parcel/out'))
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
