/** The settings of a run, given anew or those of the run that it goes on with. */
import { UsageError } from '../errors.ts'
import type { TrainingConfig, TrainingProgress } from '../training/trainer.ts'
import { DEFAULT_SEED, DEFAULT_TRAINING } from '../training/trainer.ts'

/** All that a checkpoint holds besides the model's sizes and state. */
export interface Run {
  readonly config: TrainingConfig
  readonly trainingImages: number
  readonly progress: TrainingProgress
  readonly notes: Readonly<Record<string, string>>
}

export interface RunSettings {
  /** Epochs in all, those done before included. Default 30. */
  readonly epochs?: number | undefined
  /** Images of a minibatch. Default 256. */
  readonly batchSize?: number | undefined
  /** Of Adam, in the first epoch; PyTorch's ReduceLROnPlateau lowers it later. Default 0.001. */
  readonly learningRate?: number | undefined
  /** Adam's coupled weight decay. Default 0.00001. */
  readonly weightDecay?: number | undefined
  /** Standard deviation of the noise on the inputs, clipped to [0, 1]; trains a denoiser. Default 0. */
  readonly noiseStd?: number | undefined
  /** Seed of shuffles and noise, a whole number below 2³². Default: that of the initial weights, else 1. */
  readonly seed?: number | undefined
}

const NAMES = {
  batchSize: 'batch size',
  learningRate: 'learning rate',
  weightDecay: 'weight decay',
  noiseStd: 'noise',
  seed: 'seed',
} as const

/** Throws UsageError where the settings or the number of images differ from those of the run before. */
export function settingsOf(
  given: RunSettings,
  run: Run | undefined,
  trainingImages: number,
  seed: number = DEFAULT_SEED,
): TrainingConfig {
  if (!run) {
    return {
      epochs: given.epochs ?? DEFAULT_TRAINING.epochs,
      batchSize: given.batchSize ?? DEFAULT_TRAINING.batchSize,
      learningRate: given.learningRate ?? DEFAULT_TRAINING.learningRate,
      weightDecay: given.weightDecay ?? DEFAULT_TRAINING.weightDecay,
      noiseStd: given.noiseStd ?? DEFAULT_TRAINING.noiseStd,
      seed: given.seed ?? seed,
    }
  }
  const expectSame = (what: string, expected: number, found: number) => {
    if (found === expected) return
    throw new UsageError(
      `${what}: expected ${expected} as in the run that this one goes on with, found ${found}; ` +
        'to begin another run with these weights, save and load them',
    )
  }
  for (const key of Object.keys(NAMES) as (keyof typeof NAMES)[]) {
    expectSame(NAMES[key], run.config[key], given[key] ?? run.config[key])
  }
  expectSame('training images', run.trainingImages, trainingImages)
  const epochs = given.epochs ?? run.config.epochs
  if (!(epochs > run.progress.epoch)) {
    throw new UsageError(
      `epochs: expected more than the ${run.progress.epoch} that this model has done, found ${epochs}`,
    )
  }
  return { ...run.config, epochs }
}
