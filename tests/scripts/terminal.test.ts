/** Progress and help on terminals of any width. */
import { execFileSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { narrowHelp } from '../../scripts/cli.ts'
import { progressBar, Rate } from '../../scripts/progress-bar.ts'
import { runProgram } from '../support/processes.ts'
import { skipTest } from '../support/skip.ts'

const test = suite('a terminal')

/** What a bar writes on a terminal of so many columns. */
function drawn(columns: number, label: string, fraction: number, note: string): string {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const terminal = Object.assign(stream, { isTTY: true, columns }) as unknown as NodeJS.WriteStream
  progressBar(terminal).draw(label, fraction, note)
  return text
}

test('a bar stays within its line, whatever the width', () => {
  for (const columns of [1, 5, 10, 20, 30, 40, 80, 200]) {
    const text = drawn(columns, 'epoch 12/50', 0.5, '12,345 images/s, 3 min 20 s left')
    assert.match(text, /^\r/)
    assert.ok(stripVTControlCharacters(text).trimStart().length < Math.max(2, columns), `${columns}: ${text}`)
  }
  const plain = (columns: number) => stripVTControlCharacters(drawn(columns, 'epoch 1/2', 0.5, 'soon done'))
  assert.is(plain(80), `\repoch 1/2 ${'━'.repeat(12)}${'─'.repeat(12)} soon done`)
  assert.is(plain(0), plain(80), 'a width that is not known')
  assert.is(plain(20), `\repoch 1/2 ${'━'.repeat(5)}${'─'.repeat(4)}`)
  assert.is(plain(12), '\repoch 1/2')
})

test('a note loses whole parts, never digits, and the bar makes room for its first', () => {
  const plain = (columns: number) =>
    stripVTControlCharacters(drawn(columns, 'epoch 1/30', 0.5, '3 min 20 s left, 12,345 images/s'))
  assert.is(plain(80), `\repoch 1/30 ${'━'.repeat(12)}${'─'.repeat(12)} 3 min 20 s left, 12,345 images/s`)
  assert.is(plain(40), `\repoch 1/30 ${'━'.repeat(6)}${'─'.repeat(6)} 3 min 20 s left`)
  assert.is(plain(30), `\repoch 1/30 ${'━'.repeat(9)}${'─'.repeat(9)}`)
})

test('the rate is that of the last seconds', () => {
  const rate = new Rate()
  assert.is(rate.add(0, 0), undefined)
  assert.is(rate.add(10, 100), undefined, 'too soon')
  // Ten a second for a start, then a hundred.
  for (let ms = 1000; ms <= 4000; ms += 1000) rate.add(ms / 100, ms)
  let last: number | undefined
  for (let ms = 5000; ms <= 12_000; ms += 1000) last = rate.add(40 + (ms - 4000) / 10, ms)
  assert.is(last, 100)
})

test('a terminal that is dumb gets no bar', () => {
  const before = process.env.TERM
  process.env.TERM = 'dumb'
  try {
    assert.is(drawn(80, 'epoch 1/2', 0.5, ''), '')
  } finally {
    if (before === undefined) delete process.env.TERM
    else process.env.TERM = before
  }
})

test('narrow help has one column', () => {
  const help = 'npm run x -- [flags]\n\nOptions:\n  -b, --batch-size   images a step  [default: 256]'
  assert.is(
    narrowHelp(help, 20),
    'npm run x --\n[flags]\n\nOptions:\n  -b, --batch-size\n    images a step\n    [default: 256]',
  )
})

function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

if (process.platform !== 'linux' || !hasScript()) skipTest(test, 'help', 'needs script(1) for a terminal')
else {
  for (const columns of [20, 30, 0, 100]) {
    test(`help on ${columns} columns: words in lines`, async () => {
      const sweep = fileURLToPath(new URL('../../scripts/sweep.ts', import.meta.url))
      const command = `stty cols ${columns}; '${process.execPath}' '${sweep}' --help`
      const { stdout } = await runProgram('script', ['-qec', command, '/dev/null'])
      assert.match(stdout, '--batch-size')
      const lines = stdout.split('\r\n')
      if (columns > 0) {
        // Longer than the line are single words alone.
        const long = lines.filter((line) => line.length > columns && line.trim().includes(' '))
        assert.equal(long, [])
      }
      assert.ok(lines.filter((line) => line.trim().length === 1).length === 0, stdout)
    })
  }
}

test.run()
