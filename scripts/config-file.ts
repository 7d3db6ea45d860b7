/**
 * `--config FILE.json`: a command's flags from a file, one object of names and values. A value is checked as
 * if it had been typed, flags that are typed win, and a fault names the file and the key.
 *
 * Here is also kept which flags were set, typed or in a file, for the line that repeats a command.
 */
import type { Argv } from 'yargs'
import { FileError, UsageError } from '../src/errors.ts'
import { readTextSync } from '../src/files/read.ts'
import { duplicateKey } from '../src/formats/json.ts'
import { JsonFields } from '../src/formats/json-fields.ts'
import { nearestName } from '../src/nearest.ts'
import { quote } from '../src/quote.ts'
import { kebabCase, parserOptions } from './flag-names.ts'

/** Far more than any command has flags for. */
const MOST_BYTES = 2 ** 20

/** A flag's value as it is typed; true for a flag that takes none, false for its `--no-` form. */
export type TypedValue = string | boolean
export type SetFlags = ReadonlyMap<string, TypedValue>

/** The flags that came from a file, and what the file calls them. */
let configured: { readonly file: string; readonly keys: ReadonlyMap<string, string> } | undefined
const setFlags = new WeakMap<object, SetFlags>()

export function forgetConfig(): void {
  configured = undefined
}

/**
 * The flags that were typed or are in the file, by their first names, in the order of typing, without
 * `--config`.
 */
export function flagsSet(flags: object): SetFlags {
  return setFlags.get(flags) ?? new Map()
}

/** Puts what the file says among the arguments, before any is checked. Throws FileError. */
export function configMiddleware(argv: Record<string, unknown>, parser: Argv): void {
  const namesOf = parserNames(parser)
  const firstNames = [...namesOf.keys()]
  const defaulted = defaultedFlags(parser)
  const isSet = (name: string) => Object.hasOwn(argv, name) && !Object.hasOwn(defaulted, name)
  // Last of all, so that typed flags come first in the line that repeats the command.
  const typed = firstNames.filter(isSet).sort(byOrderIn(Object.keys(argv)))
  const all = new Map(typed.map((name) => [name, argv[name] as TypedValue]))
  if (typeof argv.config === 'string' && argv.config !== '') {
    const keys = new Map<string, string>()
    for (const { name, key, value } of readConfig(argv.config, parser, namesOf)) {
      if (isSet(name)) continue
      for (const alias of namesOf.get(name) as string[]) {
        argv[alias] = value
        keys.set(alias, key)
      }
      all.set(name, value)
    }
    configured = { file: argv.config, keys }
  }
  all.delete('config')
  setFlags.set(argv, all)
}

/** The error, or one that blames the file for a flag that nobody typed. */
export function blamingConfig(error: unknown): unknown {
  if (!(error instanceof UsageError) || configured === undefined) return error
  const [, flag, problem] = /^--([\w-]+): (.*)$/s.exec(error.message) ?? []
  const key = configured.keys.get(kebabCase(flag ?? ''))
  return key === undefined ? error : new FileError(configured.file, `${key}: ${problem}`, { cause: error })
}

interface ConfigEntry {
  /** First name of the flag. */
  readonly name: string
  /** What the file calls it. */
  readonly key: string
  readonly value: TypedValue
}

function readConfig(file: string, parser: Argv, namesOf: ReadonlyMap<string, string[]>): ConfigEntry[] {
  const text = readTextSync(file, MOST_BYTES)
  const fields = JsonFields.parse(text, file)
  const twice = duplicateKey(text, Object.fromEntries(fields.entries()))
  if (twice !== undefined) throw new FileError(file, `expected each key once, found ${quote(twice)} twice`)
  const booleans = parserOptions(parser).boolean
  const seen = new Map<string, string>()
  return fields.entries().map(([key, value]) => {
    const name = [...namesOf].find(([, names]) => names.includes(kebabCase(key)))?.[0]
    if (name === undefined || NOT_IN_FILES.includes(name))
      throw unknownKey(file, key, [...namesOf.values()].flat())
    const before = seen.get(name)
    if (before !== undefined) {
      throw new FileError(file, `${key}: expected each flag once, found ${before}, which is the same`)
    }
    seen.set(name, key)
    return { name, key, value: typedValue(fields, key, value, booleans.includes(name)) }
  })
}

/** A file that names another is one too many to look for a value in. */
const NOT_IN_FILES = ['config', 'help']

function unknownKey(file: string, key: string, names: readonly string[]): FileError {
  // yargs knows each name in camel case too.
  const flags = names.filter((name) => /^[a-z][a-z0-9-]+$/.test(name) && !NOT_IN_FILES.includes(name))
  const nearest = nearestName(kebabCase(key.replace(/^-+/, '')), flags)
  return new FileError(
    file,
    `expected flags of this command as keys, found ${quote(key, 40)}` +
      `${nearest ? `: did you mean ${quote(nearest)}?` : '; --help lists the flags'}`,
  )
}

/** A value as it would have been typed. Throws FileError. */
function typedValue(fields: JsonFields, key: string, value: unknown, isBoolean: boolean): TypedValue {
  if (isBoolean) return fields.boolean(key)
  const isOne = (item: unknown) => typeof item === 'string' || typeof item === 'number'
  if (isOne(value)) return String(value)
  const isList = Array.isArray(value) && value.length > 0 && value.every(isOne)
  if (!isList) return fields.fail(key, 'text, a number or a list of them', value)
  const comma = value.find((item) => String(item).includes(','))
  if (comma !== undefined) fields.fail(key, 'items without commas, which separate them', comma)
  return value.join(',')
}

/** By each option's first name all its names, kebab case first. */
function parserNames(parser: Argv): Map<string, string[]> {
  const { aliases } = (parser as Argv & { parsed: { aliases: Record<string, string[]> } }).parsed
  const seen = new Set<string>()
  const names = new Map<string, string[]>()
  for (const name of Object.keys(parserOptions(parser).key)) {
    if (seen.has(name)) continue
    const all = [name, ...(aliases[name] ?? [])]
    for (const each of all) seen.add(each)
    names.set(name, all)
  }
  return names
}

function defaultedFlags(parser: Argv): Readonly<Record<string, true>> {
  return (parser as Argv & { parsed: { defaulted: Record<string, true> } }).parsed.defaulted
}

function byOrderIn(keys: readonly string[]): (a: string, b: string) => number {
  return (a, b) => keys.indexOf(a) - keys.indexOf(b)
}
