import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DeviceError, FileError, UsageError } from '../src/errors.ts'
import { printable, quote } from '../src/quote.ts'

test('text from outside is quoted, escaped and cut', () => {
  assert.is(quote('fc1.weight'), '"fc1.weight"')
  assert.is(quote('a "b" \\ c'), '"a \\"b\\" \\\\ c"')
  assert.is(quote('x'.repeat(81)), `"${'x'.repeat(80)}…"`)
  assert.is(quote('x'.repeat(80)), `"${'x'.repeat(80)}"`)
  assert.is(quote('abcdef', 3), '"abc…"')
  assert.is(quote('größer 数 😀'), '"größer 数 😀"')
})

test('nothing that moves a cursor, rings, hides or reorders passes', () => {
  for (const [text, expected] of [
    ['\u001b[2J', '\\u001b[2J'],
    ['\0\u0007\b', '\\u0000\\u0007\\u0008'],
    ['\n\r\t', '\\n\\r\\t'],
    ['\u007f', '\\u007f'],
    ['\u009b31m', '\\u009b31m'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u202e\u2066\u200b\ufeff', '\\u202e\\u2066\\u200b\\ufeff'],
    ['\u{e0001}', '\\u{e0001}'],
    ['\ud800x', '\\ud800x'],
  ]) {
    assert.is(printable(text), expected)
    assert.not.match(quote(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  }
})

test('the cut leaves no half of a character', () => {
  assert.is(quote('ab😀', 3), '"ab…"')
})

test('no error of ours carries a control character, whatever is put into it', () => {
  const hostile = 'a\u001b]0;title\u0007\nb\u0085'
  for (const error of [new FileError(hostile, hostile), new UsageError(hostile), new DeviceError(hostile)]) {
    assert.not.match(error.message, /\p{Cc}/u)
    assert.match(error.message, /^a\\u001b\]0;title/)
  }
  assert.is(new FileError('f', 'p', { cause: 7 }).cause, 7)
})

test.run()
