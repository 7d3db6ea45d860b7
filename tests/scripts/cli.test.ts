import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  asTyped,
  commandLine,
  engineOptions,
  listOf,
  nonNegativeNumber,
  oneOf,
  path,
  positiveNumber,
  wholeNumber,
} from '../../scripts/cli.ts'
import { blamingConfig, flagsSet } from '../../scripts/config-file.ts'
import { chooseModule } from '../../src/engines/wasm/module-choice.ts'
import { DeviceError, FileError, UsageError } from '../../src/errors.ts'
import { rejection } from '../support/rejection.ts'

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

const refusal = async (promise: Promise<unknown>) => (await rejection(promise, UsageError)).message

test('a flag without its value is named as it was typed', async () => {
  assert.is(await refusal(parse('--load')), '--load: expected a value, found nothing')
  assert.is(await refusal(parse('-l')), '-l: expected a value, found nothing')
  assert.is(await refusal(parse('--noise_std')), '--noise-std: expected a value, found nothing')
})

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
  assert.is(await refusal(parse('--thread', '3')), 'unknown flag --thread: did you mean --threads?')
  assert.is(await refusal(parse('--nosie_std', '3')), 'unknown flag --nosie-std: did you mean --noise-std?')
  assert.is(
    await refusal(lr('--learningrate', '1')),
    'unknown flag --learningrate: did you mean --learning-rate?',
  )
  assert.is(await refusal(parse('--xyz')), 'unknown flag --xyz; --help lists the flags')
  assert.is(await refusal(parse('-q')), 'unknown flag -q; --help lists the flags')
})

test('a file without the flag that it belongs to is seen', async () => {
  const load = { alias: 'l', demandOption: '--load: expected a model, found nothing', coerce: path('load') }
  const evaluate = async (...args: string[]) =>
    commandLine('test', args)
      .options({ load, out: { coerce: path('out') } })
      .parseAsync()
  const missing = '--load: expected a model, found nothing'
  assert.is(await refusal(evaluate('a.pth')), `${missing}; is it a.pth? then write --load a.pth`)
  assert.is(await refusal(evaluate('--out', 'a.pth')), missing)
  assert.is(await refusal(evaluate()), missing)
})

test('takes as many words as it names', async () => {
  const words = async (...args: string[]) => commandLine('test', args, ['IN', 'OUT']).parseAsync()
  assert.equal((await words('1', 'b'))._, ['1', 'b'])
  assert.is(await refusal(words('a')), 'expected OUT, found nothing')
  assert.is(await refusal(words('a', 'b', 'c')), 'unexpected argument: c')
  assert.is(await refusal(parse('word')), 'unexpected argument: word')
})

