/** Rows of a source as a model takes them, and by parts as its network sees them. Runs in a browser. */
import {
  countingNote,
  type FittedFeatures,
  filledNotes,
  fitFeatures,
  numberColumns,
  rowsOf,
  unknownNotes,
} from '../data/features.ts'
import { selectRows, wholeRows } from '../data/own-data.ts'
import type { SourceOptions } from '../data/sources/source.ts'
import type { Table, Values } from '../data/table.ts'
import { findNotFinite } from '../engines/checks.ts'
import type { Inputs } from '../engines/engine.ts'
import { FileError, UsageError } from '../errors.ts'
import { inputSize } from '../model/network.ts'
import type { Feature, PictureShape } from '../model/preprocessing.ts'
import { inputNames, isOfNumbers, networkRows, type Preprocessing } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { quote } from '../quote.ts'
import { throwIfAborted } from '../run/turns.ts'
import type { ToolHooks, ToolModel } from './model.ts'

/** Raw rows: not scaled. */
export interface ModelRows {
  readonly count: number
  /** (count, inputs), row-major: bytes mean value / 255. */
  readonly rows: Uint8Array | FloatArray
  /** (count) which row of the source each is, where some were left out. */
  readonly kept?: Uint32Array | undefined
  /** What a row is drawn as. */
  readonly picture?: PictureShape | undefined
  /** Columns of the table that they were made of, in the order of the inputs. */
  readonly features?: readonly Feature[] | undefined
  /** What the user should know, one line each. */
  readonly notes: readonly string[]
}

export interface RowOptions {
  /** What becomes of a row with an empty cell that the model has no mean for; default `error`. */
  readonly missing?: 'error' | 'drop' | undefined
  /** Column that is no input, for a model that does not know its columns. */
  readonly label?: string | undefined
}

/** How a source is read for a model: pictures as the model knows them, where the options say nothing else. */
export function readingFor(
  { picture }: Preprocessing,
  { size = picture, colour = picture && picture.channels === 3, ...options }: SourceOptions,
): SourceOptions {
  return { ...options, size, colour }
}

/**
 * The rows of a source that a model can take.
 *
 * A model that knows its columns finds them in a table by their names. To one that does not, a table's
 * columns of numbers are the inputs, and there must be as many.
 *
 * @throws FileError for rows that are not what the model was trained on
 */
export function rowsForModel(
  set: Table | Values,
  { engine: { network }, preprocessing = {}, name }: ToolModel,
  options: RowOptions = {},
): ModelRows {
  const inputs = inputSize(network)
  const missing = options.missing ?? 'error'
  const { picture } = preprocessing
  if (set.kind === 'values') {
    checkWidth(set, inputs, name)
    checkPicture(set, picture, name)
    checkBytes(set, preprocessing, name)
    // The model's own means come first for what is missing.
    const filled =
      set.rows instanceof Uint8Array ? set.rows : networkRows(set.rows, { features: preprocessing.features })
    const { count, rows, kept } = wholeRows({ ...set, rows: filled }, inputs, { missing })
    return {
      count,
      rows,
      kept,
      picture: picture ?? set.picture,
      features: preprocessing.features,
      notes: [
        ...leftOut(set, count),
        ...rangeNote(set, rows, preprocessing.scaling !== undefined, network),
        ...byteNote(set, picture),
      ],
    }
  }
  const { features, notes: fitted } = preprocessing.features
    ? { features: preprocessing.features, notes: [] }
    : namelessFeatures(set, inputs, name, options)
  const { count, rows, kept } = rowsOf(set, features, missing, options.missing)
  const filled = filledNotes(set, features, options.missing)
  const notes = [...fitted, ...leftOut(set, count), ...filled, ...unknownNotes(set, features)]
  return { count, rows, kept, picture, features, notes }
}

function checkWidth({ rows, count, file }: Values, inputs: number, model: string): void {
  const found = rows.length / count
  if (found === inputs) return
  throw new FileError(file, `expected rows of ${inputs} values for ${model}, found ${found}`)
}

/** As many values need not be the same picture. */
function checkPicture(
  { picture: found, file }: Values,
  expected: PictureShape | undefined,
  model: string,
): void {
  if (!found || !expected) return
  const text = ({ width, height, channels }: PictureShape) =>
    `${width} × ${height}${channels === 3 ? ' in colour' : ''}`
  if (text(found) === text(expected)) return
  throw new FileError(file, `expected pictures of ${text(expected)} for ${model}, found ${text(found)}`)
}

