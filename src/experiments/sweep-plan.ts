/** What a sweep trains: every combination of a few settings, checked before anything trains. */
import { UsageError } from '../errors.ts'
import type { HiddenActivation, Network } from '../model/network.ts'
import { parameterCount } from '../model/network.ts'
import { hourglass } from '../model/recipes.ts'
import type { RunIdentity } from '../run/identity.ts'
import type { TrainingConfig } from '../training/config.ts'
import { checkTraining } from '../training/config.ts'

/** The settings that may take several values. */
export interface SweepPlan {
  readonly bottleneck: readonly number[]
  readonly latentActivation: readonly HiddenActivation[]
  readonly hidden: readonly number[]
  readonly batchSize: readonly number[]
  readonly learningRate: readonly number[]
  readonly weightDecay: readonly number[]
  readonly noiseStd: readonly number[]
  readonly epochs: readonly number[]
  readonly seed: readonly number[]
}

/** One value of each. */
export type SweepSettings = { readonly [Name in keyof SweepPlan]: SweepPlan[Name][number] }

/** What the runs of a sweep are trained on and judged by; part of their identity. */
export interface SweepData {
  readonly name: string
  /** Pixels of an image. */
  readonly pixels: number
  readonly trainingImages: number
  readonly testImages: number
  /** Noise levels at which denoising is measured. */
  readonly sigmas: readonly number[]
  /** Digests of the data, and what computes: a result of others is no result of this run. */
  readonly identity: RunIdentity
}

export interface SweepRun {
  /** Names data and settings: equal ids are the same run, with the same result. */
  readonly id: string
  readonly settings: SweepSettings
  /** Trainable numbers of its network. */
  readonly parameters: number
}

/** Column order of tables, and what varies slowest first. */
export const SETTING_NAMES = [
  'latentActivation',
  'hidden',
  'batchSize',
  'learningRate',
  'weightDecay',
  'noiseStd',
  'epochs',
  'bottleneck',
  'seed',
] as const satisfies readonly (keyof SweepPlan)[]

/**
 * All combinations, in order. Throws a UsageError that names the first setting that cannot be used, or is given twice;
 * nothing has been trained by then.
 */
export function expandPlan(plan: SweepPlan, data: SweepData): SweepRun[] {
  let combinations: Record<string, number | string>[] = [{}]
  for (const name of SETTING_NAMES) {
    const values: readonly (number | string)[] = plan[name]
    if (values.length === 0) throw new UsageError(`${name}: expected at least one value, found none`)
    const repeated = values.find((value, index) => values.indexOf(value) !== index)
    if (repeated !== undefined) {
      throw new UsageError(`${name}: expected different values, found ${repeated} twice`)
    }
    combinations = combinations.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value })))
  }
  return combinations.map((combination) => {
    const settings = combination as SweepSettings
    const parameters = parameterCount(runNetwork(settings, data))
    checkTraining(trainingConfig(settings), data.trainingImages)
    return { id: runId(settings, data), settings, parameters }
  })
}

/** The network of a run. Throws UsageError for sizes that cannot be. */
export function runNetwork(settings: SweepSettings, data: Pick<SweepData, 'pixels'>): Network {
  const { hidden, bottleneck, latentActivation } = settings
  return hourglass({ input: data.pixels, hidden, bottleneck, latentActivation })
}

export function trainingConfig(settings: SweepSettings): TrainingConfig {
  const { seed, epochs, batchSize, learningRate, weightDecay, noiseStd } = settings
  return { seed, epochs, batchSize, learningRate, weightDecay, noiseStd }
}

/** Enough of each digest that no two sets of data are taken for one. */
function identityText({ train, test, bits, computation }: RunIdentity): string {
  return `data${train.slice(0, 16)}_${test.slice(0, 16)}-${bits.replaceAll(/[^\w.]+/g, '_')}-v${computation}`
}

function runId(settings: SweepSettings, data: SweepData): string {
  const s = settings
  return [
    `${data.name}-${data.trainingImages}-${data.testImages}`,
    `z${s.bottleneck}-${s.latentActivation}-h${s.hidden}`,
    `b${s.batchSize}-lr${s.learningRate}-wd${s.weightDecay}-noise${s.noiseStd}-e${s.epochs}-seed${s.seed}`,
    `sigma${data.sigmas.join('_')}`,
    identityText(data.identity),
  ].join('-')
}
