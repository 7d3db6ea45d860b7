/**
 * `pretrain`: a classifier that begins with a trained encoder, against one that begins from scratch. Runs in
 * a browser.
 */
import { labelsOf } from '../data/features.ts'
import { selectRows } from '../data/own-data.ts'
import type { Table, Values } from '../data/table.ts'
import { checkInteger } from '../engines/checks.ts'
import type { Engine } from '../engines/engine.ts'
import { FileError, UsageError } from '../errors.ts'
import { classifierAccuracy, type LabelledRows, trainClassifier } from '../experiments/classification.ts'
import { HEAD_RATE_FACTOR, standardizedEncoder } from '../experiments/pretrained.ts'
import { inputSize, type Network } from '../model/network.ts'
import { networkRows } from '../model/preprocessing.ts'
import { classifierOn } from '../model/recipes.ts'
import { type FloatArray, stateOf } from '../model/state.ts'
import { initialParameters, STREAM_SPLIT, shuffledOrder } from '../random/streams.ts'
import { throwIfAborted } from '../run/turns.ts'
import { checkAmount } from '../training/config.ts'
import { checkAutoencoder, type ToolHooks, type ToolModel } from './model.ts'
import type { ModelRows } from './rows.ts'

export interface PretrainOptions {
  /** Share of the rows that judges and does not train, above 0 and below 1; default 0.2. */
  readonly validation?: number | undefined
  /** Seed of that choice, of the head's initial weights and of the shuffles; default 0. */
  readonly seed?: number | undefined
  /** Updates of each classifier; default 2000. */
  readonly steps?: number | undefined
  /** Default 128, or all rows of fewer. */
  readonly batchSize?: number | undefined
  /** Default 1e-3; ten times as much for a head alone. */
  readonly learningRate?: number | undefined
  /** Whether the encoder keeps its weights and the head alone learns; default false. */
  readonly frozen?: boolean | undefined
}

export const PRETRAIN_OPTIONS = [
  'validation',
  'seed',
  'steps',
  'batchSize',
  'learningRate',
  'frozen',
] as const satisfies readonly (keyof PretrainOptions)[]

const MOST_STEPS = 2 ** 31

/** Class of each row. */
export interface RowLabels {
  /** (count) */
  readonly labels: Uint8Array
  /** Name of each class. */
  readonly classes: readonly string[]
}

export interface Pretrained {
  /** The encoder under a softmax head. */
  readonly network: Network
  /** In canonical order. */
  readonly parameters: FloatArray
  readonly classes: readonly string[]
  readonly trainingRows: number
  readonly judgingRows: number
  /** Share of the judging rows that it gets right, in [0, 1]. */
  readonly accuracy: number
  /** The same of a classifier of the same form, trained alike from initial weights. */
  readonly scratchAccuracy: number
  /** Share of the judging rows that the most frequent class makes. */
  readonly majorityShare: number
}

/**
 * The classes of the model's rows.
 *
 * @param label column of a table
 * @throws FileError for data without labels, and for a single class
 */
export function classesOfRows(
  set: Table | Values,
  label: string | undefined,
  { kept }: Pick<ModelRows, 'kept'>,
): RowLabels {
  const { labels, classes } = allLabels(set, label)
  if (classes.length < 2) {
    throw new FileError(set.file, `expected labels of at least two classes, found ${classes.length}`)
  }
  return { labels: kept ? Uint8Array.from(kept, (row) => labels[row]) : labels, classes }
}

function allLabels(set: Table | Values, label: string | undefined): RowLabels {
  if (set.kind === 'table') {
    if (label === undefined)
      throw new FileError(set.file, 'expected the name of the label column, found none')
    return labelsOf(set, label)
  }
  const { labels, classes } = set
  if (!labels) throw new FileError(set.file, 'expected labels beside the rows, found none')
  const count = labels.reduce((most, one) => Math.max(most, one), 0) + 1
  return { labels, classes: classes ?? Array.from({ length: count }, (_, i) => String(i)) }
}

/**
 * Trains both classifiers on the same rows in the same order.
 *
 * @param createEngine makes an engine for the classifier; it is disposed of in the end
 * @param parameters of the model, in canonical order
 * @throws FileError for a classifier; UsageError for settings that cannot be
 */
export async function pretrainRows(
  model: ToolModel,
  parameters: FloatArray,
  rows: ModelRows,
  { labels, classes }: RowLabels,
  createEngine: (network: Network) => Promise<Engine>,
  options: PretrainOptions = {},
  { signal, onProgress }: ToolHooks = {},
): Promise<Pretrained> {
  checkAutoencoder(model)
  const { seed = 0, steps = 2000, batchSize = 128, learningRate = 1e-3, frozen = false } = options
  checkInteger('steps', steps, 1, MOST_STEPS)
  checkInteger('batchSize', batchSize, 1, MOST_STEPS)
  checkAmount('learningRate', learningRate)
  const { train, judge } = split(model, rows, labels, options)
  const network = classifierOn(model.engine.network, classes.length)
  const engine = await createEngine(network)
  try {
    const encoder = await standardizedEncoder(engine, parameters, train.rows)
    const fit = async (start: FloatArray, isFrozen: boolean) => {
      await engine.writeState(stateOf(start))
      await trainClassifier(engine, train, {
        seed,
        steps,
        batchSize,
        learningRate: isFrozen ? HEAD_RATE_FACTOR * learningRate : learningRate,
        frozenLayers: isFrozen ? network.codeLayer + 1 : 0,
        signal,
      })
      throwIfAborted(signal)
      return classifierAccuracy(engine, judge)
    }
    const scratch: FloatArray = initialParameters(network, seed)
    const scratchAccuracy = await fit(scratch, false)
    onProgress?.(0.5)
    const pretrained: FloatArray = initialParameters(network, seed)
    pretrained.set(encoder)
    const accuracy = await fit(pretrained, frozen)
    onProgress?.(1)
    const counts = new Uint32Array(classes.length)
    for (const label of judge.labels) counts[label]++
    return {
      network,
      parameters: (await engine.readState()).parameters,
      classes,
      trainingRows: train.count,
      judgingRows: judge.count,
      accuracy,
      scratchAccuracy,
      majorityShare: Math.max(...counts) / judge.count,
    }
  } finally {
    await engine.dispose()
  }
}

function split(
  { engine, preprocessing = {} }: ToolModel,
  { count, rows }: ModelRows,
  labels: Uint8Array,
  { validation = 0.2, seed = 0 }: PretrainOptions,
): { train: LabelledRows; judge: LabelledRows } {
  if (!(validation > 0 && validation < 1)) {
    throw new UsageError(`validation: expected a share above 0 and below 1, found ${validation}`)
  }
  const held = Math.max(1, Math.round(validation * count))
  if (held >= count) {
    throw new UsageError(
      `validation: expected rows to train on beside the ${held} that judge, found ${count} in all`,
    )
  }
  const order = shuffledOrder(count, seed, 0, STREAM_SPLIT)
  const inputs = inputSize(engine.network)
  const chosen = (places: Uint32Array): LabelledRows => {
    const part = selectRows({ count, rows }, inputs, places.slice().sort())
    const seen = networkRows(part.rows, preprocessing)
    return {
      count: part.count,
      rows: seen instanceof Float64Array ? Float32Array.from(seen) : seen,
      labels: Uint8Array.from(places.slice().sort(), (row) => labels[row]),
    }
  }
  return { train: chosen(order.subarray(held)), judge: chosen(order.subarray(0, held)) }
}
