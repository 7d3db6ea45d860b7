/**
 * The settings of a run and their defaults, once for the command line, the library and the page. Those of
 * training are in `src/training/config.ts`; here are those of the network, and what a run that goes on may
 * change.
 */
import { UsageError } from '../errors.ts'
import { HIDDEN_ACTIVATIONS, WIDEST_LAYER } from '../model/check-network.ts'
import type { HiddenActivation, Network } from '../model/network.ts'
import type { AutoencoderLoss, OutputActivation } from '../model/recipes.ts'
import { hourglass, hourglassOptions } from '../model/recipes.ts'
import { kindOf } from '../quote.ts'
import type { NumberRule, TrainingConfig } from '../training/config.ts'
import {
  checkChoice,
  checkRule,
  DEFAULT_SEED,
  DEFAULT_TRAINING,
  KEEPS,
  OPTIONAL_TRAINING,
  OUTPUT_BIASES,
  SCHEDULES,
  spreadsOverRun,
  TRAINING_RULES,
} from '../training/config.ts'

export interface NetworkSettings {
  /** Latent units, `z`. */
  readonly bottleneck: number
  /** Units of the encoder's hidden layers from the input on, mirrored in the decoder. */
  readonly hidden: readonly number[]
  readonly activation: HiddenActivation
  readonly latentActivation: HiddenActivation
  readonly outputActivation: OutputActivation
  readonly loss: AutoencoderLoss
}

export interface RunSettings extends NetworkSettings, TrainingConfig {}
export type SettingName = keyof RunSettings

/** The seed project's network and training, with the command's 32 latent units. */
export const DEFAULT_SETTINGS: RunSettings = {
  bottleneck: 32,
  hidden: [392],
  activation: 'relu',
  latentActivation: 'relu',
  outputActivation: 'sigmoid',
  loss: 'mse',
  ...DEFAULT_TRAINING,
  seed: DEFAULT_SEED,
  ...OPTIONAL_TRAINING,
}

const UNITS: Omit<NumberRule, 'label'> = { isWhole: true, minimum: 1, maximum: WIDEST_LAYER }

export const NUMBER_RULES = {
  bottleneck: { label: 'bottleneck', ...UNITS },
  hidden: { label: 'hidden', ...UNITS },
  ...TRAINING_RULES,
} as const satisfies Partial<Record<SettingName, NumberRule>>

export const CHOICES = {
  activation: HIDDEN_ACTIVATIONS,
  latentActivation: HIDDEN_ACTIVATIONS,
  outputActivation: ['sigmoid', 'identity'],
  loss: ['mse', 'bce'],
  schedule: SCHEDULES,
  outputBias: OUTPUT_BIASES,
  keep: KEEPS,
} as const satisfies { readonly [Name in SettingName]?: readonly RunSettings[Name][] }

/** What people call a setting in a sentence. */
export const SETTING_LABELS: Readonly<Record<SettingName, string>> = {
  bottleneck: NUMBER_RULES.bottleneck.label,
  hidden: NUMBER_RULES.hidden.label,
  activation: 'activation',
  latentActivation: 'latent activation',
  outputActivation: 'output activation',
  loss: 'loss',
  epochs: TRAINING_RULES.epochs.label,
  batchSize: TRAINING_RULES.batchSize.label,
  learningRate: TRAINING_RULES.learningRate.label,
  weightDecay: TRAINING_RULES.weightDecay.label,
  noiseStd: TRAINING_RULES.noiseStd.label,
  seed: TRAINING_RULES.seed.label,
  schedule: 'schedule',
  warmup: TRAINING_RULES.warmup.label,
  finalLearningRate: TRAINING_RULES.finalLearningRate.label,
  latentBias: TRAINING_RULES.latentBias.label,
  outputBias: 'output bias',
  patience: TRAINING_RULES.patience.label,
  keep: 'keep',
}

/** What a client may leave out; one number of `hidden` is one layer. */
export type GivenSettings = {
  readonly [Name in SettingName]?: Name extends 'hidden'
    ? number | readonly number[] | undefined
    : RunSettings[Name] | undefined
}

