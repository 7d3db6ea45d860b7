/** The library in a host program that has too few files, processes or bytes of a core for it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { leftOf } from '../../../src/engines/wasm/node-address-space.ts'
import { runProgram } from '../../support/processes.ts'
import { skipTest } from '../../support/skip.ts'

const test = suite('a host program without')
const root = fileURLToPath(new URL('../../..', import.meta.url))
const HOST = join(root, 'tests/engines/programs/starved-host.ts')

/**
 * The two attempts of the host end alike, in the promise of the call; nothing else happens, and nothing is
 * left.
 */
async function expectOutcome(pattern: RegExp, program: string, args: readonly string[]): Promise<void> {
  const { stdout, stderr, code } = await runProgram(program, args)
  assert.is(code, 0, stderr)
  const { outcomes, uncaught, left } = JSON.parse(stdout)
  assert.is(outcomes.length, 2)
  for (const outcome of outcomes) assert.match(outcome, pattern)
  assert.equal(uncaught, [])
  assert.equal(left, [])
}

const START = String.raw`^DeviceError: expected to start 16 worker threads, found that they do not start \(`

const files = 'enough open files: a DeviceError that says so'
if (process.platform === 'win32') skipTest(test, files, 'needs ulimit')
else {
  test(files, () =>
    expectOutcome(new RegExp(`${START}EMFILE\\): use fewer, or raise .*ulimit -n`), 'sh', [
      ...['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath, HOST, '16'],
    ]),
  )
}

const processes = 'enough processes: a DeviceError that says so'
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  skipTest(test, processes, 'needs a user of its own, whose processes are counted')
} else {
  // A user that has no other process: Node itself takes some ten threads.
  for (const limit of [14, 20]) {
    test(`${processes}, ${limit}`, () =>
      expectOutcome(new RegExp(`${START}EAGAIN\\): use fewer, or raise .*ulimit -u.*pids\\.max`), 'prlimit', [
        ...[`--nproc=${limit}`, 'setpriv', '--reuid=54321', '--clear-groups'],
        ...[process.execPath, HOST, '16'],
      ]))
  }
}

const space = 'enough address space: computed in what there is, or a DeviceError that says so'
if (process.platform !== 'linux') skipTest(test, space, 'needs ulimit -v')
else {
  for (const [kilobytes, threads] of [
    [6_000_000, 2],
    [6_000_000, 16],
    [16_000_000, 2],
  ]) {
    test(`${space}, ${kilobytes} kB and ${threads} threads`, () =>
      expectOutcome(/^computed$|^DeviceError: (address space|expected to start \d+ worker threads)/, 'sh', [
        ...['-c', `ulimit -v ${kilobytes}; exec "$0" "$@"`, process.execPath, HOST, String(threads)],
      ]))
  }
}

test('what is left of the limit is for the shared memory', () => {
  const GIB = 2 ** 30
  assert.is(leftOf(8 * GIB, 2 * GIB, 2), 3.5 * GIB)
  assert.throws(
    () => leftOf(4 * GIB, 2 * GIB, 2),
    /^address space: expected 2624 MiB for 2 worker threads, found 2048 MiB left under its limit/,
  )
})

test('a whole core, or any: a DeviceError that names the file', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'hourglass-core-'))
  try {
    cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true })
    cpSync(join(root, 'package.json'), join(copy, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
    const args = [HOST, '2', join(copy, 'src')]
    const none = /^DeviceError: .*core\.relaxed\.wasm: expected the compiled core, found: no such file/
    await expectOutcome(none, process.execPath, args)
    cpSync(join(root, 'build'), join(copy, 'build'), { recursive: true })
    const file = join(copy, 'build/core.relaxed.wasm')
    writeFileSync(file, readFileSync(file).subarray(0, 9000))
    const damaged = /^DeviceError: .*core\.relaxed\.wasm: expected the compiled core, found: a damaged file/
    await expectOutcome(damaged, process.execPath, args)
    cpSync(join(root, 'build/core.relaxed.wasm'), file)
    await expectOutcome(/^computed$/, process.execPath, args)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})

test.run()
