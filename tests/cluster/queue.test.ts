/** Sweeps on a queue: workers that die, refuse, are stopped; a Redis that goes away. Needs redis-server. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MOST_DEATHS } from '../../src/cluster/queue.ts'
import { smallDigits } from '../experiments/small-digits.ts'
import type { RunningCommand } from '../support/command.ts'
import { runScript, startCommand, stdoutLines } from '../support/command.ts'
import { freePort, startRedis, withoutRedis } from '../support/redis.ts'
import { skipTest } from '../support/skip.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { assertSameSweep, recordsOf } from '../support/sweep-files.ts'
import { watchQueue } from '../support/test-queue.ts'

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
const long = (epochs: number, seeds = 2) => [
  ...PLAN.slice(0, -2),
  '--z',
  '2',
  '--seeds',
  String(seeds),
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

/** Resolves when what the command has said on stderr matches, and where it has already. */
async function said(command: RunningCommand, pattern: RegExp): Promise<void> {
  const { child, outcome } = command
  const seen = new Promise<void>((resolve) => {
    const look = () => {
      if (pattern.test(command.said())) resolve()
    }
    child.stderr?.on('data', look)
    look()
  })
  const ended = outcome.then(({ stderr }) => {
    if (!pattern.test(stderr)) assert.unreachable(`ended without ${pattern}: ${stderr}`)
  })
  await Promise.race([seen, ended])
}

async function kill({ child, outcome }: RunningCommand): Promise<void> {
  child.kill('SIGKILL')
  await outcome
}

/** Asks again and again, until it is so; the limit of the test file ends what never comes. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(50)
}

test.after(async () => {
  for (const command of started) await kill(command)
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
  const watch = await watchQueue(redis.url)
  test.after(async () => {
    await watch.close()
    await redis.kill()
  })
  const assertEmpty = async () => {
    const counts = Object.entries(await watch.jobs.getJobCounts())
    assert.equal(
      counts.filter(([, count]) => count > 0),
      [],
      'nothing is left on the queue',
    )
  }
  /** Those that wait, when there are any. */
  const trialsThere = async () => {
    await until(async () => (await watch.jobs.getWaitingCount()) > 0)
    return (await watch.jobs.getWaiting()).map(({ id }) => String(id))
  }
  test('workers that are killed, and one that goes on: the files of the local sweep; a failure is tried once', async () => {
    const local = runScript('sweep', [...SMALL, '--out', 'local'], directory)
    const sweep = start('sweep', [...SMALL, ...queue, '--out', 'queue'])
    for (const lines of [1, 2]) {
      const victim = worker()
      await Promise.race([stdoutLines(victim, lines), sweep.outcome])
      await kill(victim)
    }
    const steady = worker()
    const { code, stderr } = await sweep.outcome
    assert.is(code, 1, stderr)
    assert.match(stderr, /9 of 18 runs failed; sweep\.csv says why/)
    assert.is(stderr.match(/: failed: the loss of step/g)?.length, 9, stderr)
    assert.is((await local).code, 1)
    assert.is(recordsOf(join(directory, 'queue')).length, 18)
    assertSameSweep(join(directory, 'queue'), join(directory, 'local'))

    steady.child.kill('SIGINT')
    assert.is((await steady.outcome).code, 130)
    await assertEmpty()
  })

  test('a trial whose workers die is given up; one that another took off the queue is put there again', async () => {
    const sweep = start('sweep', [...long(1_000_000, 1), ...queue, '--out', 'endless'])
    await said(sweep, /no worker is there yet/)
    const [id] = await trialsThere()
    // What others have there says nothing of this one.
    await watch.jobs.addBulk(
      ['one', 'two'].map((jobId) => ({ name: 'other', data: {}, opts: { jobId, delay: 1e9 } })),
    )
    await watch.jobs.remove(id)
    await until(async () => (await watch.jobs.getJob(id)) !== undefined)
    for (const other of ['one', 'two']) await watch.jobs.remove(other)

    for (let deaths = 0; deaths < MOST_DEATHS; deaths++) {
      const taken = watch.nextTaken()
      const victim = worker('--lock', '0.5')
      // On a starved machine a worker that lives is taken for dead too, and the end comes sooner.
      await Promise.race([taken, sweep.outcome])
      await kill(victim)
    }
    const last = worker('--lock', '0.5')
    const { code, stderr } = await sweep.outcome
    assert.is(code, 1)
    assert.match(stderr, `failed: given up: ${MOST_DEATHS} workers died while they trained it`)
    await kill(last)
    await assertEmpty()
  })

  test('a worker with other data refuses and gives back; one that is stopped gives back; another does it', async () => {
    const sweep = start('sweep', [...long(1_000_000), ...queue, '--out', 'long'])
    await said(sweep, /no worker is there yet/)
    await until(async () => (await watch.jobs.getWaitingCount()) === 2)
    const trials = (await trialsThere()).sort()
    const otherData = writeDataset(join(directory, 'other/bars'), smallDataset(160, 60))
    const refused = await runScript('worker', ['--data', otherData, '--simd', 'plain', ...queue], directory)
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

    const taken = watch.nextTaken()
    const stopped = worker()
    await taken
    stopped.child.kill('SIGINT')
    const { code, stdout, stderr } = await stopped.outcome
    assert.is(code, 130, stderr)
    assert.is(stdout, '')
    assert.equal((await trialsThere()).sort(), trials, 'both wait for another worker')
    const takenAgain = watch.nextTaken()
    const other = worker()
    await takenAgain
    await kill(other)

    sweep.child.kill('SIGINT')
    const interrupted = await sweep.outcome
    assert.is(interrupted.code, 130)
    assert.match(interrupted.stderr, /the trials stay on the queue/)
    assert.not.ok(existsSync(join(directory, 'long/sweep.csv')))
    await watch.jobs.obliterate({ force: true })
  })

  test('trials that a sweep has left on the queue are worked off; the next sweep collects them', async () => {
    const sweep = start('sweep', [...long(3), ...queue, '--out', 'left'])
    await said(sweep, /no worker is there yet/)
    await trialsThere()
    sweep.child.kill('SIGTERM')
    assert.is((await sweep.outcome).code, 143)
    const drained = await runScript('worker', [...ON_DATA, ...queue, '--drain'], directory)
    assert.is(drained.code, 0, drained.stderr)
    assert.is((await watch.jobs.getJobCounts()).completed, 2)
    const again = await runScript('sweep', [...long(3), ...queue, '--out', 'left'], directory)
    assert.is(again.code, 0, again.stderr)
    assert.is(recordsOf(join(directory, 'left')).length, 2)
    await assertEmpty()
  })

  test('a Redis that dies and comes back empty is waited for, and its trials are put there again', async () => {
    const sweep = start('sweep', [...long(3000), ...queue, '--out', 'again'])
    const taken = watch.nextTaken()
    const one = worker()
    await taken
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
