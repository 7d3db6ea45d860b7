/**
 * One run: a network trained with one set of settings on one set of data. The command line, the library and
 * the page all train through this; its numbers lie on an engine. Runs in a browser.
 */
import type { Engine } from '../engines/engine.ts'
import { FileError, UsageError } from '../errors.ts'
import type { ErrorQuantiles } from '../model/error-quantiles.ts'
import type { Network } from '../model/network.ts'
import { inputSize } from '../model/network.ts'
import type { Preprocessing } from '../model/preprocessing.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import type { TrainingConfig } from '../training/config.ts'
import { checkTraining } from '../training/config.ts'
import { bestEpoch, epochsWithoutGain } from '../training/stopping.ts'
import type { TrainingData, TrainingHooks, TrainingProgress } from '../training/trainer.ts'
import { isComplete, nextLearningRate, startOfTraining, train } from '../training/trainer.ts'
import type { BestEpoch, RunRecord } from './checkpoint.ts'
import { writeCheckpoint } from './checkpoint.ts'
import type { RunIdentity } from './identity.ts'
import { differenceOf, identityOf } from './identity.ts'
import type { GivenSettings, SettingName } from './settings.ts'
import { checkSetting, findChange, SETTING_LABELS, settingText } from './settings.ts'

type Notes = Readonly<Record<string, string>>

export class Run {
  readonly network: Network
  readonly config: TrainingConfig
  readonly notes: Notes
  /** How the rows that it trains on were made of raw ones, where they were. */
  readonly preprocessing: Preprocessing | undefined
  /** Name of the checkpoint that it goes on from, for errors; undefined for one of this process. */
  readonly file: string | undefined
  #progress: TrainingProgress
  #best: BestEpoch | undefined
  #trainingRows: number | undefined
  #identity: Promise<RunIdentity | undefined>
  /** What `recognize` has seen in this process. */
  #seen: { readonly engine: Engine; readonly data: TrainingData } | undefined

  private constructor(record: Omit<RunRecord, 'trainingRows'> & { trainingRows?: number }, file?: string) {
    this.network = record.network
    this.config = record.config
    this.notes = record.notes
    this.preprocessing = record.preprocessing
    this.file = file
    this.#progress = record.progress
    this.#best = record.best
    this.#trainingRows = record.trainingRows
    this.#identity = Promise.resolve(record.identity)
  }

  /** A run that has not begun. */
  static begin(
    network: Network,
    config: TrainingConfig,
    notes: Notes = {},
    preprocessing?: Preprocessing,
  ): Run {
    const progress = startOfTraining(config)
    return new Run({ network, config, notes, preprocessing, progress, identity: undefined })
  }

  /** The run of a checkpoint, `file` by name. Its state must be written to the engine before it goes on. */
  static from(record: RunRecord, file?: string): Run {
    return new Run(record, file)
  }

  /** How far it has come. */
  get progress(): TrainingProgress {
    return this.#progress
  }

