/** Training: epochs on an engine, the learning-rate schedule, the history. Runs in a browser. */
import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { TrainingError, UsageError } from '../errors.ts'
import type { EpochRecord } from './history.ts'
import type { PlateauState } from './plateau.ts'
import { ReduceLROnPlateau } from './plateau.ts'

export interface TrainingConfig {
  /** Seed of initial weights, shuffles and noise: an integer in [0, 2³²). */
  readonly seed: number
  /** Epochs in all, those before a resume included. */
  readonly epochs: number
  readonly batchSize: number
  /** Learning rate of the first epoch; PyTorch's ReduceLROnPlateau with its defaults lowers it later. */
  readonly learningRate: number
  /** Adam's coupled weight decay. */
  readonly weightDecay: number
  /** Standard deviation of the noise added to the inputs (not the targets); 0 for a plain autoencoder. */
  readonly noiseStd: number
}

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

/** How far a run has come. With the engine's `ModelState` it is all that going on from there needs. */
export interface TrainingProgress {
  /** Epochs completed. */
  readonly epoch: number
  /** Losses of the steps already done in the next epoch; empty between epochs. */
  readonly batchLosses: Float64Array
  readonly schedule: PlateauState
  /** One record for each epoch completed. */
  readonly history: readonly EpochRecord[]
}

export interface TrainingHooks {
  /** When it aborts, the step under way is finished and `train` resolves with what was done. */
  readonly signal?: AbortSignal | undefined
  /** Called once, when the engine has the training images for itself: training does not read `data.train.images` again. */
  readonly onImagesResident?: (() => void) | undefined
  /** Called now and then within an epoch. `firstStep`: where this call's part of the epoch began. */
  readonly onProgress?:
    | ((progress: { epoch: number; firstStep: number; stepsDone: number; steps: number }) => void)
    | undefined
  /** Called and awaited after every epoch. The engine is idle meanwhile: read its state, save it. */
  readonly onEpoch?: ((record: EpochRecord, progress: TrainingProgress) => Promise<void> | void) | undefined
}

/** Throws a `UsageError` that names the first setting that cannot be used with `trainingImages` images. */
export function checkTraining(config: TrainingConfig, trainingImages: number): void {
  const { seed, epochs, batchSize, learningRate, weightDecay, noiseStd } = config
  const isWhole = (value: number, minimum: number) => Number.isSafeInteger(value) && value >= minimum
  const expect = (isValid: boolean, what: string, expected: string, found: number) => {
    if (!isValid) throw new UsageError(`${what}: expected ${expected}, found ${found}`)
  }
  expect(isWhole(seed, 0) && seed < 2 ** 32, 'seed', 'a whole number from 0 to 4294967295', seed)
  expect(isWhole(epochs, 1), 'epochs', 'a whole number of at least 1', epochs)
  expect(isWhole(batchSize, 1), 'batch size', 'a whole number of at least 1', batchSize)
  expect(
    batchSize <= trainingImages,
    'batch size',
    `at most the ${trainingImages} training images`,
    batchSize,
  )
  const isFiniteFrom0 = (value: number) => Number.isFinite(value) && value >= 0
  expect(isFiniteFrom0(learningRate) && learningRate > 0, 'learning rate', 'a number above 0', learningRate)
  expect(isFiniteFrom0(weightDecay), 'weight decay', 'a number of at least 0', weightDecay)
  expect(isFiniteFrom0(noiseStd), 'noise', 'a standard deviation of at least 0', noiseStd)
}

/**
 * Trains until `config.epochs` epochs are complete, or until the signal aborts.
 *
 * Without `resumeFrom` the engine is initialized from the seed. With it, the engine must already hold the state that
 * was saved with that progress; the result is then, bit for bit, that of the uninterrupted run.
 *
 * @returns how far it came: complete when `epoch` equals `config.epochs`
 * @throws UsageError for settings that do not fit; TrainingError where a loss is not finite: the engine's state is then
 *   of no use, and what `onEpoch` saved last is the last good one
 */
export async function train(
  engine: Engine,
  data: Pick<Dataset, 'train' | 'test'>,
  config: TrainingConfig,
  hooks: TrainingHooks = {},
  resumeFrom?: TrainingProgress,
): Promise<TrainingProgress> {
  checkTraining(config, data.train.count)
  await engine.setTrainingSet({ rows: data.train.images, labels: data.train.labels })
  hooks.onImagesResident?.()
  if (resumeFrom === undefined) await engine.initialize(config.seed)

  let progress = resumeFrom ?? startOfTraining(config)
  while (progress.epoch < config.epochs && !hooks.signal?.aborted) {
    progress = await trainOneEpoch(engine, data, config, hooks, progress)
  }
  return progress
}

/** The progress of a run that has not begun: `train` goes on from it with whatever state the engine holds. */
export function startOfTraining({ learningRate }: TrainingConfig): TrainingProgress {
  const { state } = new ReduceLROnPlateau(learningRate)
  return { epoch: 0, batchLosses: new Float64Array(), schedule: state, history: [] }
}

async function trainOneEpoch(
  engine: Engine,
  data: Pick<Dataset, 'train' | 'test'>,
  config: TrainingConfig,
  hooks: TrainingHooks,
  before: TrainingProgress,
): Promise<TrainingProgress> {
  const { seed, batchSize, weightDecay, noiseStd } = config
  const epoch = before.epoch + 1
  const firstStep = before.batchLosses.length
  const { learningRate } = before.schedule
  const { onProgress } = hooks
  const startMs = performance.now()
  const result = await engine.trainEpoch({
    seed,
    epoch,
    batchSize,
    learningRate,
    weightDecay,
    noiseStd,
    firstStep,
    signal: hooks.signal,
    onProgress: onProgress && (({ stepsDone, steps }) => onProgress({ epoch, firstStep, stepsDone, steps })),
  })
  // A clock that ticks coarsely, as some browsers' do, must not make the rate infinite.
  const seconds = Math.max(performance.now() - startMs, 1e-3) / 1000
  const batchLosses = concatenate(before.batchLosses, result.batchLosses)
  checkLosses(batchLosses, epoch)
  if (result.stepsDone < result.steps) return { ...before, batchLosses }

  const testLoss = mean(await engine.reconstructionErrors(data.test.images))
  if (!Number.isFinite(testLoss)) {
    throw new TrainingError(`the test loss after epoch ${epoch} is ${testLoss}: try a lower learning rate`)
  }
  const trainLoss = mean(batchLosses)
  const images = data.train.count - firstStep * batchSize
  const record = { epoch, trainLoss, testLoss, learningRate, seconds, imagesPerSecond: images / seconds }
  const scheduler = new ReduceLROnPlateau(before.schedule)
  scheduler.step(trainLoss)
  const progress: TrainingProgress = {
    epoch,
    batchLosses: new Float64Array(),
    schedule: scheduler.state,
    history: [...before.history, record],
  }
  await hooks.onEpoch?.(record, progress)
  return progress
}

function checkLosses(batchLosses: Float64Array, epoch: number): void {
  const step = batchLosses.findIndex((loss) => !Number.isFinite(loss))
  if (step === -1) return
  throw new TrainingError(
    `the loss of step ${step + 1} of epoch ${epoch} is ${batchLosses[step]}: try a lower learning rate`,
  )
}

function concatenate(first: Float64Array, second: Float64Array): Float64Array {
  const both = new Float64Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
