/** The settings of a run as flags: name, default and check of each come from `src/run/settings.ts`. */
import { UsageError } from '../src/errors.ts'
import type { RunSettings, SettingName } from '../src/run/settings.ts'
import { CHOICES, DEFAULT_SETTINGS, NUMBER_RULES, settingText } from '../src/run/settings.ts'
import { expectedBy, keepsRule, type NumberRule } from '../src/training/config.ts'
import { listOf, oneOf, parseNumber } from './cli.ts'

interface SettingFlag {
  /** Without dashes; kebab case. */
  readonly flag: string
  readonly aliases: readonly string[]
  readonly describe: string
}

export const SETTING_FLAGS: Readonly<Record<SettingName, SettingFlag>> = {
  bottleneck: { flag: 'z', aliases: ['bottleneck'], describe: 'latent units' },
  hidden: {
    flag: 'hidden',
    aliases: [],
    describe: 'units of the hidden layers up to the bottleneck (1000,500,250), mirrored after it',
  },
  activation: { flag: 'activation', aliases: [], describe: 'of the hidden layers' },
  latentActivation: { flag: 'latent-activation', aliases: [], describe: 'of the bottleneck' },
  outputActivation: { flag: 'output-activation', aliases: [], describe: 'of the last layer' },
  loss: {
    flag: 'loss',
    aliases: [],
    describe: 'mean squared error (mse) or binary cross-entropy (bce, for a sigmoid output)',
  },
  epochs: { flag: 'epochs', aliases: ['e'], describe: 'passes over the training set' },
  batchSize: { flag: 'batch-size', aliases: ['b'], describe: 'images a step' },
  learningRate: { flag: 'lr', aliases: ['learning-rate'], describe: 'learning rate of Adam' },
  weightDecay: { flag: 'weight-decay', aliases: [], describe: 'of Adam, coupled' },
  noiseStd: {
    flag: 'noise-std',
    aliases: [],
    describe: 'train as a denoiser: standard deviation of the noise on the inputs',
  },
  seed: { flag: 'seed', aliases: [], describe: 'seed of every random number' },
  schedule: { flag: 'schedule', aliases: [], describe: 'how the learning rate goes on' },
  warmup: {
    flag: 'warmup',
    aliases: [],
    describe: 'epochs, or a part of one, over which the learning rate rises step by step',
  },
  finalLearningRate: {
    flag: 'final-lr',
    aliases: ['final-learning-rate'],
    describe: 'learning rate that cosine and linear come down to',
  },
  latentBias: {
    flag: 'latent-bias',
    aliases: [],
    describe: 'biases of the bottleneck at the start; 0.6 keeps most ReLU units alive at high rates',
  },
  outputBias: {
    flag: 'output-bias',
    aliases: [],
    describe: 'biases of the outputs at the start: 0.01, or what gives the means of the training rows',
  },
  patience: {
    flag: 'patience',
    aliases: [],
    describe:
      'end after so many epochs without a better validation or test loss (without either: training loss)',
  },
  keep: { flag: 'keep', aliases: [], describe: 'epoch whose weights are written, by the same loss' },
}

/** A number as it was typed, by the rule of its setting. */
function ruledNumber(flag: string, rule: NumberRule) {
  return (value: string | number | boolean): number => {
    const number = parseNumber(value)
    // 1e2 is a number, but no way to type a count.
    const isTyped = !rule.isWhole || /^\d+$/.test(String(value))
    if (isTyped && keepsRule(rule, number)) return number
    throw new UsageError(`--${flag}: expected ${expectedBy(rule)}, found ${value === '' ? "''" : value}`)
  }
}

/** What an error calls a setting: its flag. */
export function nameOfFlag(setting: SettingName): string {
  return `--${SETTING_FLAGS[setting].flag}`
}

/** One value of a setting: of `hidden`, the units of one layer. */
type One<Name extends SettingName> = Name extends 'hidden' ? number : RunSettings[Name]

/** How one value of a setting is read from what was typed. */
function settingParser<Name extends SettingName>(
  name: Name,
): (value: string | number | boolean) => One<Name> {
  const { flag } = SETTING_FLAGS[name]
  const parse =
    name in NUMBER_RULES
      ? ruledNumber(flag, NUMBER_RULES[name as keyof typeof NUMBER_RULES])
      : oneOf(flag, CHOICES[name as keyof typeof CHOICES])
  return parse as (value: string | number | boolean) => One<Name>
}

function describeSetting(name: SettingName): string {
  const { describe } = SETTING_FLAGS[name]
  // The description of the loss names its choices.
  if (name === 'loss' || !(name in CHOICES)) return describe
  return `${describe}: ${CHOICES[name as keyof typeof CHOICES].join(', ')}`
}

/** Between the layers of one value in a list: `392,1000-500` is two networks. */
const LAYER_SEPARATOR = '-'

/** Values in a list, as they are typed: `2,4,8`. Each is one value of the setting. */
function listedValue<Name extends SettingName>(
  name: Name,
): (value: string | number | boolean) => RunSettings[Name] {
  const parse = settingParser(name)
  if (name !== 'hidden') return parse as (value: string | number | boolean) => RunSettings[Name]
  const parseLayers = (value: string | number | boolean) => String(value).split(LAYER_SEPARATOR).map(parse)
  return parseLayers as unknown as (value: string | number | boolean) => RunSettings[Name]
}

/** Flags for lists of values, one for each setting; what is not typed is undefined. */
export function settingLists(standards: Partial<Record<SettingName, string>> = {}) {
  const names = (Object.keys(SETTING_FLAGS) as SettingName[]).filter((name) => !OF_ONE_RUN.includes(name))
  return Object.fromEntries(
    names.map((name) => {
      const { flag, aliases } = SETTING_FLAGS[name]
      const describe =
        name === 'hidden'
          ? `units of the hidden layers up to the bottleneck, mirrored after it; 392,1000${LAYER_SEPARATOR}500 are two networks`
          : describeSetting(name)
      const option = {
        describe,
        defaultDescription: standards[name] ?? settingText(DEFAULT_SETTINGS[name]),
        requiresArg: true,
        alias: [...aliases],
        coerce: listOf(flag, listedValue(name)),
      }
      return [flag, option] as const
    }),
  )
}

/** A sweep compares runs of the same length by their last epoch. */
const OF_ONE_RUN: readonly SettingName[] = ['patience', 'keep']

/** The values that were typed of `settingLists`. */
export function listedSettings(flags: Readonly<Record<string, unknown>>): {
  readonly [Name in SettingName]?: readonly RunSettings[Name][]
} {
  const names = Object.keys(SETTING_FLAGS) as SettingName[]
  const typed = names.filter((name) => flags[SETTING_FLAGS[name].flag] !== undefined)
  return Object.fromEntries(typed.map((name) => [name, flags[SETTING_FLAGS[name].flag]]))
}

/** A flag without a yargs default: what is not typed is the checkpoint's own value, else the default. */
export function settingOption<Name extends SettingName>(name: Name) {
  const { flag, aliases } = SETTING_FLAGS[name]
  const parse = settingParser(name)
  return {
    describe: describeSetting(name),
    defaultDescription: settingText(DEFAULT_SETTINGS[name]),
    requiresArg: true,
    alias: [...aliases],
    coerce: (name === 'hidden' ? listOf(flag, parse) : parse) as (value: string) => RunSettings[Name],
  } as const
}
