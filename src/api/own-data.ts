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
import type { ScalingKind } from '../model/preprocessing.ts'
import { type ProposedNetwork, type ProposedTraining, proposeSettings } from '../run/proposal.ts'
import { checkKeys } from './checks.ts'

/** How data are read and what becomes of them; the flags of `npm run train` of the same names. */
export interface DataOptions extends OwnDataOptions, SourceOptions {}

const OPTIONS = [
  'columns',
  'exclude',
  'label',
  'oneHot',
  'missing',
  'validation',
  'seed',
  'limit',
  'separator',
  'decimalComma',
  'size',
  'colour',
  'array',
  'memoryLimit',
] as const satisfies readonly (keyof DataOptions)[]

/** Throws UsageError for an option that nobody reads. */
export function checkDataOptions(call: string, options: object): void {
  checkKeys(call, options, [...OPTIONS, 'test'])
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
  checkDataOptions('readData', options)
  const { test } = options
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
