/** What happens to a command whose output nobody takes, or that has lost its folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { skipTest } from '../support/skip.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'

const test = suite('output that nobody takes')
const root = mkdtempSync(join(tmpdir(), 'hourglass-output-'))
test.after(() => rmSync(root, { recursive: true, force: true }))
const data = writeDataset(join(root, 'data'), smallDataset(400, 11))
const LIMIT_MS = 120_000
const SAVED = ['plot.png', 'weights.checkpoint.safetensors', 'weights.pth']
let directories = 0

interface Outcome {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  /** Those of a run that were saved. */
  readonly files: readonly string[]
}

/**
 * Runs a shell script in a fresh folder, with a command line for `$COMMAND`; it leaves the command's exit
 * code in the file `code`.
 *
 * @param during is given the folder and the process group of all that the script starts
 */
async function shell(
  script: string,
  name: string,
  args: readonly string[],
  during?: (cwd: string, group: number) => Promise<void>,
): Promise<Outcome> {
  const cwd = join(root, `run-${directories++}`)
  mkdirSync(cwd)
  const file = fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url))
  const command = [process.execPath, file, ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('sh', ['-c', script.replaceAll('$COMMAND', command)], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const ended = once(child, 'close')
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => text(stream))
  await during?.(cwd, child.pid as number)
  await ended
  const files = readdirSync(cwd)
  return {
    code: files.includes('code') ? Number(readFileSync(join(cwd, 'code'), 'utf8')) : undefined,
    stdout: await stdout,
    stderr: await stderr,
    files: files.filter((name) => SAVED.includes(name)).sort(),
  }
}

const small = ['--data', data, '--hidden', '9', '--z', '3', '-b', '8', '--device', 'reference']

if (process.platform !== 'linux') skipTest(test, 'on Linux', 'needs /dev/full')
else {
  test('stdout on a full disk: training is done to its end, and says once what is missing', async () => {
    const { code, stderr, files } = await shell('$COMMAND >/dev/full; echo $? >code', 'train', [
      ...small,
      '-e',
      '2',
    ])
    assert.is(
      stderr,
      'stdout takes no more (no space is left on the device): what follows is not printed, and the work goes on\n',
    )
    assert.is(code, 0)
    assert.equal(files, SAVED)
  })

  test('a reader that went away: training is done to its end', async () => {
    const args = [...small, '-e', '2', '--json']
    const { code, stdout, files } = await shell('($COMMAND; echo $? >code) | head -1', 'train', args)
    assert.match(stdout, /^\{"type":"start".*\n$/)
    assert.is(code, 0)
    assert.equal(files, SAVED)
  })

  test('all output on a full disk', async () => {
    const script = '$COMMAND >/dev/full 2>&1; echo $? >code'
    const { code, files } = await shell(script, 'train', [...small, '-e', '1'])
    assert.is(code, 0)
    assert.equal(files, SAVED)
  })

  test('Ctrl-C that also ends the reader of the output: saved, 130', async () => {
    // The terminal sends it to both. The subshell stays to tell the exit code.
    const script = 'trap : INT; (trap : INT; $COMMAND; echo $? >code) 2>&1 | cat >log'
    const args = [...small, '-e', '100000', '--json']
    const { code, files } = await shell(script, 'train', args, async (cwd, group) => {
      const hasEpoch = () => {
        const log = join(cwd, 'log')
        return existsSync(log) && readFileSync(log, 'utf8').includes('"type":"epoch"')
      }
      for (let waited = 0; !hasEpoch() && waited < LIMIT_MS; waited += 30) await setTimeout(30)
      process.kill(-group, 'SIGINT')
    })
    assert.is(code, 130)
    assert.equal(files, SAVED)
  })

  test('a command that is called for what it prints has failed where that cannot be printed', async () => {
    const fixture = fileURLToPath(new URL('../fixtures/parity/z2-b64.json', import.meta.url))
    const { code, stderr } = await shell('$COMMAND >/dev/full; echo $? >code', 'parity', [
      ...[fixture, '--device', 'cpu', '--threads', '1', '--json'],
    ])
    assert.match(stderr, /\nerror: stdout: cannot be written: no space is left on the device\n$/)
    assert.is(code, 1)
  })
}

test('a working directory that was deleted: one line', async () => {
  if (process.platform === 'win32') return
  const script = 'mkdir gone; cd gone; rmdir ../gone; $COMMAND; echo $? >../code'
  const { stderr } = await shell(script, 'train', [...small])
  assert.is(stderr.split('\n')[0], 'error: working directory: expected it to exist, found it deleted')
})

test.run()
