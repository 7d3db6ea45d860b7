/** Names of flags: which a parser knows, how they are spelt, and which was meant. */
import type { Argv } from 'yargs'
import { UsageError } from '../src/errors.ts'

/** What yargs knows of its options: public in it, but absent from its types. */
interface ParserOptions {
  readonly key: Readonly<Record<string, unknown>>
  readonly boolean: readonly string[]
  readonly alias: Readonly<Record<string, readonly string[]>>
}

export function parserOptions(parser: Argv): ParserOptions {
  return (parser as Argv & { getOptions(): ParserOptions }).getOptions()
}

/** All names and aliases, those of one letter too, without dashes. */
export function knownFlags(parser: Argv): string[] {
  const { key, alias } = parserOptions(parser)
  return [...new Set([...Object.keys(key), ...Object.entries(alias).flat(2)])]
}

/** `noise_std` and `noise-std` are one flag. */
export function kebabCase(flag: string): string {
  return flag.replaceAll('_', '-')
}

/** A flag as it is typed: `-z`, `--epochs`. */
export function dashed(flag: string): string {
  return `${flag.length > 1 ? '--' : '-'}${flag}`
}

/** Options of the library that are flags of commands. */
const OPTION_NAME = /^(columns|exclude|label|oneHot|missing|validation|limit|scale|clip|contamination): /

/** With the name of the flag for that of the library's option that a complaint begins with. */
export function namingFlag(error: unknown): unknown {
  if (!(error instanceof UsageError)) return error
  const message = error.message.replace(OPTION_NAME, (_, name: string) => `--${name.replace('H', '-h')}: `)
  return new UsageError(message, { cause: error })
}
