/**
 * Settings for data of one's own, of which nothing is known but their size: the seed project's are MNIST's.
 */
import { describeSizes, inputSize, type Network } from '../model/network.ts'
import type { GivenSettings, RunSettings, SettingName } from './settings.ts'

/** What is known of the rows. */
export interface RowsKnown {
  /** Values of a row. */
  readonly inputs: number
  /** Those of them that are not constant over the training rows. */
  readonly live: number
  /** Training rows. */
  readonly rows: number
  /** Whether every value, as the network sees it, lies in [0, 1] by its nature. */
  readonly isUnit: boolean
}

export type ProposedNetwork = Pick<
  RunSettings,
  'hidden' | 'bottleneck' | 'latentActivation' | 'outputActivation'
>
export type ProposedTraining = Pick<
  RunSettings,
  'epochs' | 'batchSize' | 'learningRate' | 'weightDecay' | 'noiseStd'
>

export interface Proposed {
  readonly network: ProposedNetwork
  readonly training: ProposedTraining
}

/** Of tables: the layers beside the code, whatever the number of columns. */
const HIDDEN = 64
/**
 * Rows of more values, pictures most often, get hidden layers of half as many, as the seed project's, up to a
 * most.
 */
const WIDE_INPUTS = 2 * HIDDEN
const MOST_HIDDEN = 512
const MOST_CODE = 32
const BATCH = 32
/** Sets of more rows are trained in larger batches, as the seed project's. */
const MANY_ROWS = 50_000
/**
 * Steps that a run has at least, but for the most epochs; rows by the ten thousand get more, for fewest
 * epochs.
 */
const STEPS = { standard: 1000, unit: 3000 } as const
const FEWEST_EPOCHS = { standard: 10, unit: 1 } as const
const MOST_EPOCHS = { standard: 100, unit: 200 } as const
const LEARNING_RATES = { standard: 2e-3, unit: 1e-3 } as const

/**
 * What is proposed where nothing is given. For tables it is what gave the best mean AUROC over public tables
 * of 9 to 64 columns (docs/anomaly-tables.md): a code of √d + 1 units for d columns, and few steps.
 */
export function proposeSettings({ inputs, live, rows, isUnit }: RowsKnown): Proposed {
  const isWide = isUnit && inputs > WIDE_INPUTS
  const batchSize = isWide && rows >= MANY_ROWS ? 256 : Math.min(BATCH, rows)
  const kind = isUnit ? 'unit' : 'standard'
  const root = Math.sqrt(live)
  const code = isUnit ? Math.ceil((4 / 3) * root) : Math.round(root) + 1
  const epochs = Math.ceil(STEPS[kind] / Math.ceil(rows / batchSize))
  return {
    network: {
      hidden: [isWide ? Math.min(MOST_HIDDEN, Math.ceil(inputs / 2)) : HIDDEN],
      bottleneck: Math.max(1, Math.min(live - 1, MOST_CODE, code)),
      latentActivation: isUnit ? 'identity' : 'tanh',
      outputActivation: isUnit ? 'sigmoid' : 'identity',
    },
    training: {
      epochs: Math.min(MOST_EPOCHS[kind], Math.max(FEWEST_EPOCHS[kind], epochs)),
      batchSize,
      learningRate: LEARNING_RATES[kind],
      weightDecay: 0,
      noiseStd: 0,
    },
  }
}

/** Settings that a proposal is told by, in the order in which they are told. */
const TOLD: readonly SettingName[] = [
  'hidden',
  'bottleneck',
  'epochs',
  'batchSize',
  'learningRate',
  'noiseStd',
]

/**
 * What was proposed, on one line; undefined where all was given.
 *
 * @param nameOf how the client calls a setting
 */
export function proposalText(
  network: Network,
  { epochs, batchSize, noiseStd }: RunSettings,
  given: GivenSettings,
  rows: number,
  nameOf: (setting: SettingName) => string,
): string | undefined {
  const others = TOLD.filter((name) => given[name] === undefined).map(nameOf)
  if (others.length === 0) return undefined
  const noise = noiseStd > 0 ? `, noise ${noiseStd}` : ''
  return (
    `${describeSizes(network)}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of batch ${Math.min(batchSize, rows)}${noise}: proposed for ` +
    `${rows.toLocaleString('en')} rows of ${inputSize(network).toLocaleString('en')} values; ${others.join(', ')} set others`
  )
}
