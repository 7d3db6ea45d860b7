import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  commandLine,
  engineOptions,
  listOf,
  nonNegativeNumber,
  oneOf,
  path,
  positiveNumber,
  wholeNumber,
} from '../../scripts/cli.ts'
import { UsageError } from '../../src/errors.ts'

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    assert.instance(error, UsageError)
    return (error as Error).message
  }
  return assert.unreachable('it was accepted') as never
}

test('a whole number is decimal digits within its range', () => {
  const check = wholeNumber('z', 1, 64)
  for (const [text, value] of [
    ['1', 1],
    ['64', 64],
    ['08', 8],
  ] as const)
    assert.is(check(text), value)
  assert.is(check(32), 32, 'a default is a number already')
  for (const text of [
    '0',
    '65',
    '-1',
    '+1',
    '1.5',
    '1.0',
    '1e1',
    '0x10',
    'NaN',
    'Infinity',
    ' 8',
    'eight',
    '8,9',
  ]) {
    assert.is(
      messageOf(() => check(text)),
      `--z: expected a whole number from 1 to 64, found ${text}`,
    )
  }
  assert.is(
    messageOf(() => check('')),
    "--z: expected a whole number from 1 to 64, found ''",
  )
  assert.is(
    messageOf(() => check(false)),
    '--z: expected a whole number from 1 to 64, found false',
  )
  assert.is(
    messageOf(() => wholeNumber('n', 1)('99999999999999999999')).slice(0, 40),
    '--n: expected a whole number of at least 1'.slice(0, 40),
  )
})

test('numbers are finite and within their range', () => {
  assert.is(positiveNumber('lr')('1e-3'), 1e-3)
  assert.is(positiveNumber('lr')('.5'), 0.5)
  assert.is(nonNegativeNumber('s')('0'), 0)
  for (const text of ['0', '-1', 'NaN', 'Infinity', '1e999', '', '0x1', '1,5', '1e']) {
    assert.match(
      messageOf(() => positiveNumber('lr')(text)),
      /^--lr: expected a number greater than 0, found /,
    )
  }
  for (const text of ['-0.1', 'NaN', '']) {
    assert.match(
      messageOf(() => nonNegativeNumber('s')(text)),
      /^--s: expected a number of at least 0, found /,
    )
  }
})

test('words, paths and lists', () => {
  assert.is(oneOf('set', ['train', 'test'])('test'), 'test')
  assert.is(
    messageOf(() => oneOf('set', ['train', 'test'])('Test')),
    '--set: expected one of train, test, found Test',
  )
  assert.is(path('out')('1e3'), '1e3')
  assert.is(
    messageOf(() => path('out')('')),
    "--out: expected a path, found ''",
  )
  assert.equal(listOf('z', wholeNumber('z', 1))('2, 4,8'), [2, 4, 8])
  assert.is(
    messageOf(() => listOf('z', wholeNumber('z', 1))('2,,8')),
    "--z: expected a whole number of at least 1, found ''",
  )
  assert.is(
    messageOf(() => listOf('z', wholeNumber('z', 1))('')),
    "--z: expected values separated by commas, found ''",
  )
})

/** Async, since yargs throws some faults before it has a promise to reject. */
async function parse(...args: string[]) {
  return commandLine('test', args)
    .options({
      'noise-std': { requiresArg: true, coerce: nonNegativeNumber('noise-std') },
      load: { alias: 'l', requiresArg: true, coerce: path('load') },
      clip: { type: 'boolean', default: true },
      ...engineOptions,
    })
    .parseAsync()
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((cause: unknown) => cause)
  assert.instance(error, UsageError)
  return (error as Error).message
}

test('snake_case and kebab-case are one flag; values keep their underscores', async () => {
  for (const args of [['--noise_std', '0.2'], ['--noise-std', '0.2'], ['--noise_std=0.2']]) {
    assert.is((await parse(...args))['noise-std'], 0.2)
  }
  assert.is((await parse('--load=a_b.pth')).load, 'a_b.pth')
  assert.is((await parse('-l', 'a_b.pth')).load, 'a_b.pth')
})

test('defaults, the last of repeated flags, --no-FLAG, names that look like numbers', async () => {
  const flags = await parse('--load', '1e3', '--threads', '2', '--threads', '3', '--no-clip')
  assert.is(flags.device, 'auto')
  assert.is(flags.simd, 'auto')
  assert.is(flags.threads, 3)
  assert.is(flags.clip, false)
  assert.is(flags.load, '1e3')
  assert.is((await parse()).threads, undefined)
})

/** With an alias of several letters. */
async function lr(...args: string[]) {
  return commandLine('test', args)
    .options({ lr: { alias: 'learning-rate', coerce: positiveNumber('lr') } })
    .parseAsync()
}

test('names the flag that was meant', async () => {
  assert.is(await rejection(parse('--thread', '3')), 'unknown flag --thread: did you mean --threads?')
  assert.is(await rejection(parse('--nosie_std', '3')), 'unknown flag --nosie-std: did you mean --noise-std?')
  assert.is(
    await rejection(lr('--learningrate', '1')),
    'unknown flag --learningrate: did you mean --learning-rate?',
  )
  assert.is(await rejection(parse('--xyz')), 'unknown flag --xyz; --help lists the flags')
  assert.is(await rejection(parse('-q')), 'unknown flag -q; --help lists the flags')
})

test('a file without the flag that it belongs to is seen', async () => {
  const load = { alias: 'l', demandOption: '--load: expected a model, found nothing', coerce: path('load') }
  const evaluate = async (...args: string[]) =>
    commandLine('test', args)
      .options({ load, out: { coerce: path('out') } })
      .parseAsync()
  const missing = '--load: expected a model, found nothing'
  assert.is(await rejection(evaluate('a.pth')), `${missing}; is it a.pth? then write --load a.pth`)
  assert.is(await rejection(evaluate('--out', 'a.pth')), missing)
  assert.is(await rejection(evaluate()), missing)
})

test('takes as many words as it names', async () => {
  const words = async (...args: string[]) => commandLine('test', args, ['IN', 'OUT']).parseAsync()
  assert.equal((await words('1', 'b'))._, ['1', 'b'])
  assert.is(await rejection(words('a')), 'expected OUT, found nothing')
  assert.is(await rejection(words('a', 'b', 'c')), 'unexpected argument: c')
  assert.is(await rejection(parse('word')), 'unexpected argument: word')
})

test.run()
