/** What a file holds, by its name: the one door to the readers beside it. Runs in a browser. */
import { FileError } from '../../errors.ts'
import { concatBytes } from '../../formats/bytes.ts'
import { INFLATED_BESIDES, ReaderBudget } from '../../reader-budget.ts'
import { gunzip } from '../gunzip.ts'
import type { Source, Table, Values } from '../table.ts'
import type { CsvOptions } from './csv.ts'
import type { PictureOptions } from './pictures.ts'

export interface SourceOptions extends CsvOptions, PictureOptions {
  /** Name of the array of rows in an archive of several. */
  readonly array?: string | undefined
  /** Bytes that a file may have, and what it unpacks to; default `DEFAULT_MEMORY_LIMIT`. */
  readonly memoryLimit?: number | undefined
}

/** Two gigabytes: what one array may hold on every engine. */
const DEFAULT_MEMORY_LIMIT = 2 ** 31

export type SourceFormat = 'csv' | 'npy' | 'npz' | 'parquet'

const FORMATS: readonly (readonly [RegExp, SourceFormat])[] = [
  [/\.(csv|tsv|tab|txt)(\.gz)?$/i, 'csv'],
  [/\.npy(\.gz)?$/i, 'npy'],
  [/\.npz$/i, 'npz'],
  [/\.parquet$/i, 'parquet'],
]

/** For people. */
export const SOURCE_NAMES = '.csv, .tsv, .npy, .npz, .parquet (.csv, .tsv and .npy also as .gz)'

/** The format that a file's name tells; undefined for another. */
export function sourceFormat(file: string): SourceFormat | undefined {
  return FORMATS.find(([pattern]) => pattern.test(file))?.[1]
}

/**
 * Rows from the bytes of a file.
 *
 * @param file its name, which tells the format
 * @throws FileError for what is no such file, is damaged, or is larger than the memory limit
 */
export async function readSource(
  bytes: Uint8Array,
  file: string,
  options: SourceOptions = {},
): Promise<Source> {
  const format = sourceFormat(file)
  if (format === undefined) throw new FileError(file, `expected one of ${SOURCE_NAMES}, found another name`)
  checkMemory(bytes.length, file, options)
  const plain = /\.gz$/i.test(file) ? await unpack(bytes, file, options) : bytes
  const { train, test } = await read(format, plain, file, options)
  checkMemory(bytesOf(train), file, options)
  return { train, ...(test && { test }), description: describe(train, test) }
}

/** Throws FileError for more bytes than the limit. */
export function checkMemory(bytes: number, file: string, { memoryLimit }: SourceOptions): void {
  const limit = memoryLimit ?? DEFAULT_MEMORY_LIMIT
  if (bytes <= limit) return
  throw new FileError(file, `expected data within the memory limit of ${size(limit)}, found ${size(bytes)}`)
}

function size(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`
}

interface Sets {
  readonly train: Table | Values
  readonly test?: Table | Values | undefined
}

/** Each reader is loaded when it is needed. */
async function read(
  format: SourceFormat,
  bytes: Uint8Array,
  file: string,
  options: SourceOptions,
): Promise<Sets> {
  switch (format) {
    case 'csv':
      return { train: await (await import('./csv.ts')).readCsv(bytes, file, options) }
    case 'npy': {
      const [{ readNpy }, { valuesOf }] = await Promise.all([import('./npy.ts'), import('./npz.ts')])
      return { train: valuesOf(readNpy(bytes, file), file) }
    }
    case 'npz':
      return (await import('./npz.ts')).readNpz(bytes, file, options.array)
    case 'parquet':
      return {
        train: await (await import('./parquet.ts')).readParquet(
          bytes,
          file,
          (needed) => checkMemory(needed, file, options),
          options.asWritten,
        ),
      }
  }
}

/** The content of a .gz, as far as the budget and the memory limit go. */
async function unpack(bytes: Uint8Array, file: string, options: SourceOptions): Promise<Uint8Array> {
  const budget = new ReaderBudget(file, bytes.length, INFLATED_BESIDES)
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of gunzip(new Blob([Uint8Array.from(bytes)]), file)) {
    total += chunk.length
    budget.arrays(chunk.length, 'the unpacked text')
    checkMemory(total, file, options)
    chunks.push(chunk)
  }
  return concatBytes(chunks)
}

function bytesOf(set: Table | Values): number {
  if (set.kind === 'values') return set.rows.byteLength
  return 8 * set.count * set.columns.length
}

/**
 * `machines.csv: 20,000 rows, 30 columns of numbers, 2 of text`.
 *
 * @param others files of a folder that are no pictures
 */
export function describe(train: Table | Values, test?: Table | Values, others = 0): string {
  const rows = `${count(train.count, train.kind === 'values' && train.picture ? 'picture' : 'row')}`
  const more = test ? `, and ${test.count.toLocaleString('en')} to test` : ''
  const passed = others > 0 ? `, ${count(others, 'other file')} passed over` : ''
  return `${train.file}: ${rows}${more}, ${content(train)}${passed}`
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
}

function content(set: Table | Values): string {
  if (set.kind === 'table') {
    const numbers = set.columns.filter(({ kind }) => kind === 'number').length
    const texts = set.columns.length - numbers
    const unnamed = set.unnamed ? `, ${set.unnamed} without a name passed over` : ''
    const nameless = set.isNameless ? ', no line of names' : ''
    return `${count(numbers, 'column')} of numbers${texts > 0 ? `, ${texts} of text` : ''}${unnamed}${nameless}`
  }
  const { picture, rows, classes, labels, names = [] } = set
  const values = rows instanceof Uint8Array ? 'bytes' : 'numbers'
  const shape = picture
    ? `${picture.width} × ${picture.height} pixels of ${values}${picture.channels === 3 ? ', in colour' : ''}`
    : `${count(rows.length / set.count, 'value')} each, ${values}`
  const loose = names.filter((name) => !name.includes('/')).length
  if (!labels && loose < names.length) return `${shape}, no classes: ${loose} of ${names.length} in no folder`
  if (!labels) return shape
  return `${shape}, ${classes ? count(classes.length, 'class').replace(/classs$/, 'classes') : 'labelled'}`
}
