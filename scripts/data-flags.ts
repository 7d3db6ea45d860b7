/**
 * The flags that say how data of one's own are read: shared by `train` and by the tools that use what it
 * made.
 */
import type { SourceOptions } from '../src/data/sources/source.ts'
import { MISSING_RULES } from '../src/data/table.ts'
import { UsageError } from '../src/errors.ts'
import { DEFAULT_CLIP, SCALINGS } from '../src/model/preprocessing.ts'
import { nonNegativeNumber, oneOf, parseNumber, path } from './cli.ts'

type FlagValue = string | number | boolean

/** Names separated by commas; one that holds a comma stands in double quotes, as in CSV: `a,"b, c"`. */
export function columnList(flag: string) {
  return (value: FlagValue): string[] => {
    const parts = [...String(value).matchAll(/\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/gy)]
    const names = parts.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain.trim())
    // After the last name the pattern matches the empty end once more.
    if (parts.length > 1 && parts.at(-2)?.[3] === '') names.pop()
    const read = parts.map(([text]) => text).join('').length
    if (read < String(value).length || names.some((name) => name === '')) {
      throw new UsageError(
        `--${flag}: expected names of columns separated by commas, found ${value === '' ? "''" : value}`,
      )
    }
    return names
  }
}

/** One name, commas included. */
function columnName(flag: string) {
  return (value: FlagValue): string => {
    if (value === '') throw new UsageError(`--${flag}: expected the name of a column, found ''`)
    return String(value)
  }
}

/** `28x28`, or `28` for a square. */
export function pictureSize(flag: string) {
  return (value: FlagValue): { readonly width: number; readonly height: number } => {
    const [, width, height = width] = /^([1-9]\d{0,4})(?:[x×]([1-9]\d{0,4}))?$/.exec(String(value)) ?? []
    if (width === undefined) {
      throw new UsageError(
        `--${flag}: expected a size in pixels as 28x28, found ${value === '' ? "''" : value}`,
      )
    }
    return { width: Number(width), height: Number(height) }
  }
}

/** One character, or `tab`. */
function separator(flag: string) {
  return (value: FlagValue): string => {
    const text = value === 'tab' || value === '\\t' ? '\t' : String(value)
    if ([...text].length === 1 && !/["\r\n]/.test(text)) return text
    throw new UsageError(`--${flag}: expected one character, or tab, found ${value === '' ? "''" : value}`)
  }
}

const BYTES: Readonly<Record<string, number>> = { '': 2 ** 20, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** `512M`, `4G`; a number alone counts MiB. In bytes. */
function byteCount(flag: string) {
  return (value: FlagValue): number => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg])?i?b?$/i.exec(String(value)) ?? []
    const bytes = Math.round(Number(digits) * BYTES[unit.toLowerCase()])
    if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes
    throw new UsageError(`--${flag}: expected a size as 512M or 4G, found ${value === '' ? "''" : value}`)
  }
}

/** A number above 0 and below 1. */
export function share(flag: string) {
  return (value: FlagValue): number => {
    const number = parseNumber(value)
    if (number > 0 && number < 1) return number
    throw new UsageError(
      `--${flag}: expected a share above 0 and below 1, found ${value === '' ? "''" : value}`,
    )
  }
}

/** How a file is read: flags of every command that reads one. */
export const sourceFlags = {
  separator: {
    describe: 'CSV: between cells, one character or tab',
    defaultDescription: 'found from the file',
    requiresArg: true,
    coerce: separator('separator'),
  },
  'decimal-comma': { describe: 'CSV: numbers are written 1,5', type: 'boolean' },
  size: {
    describe: 'pictures: size to bring them to, 28x28',
    defaultDescription: 'that of the first',
    requiresArg: true,
    coerce: pictureSize('size'),
  },
  colour: { alias: 'color', describe: 'pictures: red, green and blue in place of grey', type: 'boolean' },
  array: { describe: 'NPZ: name of the array', requiresArg: true, coerce: columnName('array') },
  'memory-limit': {
    describe: 'refuse data that would take more memory: 512M, 4G',
    requiresArg: true,
    coerce: byteCount('memory-limit'),
  },
} as const

type SourceFlags = {
  readonly [Flag in keyof typeof sourceFlags]?: FlagTypes<(typeof sourceFlags)[Flag]> | undefined
}
type FlagTypes<Flag> = Flag extends { readonly coerce: (value: string) => infer Value } ? Value : boolean

/** The flags as the readers take them. */
export function sourceOptions(flags: SourceFlags): SourceOptions {
  return {
    separator: flags.separator,
    decimalComma: flags['decimal-comma'],
    size: flags.size,
    colour: flags.colour,
    array: flags.array,
    memoryLimit: flags['memory-limit'],
  }
}

/** What becomes of a table's columns, and which rows train. */
export const featureFlags = {
  columns: {
    describe: 'table: columns to use',
    defaultDescription: 'all of numbers',
    requiresArg: true,
    coerce: columnList('columns'),
  },
  exclude: { describe: 'table: columns to leave out', requiresArg: true, coerce: columnList('exclude') },
  label: {
    describe: 'table: column that says what a row is; never learned from',
    requiresArg: true,
    coerce: columnName('label'),
  },
  'one-hot': {
    describe: 'table: columns of categories, an input for each',
    requiresArg: true,
    coerce: columnList('one-hot'),
  },
  missing: {
    describe: 'empty cells: error, drop the row, or the mean of the column',
    defaultDescription: 'mean',
    requiresArg: true,
    coerce: oneOf('missing', MISSING_RULES),
  },
  scale: {
    describe: 'none, minmax (to [0, 1]) or standard (mean 0, deviation 1)',
    defaultDescription: 'standard; none for bytes and values in [0, 1]',
    requiresArg: true,
    coerce: oneOf('scale', SCALINGS),
  },
  clip: {
    describe:
      'standard scaling: train on values beyond so many deviations as if they were that many; 0: as they are',
    defaultDescription: String(DEFAULT_CLIP),
    requiresArg: true,
    coerce: nonNegativeNumber('clip'),
  },
  validation: {
    describe: 'share of the rows, drawn by the seed, that judges and does not train',
    defaultDescription: 'none: all rows train',
    requiresArg: true,
    coerce: share('validation'),
  },
  test: { describe: 'other data that judge', requiresArg: true, coerce: path('test') },
} as const
