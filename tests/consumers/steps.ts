/** What trying a consumer is made of: programs that must succeed, bundles, pages that train. */
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingBrowser, openPage } from '../browser/page.ts'
import { ARCHIVE, ROOT, runCommand } from '../package/installed.ts'

export const TOOLS = join(import.meta.dirname, 'node_modules')
/** Why a consumer cannot be tried here; not an error. */
export class Skip extends Error {}

export async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await runCommand(command, args, cwd)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** Runs a script of the examples' package.json as npm does, with the tools of this project and the tests. */
export async function runExample(name: string, project: string): Promise<string> {
  const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  const steps = (scripts[name] as string).split(' && ').map((step) => step.split(' '))
  let output = ''
  for (const [program, ...args] of steps) {
    const file = program === 'vite' ? [join(ROOT, 'node_modules/vite/bin/vite.js')] : []
    output += await succeed(process.execPath, [...file, ...args], project)
  }
  return output
}

/** The last line of what a program prints. */
export function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

/** A program of one of the optional packages, or `Skip`. */
export function runtime(file: string): string {
  const path = join(TOOLS, file)
  if (!existsSync(path)) throw new Skip('not installed here: no package for this system')
  return path
}

/** Opens a built page, which leaves its weights' SHA-256, or its error, in `document.body.dataset`. */
export async function trainInPage(folder: string, headers = true): Promise<string> {
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

export async function answering(address: string): Promise<void> {
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
export async function trainAt(
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
export function packed(project: string): string {
  return join(project, '..', ARCHIVE)
}

export function withImages(project: string, folder: string): string {
  cpSync(join(project, 'images.bin'), join(project, folder, 'images.bin'))
  return join(project, folder)
}

/** For bundlers that make the script alone. */
export function withPage(project: string, folder: string): string {
  cpSync(join(project, 'page/index.html'), join(project, folder, 'index.html'))
  return withImages(project, folder)
}

/** The page with the entry of the package whose worker and core are files of their own. */
export function apart(project: string, name: string): void {
  const text = readFileSync(join(project, 'page/train.js'), 'utf8')
  writeFileSync(
    join(project, 'page', name),
    text.replace("'hourglass-autoencoder'", "'hourglass-autoencoder/browser'"),
  )
}

export async function webpack(project: string, entry: string, out: string): Promise<void> {
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
