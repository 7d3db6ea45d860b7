/**
 * What the queue costs and what pruning saves, on MNIST:
 *
 *   npm run test:cluster-speed -- [--only overhead|pruning] [--rounds 5]
 *
 * Overhead: the same trials by the local sweep and by one worker on the same cores, in turn. The worker is
 * there before and has trained already, as one that serves many sweeps has. Pruning: the same 4 × 4 × 2 plan
 * with and without it. The times are those of the whole command `sweep`. Needs redis-server.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as assert from 'uvu/assert'
import { startCommand } from './support/command.ts'
import { startRedis } from './support/redis.ts'
import { assertSameSweep, recordsOf } from './support/sweep-files.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, rounds: { type: 'string' } } })
const isAsked = (part: string) => values.only === undefined || values.only === part

/** A third of MNIST: a trial then takes seconds, and a round less than a minute. */
const ROWS = ['--limit', '20000', '--sigma', '0.2']
const OVERHEAD = ['--z', '2,4,8,16', '--seeds', '2', '--epochs', '2', ...ROWS]
const PRUNING = ['--z', '4,8,16,32', '--lr', '3e-4,1e-3,3e-3,1e-2', '--seeds', '2', '--epochs', '16', ...ROWS]
const WARM_UP = ['--z', '2', '--seeds', '2', '--epochs', '1', ...ROWS]

const root = mkdtempSync(join(tmpdir(), 'hourglass-speed-'))

async function seconds(args: readonly string[], out: string): Promise<number> {
  const begin = performance.now()
  const { code, stderr } = await startCommand('sweep', [...args, '--out', out], root, {}, 3_600_000).outcome
  assert.is(code, 0, stderr)
  return (performance.now() - begin) / 1000
}

/** Both in turn, the first of a round being the second of the next. */
async function inTurn(round: number, one: () => Promise<number>, other: () => Promise<number>) {
  const found = [0, 0]
  for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) found[which] = await [one, other][which]()
  return found
}

function printMedian(what: string, ratios: number[]): void {
  const percent = ratios.map((ratio) => 100 * ratio).sort((a, b) => a - b)
  const [least, median, most] = [percent[0], percent[Math.floor(percent.length / 2)], percent.at(-1) ?? 0]
  console.log(`${what}: median ${median.toFixed(1)} % (${least.toFixed(1)} to ${most.toFixed(1)})`)
}

async function measureOverhead(rounds: number): Promise<void> {
  const redis = await startRedis()
  const onQueue = ['--queue', redis.url]
  const worker = startCommand('worker', onQueue, root, {}, 3_600_000)
  await seconds([...WARM_UP, ...onQueue], 'warm-up-queue')
  await seconds(WARM_UP, 'warm-up-local')
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [local, queue] = [`local-${round}`, `queue-${round}`]
    const [ofLocal, ofQueue] = await inTurn(
      round,
      () => seconds(OVERHEAD, local),
      () => seconds([...OVERHEAD, ...onQueue], queue),
    )
    assertSameSweep(join(root, queue), join(root, local))
    ratios.push(ofLocal / ofQueue)
    const trials = recordsOf(join(root, local)).length
    console.log(`${trials} trials: local ${ofLocal.toFixed(2)} s, queue ${ofQueue.toFixed(2)} s`)
  }
  printMedian('throughput of the queue, of that of the local sweep', ratios)
  worker.child.kill('SIGINT')
  assert.is((await worker.outcome).code, 130)
  await redis.kill()
}

interface Trained {
  readonly id: string
  readonly status: string
  readonly settings: { readonly bottleneck: number; readonly learningRate: number; readonly seed: number }
  readonly measures: { readonly reconstruction: { readonly mse: number } }
}

const settingsOf = ({ settings: { bottleneck, learningRate, seed } }: Trained) =>
  `z ${bottleneck}, rate ${learningRate}, seed ${seed}`

const testError = ({ measures }: Trained) => measures.reconstruction.mse

/** Of the runs that were trained to their end, the one with the lowest test error. */
function winnerOf(folder: string): Trained {
  const done = recordsOf(join(root, folder))
    .map((line): Trained => JSON.parse(line))
    .filter(({ status }) => status === 'done')
  return done.reduce((best, run) => (testError(run) < testError(best) ? run : best))
}

async function measurePruning(rounds: number): Promise<void> {
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [all, pruned] = [`all-${round}`, `pruned-${round}`]
    const [ofAll, ofPruned] = await inTurn(
      round,
      () => seconds(PRUNING, all),
      () => seconds([...PRUNING, '--prune'], pruned),
    )
    ratios.push(ofPruned / ofAll)
    const [best, found] = [winnerOf(all), winnerOf(pruned)]
    const isSame = best.id === found.id ? 'the same winner' : 'ANOTHER WINNER'
    console.log(
      `${recordsOf(join(root, all)).length} trials: all ${ofAll.toFixed(1)} s, pruned ${ofPruned.toFixed(1)} s; ` +
        `${isSame}: ${settingsOf(found)}, test error ${testError(found).toFixed(5)} ` +
        `(of all: ${settingsOf(best)}, ${testError(best).toFixed(5)})`,
    )
    assert.is(found.id, best.id)
  }
  printMedian('time with --prune, of that without', ratios)
}

if (isAsked('overhead')) await measureOverhead(Number(values.rounds ?? 5))
if (isAsked('pruning')) await measurePruning(Number(values.rounds ?? 2))
rmSync(root, { recursive: true, force: true })
