/** What a program hands to an `Autoencoder`, checked at the door. All throw a `UsageError`. */
import type { ImageSet } from '../data/dataset.ts'
import type { RawRows } from '../data/own-data.ts'
import { checkInteger, countRows } from '../engines/checks.ts'
import type { Inputs } from '../engines/engine.ts'
import { UsageError } from '../errors.ts'
import type { EvaluationOptions } from '../experiments/evaluation.ts'
import type { Network } from '../model/network.ts'
import { codeSize, inputSize } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import { MAX_UNITS } from '../run/settings.ts'
import { checkRule, TRAINING_RULES } from '../training/config.ts'

/** Throws for an option that nobody reads, most often one that is misspelt. */
export function checkKeys(call: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new UsageError(`${call}: expected options among ${known.join(', ')}, found ${unknown}`)
  }
}

export function checkInput(input: number): void {
  checkInteger('input', input, 1, MAX_UNITS)
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
    throw new UsageError(`${what}: expected { count, rows } with rows of bytes or floats, found none`)
  }
  if ('width' in set && 'height' in set) checkImages(set as ImageSet, network)
  const inputs = inputSize(network)
  if (rows.length !== set.count * inputs) {
    throw new UsageError(
      `${what}: expected ${set.count} rows of ${inputs} values, found ${rows.length} values`,
    )
  }
  return { ...set, rows }
}

/** Raw rows to train on, and to be judged by. */
export interface RawData {
  readonly train: RawRows
  readonly test?: RawRows | undefined
}

export function checkTrainingData(data: RawData, network: Network): RawData {
  if (typeof data !== 'object' || data === null) {
    throw new UsageError('train: expected { train, test }, found none')
  }
  const train = checkSet(data.train, network, 'training rows')
  return data.test === undefined ? { train } : { train, test: checkSet(data.test, network, 'test rows') }
}

export function checkImages({ width, height }: ImageSet, network: Network): void {
  const inputs = inputSize(network)
  if (width * height !== inputs) {
    throw new UsageError(
      `images: expected ${inputs} pixels, the inputs of the network, found ${width} × ${height} = ${width * height}`,
    )
  }
}

/** Rows as engines take them. With `count`, there must be so many. */
export function rowInputs(
  rows: Inputs | Uint8ClampedArray | RawRows,
  network: Network,
  count?: number,
): Inputs {
  const given = isFloats(rows) ? rows : (asBytes(rows) ?? (rows as Partial<RawRows> | null)?.rows)
  const inputs = isFloats(given) ? given : asBytes(given)
  if (!inputs) {
    throw new UsageError(
      'rows: expected a Uint8Array, Float32Array, Float64Array or a set of rows, found neither',
    )
  }
  const found = countRows(inputs, inputSize(network), 'rows')
  if (count !== undefined && found !== count) {
    throw new UsageError(`rows: expected ${count} of ${inputSize(network)} values, found ${found}`)
  }
  return inputs
}

export function checkCodes(codes: FloatArray, network: Network): FloatArray {
  if (!isFloats(codes)) throw new UsageError('codes: expected a Float32Array or Float64Array, found neither')
  countRows(codes, codeSize(network), 'codes')
  return codes
}

export function checkSteps(steps: number): void {
  checkInteger('steps', steps, 2, 2 ** 20)
}

export function checkEvaluation(options: EvaluationOptions): void {
  checkKeys('evaluate', options, ['noiseStd', 'seed'])
  checkRule(TRAINING_RULES.seed, options.seed ?? 0)
  checkRule(TRAINING_RULES.noiseStd, options.noiseStd ?? 0)
}
