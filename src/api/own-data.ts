/** Data of one's own for an `Autoencoder`: read, and with a proposal for the model. Runs in a browser. */
import {
  fitPreprocessing,
  isUnit,
  liveInputs,
  type OwnData,
  type OwnDataOptions,
  ownData,
} from '../data/own-data.ts'
import { readSource, type SourceOptions } from '../data/sources/source.ts'
import type { Source, Table, Values } from '../data/table.ts'
import type { ScalingKind } from '../model/preprocessing.ts'
import { type ProposedNetwork, type ProposedTraining, proposeSettings } from '../run/proposal.ts'
import type { ToolModel } from '../tools/model.ts'
import { type ModelRows, type RowOptions, readingFor, rowsForModel } from '../tools/rows.ts'
import { checkBytes, checkKeys } from './checks.ts'

/** How data are read and what becomes of them; the flags of `npm run train` of the same names. */
export interface DataOptions extends OwnDataOptions, SourceOptions {}

const READING = [
  'separator',
  'decimalComma',
  'size',
  'colour',
  'array',
  'memoryLimit',
] as const satisfies readonly (keyof SourceOptions)[]
const OPTIONS = [
  'columns',
  'exclude',
  'label',
  'oneHot',
  'missing',
  'validation',
  'seed',
  'limit',
] as const satisfies readonly (keyof OwnDataOptions)[]

/** Throws UsageError for an option that nobody reads. */
export function checkDataOptions(call: string, options: object): void {
  checkKeys(call, options, [...OPTIONS, ...READING, 'test'])
}

/** Bytes of another file, whose rows judge the training. */
export interface TestBytes {
  readonly bytes: Uint8Array
  readonly name: string
}

/**
 * Rows from the bytes of a file (.csv, .tsv, .npy, .npz, .parquet), to train on: raw, with what their columns
 * are.
 *
 * @param name of the file, which tells its format
 * @throws FileError for a file that cannot be used; UsageError for options that cannot be
 */
export async function readData(
  bytes: Uint8Array,
  name: string,
  options: DataOptions & { readonly test?: TestBytes | undefined } = {},
): Promise<OwnData> {
  const { test } = options
  checkBytes(bytes, name)
  if (test) checkBytes(test.bytes, test.name)
  checkDataOptions('readData', options)
  const source = await readSource(bytes, name, options)
  return ownData(source, options, test && (await readSource(test.bytes, test.name, options)))
}

/** What is proposed for data: for `Autoencoder.create` and for `train`. */
export interface Proposal {
  readonly model: ProposedNetwork & { readonly input: number }
  readonly training: ProposedTraining & { readonly scale: ScalingKind }
}

/** The network and the settings that `npm run train` takes for such data where no flag says otherwise. */
export function propose(data: OwnData, scale: ScalingKind = data.usualScaling): Proposal {
  const { inputs, train } = data
  const isWithin = scale === 'minmax' || (scale === 'none' && isUnit(train.rows))
  const live = liveInputs(fitPreprocessing(data, scale), inputs)
  const { network, training } = proposeSettings({ inputs, live, rows: train.count, isUnit: isWithin })
  return { model: { input: inputs, ...network }, training: { ...training, scale } }
}

/** How rows are read for a model that is there; the flags of the tools of the same names. */
export interface RowsOptions extends SourceOptions, RowOptions {}

/** Rows as a model takes them, and what they were read from: what `truthOf` finds labels in. */
export interface ReadRows extends ModelRows {
  readonly source: Table | Values
}

/**
 * The rows that `read` finds, as a model takes them: its columns by their names, its means for empty cells.
 *
 * @throws UsageError for an option that nobody reads; FileError for rows that are not what the model was
 *   trained on
 */
export async function rowsRead(
  call: string,
  model: ToolModel,
  options: RowsOptions,
  read: (options: SourceOptions) => Promise<Source>,
): Promise<ReadRows> {
  checkKeys(call, options, [...READING, 'missing', 'label'] satisfies (keyof RowsOptions)[])
  const { missing, label = model.preprocessing?.label, ...reading } = options
  const { train: source } = await read(readingFor(model.preprocessing ?? {}, reading))
  return { ...rowsForModel(source, model, { missing, label }), source }
}
