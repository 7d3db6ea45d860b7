/**
 * Compiles `assembly/` to build/ and writes the host's twin of its plan, `src/engines/wasm/plan.ts`. What is
 * released is the core; tests and benchmarks have modules of their own. Does nothing when the outputs are
 * newer than the sources and are, by their digests, what was compiled, so that every command can afford to
 * ask: one asks for the file that it is about to load. As a program it makes all of them; `--force` compiles
 * all the same.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HourglassError } from '../src/errors.ts'
import { makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { planTwin } from './plan-twin.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const CORE = 'assembly/index.ts'
const TESTING = 'assembly/testing.ts'
const RELAXED = ['--enable', 'relaxed-simd']
const BUILDS = [
  { file: 'core.relaxed.wasm', flags: [CORE, '--target', 'release', ...RELAXED] },
  { file: 'core.plain.wasm', flags: [CORE, '--target', 'release'] },
  { file: 'testing.relaxed.wasm', flags: [TESTING, '--target', 'release', ...RELAXED] },
  { file: 'testing.plain.wasm', flags: [TESTING, '--target', 'release'] },
  { file: 'testing.relaxed.debug.wasm', flags: [TESTING, '--target', 'debug', ...RELAXED] },
  { file: 'testing.plain.debug.wasm', flags: [TESTING, '--target', 'debug'] },
]

/** SHA-256 of each output, in hexadecimal: a file that was cut short or changed is built anew. */
const DIGESTS = join(root, 'build/core.sha256.json')

/**
 * Newest modification time of a source in `folder` and its folders, in milliseconds. Every command asks, and
 * waits: some forty files one after the other, at once, are there sooner than each by way of a thread.
 */
function newestIn(folder: string): number {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) newest = Math.max(newest, newestIn(path))
    else if (entry.name.endsWith('.ts')) newest = Math.max(newest, modified(path))
  }
  return newest
}

/** 0 where there is no such file. */
function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Empty where there are none that can be read. */
function readDigests(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(DIGESTS, 'utf8')) as Record<string, string>
  } catch {
    return {}
  }
}

function isBuilt(file: string, digest: string | undefined, sources: number): boolean {
  const path = join(root, 'build', file)
  if (digest === undefined || modified(path) <= sources) return false
  return digestOf(readFileSync(path)) === digest
}

/** Throws HourglassError with what the compiler says. */
async function compile(file: string, flags: readonly string[]): Promise<Map<string, Uint8Array | string>> {
  // Loaded only now: the compiler takes longer to load than most commands have to wait for anything else.
  const { default: asc } = await import('assemblyscript/asc')
  const outputs = new Map<string, Uint8Array | string>()
  const { error, stderr } = await asc.main(
    [...flags, '--outFile', `build/${file}`, '--config', 'asconfig.json', '--baseDir', root],
    {
      writeFile: (name: string, content: Uint8Array | string) => {
        outputs.set(name, content)
      },
    },
  )
  if (error) throw new HourglassError(`assembly: expected sources that compile, found:\n${stderr}`)
  return outputs
}

/** Not written where it is right already: whoever watches the file need not look again. */
async function writePlanTwin(): Promise<boolean> {
  const file = join(root, 'src/engines/wasm/plan.ts')
  const text = await planTwin(join(root, 'assembly'))
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return false
  await writeFileAtomically(file, text)
  return true
}

export interface BuildOptions {
  /** Names of outputs; all of them unless given. */
  readonly files?: readonly string[]
  readonly isForced?: boolean
  /** Called and awaited once, before anything is compiled. */
  readonly onCompile?: () => Promise<void>
}

/**
 * Resolves to whether the host's twin is another now. Throws HourglassError for sources that do not compile.
 */
export async function buildWasm({ files, isForced = false, onCompile }: BuildOptions = {}): Promise<boolean> {
  const sources = Math.max(
    newestIn(join(root, 'assembly')),
    modified(join(root, 'asconfig.json')),
    modified(fileURLToPath(import.meta.url)),
  )
  const digests = readDigests()
  let hasCompiled = false
  let isTwinNew = false
  for (const { file, flags } of BUILDS) {
    if (files !== undefined && !files.includes(file)) continue
    if (!isForced && isBuilt(file, digests[file], sources)) continue
    if (!hasCompiled) {
      await onCompile?.()
      isTwinNew = await writePlanTwin()
    }
    hasCompiled = true
    await makeDirectory(join(root, 'build'))
    for (const [name, content] of await compile(file, flags)) {
      await writeFileAtomically(join(root, name), content)
      if (name === `build/${file}`) digests[file] = digestOf(content as Uint8Array)
    }
    await writeFileAtomically(DIGESTS, `${JSON.stringify(digests, null, 1)}\n`)
  }
  return isTwinNew
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildWasm({ isForced: process.argv.includes('--force') })
  } catch (error) {
    if (!(error instanceof HourglassError)) throw error
    console.error(`error: ${error.message}`)
    process.exit(1)
  }
}
