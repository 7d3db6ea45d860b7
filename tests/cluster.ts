/**
 * Tries sweeps on a queue hard, and compares what they leave with the files of a sweep that nobody disturbed:
 *
 *   node tests/cluster.ts [--trials 200] [--workers 3] [--seed 1]
 *
 * First its plan is trained in shards, by the examples for GNU parallel and for Slurm where they are
 * installed. Then, on a queue, only the workers are killed by SIGKILL and started again, at random moments
 * for the whole time; then the sweep and Redis, which forgets all that it held, are killed with them; at last
 * one trial's workers are killed as often as it takes until the trial is given up. Every fourth trial fails
 * by its own fault. Needs redis-server. The suite has a small form of this (tests/cluster/queue.test.ts).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as assert from 'uvu/assert'
import { MOST_DEATHS } from '../src/cluster/queue.ts'
import { createRandomSequence } from '../src/random/sequence.ts'
import { smallDigits } from './experiments/small-digits.ts'
import { type RunningCommand, runScript, startCommand, stdoutLines } from './support/command.ts'
import { runProgram } from './support/processes.ts'
import { startRedis } from './support/redis.ts'
import { writeDataset } from './support/small-data.ts'
import { assertSameSweep, recordsOf } from './support/sweep-files.ts'
import { watchQueue } from './support/test-queue.ts'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '200' },
    workers: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
})
const [trials, workers, seed] = [values.trials, values.workers, values.seed].map(Number)
const random = createRandomSequence(seed)

const root = mkdtempSync(join(tmpdir(), 'hourglass-cluster-'))
const data = writeDataset(join(root, 'bars'), smallDigits())
const ENGINE = ['--data', data, '--simd', 'plain']
/** Of the last rate nothing but failures comes. */
const RATES = ['0.003', '0.01', '0.03', '1e30']
const SETTINGS = [...ENGINE, '--hidden', '10', '-b', '32', '--sigma', '0.2', '--epochs', '40']
const PLAN = [...SETTINGS, '--lr', RATES.join(','), '--z', '2', '--seeds', String(trials / RATES.length)]

const SHARDS = 4
/** Ends what hangs. */
const LIMIT_MS = 3_600_000
/** Of those that a worker finishes before it is killed. */
const MOST_TRIALS = 14
/** About as long as one trains. */
const TRIAL_MS = 100
/** So many times as long as it takes to start a worker lives at most. */
const LIVES_STARTS = 20

const redis = await startRedis()
const ON_QUEUE = ['--queue', redis.url]
const queue = await watchQueue(redis.url)

const running = new Set<RunningCommand>()
process.on('exit', () => {
  for (const { child } of running) child.kill('SIGKILL')
})

function start(script: string, args: readonly string[]): RunningCommand {
  const command = startCommand(script, args, root, {}, LIMIT_MS)
  running.add(command)
  command.outcome.then(() => running.delete(command))
  return command
}

const startWorker = () => start('worker', [...ENGINE, ...ON_QUEUE, '--threads', '1', '--lock', '1'])

async function kill({ child, outcome }: RunningCommand): Promise<void> {
  child.kill('SIGKILL')
  await outcome
}

/** So long a worker takes until it has looked for trials, on a machine as busy as this one is now. */
async function measureStart(): Promise<number> {
  const begin = performance.now()
  const { code, stderr } = await runScript('worker', [...ENGINE, ...ON_QUEUE, '--drain'], root)
  assert.is(code, 0, stderr)
  return performance.now() - begin
}

/**
 * Resolves when a worker is to die: some before their first trial, most on the way through one. Counted in
 * trials, so that on a busy machine too no trial has that many workers that it is given up.
 */
async function lifeOf(worker: RunningCommand, startMs: number, rest: Rest): Promise<void> {
  const done = random.below(MOST_TRIALS + 1)
  if (done === 0) return rest(startMs * random.uniform())
  await Promise.race([stdoutLines(worker, done), rest(LIVES_STARTS * startMs)])
  await rest(TRIAL_MS * random.uniform())
}

/** Whoever is started while there is no Redis ends with one line, and is started again. */
const isWithoutRedis = (stderr: string) => /^error: redis:.*: expected a Redis server/m.test(stderr)

type Rest = (ms: number) => Promise<void>

interface Troubles {
  readonly sweep: boolean
  readonly redis: boolean
}

