/** Training: epochs on an engine, the learning-rate schedule, the history. Runs in a browser. */
import type { RowSet } from '../data/rows.ts'
import type { Engine } from '../engines/engine.ts'
import type { StopSignal } from '../engines/stop-signal.ts'
import { TrainingError } from '../errors.ts'
import type { TrainingConfig } from './config.ts'
import { checkTraining } from './config.ts'
import type { EpochRecord } from './history.ts'
import type { PlateauState } from './plateau.ts'
import { ReduceLROnPlateau } from './plateau.ts'
import { ratesOfEpoch } from './schedule.ts'
import { choosesStart, startParameters } from './start.ts'
import { hasStalled } from './stopping.ts'

/** What a network learns from, and what it is judged by after each epoch. */
export interface TrainingData {
  readonly train: RowSet
  readonly test?: RowSet | undefined
}

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
  readonly signal?: StopSignal | undefined
  /**
   * Called once, when the engine has the training rows for itself: training does not read `data.train` again.
   */
  readonly onRowsResident?: (() => void) | undefined
  /** Called now and then within an epoch. `firstStep`: where this call's part of the epoch began. */
  readonly onProgress?:
    | ((progress: { epoch: number; firstStep: number; stepsDone: number; steps: number }) => void)
    | undefined
  /** Called and awaited after every epoch. The engine is idle meanwhile: read its state, save it. */
  readonly onEpoch?: ((record: EpochRecord, progress: TrainingProgress) => Promise<void> | void) | undefined
}

/** What a task other than the seed's changes in how an epoch is trained. */
export interface TrainingTask {
  /** The first so many layers keep their weights; default 0. */
  readonly frozenLayers?: number | undefined
}

/**
 * Trains until `config.epochs` epochs are complete, until `config.patience` of them brought nothing, or until
 * the signal aborts.
 *
 * Without `resumeFrom` the engine is initialized from the seed. With it, the engine must already hold the
 * state that was saved with that progress; the result is then, bit for bit, that of the uninterrupted run.
 * Before the first step of a run `latentBias` and `outputBias` replace those biases, whatever they were.
 *
 * @returns how far it came: complete when `isComplete` says so
 * @param task how an epoch is trained where it is not the seed's: frozen layers
 * @throws UsageError for settings that do not fit; TrainingError where a loss is not finite: the engine's
 *   state is then of no use, and what `onEpoch` saved last is the last good one
 */
export async function train(
  engine: Engine,
  data: TrainingData,
  config: TrainingConfig,
  hooks: TrainingHooks = {},
  resumeFrom?: TrainingProgress,
  task: TrainingTask = {},
): Promise<TrainingProgress> {
  const { count, rows, labels } = data.train
  checkTraining(config, count)
  await engine.setTrainingSet(labels ? { rows, labels } : { rows })
  if (resumeFrom === undefined) await engine.initialize(config.seed)

  let progress = resumeFrom ?? startOfTraining(config)
  if (!hasBegun(progress) && choosesStart(config)) {
    const state = await engine.readState()
    const parameters = startParameters(engine.network, state.parameters, config, rows)
    await engine.writeState({ ...state, parameters })
  }
  hooks.onRowsResident?.()
  while (!isComplete(progress, config) && !hooks.signal?.aborted) {
    progress = await trainOneEpoch(engine, data, config, hooks, progress, task)
  }
  return progress
}

/** Whether nothing is left to do: every epoch is done, or the last ones brought nothing. */
export function isComplete({ epoch, history }: TrainingProgress, config: TrainingConfig): boolean {
  return epoch >= config.epochs || hasStalled(history, config.patience)
}

/** The progress of a run that has not begun: `train` goes on from it with whatever state the engine holds. */
export function startOfTraining({ learningRate }: TrainingConfig): TrainingProgress {
  const { state } = new ReduceLROnPlateau(learningRate)
  return { epoch: 0, batchLosses: new Float64Array(), schedule: state, history: [] }
}

function hasBegun({ epoch, batchLosses }: TrainingProgress): boolean {
  return epoch > 0 || batchLosses.length > 0
}

/** Learning rate of the step that comes next; of the last one, where none does. */
export function nextLearningRate(config: TrainingConfig, progress: TrainingProgress, rows: number): number {
  const steps = Math.ceil(rows / config.batchSize)
  const epoch = Math.min(progress.epoch + 1, config.epochs)
  const rates = ratesOfEpoch(config, epoch, steps, progress.schedule.learningRate)
  const step = progress.epoch < config.epochs ? progress.batchLosses.length : steps - 1
  return typeof rates === 'number' ? rates : rates[step]
}

async function trainOneEpoch(
  engine: Engine,
  data: TrainingData,
  config: TrainingConfig,
  hooks: TrainingHooks,
  before: TrainingProgress,
  { frozenLayers = 0 }: TrainingTask,
): Promise<TrainingProgress> {
  const { seed, batchSize, weightDecay, noiseStd, schedule = 'plateau' } = config
  const epoch = before.epoch + 1
  const firstStep = before.batchLosses.length
  const steps = Math.ceil(data.train.count / batchSize)
  const rates = ratesOfEpoch(config, epoch, steps, before.schedule.learningRate)
  const { onProgress } = hooks
  const startMs = performance.now()
  const result = await engine.trainEpoch({
    seed,
    epoch,
    batchSize,
    learningRate: rates,
    weightDecay,
    noiseStd,
    firstStep,
    frozenLayers,
    signal: hooks.signal,
    onProgress: onProgress && (({ stepsDone, steps }) => onProgress({ epoch, firstStep, stepsDone, steps })),
  })
  // A clock that ticks coarsely, as some browsers' do, must not make the rate infinite.
  const seconds = Math.max(performance.now() - startMs, 1e-3) / 1000
  const batchLosses = concatenate(before.batchLosses, result.batchLosses)
  checkLosses(batchLosses, epoch)
  if (result.stepsDone < result.steps) return { ...before, batchLosses }

  const testLoss = data.test && mean(await engine.rowLosses(data.test.rows, data.test.labels))
  if (testLoss !== undefined && !Number.isFinite(testLoss)) {
    throw new TrainingError(`the test loss after epoch ${epoch} is ${testLoss}: try a lower learning rate`)
  }
  const trainLoss = mean(batchLosses)
  const rows = data.train.count - firstStep * batchSize
  const learningRate = typeof rates === 'number' ? rates : rates[steps - 1]
  const record = { epoch, trainLoss, testLoss, learningRate, seconds, imagesPerSecond: rows / seconds }
  const scheduler = new ReduceLROnPlateau(before.schedule)
  if (schedule === 'plateau') scheduler.step(trainLoss)
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