const directory = mkdtempSync(join(tmpdir(), 'hourglass-config-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
const file = join(directory, 'run.json')

async function parseWith(content: unknown, ...args: string[]) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return commandLine('test', args)
    .options({
      'noise-std': { requiresArg: true, coerce: nonNegativeNumber('noise_std') },
      load: { alias: ['l', 'model'], requiresArg: true, coerce: path('load'), demandOption: 'no model' },
      hidden: { requiresArg: true, coerce: listOf('hidden', wholeNumber('hidden', 1)) },
      clip: { type: 'boolean', default: true },
      ...engineOptions,
    })
    .parseAsync()
}

test('--config: values are checked as if they had been typed, and what is typed wins', async () => {
  const content = { noise_std: 0.2, model: 'a.pth', hidden: [300, 100], clip: false, threads: '2' }
  const flags = await parseWith(content, '--config', file)
  assert.equal(
    [flags['noise-std'], flags.load, flags.l, flags.hidden, flags.clip, flags.threads, flags.device],
    [0.2, 'a.pth', 'a.pth', [300, 100], false, 2, 'auto'],
  )
  const typed = await parseWith(content, '--clip', '-l', 'b.pth', `--config=${file}`, '--noise-std', '0')
  assert.equal([typed['noise-std'], typed.load, typed.clip, typed.threads], [0, 'b.pth', true, 2])
  assert.equal(
    [...flagsSet(typed)],
    [
      ['clip', true],
      ['load', 'b.pth'],
      ['noise-std', '0'],
      ['hidden', '300,100'],
      ['threads', '2'],
    ],
    'typed ones first, none twice',
  )
  assert.is((await parseWith({ load: 'a' }, '--config', '/nowhere', '--config', file)).load, 'a', 'the last')
})

test('--config: what is wrong is said with the name of the file and of the key', async () => {
  const key = 'expected flags of this command as keys, found'
  const cases: [unknown, string][] = [
    [{ noise_std: 'much' }, 'noise_std: expected a number of at least 0, found much'],
    [{ model: '' }, "model: expected a path, found ''"],
    [{ hidden: [3, 0] }, 'hidden: expected a whole number of at least 1, found 0'],
    [{ hidden: [3, '4,5'] }, 'hidden: expected items without commas, which separate them, found "4,5"'],
    [{ hidden: [] }, 'hidden: expected text, a number or a list of them, found []'],
    [{ clip: 'no' }, 'clip: expected true or false, found "no"'],
    [{ load: true }, 'load: expected text, a number or a list of them, found true'],
    [{ load: 'a', l: 'b' }, 'l: expected each flag once, found load, which is the same'],
    ['{"load": "a", "load": "b"}', 'expected each key once, found "load" twice'],
    [{ thread: 1 }, `${key} "thread": did you mean "threads"?`],
    [{ modl: 1 }, `${key} "modl": did you mean "model"?`],
    [{ '--clip': true }, `${key} "--clip": did you mean "clip"?`],
    [{ config: 'b.json' }, `${key} "config"; --help lists the flags`],
    [{ help: true }, `${key} "help"; --help lists the flags`],
    [[1], 'top level: expected an object, found [1]'],
  ]
  for (const [content, problem] of cases) {
    const error = await parseWith(content, '--config', file).catch((cause: unknown) => cause)
    assert.instance(error, FileError, problem)
    assert.is((error as Error).message, `${file}: ${problem}`)
  }
  const broken = await parseWith('{', '--config', file).catch((cause: unknown) => cause)
  assert.match((broken as Error).message, /run\.json: expected JSON, found: /)
  const missing = await parseWith({}, '--config', directory).catch((cause: unknown) => cause)
  assert.is((missing as Error).message, `${directory}: expected a regular file, found a directory`)
  assert.is(await refusal(parseWith({}, '--config', file)), 'no model', 'what no file says is missing')
  const typed = await refusal(parseWith({ threads: 2, load: 'a' }, '--config', file, '--threads', '0'))
  assert.is(typed, '--threads: expected a whole number from 1 to 256, found 0', 'not blamed on the file')
})

test('--config: a value that turns out wrong later is blamed on the file, a typed one is not', async () => {
  await parseWith({ threads: 2, load: 'a', noise_std: 1 }, '--config', file, '--threads', '3')
  const later = blamingConfig(new UsageError('--noise-std: expected less, found 1'))
  assert.instance(later, FileError)
  assert.is((later as Error).message, `${file}: noise_std: expected less, found 1`)
  const typed = new UsageError('--threads: expected fewer, found 3')
  assert.is(blamingConfig(typed), typed)
  await parse()
  const other = new UsageError('--noise-std: expected less, found 1')
  assert.is(blamingConfig(other), other, 'the file of another call')
})

test('what is wrong with the option simd names the flag where a command says it', async () => {
  const refused = await rejection(
    chooseModule('256', {
      load: () => assert.unreachable('nothing to load') as never,
      compile: () => assert.unreachable('nothing to compile') as never,
      fusing: undefined,
    }),
    DeviceError,
  )
  assert.match(refused.message, /^simd 256: needs Node 24 or newer .*; use 128$/)
  assert.is(asTyped(refused), `--${refused.message}`)
  assert.is(asTyped(new DeviceError('simd of another kind')), 'simd of another kind')
})

test.run()
