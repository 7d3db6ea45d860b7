/** Sweeps on a queue: workers that die, refuse, are stopped; a Redis that goes away. Needs redis-server. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { smallDigits } from '../experiments/small-digits.ts'
import type { RunningCommand } from '../support/command.ts'
import { runScript, startCommand, stdoutLines } from '../support/command.ts'
import { freePort, startRedis, withoutRedis } from '../support/redis.ts'
import { skipTest } from '../support/skip.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { assertSameSweep, recordsOf } from '../support/sweep-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-queue-'))
const data = writeDataset(join(directory, 'bars'), smallDigits())
const ON_DATA = ['--data', data, '--simd', 'plain', '--threads', '1']
/** Of the second rate nothing but failures comes. */
const PLAN = [
  '--data',
  data,
  '--simd',
  'plain',
  '--hidden',
  '10',
  '-b',
  '32',
  '--sigma',
  '0.2',
  '--lr',
  '0.01,1e30',
]
const SMALL = [...PLAN, '--z', '2,3,4', '--seeds', '3', '--epochs', '3']
const long = (epochs: number) => [
  ...PLAN.slice(0, -2),
  '--z',
  '2',
  '--seeds',
  '2',
  '--epochs',
  String(epochs),
]

const started = new Set<RunningCommand>()
const without = withoutRedis()

function start(script: string, args: readonly string[]): RunningCommand {
  const command = startCommand(script, args, directory)
  started.add(command)
  return command
}

/** Resolves when a line on stderr matches. */
async function said({ child, outcome }: RunningCommand, pattern: RegExp): Promise<void> {
  let text = ''
  const seen = new Promise<void>((resolve) => {
    child.stderr?.on('data', (part: string) => {
      text += part
      if (pattern.test(text)) resolve()
    })
  })
  const ended = outcome.then(({ stderr }) => assert.unreachable(`ended without ${pattern}: ${stderr}`))
  await Promise.race([seen, ended])
}

test.after(async () => {
  for (const { child, outcome } of started) {
    child.kill('SIGKILL')
    await outcome
  }
  rmSync(directory, { recursive: true, force: true })
})

for (const script of ['sweep', 'worker']) {
  test(`${script}: a Redis that is not there, and no URL of one, are one line`, async () => {
    const port = await freePort()
    const away = await runScript(
      script,
      [...ON_DATA.slice(0, 2), '--queue', `redis://me:secret@127.0.0.1:${port}`],
      directory,
    )
    assert.is(away.code, 1)
    assert.is(
      away.stderr.replace(/^batch size.*\n/, ''),
      `error: redis://127.0.0.1:${port}: expected a Redis server, found: nobody listens there\n`,
    )
    const wrong = await runScript(
      script,
      [...ON_DATA.slice(0, 2), '--queue', 'http://me:secret@there'],
      directory,
    )
    assert.is(wrong.code, 2)
    assert.match(wrong.stderr, /^error: --queue: expected redis:\/\/HOST:PORT.*found a URL of http:\n$/m)
    assert.not.match(away.stderr + wrong.stderr, 'secret')
  })
}

