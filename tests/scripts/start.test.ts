/** The launcher of the commands where something is missing or broken. */
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runNode, runProgram } from '../support/processes.ts'
import { skipTest } from '../support/skip.ts'

const test = suite('the launcher')
const root = fileURLToPath(new URL('../..', import.meta.url))
/** A checkout in a folder whose name URLs give a meaning to. */
const copy = mkdtempSync(join(tmpdir(), 'hourglass #1? '))
chmodSync(copy, 0o755)
test.after(() => rmSync(copy, { recursive: true, force: true }))
for (const name of ['src', 'scripts', 'assembly', 'build', 'package.json', 'asconfig.json']) {
  cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true })
}
const START = join(copy, 'scripts/start.mjs')
const modules = join(copy, 'node_modules')

function expectLine(stderr: string, pattern: RegExp): void {
  assert.match(stderr, pattern)
  assert.is(stderr.trim().split('\n').length, 1, stderr)
}

test('without the packages of a development install: which, and how to get them', async () => {
  const { code, stderr } = await runNode([START, 'train', '--help'], { NODE_OPTIONS: '' })
  expectLine(stderr, /^error: \S+: expected this npm package, found it not installed: run `npm install`/)
  assert.is(code, 1)
})

test('on a Node that knows no TypeScript: which Node, and how to get the right one', async () => {
  // As an old Node: it has neither.
  const old = `
    Object.defineProperty(process.features, 'typescript', { value: false })
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })`
  const preload = `data:text/javascript,${encodeURIComponent(old)}`
  const { code, stderr } = await runNode(['--import', preload, START, 'train'])
  expectLine(stderr, /^error: Node 20\.0\.0: expected the Node that npm brings .* run `npm install`/)
  assert.is(code, 1)
})

test('the launcher itself asks nothing of Node that an old one has not', () => {
  const text = readFileSync(START, 'utf8')
  assert.not.match(text, /^import \{[^}]*\} from 'node:module'/m, 'a name that is missing is a SyntaxError')
  assert.not.match(text, /^await /m)
})

/** Trains as little as there is; the core is that of plain SIMD. */
const TRAINING = ['train', '-e', '1', '-z', '2', '--limit', '256', '--simd', 'plain', '--json']
TRAINING.push('-s', join(copy, 'w.pth'), '-p', join(copy, 'p.png'))
const CORE = join(copy, 'build/core.plain.wasm')

test('a core that was cut short is built anew, with a word, and that one alone', async () => {
  symlinkSync(join(root, 'node_modules'), modules, 'junction')
  const whole = readFileSync(CORE)
  writeFileSync(CORE, whole.subarray(0, 9000))
  const other = join(copy, 'build/testing.plain.wasm')
  writeFileSync(other, '')
  const { code, stderr } = await runNode([START, ...TRAINING])
  assert.is(code, 0, stderr)
  assert.is(stderr, 'Compiling the core from assembly/, once: this takes some seconds\n')
  assert.ok(readFileSync(CORE).equals(whole))
  assert.is(readFileSync(other).length, 0, 'what no command loads')
})

/** Runs the command; returns what it ended with and whether it was a bundle that ran. */
async function trained(): Promise<{ readonly sha256: string; readonly isBundle: boolean }> {
  const hooks = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    process.on('exit', () => console.error(loaded.some((url) => url.endsWith('/scripts/train.ts')) ? 'source' : 'bundle'))`
  const preload = `data:text/javascript,${encodeURIComponent(hooks)}`
  const { code, stdout, stderr } = await runNode(['--import', preload, START, ...TRAINING])
  assert.is(code, 0, stderr)
  const [, sha256 = ''] = /"parametersSha256":"(\w+)"/.exec(stdout) ?? []
  assert.is(sha256.length, 64, stdout)
  return { sha256, isBundle: /^bundle$/m.test(stderr) }
}

test('a bundle runs, to the same bits, until one of its files is another', async () => {
  rmSync(join(copy, 'build/commands.json'), { force: true })
  const { sha256, isBundle } = await trained()
  assert.not(isBundle)
  const prepared = await runNode([join(copy, 'scripts/prepare.mjs')])
  assert.is(prepared.code, 0, prepared.stderr)
  assert.equal(await trained(), { sha256, isBundle: true })
  // Of this one the bundle holds no line: the value of its constant stands where that is used.
  const source = join(copy, 'src/run/computation.ts')
  const text = readFileSync(source, 'utf8')
  const { atime, mtime } = statSync(source)
  writeFileSync(source, `${text}\n`)
  utimesSync(source, atime, mtime)
  assert.equal(await trained(), { sha256, isBundle: false }, 'of another size')
  writeFileSync(source, text)
  assert.equal(await trained(), { sha256, isBundle: false }, 'of another date')
})

test('help, and an error of flags, compile nothing', async () => {
  writeFileSync(CORE, '')
  const help = await runNode([START, 'train', '--help'])
  assert.is(help.code, 0, help.stderr)
  assert.match(help.stdout, /^npm run train/)
  const wrong = await runNode([START, 'train', '--epoch', '1'])
  assert.is(wrong.code, 2)
  expectLine(wrong.stderr, /^error: unknown flag --epoch: did you mean --epochs\?/)
  const file = await runNode([START, ...TRAINING, '--resume', join(root, 'results/MLP.2.pth')])
  assert.is(file.code, 1)
  expectLine(file.stderr, /^error: .*MLP\.2\.pth: expected a training checkpoint/)
  assert.is(readFileSync(CORE).length, 0)
})

test('where Vite cannot build the page it says so in one line', async () => {
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  const config = join(copy, 'src/web/vite.config.ts')
  const { code, stderr } = await runNode([vite, 'build', '--config', config])
  expectLine(stderr, /^error: .*hourglass #1\? \S+: expected a path without # and \?/)
  assert.is(code, 1)
})

const foreign = 'a build folder that is another user’s: one line'
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  skipTest(test, foreign, 'needs another user to run as')
} else {
  test(foreign, async () => {
    writeFileSync(CORE, '')
    const open = mkdtempSync(join(tmpdir(), 'hourglass-open-'))
    chmodSync(open, 0o777)
    const files = ['-s', join(open, 'w.pth'), '-p', join(open, 'p.png')]
    const args = ['--reuid=54321', '--clear-groups', process.execPath, START, ...TRAINING, ...files]
    const { code, stderr } = await runProgram('setpriv', args)
    rmSync(open, { recursive: true })
    const [word, ...rest] = stderr.split('\n')
    assert.match(word, /^Compiling the core/)
    expectLine(rest.join('\n'), /^error: .*build\/core\.plain\.\S+: .*permission denied/)
    assert.is(code, 1)
  })
}

test.run()
