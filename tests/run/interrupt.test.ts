import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { onInterrupt } from '../../src/run/interrupt.ts'
import { skipTest } from '../support/skip.ts'

const test = suite('what ends a run')
const directory = mkdtempSync(join(tmpdir(), 'hourglass-interrupt-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))
const PROGRAM = fileURLToPath(new URL('programs/interruptible.ts', import.meta.url))
const LIMIT_MS = 60_000
let runs = 0

/** Starts a run, by a shell where `script` says how; resolves when it listens. */
async function startRun(saveMs: number, script?: string, env: Record<string, string> = {}) {
  const file = join(directory, `stopped-${runs++}`)
  const args = [PROGRAM, file, String(saveMs)]
  const [program, ...rest] =
    script === undefined ? [process.execPath] : ['sh', '-c', script, process.execPath]
  const child = spawn(program, [...rest, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, npm_lifecycle_event: undefined, ...env },
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  const lines = createInterface(child.stdout)
  const [line] = (await once(lines, 'line')) as [string]
  return { child, ended, file, lines, pid: Number(/ready (\d+)/.exec(line)?.[1]) }
}

if (process.platform === 'win32') skipTest(test, 'signals', 'Windows has none to send')
else {
  test('SIGINT, SIGTERM and SIGHUP ask for a stop, once; the exit code names the first', async () => {
    const cases = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
    await Promise.all(
      Object.entries(cases).map(async ([name, code]) => {
        const { child, ended, file } = await startRun(150)
        // Twice at once, and another one after it: as npm, terminals and supervisors do.
        for (const signal of [name, name, 'SIGHUP']) {
          child.kill(signal as NodeJS.Signals)
          await setTimeout(40)
        }
        assert.equal(await ended, [code, null], name)
        assert.is(readFileSync(file, 'utf8'), `${name} ${code}`)
      }),
    )
  })

  test('a second one later ends at once', async () => {
    const { child, ended, file, lines } = await startRun(LIMIT_MS)
    child.kill('SIGTERM')
    await once(lines, 'line')
    await setTimeout(1100)
    child.kill('SIGINT')
    assert.equal(await ended, [143, null])
    assert.not.ok(existsSync(file))
  })

  test('a shell that dies stops the run that npm started in it, and no other', async () => {
    // Two commands: a shell that has one alone may become it.
    const script = '"$0" "$@"; exit 7'
    const [ofNpm, other] = await Promise.all([
      startRun(50, script, { npm_lifecycle_event: 'train' }),
      startRun(50, script),
    ])
    ofNpm.child.kill('SIGTERM')
    other.child.kill('SIGTERM')
    for (let waited = 0; !existsSync(ofNpm.file) && waited < LIMIT_MS; waited += 50) await setTimeout(50)
    assert.is(readFileSync(ofNpm.file, 'utf8'), 'parent 143')
    assert.not.ok(existsSync(other.file))
    process.kill(other.pid, 'SIGKILL')
  })
}

if (process.platform !== 'linux') skipTest(test, 'npm dies', 'its death is seen by way of /proc')
else {
  test('npm that dies stops the run, though its shell lives on', async () => {
    // In the place of npm a shell that starts one.
    const env = {
      npm_lifecycle_event: 'train',
      NPM: 'sh -c "$SCRIPT" "$0" "$@"; exit 8',
      SCRIPT: '"$0" "$@"; exit 7',
    }
    const { child, file } = await startRun(50, 'sh -c "$NPM" "$0" "$@"; exit 9', env)
    const npm = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
    process.kill(npm, 'SIGKILL')
    for (let waited = 0; !existsSync(file) && waited < LIMIT_MS; waited += 50) await setTimeout(50)
    assert.is(readFileSync(file, 'utf8'), 'parent 143')
  })
}

test('nothing is left behind in the program', () => {
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name))
  const before = count()
  const interrupt = onInterrupt(() => undefined)
  assert.not.equal(count(), before)
  interrupt.release()
  interrupt.release()
  assert.equal(count(), before)
  assert.is(interrupt.exitCode(), undefined)
})

test.run()
