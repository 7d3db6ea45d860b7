/**
 * The settings of training: what each may be, once for the command line, the library, the page and
 * checkpoints.
 */
import { UsageError } from '../errors.ts'
import { kindOf } from '../quote.ts'
import { INITIAL_BIAS } from '../random/streams.ts'

export interface TrainingConfig {
  /** Seed of initial weights, shuffles and noise: an integer in [0, 2³²). */
  readonly seed: number
  /** Epochs in all, those before a resume included. */
  readonly epochs: number
  /** Rows of a minibatch. */
  readonly batchSize: number
  /** Learning rate after the warm-up, before the schedule lowers it. */
  readonly learningRate: number
  /** Adam's coupled weight decay. */
  readonly weightDecay: number
  /** Standard deviation of the noise added to the inputs, not to the targets; 0 for none. */
  readonly noiseStd: number
  /** How the learning rate goes on; default `plateau`, PyTorch's ReduceLROnPlateau with its defaults. */
  readonly schedule?: Schedule | undefined
  /** Epochs, or a part of one, over which the rate of each step rises to `learningRate`; default 0. */
  readonly warmup?: number | undefined
  /** What `cosine` and `linear` come down to at the end of the last epoch; default 0. */
  readonly finalLearningRate?: number | undefined
  /** What the biases of the code layer are before the first step; default that of all biases, 0.01. */
  readonly latentBias?: number | undefined
  /**
   * What the biases of the outputs are before the first step: 0.01 as all others, the default, or `mean`,
   * with which the outputs start near the means of the training rows.
   */
  readonly outputBias?: OutputBias | undefined
  /**
   * Epochs in a row that may be no better than the best one before training ends; undefined: it goes on to
   * the last. What counts is the loss over the validation or test set, or the training loss where there is
   * none.
   */
  readonly patience?: number | undefined
  /**
   * Whose weights are the result: those of the last epoch, the default, or of the best one by the same loss.
   */
  readonly keep?: Keep | undefined
}

export const SCHEDULES = ['plateau', 'cosine', 'linear', 'constant'] as const
/**
 * `plateau` and `constant` keep their rate within an epoch; `cosine` and `linear` spread over all steps of a
 * run.
 */
export type Schedule = (typeof SCHEDULES)[number]

/** Whether the rate of a step depends on how many epochs there are in all. */
export function spreadsOverRun({ schedule = 'plateau' }: Pick<TrainingConfig, 'schedule'>): boolean {
  return schedule === 'cosine' || schedule === 'linear'
}

export const OUTPUT_BIASES = ['constant', 'mean'] as const
export type OutputBias = (typeof OUTPUT_BIASES)[number]

export const KEEPS = ['last', 'best'] as const
export type Keep = (typeof KEEPS)[number]

/** Settings of training that are no numbers. */
type Choice = 'schedule' | 'outputBias' | 'keep'

/** Seed of a run that names none. */
export const DEFAULT_SEED = 1

/** The seed project's settings. */
export const DEFAULT_TRAINING = {
  epochs: 30,
  batchSize: 256,
  learningRate: 1e-3,
  weightDecay: 1e-5,
  noiseStd: 0,
} as const

/**
 * What settings are that a `TrainingConfig` may leave out: those that joined after checkpoints were first
 * written.
 */
export const OPTIONAL_TRAINING = {
  schedule: 'plateau',
  warmup: 0,
  finalLearningRate: 0,
  latentBias: INITIAL_BIAS,
  outputBias: 'constant',
  patience: undefined,
  keep: 'last',
} as const satisfies Partial<TrainingConfig>

/** What a number may be. Both ends are allowed, unless `isAbove` leaves out the lower one. */
export interface NumberRule {
  /** What people call it. */
  readonly label: string
  readonly isWhole: boolean
  readonly minimum: number
  readonly maximum: number
  readonly isAbove?: boolean
}

const UNLIMITED = Number.MAX_SAFE_INTEGER
const FINITE = Number.MAX_VALUE

