/**
 * What the queue costs: the same trials of MNIST by the local sweep and by one worker on the same cores, in
 * turn:
 *
 *   node tests/cluster-speed.ts [--rounds 5]
 *
 * The time is that of the whole command `sweep`. The worker is there before and has trained already, as one
 * that serves many sweeps has. Needs redis-server.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as assert from 'uvu/assert'
import { runScript, startCommand } from './support/command.ts'
import { startRedis } from './support/redis.ts'
import { assertSameSweep, recordsOf } from './support/sweep-files.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })

const root = mkdtempSync(join(tmpdir(), 'hourglass-speed-'))
const PLAN = ['--z', '2,4,8,16', '--seeds', '2', '--epochs', '1', '--sigma', '0.2']
const redis = await startRedis()
const ON_QUEUE = ['--queue', redis.url]
const worker = startCommand('worker', ON_QUEUE, root, {}, 3_600_000)

async function seconds(args: readonly string[]): Promise<number> {
  const begin = performance.now()
  const { code, stderr } = await runScript('sweep', args, root)
  assert.is(code, 0, stderr)
  return (performance.now() - begin) / 1000
}

const ratios: number[] = []
// The first round warms up, and is not counted.
for (let round = 0; round <= Number(values.rounds); round++) {
  const [local, queue] = [`local-${round}`, `queue-${round}`]
  const byLocal = () => seconds([...PLAN, '--out', local])
  const byQueue = () => seconds([...PLAN, ...ON_QUEUE, '--out', queue])
  // Each goes first every other time.
  let [ofLocal, ofQueue] = [0, 0]
  if (round % 2 === 0) ofLocal = await byLocal()
  ofQueue = await byQueue()
  if (round % 2 === 1) ofLocal = await byLocal()
  assertSameSweep(join(root, queue), join(root, local))
  if (round === 0) continue
  ratios.push(ofLocal / ofQueue)
  const trials = recordsOf(join(root, local)).length
  console.log(
    `${trials} trials: local ${ofLocal.toFixed(2)} s, queue ${ofQueue.toFixed(2)} s, ` +
      `throughput ${(100 * (ofLocal / ofQueue)).toFixed(1)} %`,
  )
}
const median = ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]
console.log(`median: ${(100 * median).toFixed(1)} % of the local sweep's throughput`)
worker.child.kill('SIGINT')
assert.is((await worker.outcome).code, 130)
await redis.kill()
rmSync(root, { recursive: true, force: true })
