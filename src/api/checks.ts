/** What a program hands to an `Autoencoder`, checked at the door. All throw a `UsageError`. */
import type { ImageSet } from '../data/dataset.ts'
import type { OwnData, RawRows } from '../data/own-data.ts'
import { checkFinite, checkInteger, countRows, placeOf } from '../engines/checks.ts'
import type { Inputs } from '../engines/engine.ts'
import { UsageError } from '../errors.ts'
import type { EvaluationOptions } from '../experiments/evaluation.ts'
import { ONNX_PARTS } from '../formats/onnx.ts'
import { WIDEST_LAYER } from '../model/check-network.ts'
import type { Network } from '../model/network.ts'
import { codeSize, inputSize } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import { kindOf } from '../quote.ts'
import type { RowLabels } from '../tools/pretrain.ts'
import { checkAmount, checkRule, TRAINING_RULES } from '../training/config.ts'
import { FILE_FORMATS, type FileFormat, type FileOptions } from './files.ts'

/**
 * Throws for an option that nobody reads, most often one that is misspelt, for what is no options at all, and
 * for a hook or signal that is none.
 */
export function checkKeys(call: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new UsageError(`${call}: expected an object of options, found ${kindOf(options)}`)
  }
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) {
      throw new UsageError(`${call}: expected options among ${known.join(', ')}, found ${key}`)
    }
    if (value === undefined) continue
    const isSignal = key === 'signal'
    if (!isSignal && !/^on[A-Z]/.test(key)) continue
    if (typeof (isSignal ? value?.addEventListener : value) === 'function') continue
    const expected = isSignal ? 'an AbortSignal' : 'a function'
    throw new UsageError(`${key}: expected ${expected}, found ${kindOf(value)}`)
  }
}

export function checkInput(input: number): void {
  checkInteger('input', input, 1, WIDEST_LAYER)
}

function isFloats(values: unknown): values is FloatArray {
  return values instanceof Float32Array || values instanceof Float64Array
}

/** What a canvas gives is bytes too. */
function asBytes(values: unknown): Uint8Array | undefined {
  if (values instanceof Uint8ClampedArray) {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  }
  return values instanceof Uint8Array ? values : undefined
}

function checkSet(set: RawRows, network: Network, what: string): RawRows {
  const isSet = typeof set === 'object' && set !== null && 'rows' in set
  const rows = isSet ? (asBytes(set.rows) ?? set.rows) : undefined
  if (!(rows instanceof Uint8Array) && !isFloats(rows)) {
    const found = isSet ? `rows: ${kindOf(set.rows)}` : kindOf(set)
    throw new UsageError(`${what}: expected { count, rows } with rows of bytes or floats, found ${found}`)
  }
  checkInteger(`${what}: count`, set.count, 1, Number.MAX_SAFE_INTEGER)
  if ('width' in set && 'height' in set) checkImages(set as ImageSet, network)
  const inputs = inputSize(network)
  if (rows.length !== set.count * inputs) {
    throw new UsageError(
      `${what}: expected ${set.count} rows of ${inputs} values, found ${rows.length} values`,
    )
  }
  return { ...set, rows }
}

/**
 * Rows as the network sees them, scaled and filled. A sigmoid gives nothing outside [0, 1]: pixels that were
 * left at 0 to 255 would train in silence, to no end.
 */
export function checkTrained(rows: Inputs, network: Network, what: string): void {
  if (rows instanceof Uint8Array) return
  checkFinite(rows, inputSize(network), what)
  if (network.layers[network.layers.length - 1].activation !== 'sigmoid') return
  const outside = rows.findIndex((value) => value < 0 || value > 1)
  if (outside < 0) return
  throw new UsageError(
    `${what}: expected floats from 0 to 1, which a sigmoid output can give, found ${rows[outside]} at ` +
      `${placeOf(outside, inputSize(network))}; scale them, or give bytes, or choose outputActivation: 'identity'`,
  )
}

/** A data set has a name too, and data of one's own say much of themselves. */
const DATA_KEYS: readonly string[] = [
  'name',
  ...([
    'train',
    'test',
    'judge',
    'inputs',
    'features',
    'label',
    'picture',
    'usualScaling',
    'description',
    'notes',
  ] satisfies (keyof OwnData)[]),
]

/** Raw rows to train on, and to be judged by. */
export interface RawData {
  readonly train: RawRows
  readonly test?: RawRows | undefined
}

/** The data as the trainer takes them. */
export function checkTrainingData(data: RawData, network: Network): RawData {
  if (typeof data !== 'object' || data === null || !('train' in data)) {
    throw new UsageError(`train: expected data { train, test }, found ${kindOf(data)}`)
  }
  const unknown = Object.keys(data).find((key) => !DATA_KEYS.includes(key))
  if (unknown !== undefined) throw new UsageError(`train: expected data { train, test }, found ${unknown}`)
  const train = checkSet(data.train, network, 'training rows')
  return data.test === undefined ? { train } : { train, test: checkSet(data.test, network, 'test rows') }
}

