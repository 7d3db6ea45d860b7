/** Settings for data of one's own, of which nothing is known but their size: the seed project's are MNIST's. */
import { describeSizes, inputSize, type Network } from '../model/network.ts'
import type { GivenSettings, RunSettings, SettingName } from './settings.ts'

/** What is known of the rows. */
export interface RowsKnown {
  /** Values of a row. */
  readonly inputs: number
  /** Training rows. */
  readonly rows: number
  /** Whether every value, as the network sees it, lies in [0, 1]. */
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

/** What is proposed where nothing is given. */
export function proposeSettings({ inputs, rows, isUnit }: RowsKnown): Proposed {
  const batchSize = Math.min(rows, 50)
  // About so many steps are enough, and an epoch is the least.
  const epochs = Math.min(200, Math.max(10, Math.round((4000 * batchSize) / rows)))
  const network: ProposedNetwork = {
    hidden: [isUnit ? Math.max(16, Math.ceil(inputs / 2)) : 64],
    bottleneck: Math.max(1, Math.min(32, Math.ceil(inputs / 3))),
    latentActivation: 'identity',
    outputActivation: isUnit ? 'sigmoid' : 'identity',
  }
  return { network, training: { epochs, batchSize, learningRate: 1e-3, weightDecay: 1e-5, noiseStd: 0 } }
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
    `${describeSizes(network)}, ${epochs} epochs of batch ${Math.min(batchSize, rows)}${noise}: proposed for ` +
    `${rows} rows of ${inputSize(network)} values; ${others.join(', ')} set others`
  )
}
