/** `npm run sweep` as a process: refused before it trains, interrupted, gone on with. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { smallDigits } from '../experiments/small-digits.ts'
import { runScript, startCommand, stdoutLines } from '../support/command.ts'
import { smallImages, writeDataset } from '../support/small-data.ts'
import { smallNetworks } from '../support/small-sweep.ts'
import { tableOf } from '../support/sweep-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'hourglass-sweep-command-'))
const data = writeDataset(join(directory, 'bars'), smallDigits())
const SMALL = ['--data', data, '--device', 'reference', ...smallNetworks()]
const PLAN = [...SMALL, '--z', '2,3', '--seeds', '2', '--epochs', '8', '--jobs', '1']

test.after(() => {
  rmSync(directory, { recursive: true, force: true })
})

const FIGURES = [
  'reconstruction.png',
  'contact-sheet.png',
  'denoising-clipped.png',
  'denoising-unclipped.png',
]

for (const [what, flags, message] of [
  ['a z of 0', ['--z', '2,0'], /--z: expected a whole number.*found 0/],
  ['a word for a z', ['--z', '2,eight'], /--z: expected a whole number.*found eight/],
  [
    'a rate beside a schedule that has none',
    ['--z', '2', '--final-lr', '1e-5'],
    /^error: --final-lr: expected none/m,
  ],
  ['a z twice', ['--z', '2,4,2'], /--z: expected different values, found 2 twice/],
  [
    'an activation there is none of',
    ['--latent-activation', 'relu,gelu'],
    /relu, tanh, sigmoid, identity, found gelu/,
  ],
  ['a batch larger than the set', ['-b', '32,200'], /batch.*160.*found 200/],
  ['more runs at once than threads', ['--jobs', '3', '--threads', '2'], /--jobs.*2 threads.*found 3/],
  ['an unknown flag', ['--epoch', '3'], /--epoch.*did you mean --epochs/],
] as const) {
  test(`${what} is refused in one line before anything trains`, async () => {
    const out = join(directory, 'refused')
    const { code, stdout, stderr } = await runScript(
      'sweep',
      [...SMALL, '--z', '2', '--out', out, ...flags],
      directory,
    )
    assert.is(code, 2, stderr)
    assert.is(stdout, '')
    assert.match(stderr, message)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
    assert.not.ok(existsSync(join(out, 'runs.jsonl')))
  })
}

test('a small set of small images: a batch that fits, no SSIM and why; a sweep that runs is left alone', async () => {
  const tiny = writeDataset(join(directory, 'small'), smallImages(8, 8, 40))
  const args = ['--data', tiny, '--device', 'reference', '--hidden', '4', '--z', '2', '--seeds', '1']
  const running = startCommand(
    'sweep',
    [...args, '--epochs', '2', '--sigma', '0.2', '--out', 'tiny'],
    directory,
  )
  const { code, stdout, stderr } = await running.outcome
  assert.is(code, 0, stderr)
  assert.is(stderr, 'batch size: 40, all training images, in place of 256\n')
  assert.match(stdout, /^SSIM –: the images are smaller than its window of 11 × 11 pixels$/m)
  const csv = readFileSync(join(directory, 'tiny/sweep.csv'), 'utf8').trim().split('\n')
  const cells = (line: string) => line.split(',')
  assert.is(cells(csv[1])[cells(csv[0]).indexOf('SSIM')], '')
  assert.not.match(csv[1], 'NaN')
  assert.match(readFileSync(join(directory, 'tiny/sweep.md'), 'utf8'), / – \|/)

  const endless = startCommand('sweep', [...PLAN, '--epochs', '100000', '--out', 'held'], directory)
  for (let waited = 0; !existsSync(join(directory, 'held')) && waited < 60_000; waited += 50)
    await setTimeout(50)
  await setTimeout(500)
  const second = await runScript('sweep', [...PLAN, '--out', 'held'], directory)
  assert.match(
    second.stderr,
    /^error: held.runs\.jsonl: expected a file that no other run writes, found one that does \(process \d+\)\n$/,
  )
  assert.is(second.code, 1)
  endless.child.kill('SIGKILL')
  await endless.outcome
})

test('interrupted and run again it gives the table of the sweep that was not interrupted', async () => {
  const whole = await runScript('sweep', [...PLAN, '--out', 'whole'], directory)
  assert.is(whole.code, 0, whole.stderr)
  for (const name of FIGURES) assert.ok(existsSync(join(directory, 'whole', name)), name)
  assert.is(
    readFileSync(join(directory, 'whole', 'sweep.csv'), 'utf8')
      .trim()
      .split('\n').length,
    5,
  )

  const running = startCommand('sweep', [...PLAN, '--out', 'parts'], directory)
  await stdoutLines(running, 1)
  running.child.kill('SIGINT')
  const first = await running.outcome
  assert.is(first.code, 130, first.stderr)
  const kept = readFileSync(join(directory, 'parts', 'runs.jsonl'), 'utf8')
    .trim()
    .split('\n').length
  assert.ok(kept >= 1 && kept < 4, `${kept} runs kept`)

  const second = await runScript('sweep', [...PLAN, '--out', 'parts', '--json'], directory)
  assert.is(second.code, 0, second.stderr)
  assert.is(second.stdout.trim().split('\n').length, 4 - kept, 'only what was missing is trained')
  assert.match(second.stderr, `parts: ${kept} of 4 runs found, ${4 - kept} to train\n`)
  assert.is(tableOf(join(directory, 'parts')), tableOf(join(directory, 'whole')))

  // Other data of the same name and sizes, and other arithmetic, are other runs.
  const bars = smallDigits()
  const rows = bars.train.rows.slice()
  rows[100] ^= 1
  const altered = writeDataset(join(directory, 'altered/bars'), { ...bars, train: { ...bars.train, rows } })
  for (const change of [
    ['--data', altered],
    ['--device', 'cpu', '--simd', 'plain'],
  ]) {
    const again = await runScript(
      'sweep',
      [...PLAN, '--epochs', '1', '--out', 'parts', '--json', ...change],
      directory,
    )
    assert.is(again.code, 0, again.stderr)
    assert.is(again.stdout.trim().split('\n').length, 4, `${change}: all four are trained`)
    const kept = await runScript(
      'sweep',
      [...PLAN, '--epochs', '1', '--out', 'parts', '--json', ...change],
      directory,
    )
    assert.is(kept.stdout, '', `${change}: what was trained is found`)
  }
})

test.run()