/** A set of labelled images, for what looks at pictures. */
export function checkImageSet(set: ImageSet, network: Network): ImageSet {
  const { rows } = checkSet(set, network, 'images')
  if (!(rows instanceof Uint8Array) || !(set.labels instanceof Uint8Array)) {
    throw new UsageError('images: expected rows and labels of bytes, found others')
  }
  checkLength('images: labels', set.labels, set.count)
  checkImages(set, network)
  return { ...set, rows }
}

function checkLength(what: string, values: ArrayLike<unknown>, count: number): void {
  if (values.length === count) return
  throw new UsageError(`${what}: expected ${count}, found ${values.length}`)
}

export function checkImages({ width, height }: ImageSet, network: Network): void {
  const inputs = inputSize(network)
  if (width * height !== inputs) {
    throw new UsageError(
      `images: expected ${inputs} pixels, the inputs of the network, found ${width} × ${height} = ${width * height}`,
    )
  }
}

/** Rows as engines take them. With `count`, there must be so many; else as many as a set of rows says. */
export function rowInputs(
  rows: Inputs | Uint8ClampedArray | RawRows,
  network: Network,
  count?: number,
): Inputs {
  const values = isFloats(rows) ? rows : asBytes(rows)
  const set = values ? undefined : (rows as Partial<RawRows> | null)
  const given = values ?? set?.rows
  const inputs = isFloats(given) ? given : asBytes(given)
  if (!inputs) {
    throw new UsageError(
      `rows: expected a Uint8Array, Float32Array, Float64Array or a set of rows, found ${kindOf(rows)}`,
    )
  }
  checkAttached(inputs, 'rows')
  const found = countRows(inputs, inputSize(network), 'rows')
  const expected = count ?? set?.count ?? found
  if (found !== expected) {
    throw new UsageError(`rows: expected ${expected} of ${inputSize(network)} values, found ${found}`)
  }
  return inputs
}

/** The memory of an array that was transferred to a worker is gone, and its length 0. */
function checkAttached({ buffer }: Inputs, what: string): void {
  if ('detached' in buffer && buffer.detached) {
    throw new UsageError(`${what}: expected an array with its values, found one that was transferred`)
  }
}

export function checkCodes(codes: FloatArray, network: Network): FloatArray {
  if (!isFloats(codes)) {
    throw new UsageError(`codes: expected a Float32Array or Float64Array, found ${kindOf(codes)}`)
  }
  checkAttached(codes, 'codes')
  countRows(codes, codeSize(network), 'codes')
  checkFinite(codes, codeSize(network), 'codes')
  return codes
}

export function checkFunction(what: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new UsageError(`${what}: expected a function, found ${kindOf(value)}`)
}

/** A class, of at least two, for each of `count` rows. */
export function checkRowLabels({ labels, classes }: RowLabels, count: number): void {
  if (!Array.isArray(classes) || classes.length < 2) {
    throw new UsageError(`classes: expected the names of at least two, found ${kindOf(classes)}`)
  }
  if (!(labels instanceof Uint8Array)) {
    throw new UsageError(`labels: expected a Uint8Array, found ${kindOf(labels)}`)
  }
  checkLength('labels', labels, count)
  const wrong = labels.find((label) => label >= classes.length)
  if (wrong !== undefined) {
    throw new UsageError(`labels: expected classes below ${classes.length}, found ${wrong}`)
  }
}

/** What a file is made of: one of `formats`, and of an ONNX file one of its parts. */
export function checkFile(format: string, options: FileOptions): void {
  checkKeys('file', options, ['part', 'threshold'])
  if (!FILE_FORMATS.includes(format as FileFormat)) {
    throw new UsageError(`format: expected ${FILE_FORMATS.join(', ')}, found ${kindOf(format)}`)
  }
  const { part, threshold } = options
  if (part !== undefined && !ONNX_PARTS.includes(part)) {
    throw new UsageError(`part: expected ${ONNX_PARTS.join(', ')}, found ${kindOf(part)}`)
  }
  if (threshold !== undefined) checkAmount('threshold', threshold)
}

/** The whole content of a file, and its name. */
export function checkBytes(bytes: Uint8Array, name: string): void {
  if (typeof name !== 'string') throw new UsageError(`name: expected a file's name, found ${kindOf(name)}`)
  if (bytes instanceof Uint8Array) return
  throw new UsageError(`bytes: expected a Uint8Array of the whole file, found ${kindOf(bytes)}`)
}

export function checkSteps(steps: number): void {
  checkInteger('steps', steps, 2, 2 ** 20)
}

export function checkEvaluation(options: EvaluationOptions): void {
  checkKeys('evaluate', options, ['noiseStd', 'seed'])
  checkRule(TRAINING_RULES.seed, options.seed ?? 0)
  checkRule(TRAINING_RULES.noiseStd, options.noiseStd ?? 0)
}