if (without) {
  for (const name of [
    'the same table from workers that are killed',
    'refusals, stops, a Redis that goes away',
  ])
    skipTest(test, name, without)
} else {
  const redis = await startRedis()
  const queue = ['--queue', redis.url]
  const worker = (...flags: string[]) => start('worker', [...ON_DATA, ...queue, '--lock', '1', ...flags])
  const jobs = new Queue('trials', { connection: { url: redis.url }, prefix: 'hourglass' })
  jobs.on('error', () => undefined)
  test.after(async () => {
    await jobs.close()
    await redis.kill()
  })
  /** Resolves when a worker is at a trial, or when a program has ended. */
  const trialUnderWay = async (...commands: RunningCommand[]) => {
    const ended = Promise.race(commands.map(({ outcome }) => outcome))
    let isOver = false
    ended.then(() => {
      isOver = true
    })
    while (!isOver && (await jobs.getActiveCount()) === 0) await setTimeout(50)
  }

  test('two workers, one of them killed again and again: the files of the local sweep; a failure is tried once', async () => {
    const local = runScript('sweep', [...SMALL, '--out', 'local'], directory)
    const steady = worker()
    const sweep = start('sweep', [...SMALL, ...queue, '--out', 'queue'])
    let isOver = false
    sweep.outcome.then(() => {
      isOver = true
    })
    let kills = 0
    while (!isOver) {
      const victim = worker()
      await Promise.race([stdoutLines(victim, 1 + (kills % 2)), sweep.outcome, setTimeout(4000)])
      if (!isOver) kills++
      victim.child.kill('SIGKILL')
      await victim.outcome
    }
    const { code, stderr } = await sweep.outcome
    assert.is(code, 1, stderr)
    assert.match(stderr, /9 of 18 runs failed; sweep\.csv says why/)
    assert.is((await local).code, 1)
    assert.ok(kills > 0, 'somebody was killed')
    assert.is(recordsOf(join(directory, 'queue')).length, 18)
    assertSameSweep(join(directory, 'queue'), join(directory, 'local'))

    steady.child.kill('SIGINT')
    assert.is((await steady.outcome).code, 130)
    const counts = await jobs.getJobCounts()
    assert.equal(
      Object.entries(counts).filter(([, count]) => count > 0),
      [],
      'nothing is left on the queue',
    )
  })

  test('a worker with other data refuses and gives back; one that is stopped gives back; another does it', async () => {
    const sweep = start('sweep', [...long(1000), ...queue, '--out', 'long'])
    await said(sweep, /no worker is there yet/)
    const other = writeDataset(join(directory, 'other/bars'), smallDataset(160, 60))
    const refused = await runScript('worker', ['--data', other, '--simd', 'plain', ...queue], directory)
    assert.is(refused.code, 2, refused.stderr)
    assert.match(
      refused.stderr,
      /^error: --data: expected training data of SHA-256 .{12}… as in the queue at redis:.*, found .{12}…$/m,
    )
    const arithmetic = await runScript(
      'worker',
      ['--data', data, '--device', 'reference', ...queue],
      directory,
    )
    assert.is(arithmetic.code, 2, arithmetic.stderr)
    assert.match(
      arithmetic.stderr,
      /^error: --simd, --device: expected arithmetic wasm, separate multiply and add/m,
    )

    const stopped = worker()
    await trialUnderWay(stopped)
    stopped.child.kill('SIGTERM')
    const { code, stdout, stderr } = await stopped.outcome
    assert.is(code, 143, stderr)
    assert.is(stdout, '')
    assert.not.ok(existsSync(join(directory, 'long/sweep.csv')))
    sweep.child.kill('SIGINT')
    const interrupted = await sweep.outcome
    assert.is(interrupted.code, 130)
    assert.match(interrupted.stderr, /the trials stay on the queue/)

    const last = worker('--drain')
    const again = await start('sweep', [...long(1000), ...queue, '--out', 'long']).outcome
    assert.is(again.code, 0, again.stderr)
    assert.is((await last.outcome).code, 0)
    assert.is(recordsOf(join(directory, 'long')).length, 2)
  })

  test('a Redis that dies and comes back empty is waited for, and its trials are put there again', async () => {
    const sweep = start('sweep', [...long(1500), ...queue, '--out', 'again'])
    const one = worker()
    await trialUnderWay(sweep, one)
    await redis.kill()
    await Promise.all([said(sweep, /: lost \(.*\); waiting for it/), said(one, /: lost \(/)])
    await redis.start()
    const { code, stderr } = await sweep.outcome
    assert.is(code, 0, stderr)
    assert.match(stderr, /there again/)
    assert.is(recordsOf(join(directory, 'again')).length, 2)
    one.child.kill('SIGINT')
    await one.outcome
  })
}

test.run()
