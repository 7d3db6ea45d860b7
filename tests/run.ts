/**
 * Runs the tests: every tests/**\/*.test.ts as a process of its own, three at once.
 *
 *   node tests/run.ts [--browser] [--limit SECONDS] [PART OF A FILE NAME …]
 *
 * The last line is `N passed, N failed`, with `, N skipped` where tests were skipped. A file fails when a
 * test of it fails, when it ends with another exit code than 0, when it outlives its time limit, when it
 * holds no test, and when it skips tests without saying why. tests/browser needs a browser and runs only with
 * --browser.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'

/** One more than the cores that are expected: every second one waits, for a browser, a queue or a kill. */
const FILES_AT_ONCE = 3
/** Of scripts/start.mjs: tests and what they start take a quarter less, from the second run on. */
const COMPILE_CACHE = resolve(import.meta.dirname, '../build/compile-cache')
/** Far above what the slowest file takes on two busy cores: it ends hangs, it does not measure. */
const DEFAULT_LIMIT_SECONDS = 300

interface FileResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What went wrong apart from single tests. */
  readonly problems: string[]
  readonly skipReasons: string[]
  readonly output: string
  readonly seconds: number
}

const running = new Set<ChildProcess>()

/** Ends a test and everything it started: each runs as the leader of a process group (Windows has none). */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group has ended already.
  }
}

interface Ending {
  readonly output: string
  /** undefined where the time limit ended it. */
  readonly ending: string | undefined
}

function runProcess(file: string, limitSeconds: number): Promise<Ending> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, [file], {
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', NODE_COMPILE_CACHE: COMPILE_CACHE },
    })
    running.add(child)
    const chunks: Buffer[] = []
    let ending: string | undefined = ''
    const timer = setTimeout(() => {
      ending = undefined
      killGroup(child)
    }, limitSeconds * 1000)
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (error) => chunks.push(Buffer.from(`${error.message}\n`)))
    // A grandchild left behind would hold the pipes open, and `close` would never come.
    child.on('exit', () => killGroup(child))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      running.delete(child)
      if (ending !== undefined) ending = signal ?? String(code)
      settle({ output: Buffer.concat(chunks).toString(), ending })
    })
  })
}

async function runFile(file: string, limitSeconds: number): Promise<FileResult> {
  const start = performance.now()
  const { output, ending } = await runProcess(file, limitSeconds)
  const seconds = (performance.now() - start) / 1000
  const summary = [...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)].at(
    -1,
  )
  const [total, passed, skipped] = summary ? summary.slice(1).map(Number) : [0, 0, 0]
  const skipReasons = [...output.matchAll(/SKIPPED: (.*)$/gm)].map((match) => match[1])
  const problems: string[] = []
  if (ending === undefined) problems.push(`killed after ${limitSeconds} s`)
  else if (ending !== '0' && passed === total) problems.push(`ended with ${ending}`)
  else if (!summary) problems.push('ended without running its tests: is test.run() missing?')
  else if (total + skipped === 0) problems.push('holds no test')
  if (skipped > skipReasons.length) problems.push(`${skipped - skipReasons.length} skipped without a reason`)
  return { passed, failed: total - passed + problems.length, skipped, problems, skipReasons, output, seconds }
}

function report(name: string, result: FileResult): void {
  const counts = [`${result.passed} passed`]
  if (result.failed > 0) counts.push(`${result.failed} failed`)
  if (result.skipped > 0) counts.push(`${result.skipped} skipped`)
  counts.push(...result.problems)
  console.log(
    `${result.failed > 0 ? 'FAIL' : 'ok  '} ${name}: ${counts.join(', ')} (${result.seconds.toFixed(1)} s)`,
  )
  for (const reason of result.skipReasons) console.log(`     skipped: ${reason}`)
  if (result.failed > 0) console.log(`\n${result.output.trimEnd().replace(/^/gm, '     | ')}\n`)
}

function findFiles(directory: string, filters: readonly string[], browser: boolean): string[] {
  return globSync('**/*.test.ts', { cwd: directory })
    .sort()
    .filter((file) => browser || !file.startsWith(`browser${sep}`))
    .filter((file) => {
      // Parts of names are written with slashes, on Windows too.
      const name = `tests/${file.replaceAll(sep, '/')}`
      return filters.length === 0 || filters.some((filter) => name.includes(filter.replaceAll(sep, '/')))
    })
    .map((file) => resolve(directory, file))
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { browser: { type: 'boolean', default: false }, limit: { type: 'string' } },
  })
  const limitSeconds = Number(values.limit ?? DEFAULT_LIMIT_SECONDS)
  if (!(limitSeconds > 0)) throw new Error(`--limit: expected a number of seconds, found ${values.limit}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const child of running) killGroup(child)
      process.exit(128 + constants.signals[signal])
    })
  }

  const directory = import.meta.dirname
  const files = findFiles(directory, positionals, values.browser)
  let passed = 0
  let failed = 0
  let skipped = 0
  if (files.length === 0) {
    console.log(`no test file matches ${positionals.join(' ') || 'tests/**/*.test.ts'}`)
    failed = 1
  }
  if (positionals.length === 0) {
    console.log(`${files.length} files of tests, ${FILES_AT_ONCE} at once: some minutes on two cores`)
  }
  const waiting = [...files]
  const runWaiting = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, limitSeconds)
      report(relative(dirname(directory), file), result)
      passed += result.passed
      failed += result.failed
      skipped += result.skipped
    }
  }
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, runWaiting))

  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exitCode = failed > 0 ? 1 : 0
}

await main()