  /** Learning rate of the next step; before it has seen data, as if they were one batch. */
  get learningRate(): number {
    return nextLearningRate(this.config, this.#progress, this.#trainingRows ?? this.config.batchSize)
  }

  /** Whether every epoch asked for is done, or as many as its patience allows brought nothing. */
  get isComplete(): boolean {
    return isComplete(this.#progress, this.config)
  }

  /**
   * The weights that it is for, of the state that belongs to `progress`: those of the best epoch, where its
   * settings keep that one, else the state's own.
   */
  resultOf(state: ModelState): FloatArray {
    return this.#best?.parameters ?? state.parameters
  }

  /**
   * The same run with what may change while it goes on: a later last epoch, its patience, other notes. What
   * else is given must be as it was.
   *
   * @param nameOf how the client calls a setting in an error, default its label
   * @throws FileError, or UsageError for a run of this process, that names the first setting that is another;
   *   UsageError where no epoch is left to do
   */
  continued(
    given: GivenSettings,
    notes: Notes = this.notes,
    nameOf: (setting: SettingName) => string = (name) => SETTING_LABELS[name],
  ): Run {
    this.checkUnchanged(given, nameOf)
    const { epochs = this.config.epochs, patience = this.config.patience } = given
    checkSetting('epochs', epochs)
    if (patience !== undefined) checkSetting('patience', patience)
    if (epochs <= this.#progress.epoch) {
      throw new UsageError(
        `${nameOf('epochs')}: expected more than the ${this.#progress.epoch} epochs that ` +
          `${this.file ?? 'this model'} has done, found ${epochs}`,
      )
    }
    const gainless = epochsWithoutGain(this.#progress.history)
    if (patience !== undefined && gainless >= patience) {
      throw new UsageError(
        `${nameOf('patience')}: expected more than the ${gainless} epochs in a row that brought ` +
          `${this.file ?? 'this model'} nothing, found ${patience}`,
      )
    }
    const run = new Run(
      {
        network: this.network,
        config: { ...this.config, epochs, ...(patience !== undefined && { patience }) },
        notes,
        preprocessing: this.preprocessing,
        progress: this.#progress,
        best: this.#best,
        identity: undefined,
        ...(this.#trainingRows !== undefined && { trainingRows: this.#trainingRows }),
      },
      this.file,
    )
    run.#identity = this.#identity
    return run
  }

  /**
   * Throws FileError, or UsageError for a run of this process, that names the first setting that is another.
   */
  checkUnchanged(given: GivenSettings, nameOf: (setting: SettingName) => string): void {
    const change = findChange(given, this.network, this.config)
    if (!change) return
    const { name, asked, stored } = change
    throw this.#mismatch(nameOf(name), settingText(stored), settingText(asked))
  }

  /**
   * Trains until it is complete, or until `signal` aborts. The engine must hold the run's state; with
   * `initialize` it gets initial weights from the seed first.
   *
   * @throws UsageError or FileError for data or an engine other than those that the run began with, and for
   *   settings that do not fit the data; TrainingError where a loss is not finite; what a hook throws, after
   *   the step under way: the run can go on from there
   */
  async train(
    engine: Engine,
    data: TrainingData,
    hooks: TrainingHooks = {},
    { initialize = false }: { initialize?: boolean } = {},
  ): Promise<TrainingProgress> {
    await this.recognize(engine, data)
    if (initialize) await engine.initialize(this.config.seed)
    const onEpoch: TrainingHooks['onEpoch'] = async (record, progress) => {
      this.#progress = progress
      if (this.config.keep === 'best' && bestEpoch(progress.history) === record) {
        this.#best = { epoch: record.epoch, parameters: (await engine.readState()).parameters }
      }
      await hooks.onEpoch?.(record, progress)
    }
    const { progress, thrown } = await trainReporting({ ...hooks, onEpoch }, (all) =>
      train(engine, data, this.config, all, this.#progress),
    )
    this.#progress = progress
    if (thrown) throw thrown.error
    return this.#progress
  }

  /**
   * Compares data and engine with those that the run began with; remembers them where it begins. `train` does
   * it, if it has not been done for these two.
   *
   * @throws as `train`
   */
  async recognize(engine: Engine, data: TrainingData): Promise<void> {
    if (this.#seen?.engine === engine && this.#seen.data === data) return
    checkTraining(this.config, data.train.count)
    const { count, rows } = data.train
    const inputs = inputSize(this.network)
    if (rows.length !== count * inputs) {
      const found = String(rows.length / count)
      throw this.#mismatch('values of a row', String(inputs), found, `rows of ${found} values`)
    }
    if (this.#trainingRows !== undefined && this.#trainingRows !== count) {
      throw this.#mismatch(
        'training rows',
        String(this.#trainingRows),
        String(count),
        `${count} training rows`,
      )
    }
    const isNew = this.#trainingRows === undefined
    this.#trainingRows = count
    // Found while the first epoch trains: nobody waits for it.
    const now = identityOf(data, engine.info.bits)
    now.catch(() => undefined)
    const stored = isNew ? undefined : await this.#identity
    if (stored === undefined) {
      this.#identity = now
    } else {
      const found = await now
      const difference = found && differenceOf(stored, found)
      if (difference) throw this.#mismatch(difference.what, difference.stored, difference.now)
    }
    this.#seen = { engine, data }
  }

  /** @param wanted what a checkpoint was expected to be of */
  #mismatch(what: string, stored: string, asked: string, wanted = `${what} ${asked}`): Error {
    if (this.file !== undefined) {
      return new FileError(this.file, `expected a checkpoint of ${wanted}, found one of ${stored}`)
    }
    return new UsageError(
      `${what}: expected ${stored} as in the run that this one goes on with, found ${asked}; ` +
        'to begin another run with these weights, save and load them',
    )
  }

  /** What a checkpoint keeps besides the engine's numbers. Only for a run that has begun. */
  async record(): Promise<RunRecord> {
    if (this.#trainingRows === undefined) throw new Error('internal: a run was kept before it began')
    return {
      network: this.network,
      config: this.config,
      trainingRows: this.#trainingRows,
      identity: await this.#identity,
      progress: this.#progress,
      ...(this.#best && { best: this.#best }),
      ...(this.preprocessing && { preprocessing: this.preprocessing }),
      notes: this.notes,
    }
  }

  /**
   * The bytes of a checkpoint, for the state that belongs to `progress`.
   *
   * @param trainingErrors those of the state, where they are known
   */
  async toCheckpoint(state: ModelState, trainingErrors?: ErrorQuantiles): Promise<Uint8Array> {
    return writeCheckpoint({ ...(await this.record()), state, trainingErrors })
  }
}

/**
 * Trains with an `onProgress` that cannot end an epoch in the middle, whose steps the run would not know of:
 * what it throws stops the run as the signal does, and comes back beside what was done.
 */
async function trainReporting(
  { signal, onProgress, ...others }: TrainingHooks,
  trainWith: (hooks: TrainingHooks) => Promise<TrainingProgress>,
): Promise<{
  readonly progress: TrainingProgress
  readonly thrown?: { readonly error: unknown } | undefined
}> {
  if (!onProgress) return { progress: await trainWith({ signal, ...others }) }
  let thrown: { readonly error: unknown } | undefined
  const stop = new AbortController()
  const abort = () => stop.abort()
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  const report: TrainingHooks['onProgress'] = (progress) => {
    // The engine may tell once more before it has stopped.
    if (thrown) return
    try {
      onProgress(progress)
    } catch (error) {
      thrown ??= { error }
      abort()
    }
  }
  try {
    return { progress: await trainWith({ ...others, signal: stop.signal, onProgress: report }), thrown }
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
