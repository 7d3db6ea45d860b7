/** What a sweep trains: every combination of a few settings, checked before anything trains. */
import { UsageError } from '../errors.ts'
import { checkNetwork } from '../model/check-network.ts'
import { parameterCount } from '../model/network.ts'
import type { RunIdentity } from '../run/identity.ts'
import type { RunSettings, SettingName } from '../run/settings.ts'
import {
  checkSetting,
  completeSettings,
  DEFAULT_SETTINGS,
  networkOf,
  SETTING_LABELS,
  settingText,
  trainingOf,
} from '../run/settings.ts'
import { trialName } from '../run/trial-name.ts'
import { checkTraining } from '../training/config.ts'

/** Values of each setting, all combinations of which are trained. What is left out has its default alone. */
export type SweepPlan = { readonly [Name in SettingName]?: readonly RunSettings[Name][] }

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
  /** The trial's name: equal ids are the same run, with the same result. */
  readonly id: string
  readonly settings: RunSettings
  /** Trainable numbers of its network. */
  readonly parameters: number
}

/** Settings that every table of runs has a column of, in this order, and what varies slowest first. */
export const CORE_SETTINGS = [
  'latentActivation',
  'hidden',
  'batchSize',
  'learningRate',
  'weightDecay',
  'noiseStd',
  'epochs',
  'bottleneck',
  'seed',
] as const satisfies readonly SettingName[]

const CORE: ReadonlySet<SettingName> = new Set(CORE_SETTINGS)

/**
 * All settings: those that joined later vary slowest and stand in front, where anything but their default is
 * used.
 */
export const SETTING_NAMES: readonly SettingName[] = [
  ...(Object.keys(DEFAULT_SETTINGS) as SettingName[]).filter((name) => !CORE.has(name)),
  ...CORE_SETTINGS,
]

/**
 * All combinations, in order. Rejects with a UsageError that names the first setting that cannot be used, or
 * is given twice; nothing has been trained by then.
 *
 * @param nameOf how the client calls a setting in an error, default its label
 */
export async function expandPlan(
  plan: SweepPlan,
  data: SweepData,
  nameOf: (setting: SettingName) => string = (name) => SETTING_LABELS[name],
): Promise<SweepRun[]> {
  let combinations: Partial<Record<SettingName, unknown>>[] = [{}]
  for (const name of SETTING_NAMES) {
    const values: readonly RunSettings[SettingName][] = plan[name] ?? [DEFAULT_SETTINGS[name]]
    if (values.length === 0) throw new UsageError(`${nameOf(name)}: expected at least one value, found none`)
    for (const value of values) if (value !== DEFAULT_SETTINGS[name]) checkSetting(name, value)
    const texts = values.map(settingText)
    const repeated = texts.find((text, index) => texts.indexOf(text) !== index)
    if (repeated !== undefined) {
      throw new UsageError(`${nameOf(name)}: expected different values, found ${repeated} twice`)
    }
    combinations = combinations.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value })))
  }
  return Promise.all(
    combinations.map((settings) => sweepRun(settings as unknown as RunSettings, data, nameOf)),
  )
}

/** The run of these settings on the data. Rejects with a UsageError for settings that cannot be used. */
export async function sweepRun(
  given: RunSettings,
  data: SweepData,
  nameOf: (setting: SettingName) => string = (name) => SETTING_LABELS[name],
): Promise<SweepRun> {
  // In one order, so that the records of a trial are the same text wherever it ran.
  const settings = completeSettings(given)
  const network = networkOf(settings, data.pixels)
  checkNetwork(network)
  checkTraining(trainingOf(settings), data.trainingImages, nameOf)
  const id = await trialName(settings, data.identity, { sigmas: data.sigmas })
  return { id, settings, parameters: parameterCount(network) }
}