async function sweepUnder(troubles: Troubles, out: string, startMs: number): Promise<void> {
  const over = new AbortController()
  const rest: Rest = (ms) => setTimeout(ms, undefined, { signal: over.signal }).catch(() => undefined)
  const starts = () => startMs * (3 + 6 * random.uniform())
  const counts = { worker: 0, sweep: 0, redis: 0 }
  const stalledBefore = queue.stalled()
  const killWorkers = async () => {
    while (!over.signal.aborted) {
      const worker = startWorker()
      worker.outcome.then(({ code, stderr }) => {
        if (code === undefined || (code === 1 && isWithoutRedis(stderr))) return
        throw new Error(`a worker ended by itself, code ${code}: ${stderr}`)
      })
      await lifeOf(worker, startMs, rest)
      await kill(worker)
      if (!over.signal.aborted) counts.worker++
    }
  }
  const killRedis = async () => {
    while (troubles.redis && !over.signal.aborted) {
      await rest(starts())
      if (over.signal.aborted) return
      await redis.kill()
      await rest(startMs * random.uniform())
      await redis.start()
      counts.redis++
    }
  }
  let reported = 0
  const follow = async () => {
    for (;;) {
      const sweep = start('sweep', [...PLAN, ...ON_QUEUE, '--out', out])
      const end = troubles.sweep ? [rest(starts())] : []
      const outcome = await Promise.race([sweep.outcome, ...end])
      if (outcome === undefined) {
        await kill(sweep)
        counts.sweep++
      }
      const { code, stderr } = await sweep.outcome
      reported += stderr.match(/: failed: /g)?.length ?? 0
      if (outcome === undefined || isWithoutRedis(stderr)) continue
      over.abort()
      assert.is(code, 1, stderr)
      assert.match(stderr, `${trials / RATES.length} of ${trials} runs failed; sweep.csv says why`)
      return
    }
  }
  await Promise.all([follow(), killRedis(), ...Array.from({ length: workers }, killWorkers)])
  assertSameSweep(join(root, out), join(root, 'local'))
  if (!troubles.sweep) assert.is(reported, trials / RATES.length, 'failures that were reported')
  const left = await queue.jobs.getJobCounts()
  if (!troubles.sweep) assert.equal(Object.values(left).filter(Boolean), [], 'left on the queue')
  const killed = Object.entries(counts).map(([who, count]) => `${who} ${count}`)
  const lost = queue.stalled() - stalledBefore
  console.log(`${trials} trials, killed: ${killed.join(', ')}; ${lost} trials lost their worker; same files`)
}

/** A trial without end, whose workers are killed one after the other. */
async function giveUp(): Promise<void> {
  await queue.jobs.obliterate({ force: true })
  const endless = [...SETTINGS.slice(0, -1), '1000000', '--z', '2', '--seeds', '1', '--lr', '0.01']
  const sweep = start('sweep', [...endless, ...ON_QUEUE, '--out', 'endless'])
  for (let deaths = 0; deaths < MOST_DEATHS; deaths++) {
    const taken = queue.nextTaken()
    const worker = startWorker()
    await taken
    await kill(worker)
  }
  // It takes a worker to notice that another is dead.
  const heir = startWorker()
  await sweep.outcome
  await kill(heir)
  const { code, stderr } = await sweep.outcome
  assert.is(code, 1)
  assert.match(stderr, `given up: ${MOST_DEATHS} workers died while they trained it`)
}

/** The examples as they are. Without GNU parallel, or without Slurm and root, there is nothing to try. */
async function trainInShards(): Promise<void> {
  const plan = join(root, 'plan.json')
  const planned = await runScript('sweep', [...PLAN, '--plan', plan], root)
  assert.is(planned.code, 0, planned.stderr)
  const run = (program: string, args: readonly string[], env = {}) => runProgram(program, args, env, LIMIT_MS)
  const merge = async (name: string) => {
    const out = join(root, name)
    const merged = await runScript('sweep', ['--plan', plan, ...ENGINE, '--merge', out, '--out', out], root)
    assert.is(merged.code, 1, merged.stderr)
    assertSameSweep(out, join(root, 'local'))
    console.log(`${trials} trials in ${SHARDS} shards by ${name}: same files`)
  }
  const folder = fileURLToPath(new URL('../examples/cluster/', import.meta.url))
  const args = (name: string) => [plan, join(root, name), ...ENGINE]

  if (isThere('parallel')) {
    const { stderr } = await run(join(folder, 'parallel.sh'), args('parallel'), { SHARDS: `${SHARDS}` })
    assert.match(stderr, /sweep.csv says why/)
    await merge('parallel')
  } else console.log('no GNU parallel')

  if (isThere('sbatch') && isThere('munged') && process.getuid?.() === 0) {
    const batch = ['--wait', `--array=0-${SHARDS - 1}`, `--output=${join(root, 'slurm-%a.out')}`]
    const slurm = fileURLToPath(new URL('support/slurm.sh', import.meta.url))
    const job = ['sbatch', ...batch, join(folder, 'slurm.sbatch'), ...args('slurm')]
    const { code, stderr } = await run(slurm, [join(root, 'of-slurm'), ...job])
    assert.is(code, 2, stderr)
    await merge('slurm')
  } else console.log('no Slurm, or no right to start one')
}

function isThere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}

const begin = performance.now()
const local = await start('sweep', [...PLAN, '--out', 'local']).outcome
assert.is(local.code, 1, local.stderr)
assert.is(recordsOf(join(root, 'local')).length, trials)
const seconds = (performance.now() - begin) / 1000
console.log(`local sweep: ${trials} trials in ${seconds.toFixed(1)} s`)
await trainInShards()
const startMs = await measureStart()
console.log(`a worker starts in ${(startMs / 1000).toFixed(1)} s`)
await sweepUnder({ sweep: false, redis: false }, 'workers', startMs)
await sweepUnder({ sweep: true, redis: true }, 'all', startMs)
await giveUp()
console.log('given up')
await queue.close()
await redis.kill()
rmSync(root, { recursive: true, force: true })
process.exit()
