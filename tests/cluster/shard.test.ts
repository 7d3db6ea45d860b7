/** Parts of a plan: by flag, and by the variables of schedulers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Shard } from '../../src/cluster/shard.ts'
import { isRecordFile, parseShard, shardFileName, shardOf } from '../../src/cluster/shard.ts'
import { UsageError } from '../../src/errors.ts'

const slurm = (id: number, first: number, last: number, count: number) => ({
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: String(first),
  SLURM_ARRAY_TASK_MAX: String(last),
  SLURM_ARRAY_TASK_COUNT: String(count),
})

const GOOD: [string, string, Record<string, string>, Shard][] = [
  ['a flag', '3/8', {}, { index: 3, count: 8 }],
  ['a flag beside a scheduler', '1/1', slurm(2, 0, 3, 4), { index: 1, count: 1 }],
  ['Slurm from 0', 'auto', slurm(0, 0, 9, 10), { index: 1, count: 10 }],
  ['Slurm from 1, nothing typed', '', slurm(4, 1, 4, 4), { index: 4, count: 4 }],
  ['Slurm in steps', 'auto', slurm(16, 0, 20, 6), { index: 5, count: 6 }],
  ['Slurm, one task', 'auto', slurm(7, 7, 7, 1), { index: 1, count: 1 }],
  ['Kubernetes', 'auto/4', { JOB_COMPLETION_INDEX: '3' }, { index: 4, count: 4 }],
  [
    'AWS Batch',
    'auto',
    { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '5' },
    { index: 1, count: 5 },
  ],
  ['GNU parallel', '/3', { PARALLEL_SEQ: '2' }, { index: 2, count: 3 }],
]
for (const [what, text, environment, shard] of GOOD) {
  test(`${what} says which`, () => assert.equal(parseShard(text, environment), shard))
}

const BAD: [string, string, Record<string, string>, RegExp][] = [
  ['part 0', '0/4', {}, /--shard: expected a part from 1 to 4, found 0/],
  ['more than all', '5/4', {}, /from 1 to 4, found 5/],
  ['of none', '1/0', {}, /at least one part, found 0/],
  ['a word', 'some', {}, /expected i\/n, auto or auto\/n, found "some"/],
  ['no count', '3', {}, /expected i\/n, auto or auto\/n, found "3"/],
  ['no scheduler', 'auto', {}, /SLURM_ARRAY_TASK_ID, .*, found none/],
  [
    'two schedulers',
    'auto/2',
    { ...slurm(0, 0, 1, 2), PARALLEL_SEQ: '1' },
    /found SLURM_ARRAY_TASK_ID and PARALLEL_SEQ/,
  ],
  ['an array with gaps', 'auto', slurm(3, 3, 8, 3), /without gaps, or i\/n, found 3 tasks from 3 to 8/],
  ['Kubernetes without a count', 'auto', { JOB_COMPLETION_INDEX: '0' }, /Kubernetes does not tell how many/],
  [
    'another count than the scheduler',
    'auto/3',
    slurm(0, 0, 1, 2),
    /the 2 jobs that Slurm tells of, found 3/,
  ],
  ['a variable that is no number', 'auto/2', { PARALLEL_SEQ: 'x\u001b[2J' }, /found "x\\u001b\[2J"/],
  ['an index that is too large', 'auto/2', { JOB_COMPLETION_INDEX: '2' }, /from 1 to 2, found 3/],
]
for (const [what, text, environment, message] of BAD) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => parseShard(text, environment),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    )
  })
}

test('the shards of a plan are the plan, each trial once, in files of their own', () => {
  const items = Array.from({ length: 17 }, (_, i) => i)
  const shards = [1, 2, 3, 4].map((index) => shardOf(items, { index, count: 4 }))
  assert.equal(
    shards.flat().sort((a, b) => a - b),
    items,
  )
  for (const shard of shards) assert.ok(shard.length >= 4 && shard.length <= 5)
  assert.equal(shardOf(items, { index: 20, count: 20 }), [])
  assert.is(shardFileName({ index: 2, count: 4 }), 'runs.2-of-4.jsonl')
  assert.ok(isRecordFile('runs.2-of-4.jsonl') && isRecordFile('runs.jsonl'))
  assert.not.ok(isRecordFile('.runs.jsonl.lock') || isRecordFile('runs.jsonl.tmp'))
})

test.run()
