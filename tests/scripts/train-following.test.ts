/** How a run of the train command can be followed and repeated, and how its rates go on. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EpochRecord } from '../../src/training/history.ts'
import { historyToCsv } from '../../src/training/history.ts'
import { runScript, WITHOUT_CANVAS } from '../support/command.ts'
import { data, expectSuccess, freshDirectory, records, small, train } from '../support/train-command.ts'

test('--log and --tensorboard are continued by --resume, and the command it prints repeats the run', async () => {
  const cwd = freshDirectory()
  writeFileSync(join(cwd, 'small.json'), JSON.stringify({ lr: 0.01, log: 'logs.csv', tensorboard: 'events' }))
  const part = await train(cwd, ...small, '--config', 'small.json', '-e', '2', '--json')
  const [, first, second, partEnd] = records(part.stdout)
  const firstLog = readFileSync(join(cwd, 'logs.csv'), 'utf8')
  const args = ['--resume', 'weights.checkpoint.safetensors', '-e', '3', '--device', 'reference', '--json']
  const rest = await train(cwd, ...args)
  for (const outcome of [part, rest]) expectSuccess(outcome)
  const [start, third, end] = records(rest.stdout)
  const log = readFileSync(join(cwd, 'logs.csv'), 'utf8')
  assert.is(firstLog, historyToCsv([first, second] as unknown as EpochRecord[]))
  assert.is(log, historyToCsv([first, second, third] as unknown as EpochRecord[]))

  const events = readdirSync(join(cwd, 'events')).map((name) => join('events', name))
  const fileOf = (record: Record<string, unknown>) =>
    (record.files as string[]).find((name) => events.includes(name))
  assert.equal([fileOf(partEnd), fileOf(end)].sort(), events.sort(), 'each run has a file of its own')
  assert.equal((end.files as string[]).slice(0, 4), [
    'weights.pth',
    'plot.png',
    'weights.checkpoint.safetensors',
    'logs.csv',
  ])
  const [before, after] = [fileOf(partEnd), fileOf(end)].map((name) =>
    stepsOf(readFileSync(join(cwd, String(name)))),
  )
  assert.equal(before, [0, 1, 2], 'the version, then an event each epoch')
  assert.equal(after, [0, 3, 3], 'the version, the restart, then the epoch')

  const again = freshDirectory()
  const [command] = [start.command].map(String)
  assert.match(command, /^npm run train -- /)
  const words = command.replace('npm run train -- ', '').split(' ')
  const repeated = await train(again, ...words, '--json')
  expectSuccess(repeated)
  assert.is(records(repeated.stdout).at(-1)?.parametersSha256, end.parametersSha256)
  assert.equal(
    readdirSync(again).sort(),
    readdirSync(cwd)
      .filter((name) => name !== 'small.json')
      .sort(),
  )
})

test('a run that ends without warning lacks no epoch in TensorBoard', async () => {
  const cwd = freshDirectory()
  const preload = new URL('../support/die-after-checkpoint.mjs', import.meta.url).href
  const tensorboard = ['--tensorboard', 'events', '-e', '3', '--device', 'reference']
  const part = await runScript('train', [...small, ...tensorboard], cwd, {
    NODE_OPTIONS: `--import=${preload}`,
  })
  assert.is(part.code, undefined, part.stderr)
  expectSuccess(
    await train(cwd, '--resume', 'weights.checkpoint.safetensors', '--device', 'reference', '--json'),
  )
  const steps = readdirSync(join(cwd, 'events')).flatMap((name) =>
    stepsOf(readFileSync(join(cwd, 'events', name))),
  )
  assert.equal([...new Set(steps)].sort(), [0, 1, 2, 3])
})

/** The step of each record of an event file: the second field of an event, where there is one. */
function stepsOf(bytes: Buffer): number[] {
  const steps: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    const afterTime = at + 12 + 9
    steps.push(bytes[afterTime] === 0x10 ? bytes[afterTime + 1] : 0)
    at += 12 + length + 4
  }
  return steps
}

test('--schedule: rates by step, told by epoch; the epochs that they spread over stay', async () => {
  const cwd = freshDirectory()
  const rates = ['--schedule', 'cosine', '--warmup', '0.5', '--final-lr', '1e-5']
  const biases = ['--latent-bias', '1', '--output-bias', 'mean']
  const outcome = await train(cwd, ...small, ...rates, ...biases, '-e', '3', '--json')
  expectSuccess(outcome)
  const [start, ...epochs] = records(outcome.stdout)
  assert.equal(
    [start.schedule, start.warmup, start.finalLearningRate, start.latentBias, start.outputBias],
    ['cosine', 0.5, 1e-5, 1, 'mean'],
  )
  const found = epochs.slice(0, 3).map(({ learningRate }) => Number(learningRate))
  assert.ok(found[0] > found[1] && found[1] > found[2] && found[2] > 1e-5, found.join())
  const file = 'weights.checkpoint.safetensors'
  const longer = await train(cwd, '--resume', file, '-e', '4')
  assert.is(longer.stderr, `error: ${file}: expected a checkpoint of --epochs 4, found one of 3\n`)
  const done = await train(cwd, '--resume', file)
  assert.is(done.stderr, `${file}: all 3 epochs are done\n`)
})

test('the line that repeats a run is in the text, and says what was set and no more', async () => {
  const cwd = freshDirectory()
  const outcome = await train(cwd, ...small, '-e', '1', '-s', 'my model.pth')
  expectSuccess(outcome)
  assert.match(
    outcome.stdout,
    `\nRepeat   npm run train -- --data ${data} --hidden 9 -z 3 --batch-size 8 --device reference ` +
      `--epochs 1 --save 'my model.pth'\n`,
  )
  const started = await train(cwd, ...small, '-e', '1', '--latent-bias', '0.5', '--output-bias', 'mean')
  assert.match(started.stdout, ', latent bias 0.5, outputs from the mean row, seed 1\n')
  assert.match(started.stdout, ' --epochs 1 --latent-bias 0.5 --output-bias mean\n')
})

test('without node-canvas event files have no pictures, and all else', async () => {
  const cwd = freshDirectory()
  const args = [...small, '-e', '1', '--tensorboard', 'events', '--json']
  const outcome = await runScript('train', args, cwd, WITHOUT_CANVAS)
  assert.is(outcome.code, 0)
  const [name] = readdirSync(join(cwd, 'events'))
  const bytes = readFileSync(join(cwd, 'events', name))
  assert.ok(bytes.includes('codes') && bytes.includes('loss/test'))
  assert.not.ok(bytes.includes('reconstructions'))
})

test.run()
