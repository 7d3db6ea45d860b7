/** A sweep as a plan: in shards, put together again, refused where it does not fit; and pruned. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { smallDigits } from '../experiments/small-digits.ts'
import { runScript } from '../support/command.ts'
import { runProgram } from '../support/processes.ts'
import { skipTest } from '../support/skip.ts'
import { smallDataset, writeDataset } from '../support/small-data.ts'
import { FAILING_RATES, smallNetworks } from '../support/small-sweep.ts'
import { assertSameSweep, recordsOf } from '../support/sweep-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-shards-'))
const data = writeDataset(join(directory, 'bars'), smallDigits())
const ENGINE = ['--data', data, '--simd', 'plain']
const SETTINGS = [...smallNetworks('10,12-6'), '--loss', 'mse,bce', ...FAILING_RATES]
const SWEEP = [...ENGINE, ...SETTINGS, '--z', '2', '--seeds', '2', '--epochs', '3']
const sweep = (args: readonly string[], environment = {}) => runScript('sweep', args, directory, environment)
const planned = ['--plan', 'plan.json', ...ENGINE]

test.before(async () => {
  const { code, stderr } = await sweep([...SWEEP, '--plan', 'plan.json'])
  assert.is(code, 0, stderr)
  assert.is(stderr, 'plan.json: 16 trials; sweep --plan plan.json trains them\n')
  assert.not.ok(existsSync(join(directory, 'results')), 'nothing is trained')
})
test.after(() => rmSync(directory, { recursive: true, force: true }))

test('shards of a plan, told by flag or by the scheduler, merge to the files of the local sweep', async () => {
  const local = sweep([...SWEEP, '--out', 'local'])
  const array = { SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_MAX: '2', SLURM_ARRAY_TASK_COUNT: '3' }
  const shards = await Promise.all([
    sweep([...planned, '--shard', '1/3', '--out', 'one']),
    sweep([...planned, '--out', 'two', '--shard'], { ...array, SLURM_ARRAY_TASK_ID: '1' }),
  ])
  const early = await sweep([...planned, '--merge', 'one', 'two', '--out', 'early'])
  assert.is(early.code, 1)
  assert.match(early.stderr, /^5 of 16 trials have no result, the first of them trial 3 of plan\.json$/m)
  shards.push(await sweep([...planned, '--shard', '3/3', '--out', 'two']))
  for (const { code, stderr } of shards) {
    // No other try would mend what failed.
    assert.is(code, 2, stderr)
    assert.match(stderr, /trials failed; .*runs\.\d-of-3\.jsonl says why/)
  }
  const { code, stderr } = await sweep([...planned, '--merge', 'one', 'two', '--out', 'merged'])
  assert.is(code, 1, stderr)
  assert.match(stderr, /8 of 16 runs failed/)
  await local
  assertSameSweep(join(directory, 'merged'), join(directory, 'local'))
  const csv = readFileSync(join(directory, 'merged/sweep.csv'), 'utf8')
  assert.match(csv, /^loss,latentActivation,hidden,.*\nmse,relu,10,.*\n/)
  assert.match(csv, /\nbce,relu,"12,6",/)

  // What the others have is not trained again.
  const again = await sweep([...planned, '--shard', '1/1', '--out', 'two', '--json'])
  const done = again.stdout
    .trim()
    .split('\n')
    .filter((line) => JSON.parse(line).status === 'done')
  assert.is(done.length, 8 - recordsOf(join(directory, 'merged')).filter(isDoneIn('two')).length)
})

function isDoneIn(folder: string): (line: string) => boolean {
  const texts = [2, 3].map((i) => readFileSync(join(directory, folder, `runs.${i}-of-3.jsonl`), 'utf8'))
  return (line) => {
    const { id, status } = JSON.parse(line)
    return status === 'done' && texts.some((text) => text.includes(id))
  }
}

const hasParallel = spawnSync('parallel', ['--version'], { stdio: 'ignore' }).error === undefined
if (!hasParallel) skipTest(test, 'a plan under GNU parallel', 'needs GNU parallel')
else {
  test('a plan under GNU parallel merges to the files of the local sweep', async () => {
    const script = fileURLToPath(new URL('../../scripts/sweep.ts', import.meta.url))
    const flags = ['--plan', join(directory, 'plan.json'), ...ENGINE, '--out', join(directory, 'parallel')]
    const command = [process.execPath, script, ...flags, '--shard', 'auto/3']
    const { code } = await runProgram('parallel', [
      '-j2',
      '-n0',
      '--will-cite',
      ...command,
      ':::',
      '1',
      '2',
      '3',
    ])
    assert.is(code, 3, 'as many jobs as have trials that fail')
    const merged = await sweep([...planned, '--merge', 'parallel', '--out', 'of-parallel'])
    assert.is(merged.code, 1, merged.stderr)
    assertSameSweep(join(directory, 'of-parallel'), join(directory, 'local'))
  })
}

const other = writeDataset(join(directory, 'other/bars'), smallDataset(160, 60))
for (const [what, args, code, message] of [
  [
    'other data',
    ['--plan', 'plan.json', '--data', other, '--shard', '1/2'],
    2,
    /^error: --data: expected training data of SHA-256 .* as in plan\.json, found /,
  ],
  [
    'other arithmetic',
    [...planned, '--device', 'reference'],
    2,
    /^error: --simd, --device: expected arithmetic wasm, separate/,
  ],
  [
    'a setting beside a plan',
    [...planned, '--z', '4'],
    2,
    /^error: -z: expected no such flag, since plan\.json is there/,
  ],
  [
    'a shard of nothing',
    ['--shard', '1/2'],
    2,
    /^error: --shard: expected --plan FILE beside it, found none/,
  ],
  [
    'a shard of a plan that is not there',
    ['--plan', 'none.json', '--shard', '1/2'],
    1,
    /^error: none\.json: expected a plan, found no such file/,
  ],
  [
    'a shard that is pruned',
    [...planned, '--shard', '1/2', '--prune'],
    2,
    /^error: --prune: expected no such flag beside --shard/,
  ],
  [
    'a merge of no folder',
    [...planned, '--merge', 'nowhere'],
    1,
    /^error: nowhere: expected a directory of results, found: no such/,
  ],
  [
    'a queue and a shard',
    [...planned, '--shard', '1/2', '--queue', 'redis://there'],
    2,
    /^error: --queue: expected no such flag beside --shard/,
  ],
  [
    'too few to prune',
    [...SWEEP, '--prune'],
    2,
    /^error: --prune: expected runs of one loss, found mse, bce/,
  ],
] as const) {
  test(`${what} is refused in one line`, async () => {
    const refused = await sweep([...args, '--out', 'refused'])
    assert.match(refused.stderr, message)
    assert.is(refused.code, code)
    assert.is(refused.stderr.trim().split('\n').length, 1, refused.stderr)
    assert.is(refused.stdout, '')
  })
}

test('pruned: the table says what stopped when; what was promoted has the bits of a run that never stopped', async () => {
  const few = [...ENGINE, ...smallNetworks(), '--epochs', '4']
  const flags = [...few, '--z', '2,4', '--lr', '0.001,0.003,0.01,0.03', '--seeds', '2']
  const whole = await sweep([...flags, '--out', 'whole'])
  assert.is(whole.code, 0, whole.stderr)
  const pruned = await sweep([...flags, '--prune', '--out', 'pruned'])
  assert.is(pruned.code, 0, pruned.stderr)
  const read = (folder: string) =>
    new Map(recordsOf(join(directory, folder)).map((line) => [JSON.parse(line).id, JSON.parse(line)]))
  const [all, some] = [read('whole'), read('pruned')]
  const lines = readFileSync(join(directory, 'pruned/runs.jsonl'), 'utf8').trim().split('\n')
  const stops = lines.map((line) => JSON.parse(line)).filter(({ status }) => status === 'stopped')
  const epochsOf = ({ testLosses }: { testLosses: number[] }) => testLosses.length
  assert.is(stops.filter((stop) => epochsOf(stop) === 1).length, 16, 'each stops at the first rung')
  const done = [...some.values()].filter(({ status }) => status === 'done')
  assert.ok(done.length >= 1 && done.length <= 8, `${done.length} of 16 are done`)
  for (const record of done) assert.equal(record, all.get(record.id))
  const csv = readFileSync(join(directory, 'pruned/sweep.csv'), 'utf8').trim().split('\n')
  assert.match(csv[0], /,status,stopped after,train loss,/)
  const stopped = [...some.values()].filter(({ status }) => status === 'stopped')
  for (const epochs of [1, 2]) {
    const wanted = stopped.filter((record) => epochsOf(record) === epochs).length
    assert.is(csv.filter((line) => line.includes(`,stopped,${epochs},`)).length, wanted)
  }
  assert.is(stopped.length, 16 - done.length)
  assert.match(readFileSync(join(directory, 'pruned/sweep.md'), 'utf8'), /\| stopped after epochs \|/)
  assert.not.ok(existsSync(join(directory, 'pruned/checkpoints')), 'their state is gone')

  const rest = await sweep([...flags, '--out', 'pruned', '--json'])
  assert.is(rest.stdout.trim().split('\n').length, 16 - done.length, 'without --prune the others go on')
  assert.equal([...read('pruned').values()].filter(({ status }) => status === 'done').length, 16)
})

test.run()