/** Throws UsageError for a value that cannot be. */
export function checkSetting<Name extends SettingName>(name: Name, value: unknown): void {
  if (name === 'hidden') {
    const sizes = hiddenSizes(value as number | readonly number[])
    if (!Array.isArray(sizes))
      throw new UsageError(`hidden: expected a number or a list, found ${kindOf(value)}`)
    for (const size of sizes) checkRule(NUMBER_RULES.hidden, size)
  } else if (name in NUMBER_RULES) {
    checkRule(NUMBER_RULES[name as keyof typeof NUMBER_RULES], value)
  } else {
    checkChoice(SETTING_LABELS[name], CHOICES[name as keyof typeof CHOICES], value)
  }
}

/** Defaults where nothing is given. Throws UsageError for a value that cannot be. */
export function completeSettings(
  given: GivenSettings,
  defaults: RunSettings = DEFAULT_SETTINGS,
): RunSettings {
  const settings: Record<string, unknown> = { ...defaults }
  for (const name of Object.keys(defaults) as SettingName[]) {
    const value = given[name]
    if (value === undefined) continue
    checkSetting(name, value)
    settings[name] = name === 'hidden' ? hiddenSizes(value as number | readonly number[]) : value
  }
  return settings as unknown as RunSettings
}

/**
 * The network of the settings for rows of `input` values. Throws UsageError for one that no engine computes.
 */
export function networkOf(settings: NetworkSettings, input: number): Network {
  return hourglass({ input, ...settings })
}

/**
 * Settings whose batch is no larger than the training set, unless it was given: then it is the caller's to
 * mend.
 */
export function fitBatch(settings: RunSettings, given: GivenSettings, trainingRows: number): RunSettings {
  if (given.batchSize !== undefined || settings.batchSize <= trainingRows) return settings
  return { ...settings, batchSize: trainingRows }
}

export function trainingOf({
  epochs,
  batchSize,
  learningRate,
  weightDecay,
  noiseStd,
  seed,
  ...others
}: RunSettings): TrainingConfig {
  return { seed, epochs, batchSize, learningRate, weightDecay, noiseStd, ...givenOptions(others) }
}

type TrainingOptions = { readonly [Name in keyof typeof OPTIONAL_TRAINING]?: TrainingConfig[Name] }

/** Those of the optional settings of training that are not as they are when left out. */
function givenOptions(settings: TrainingOptions): TrainingOptions {
  const names = Object.keys(OPTIONAL_TRAINING) as (keyof typeof OPTIONAL_TRAINING)[]
  const others = names.filter((name) => settings[name] !== OPTIONAL_TRAINING[name])
  return Object.fromEntries(others.map((name) => [name, settings[name]]))
}

/** The settings of a run, those that it leaves out included, as far as its network is an hourglass. */
export function settingsOf(network: Network, config: TrainingConfig): Partial<RunSettings> {
  return { ...OPTIONAL_TRAINING, ...networkSettingsOf(network), ...config }
}

/** The settings that a network was made of, as far as it is an hourglass. */
export function networkSettingsOf(network: Network): NetworkSettings | undefined {
  return hourglassOptions(network)
}

function hiddenSizes(hidden: number | readonly number[]): readonly number[] {
  return typeof hidden === 'number' ? [hidden] : hidden
}

/** A setting that a run was made with and that is now asked to be another. */
export interface SettingChange {
  readonly name: SettingName
  readonly stored: RunSettings[SettingName]
  readonly asked: RunSettings[SettingName]
}

/** Settings that decide when a run ends, and no bit of what comes before: they may change when it goes on. */
const ENDS: readonly SettingName[] = ['epochs', 'patience']

/**
 * The first of the given settings that is not the run's. Only those of its end may change when a run goes on,
 * and its epochs only where its rates do not spread over all of them.
 */
export function findChange(
  given: GivenSettings,
  network: Network,
  config: TrainingConfig,
): SettingChange | undefined {
  const stored = settingsOf(network, config)
  for (const name of Object.keys(DEFAULT_SETTINGS) as SettingName[]) {
    const value = given[name]
    if (value === undefined) continue
    if (ENDS.includes(name) && !(name === 'epochs' && spreadsOverRun(config))) continue
    const asked =
      name === 'hidden'
        ? hiddenSizes(value as number | readonly number[])
        : (value as RunSettings[SettingName])
    const before = stored[name] ?? 'none'
    if (String(asked) !== String(before)) return { name, stored: before as RunSettings[SettingName], asked }
  }
  return undefined
}

/** A value as people write it: lists with commas. */
export function settingText(value: RunSettings[SettingName]): string {
  return value === undefined ? 'none' : String(value)
}
