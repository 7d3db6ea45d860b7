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
}

/** A number as it was typed, by the rule of its setting. */
export function ruledNumber(flag: string, rule: NumberRule) {
  return (value: string | number | boolean): number => {
    const number = parseNumber(value)
    // 1e2 is a number, but no way to type a count.
    const isTyped = !rule.isWhole || /^\d+$/.test(String(value))
    if (isTyped && keepsRule(rule, number)) return number
    throw new UsageError(`--${flag}: expected ${expectedBy(rule)}, found ${value === '' ? "''" : value}`)
  }
}

/** How one value of a setting is read. `hidden` is one layer's size here. */
export function settingParser(name: SettingName): (value: string | number | boolean) => number | string {
  const { flag } = SETTING_FLAGS[name]
  if (name in NUMBER_RULES) return ruledNumber(flag, NUMBER_RULES[name as keyof typeof NUMBER_RULES])
  return oneOf(flag, CHOICES[name as keyof typeof CHOICES])
}

type Parsed<Name extends SettingName> = RunSettings[Name]

/** A flag without a yargs default: what is not typed is the checkpoint's own value, else the default. */
export function settingOption<Name extends SettingName>(name: Name) {
  const { flag, aliases, describe } = SETTING_FLAGS[name]
  const parse = settingParser(name)
  const choices = name in CHOICES ? `: ${CHOICES[name as keyof typeof CHOICES].join(', ')}` : ''
  return {
    describe: describe + (name === 'loss' ? '' : choices),
    defaultDescription: settingText(DEFAULT_SETTINGS[name]),
    requiresArg: true,
    alias: [...aliases],
    coerce: (name === 'hidden' ? listOf(flag, parse) : parse) as (value: string) => Parsed<Name>,
  } as const
}