/** Bytes mean value / 255: to a model of other numbers that would be a silent change of scale. */
function checkBytes({ rows, file }: Values, preprocessing: Preprocessing, model: string): void {
  if (!(rows instanceof Uint8Array) || !isOfNumbers(preprocessing)) return
  throw new FileError(file, `expected floats as ${model} was trained on, found bytes, which mean value / 255`)
}

/** What a model learned from need not tell: numbers below 1 may have been bytes. */
function byteNote({ rows, file, picture }: Values, known: PictureShape | undefined): string[] {
  if (!(rows instanceof Uint8Array) || (picture ?? known)) return []
  return [`${file}: bytes, each taken as value / 255`]
}

/** All columns of numbers, or all but one that counts the rows: as many as the model has inputs. */
function namelessFeatures(
  table: Table,
  inputs: number,
  model: string,
  { label }: RowOptions,
): FittedFeatures {
  const { names, counting } = numberColumns(table)
  const columns = names.filter((name) => name !== label)
  if (columns.length === inputs) return fitFeatures(table, { columns, missing: 'error' })
  const [counts] = counting
  const others = columns.filter((name) => name !== counts)
  if (others.length === inputs) {
    const { features, notes } = fitFeatures(table, { columns: others, missing: 'error' })
    return { features, notes: [countingNote(counts), ...notes] }
  }
  throw new FileError(
    table.file,
    `expected ${inputs} columns of numbers, the inputs of ${model}, found ${columns.length}`,
  )
}

function leftOut({ count, file }: Table | Values, kept: number): string[] {
  if (kept === count) return []
  return [`${file}: ${count - kept} of ${count} rows are left out, for an empty cell`]
}

/** Floats from 0 to 255, given to a network that learned from 0 to 1, would give no error and no sense. */
function rangeNote(
  { file }: Values,
  rows: Uint8Array | FloatArray,
  isScaled: boolean,
  { layers }: { readonly layers: readonly { readonly activation: string }[] },
): string[] {
  if (isScaled || rows instanceof Uint8Array || layers.at(-1)?.activation !== 'sigmoid') return []
  const outside = rows.find((value) => value < 0 || value > 1)
  if (outside === undefined) return []
  return [`${file}: holds ${outside}, where the model's outputs lie in [0, 1]`]
}

/** The first so many values of a float copy at once: 4 MB. */
const VALUES_AT_ONCE = 2 ** 20

export interface NetworkPart {
  /** Of the rows. */
  readonly from: number
  readonly to: number
  /** (to − from, inputs) raw. */
  readonly raw: Uint8Array | FloatArray
  /** (to − from, inputs) as the network sees them. */
  readonly inputs: Inputs
}

/** The rows as the network sees them, some at a time. */
export async function* networkParts(
  { name, engine: { network }, preprocessing = {} }: ToolModel,
  { rows, count }: Pick<ModelRows, 'rows' | 'count'>,
  { onProgress, signal }: ToolHooks = {},
): AsyncGenerator<NetworkPart> {
  const width = inputSize(network)
  const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / width))
  for (let from = 0; from < count; from += atOnce) {
    throwIfAborted(signal)
    const to = Math.min(count, from + atOnce)
    const raw = rows.subarray(from * width, to * width)
    const inputs = networkRows(raw, preprocessing)
    const wrong = findNotFinite(inputs)
    if (wrong >= 0) {
      const column = namesOfInputs(preprocessing, width)[wrong % width]
      throw new UsageError(
        `${name}: expected numbers that are finite in float32 as it scales them, found ${raw[wrong]} in row ` +
          `${from + Math.floor(wrong / width) + 1}, ${quote(column)}`,
      )
    }
    yield { from, to, raw, inputs }
    onProgress?.(to / count)
  }
}

/** Rows `chosen` of the model's rows. */
export function selectModelRows(rows: ModelRows, inputs: number, chosen: Uint32Array): ModelRows {
  return { ...rows, ...selectRows(rows, inputs, chosen), kept: undefined }
}

/** Name of each input: of its column, its pixel or its place. */
export function namesOfInputs(
  { features, picture }: Pick<ModelRows, 'features' | 'picture'>,
  inputs: number,
): string[] {
  if (features) return inputNames(features)
  if (picture && picture.channels === 1) {
    return Array.from(
      { length: inputs },
      (_, i) => `pixel_${Math.floor(i / picture.width)}_${i % picture.width}`,
    )
  }
  return Array.from({ length: inputs }, (_, i) => `value_${i + 1}`)
}
