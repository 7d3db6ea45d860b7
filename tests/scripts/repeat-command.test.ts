import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TypedValue } from '../../scripts/config-file.ts'
import { commandText, shellWord } from '../../scripts/repeat-command.ts'
import { skipTest } from '../support/skip.ts'

test('flags as they are typed', () => {
  const flags: [string, TypedValue][] = [
    ['z', '8'],
    ['epochs', '2'],
    ['clip', false],
    ['json', true],
    ['save', '-odd name.pth'],
    ['data', ''],
    ['noise-std', '0.1'],
  ]
  assert.is(
    commandText('train', new Map(flags)),
    "npm run train -- -z 8 --epochs 2 --no-clip --json '--save=-odd name.pth' --data= --noise-std 0.1",
  )
  assert.is(commandText('train', new Map()), 'npm run train')
})

const WORDS = [
  'plain_1.pth',
  'a b',
  "it's",
  '$HOME',
  '`x`',
  'a"b\\c',
  '*?',
  'zwei\nZeilen',
  "tab\t'\\",
  'ü',
  '~',
  '\u2028',
]

if (spawnSync('bash', ['-c', 'exit 0']).status !== 0) {
  skipTest(test, 'a shell gives each word on unchanged', 'bash is not here')
} else {
  test('a shell gives each word on unchanged, and a command is one line', () => {
    const line = WORDS.map(shellWord).join(' ')
    assert.not.match(line, /[\n\u2028]/)
    const { stdout } = spawnSync('bash', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    assert.equal(stdout.split('\0').slice(0, -1), WORDS)
  })
}

test.run()