export const TRAINING_RULES: Readonly<Record<Exclude<keyof TrainingConfig, Choice>, NumberRule>> = {
  /** Seed and epoch are words of the random streams' keys and counters. */
  seed: { label: 'seed', isWhole: true, minimum: 0, maximum: 2 ** 32 - 1 },
  epochs: { label: 'epochs', isWhole: true, minimum: 1, maximum: UNLIMITED },
  batchSize: { label: 'batch size', isWhole: true, minimum: 1, maximum: UNLIMITED },
  learningRate: {
    label: 'learning rate',
    isWhole: false,
    minimum: 0,
    maximum: FINITE,
    isAbove: true,
  },
  /**
   * Far above 1 the decay alone would decide where weights go: a mistake, whose error must not blame the
   * rate.
   */
  weightDecay: { label: 'weight decay', isWhole: false, minimum: 0, maximum: 1 },
  noiseStd: { label: 'noise', isWhole: false, minimum: 0, maximum: FINITE },
  warmup: { label: 'warm-up', isWhole: false, minimum: 0, maximum: FINITE },
  finalLearningRate: { label: 'final learning rate', isWhole: false, minimum: 0, maximum: FINITE },
  /** Inputs of a layer are of order 1: more could only be meant for something else. */
  latentBias: { label: 'latent bias', isWhole: false, minimum: -100, maximum: 100 },
  patience: { label: 'patience', isWhole: true, minimum: 1, maximum: UNLIMITED },
}

/** What an error says was expected: `a whole number from 1 to 64`, `a number greater than 0`. */
export function expectedBy({ isWhole, minimum, maximum, isAbove }: NumberRule): string {
  const kind = isWhole ? 'a whole number' : 'a number'
  if (isAbove) return `${kind} greater than ${minimum}`
  // What only the format of numbers limits needs no saying.
  return maximum >= UNLIMITED ? `${kind} of at least ${minimum}` : `${kind} from ${minimum} to ${maximum}`
}

/** False for NaN, infinities and whatever is no number. */
export function keepsRule({ isWhole, minimum, maximum, isAbove }: NumberRule, value: unknown): boolean {
  if (typeof value !== 'number' || (isWhole && !Number.isInteger(value))) return false
  return (isAbove ? value > minimum : value >= minimum) && value <= maximum
}

/** Throws UsageError that begins with the rule's label. */
export function checkRule(rule: NumberRule, value: unknown): void {
  if (keepsRule(rule, value)) return
  throw new UsageError(`${rule.label}: expected ${expectedBy(rule)}, found ${kindOf(value)}`)
}

/** Throws UsageError unless the value is a number of at least 0. */
export function checkAmount(label: string, value: unknown): void {
  checkRule({ label, isWhole: false, minimum: 0, maximum: FINITE }, value)
}

/**
 * Throws a `UsageError` that names the first setting that cannot be used with so many training rows.
 *
 * @param nameOf as `checkSchedule`
 */
export function checkTraining(
  config: TrainingConfig,
  trainingRows: number,
  nameOf?: Parameters<typeof checkSchedule>[1],
): void {
  for (const name of Object.keys(TRAINING_RULES) as (keyof typeof TRAINING_RULES)[]) {
    if (name in OPTIONAL_TRAINING && config[name] === undefined) continue
    checkRule(TRAINING_RULES[name], config[name])
  }
  checkSchedule(config, nameOf)
  const { outputBias = 'constant', keep = 'last' } = config
  checkChoice('output bias', OUTPUT_BIASES, outputBias)
  checkChoice('keep', KEEPS, keep)
  if (config.batchSize > trainingRows) {
    throw new UsageError(
      `batch size: expected at most the ${trainingRows} training rows, found ${config.batchSize}`,
    )
  }
}

/** Throws UsageError for what is none of the choices. */
export function checkChoice(label: string, choices: readonly unknown[], found: unknown): void {
  if (choices.includes(found)) return
  throw new UsageError(`${label}: expected ${choices.join(' or ')}, found ${kindOf(found)}`)
}

/**
 * Throws UsageError for a schedule that is none, or whose settings do not go with it.
 *
 * @param nameOf how the client calls a setting, default its label
 */
export function checkSchedule(
  config: Omit<TrainingConfig, 'batchSize'>,
  nameOf = (name: 'schedule' | 'warmup' | 'finalLearningRate') =>
    name === 'schedule' ? name : TRAINING_RULES[name].label,
): void {
  const { schedule = 'plateau', warmup = 0, finalLearningRate = 0, learningRate, epochs } = config
  const fail = (name: Parameters<typeof nameOf>[0], expected: string, found: string | number): never => {
    throw new UsageError(`${nameOf(name)}: expected ${expected}, found ${found}`)
  }
  if (!SCHEDULES.includes(schedule)) fail('schedule', SCHEDULES.join(' or '), kindOf(schedule))
  if (finalLearningRate > 0 && !spreadsOverRun(config)) {
    fail('finalLearningRate', `none with the schedule ${schedule}`, finalLearningRate)
  }
  if (finalLearningRate > learningRate) {
    fail('finalLearningRate', `at most the learning rate ${learningRate}`, finalLearningRate)
  }
  if (warmup > epochs) fail('warmup', `at most the ${epochs} epochs`, warmup)
}
