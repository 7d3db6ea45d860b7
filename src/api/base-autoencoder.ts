/// <reference lib="esnext.disposable" preserve="true" />
/**
 * What a program does with an autoencoder, the same in Node and in a browser. `node.ts` and `browser.ts` add
 * how one is made.
 */
import type { ImageSet } from '../data/dataset.ts'
import { chosenClip, clipped, fitPreprocessing, judgingRows, networkData } from '../data/own-data.ts'
import type { RowSet } from '../data/rows.ts'
import { readSource, type SourceOptions } from '../data/sources/source.ts'
import type { Source } from '../data/table.ts'
import { checkFinite, checkInteger } from '../engines/checks.ts'
import type { Engine, EngineInfo, Inputs } from '../engines/engine.ts'
import { TrainingError, UsageError } from '../errors.ts'
import type { Evaluation, EvaluationOptions } from '../experiments/evaluation.ts'
import { evaluate } from '../experiments/evaluation.ts'
import { interpolateCodes } from '../experiments/interpolation.ts'
import { type DataKnowledge, writeModel } from '../formats/model-file.ts'
import { writeOnnx } from '../formats/onnx.ts'
import type { ErrorQuantiles } from '../model/error-quantiles.ts'
import { inputSize, isAutoencoder, type Network } from '../model/network.ts'
import { networkRows, type Preprocessing, rawRows, SCALINGS } from '../model/preprocessing.ts'
import { type FloatArray, type ModelState, stateOf } from '../model/state.ts'
import { addUnseen } from '../model/unseen.ts'
import { Run } from '../run/run.ts'
import { completeSettings, DEFAULT_SETTINGS, fitBatch, SETTING_LABELS, trainingOf } from '../run/settings.ts'
import { measureTrainingErrors } from '../run/training-errors.ts'
import { generateRows } from '../tools/generate.ts'
import type { ToolHooks, ToolModel } from '../tools/model.ts'
import {
  PRETRAIN_OPTIONS,
  type Pretrained,
  type PretrainOptions,
  pretrainRows,
  type RowLabels,
} from '../tools/pretrain.ts'
import type { ModelRows } from '../tools/rows.ts'
import { type Scores, scoreRows } from '../tools/score.ts'
import { checkAmount, checkChoice, type TrainingConfig } from '../training/config.ts'
import type { EpochRecord } from '../training/history.ts'
import type { TrainingHooks, TrainingProgress } from '../training/trainer.ts'
import {
  checkBytes,
  checkCodes,
  checkEvaluation,
  checkFile,
  checkFunction,
  checkImageSet,
  checkKeys,
  checkRowLabels,
  checkSteps,
  checkTrained,
  checkTrainingData,
  type RawData,
  rowInputs,
} from './checks.ts'
import type { FileFormat, FileOptions } from './files.ts'
import {
  type GenerateOptions,
  type Rows,
  type ScoreOptions,
  TRAIN_OPTIONS,
  type TrainData,
  type TrainOptions,
  validated,
} from './options.ts'
import { type ReadRows, type RowsOptions, rowsRead } from './own-data.ts'
import { CallQueue } from './queue.ts'

/** How a model begins. */
export interface Start {
  /** Seed of its initial weights, the default of its runs. */
  readonly seed?: number | undefined
  /** The run that its weights come from. */
  readonly run?: Run | undefined
  /** The state that the run goes on from, where the engine holds that of its best epoch. */
  readonly last?: ModelState | undefined
  readonly known?: DataKnowledge | undefined
  readonly warnings?: readonly string[]
}

/**
 * An autoencoder and the engine that computes it.
 *
 * A call that is made while another runs waits for it; one that is made in `onEpoch` runs at once, between
 * the epochs. After `dispose`, and after training ended in a `TrainingError`, every call rejects.
 */
export class BaseAutoencoder {
  /** What was odd about the file it came from, one line each; empty for others. */
  readonly warnings: readonly string[]
  readonly #engine: Engine
  readonly #seed: number | undefined
  readonly #queue = new CallQueue()
  #run: Run | undefined
  /** Undefined where the engine holds it. */
  #last: ModelState | undefined
  #preprocessing: Preprocessing | undefined
  #trainingErrors: ErrorQuantiles | undefined
  #isTraining = false

  protected constructor(engine: Engine, { seed, run, last, known, warnings = [] }: Start) {
    this.#engine = engine
    this.#seed = seed
    this.#run = run
    this.#last = last
    this.#preprocessing = known?.preprocessing
    this.#trainingErrors = known?.trainingErrors
    this.warnings = warnings
  }

  /** Its layers, loss and code layer. */
  get network(): Network {
    return this.#engine.network
  }

  /** The device, its threads and its arithmetic. */
  get info(): EngineInfo {
    return this.#engine.info
  }

  /** How raw rows become what the network sees; undefined where they are taken as they are. */
  get preprocessing(): Preprocessing | undefined {
    return this.#preprocessing
  }

  /**
   * Of the rows it was trained on, by its weights; undefined where they were not measured: of rows of bytes
   * as they are.
   */
  get trainingErrors(): ErrorQuantiles | undefined {
    return this.#trainingErrors
  }

  /** One record for each epoch of its run, those before a checkpoint included. */
  get history(): readonly EpochRecord[] {
    return this.#run?.progress.history ?? []
  }

  /**
   * Trains until `epochs` epochs are complete, those done before included, or until `signal` aborts.
   *
   * Called again, or on a model from a checkpoint, it goes on with the run: the result is then, bit for bit,
   * that of an uninterrupted one. Its settings cannot change; to begin another run with these weights, save
   * and load them. A model loaded from weights alone begins a run with those, and keeps its scaling; it takes
   * no `latentBias` or `outputBias`, which are for a start from the seed. With `patience` it may end sooner;
   * with `keep: 'best'` the model is that of the best epoch from then on.
   *
   * @returns how far it came
   * @throws UsageError for settings or data that do not fit; TrainingError where a loss is not finite; what a
   *   hook throws, after the step under way: another call goes on from there
   */
  train(data: TrainData, options: TrainOptions = {}): Promise<TrainingProgress> {
    return this.#queue.add(async () => {
      if (this.#isTraining) throw new UsageError('train: expected no call from within onEpoch, found one')
      checkKeys('train', options, TRAIN_OPTIONS)
      checkOwn(options)
      const seed = this.#run?.config.seed ?? options.seed ?? this.#seed ?? DEFAULT_SETTINGS.seed
      const raw = validated(checkTrainingData(data, this.network), options, inputSize(this.network), seed)
      const preprocessing = this.#fitted(data, raw, options)
      const whole = networkData(raw, preprocessing ?? {})
      checkTrained(whole.train.rows, this.network, 'training rows')
      const test = whole.test && judging(whole.test, preprocessing ?? {}, this.network)
      const checked = clipped({ ...whole, test }, chosenClip(preprocessing ?? {}, options.clip))
      const run =
        this.#run?.continued(options) ??
        Run.begin(this.network, this.#config(options, checked.train.count), {}, preprocessing)
      const goesOn = () => {
        this.#run = run
        this.#preprocessing = preprocessing
        this.#trainingErrors = undefined
      }
      const onEpoch: TrainingHooks['onEpoch'] = async (record, progress) => {
        goesOn()
        await this.#queue.interrupt(async () => options.onEpoch?.(record, progress))
      }
      const before = run.progress
      this.#isTraining = true
      try {
        // Before the engine holds another state, for a call that is refused.
        await run.recognize(this.#engine, checked)
        if (this.#last) await this.#engine.writeState(this.#last)
        this.#last = undefined
        const progress = await run.train(this.#engine, checked, { ...options, onEpoch })
        goesOn()
        await this.#conclude(run, whole.train.rows)
        return progress
      } catch (error) {
        if (error instanceof TrainingError) this.#queue.close(error)
        if (run.progress !== before) goesOn()
        throw error
      } finally {
        this.#isTraining = false
      }
    })
  }

  /** The preprocessing that the model has, or that its first training gives it. */
  #fitted(data: TrainData, { train }: RawData, { scale }: TrainOptions): Preprocessing | undefined {
    if (this.#run || this.#preprocessing) {
      const { kind = 'none' } = this.#preprocessing?.scaling ?? {}
      if (scale === undefined || scale === kind) return this.#preprocessing
      throw new UsageError(`scale: expected ${kind}, which the model has, found ${scale}`)
    }
    const { features, label, picture, usualScaling = 'none' } = data
    const isPlain = scale === undefined && usualScaling === 'none' && !features && !picture
    if (isPlain) return undefined
    const inputs = inputSize(this.network)
    return fitPreprocessing({ train, inputs, features, label, picture }, scale ?? usualScaling)
  }

  /**
   * Puts the weights that the run is for on the engine, and measures its training rows where they are floats.
   */
  async #conclude(run: Run, rows: Inputs): Promise<void> {
    const state = await this.#engine.readState()
    const result = run.resultOf(state)
    if (result !== state.parameters) {
      await this.#engine.writeState(stateOf(result))
      this.#last = state
    }
    const isMeasured = this.#preprocessing !== undefined || !(rows instanceof Uint8Array)
    this.#trainingErrors = isMeasured ? await measureTrainingErrors(this.#engine, rows) : undefined
  }

  /** Rows as the network sees them. */
  #seen(rows: Rows, count?: number): Inputs {
    const seen = networkRows(rowInputs(rows, this.network, count), this.#preprocessing ?? {})
    if (!(seen instanceof Uint8Array)) checkFinite(seen, inputSize(this.network), 'rows')
    return seen
  }

  /** Raw rows for what the network gives. */
  #raw(rows: FloatArray): FloatArray {
    return isAutoencoder(this.network) ? rawRows(rows, this.#preprocessing ?? {}) : rows
  }

  /** The settings of a new run: the seed of the weights is that of the run, where no other is given. */
  #config(options: TrainOptions, trainingRows: number): TrainingConfig {
    const seed = this.#seed ?? DEFAULT_SETTINGS.seed
    const settings = completeSettings(options, { ...DEFAULT_SETTINGS, seed })
    const config = trainingOf(fitBatch(settings, options, trainingRows))
    if (this.#seed === undefined) refuseStart(config)
    return config
  }

  /**
   * Rows from the bytes of a file, as this model takes them: its columns by their names, its own means for
   * empty cells, its own categories. `loadData` and `readData` would fit all that anew.
   *
   * @param name of the file, which tells its format
   * @throws FileError for a file that cannot be used; UsageError for options that cannot be
   */
  readRows(bytes: Uint8Array, name: string, options: RowsOptions = {}): Promise<ReadRows> {
    return this.rowsRead('readRows', options, async (reading) => {
      checkBytes(bytes, name)
      return readSource(bytes, name, reading)
    })
  }

  protected rowsRead(
    call: string,
    options: RowsOptions,
    read: (options: SourceOptions) => Promise<Source>,
  ): Promise<ReadRows> {
    return this.#queue.add(async () => rowsRead(call, this.#tool(), options, read))
  }

  /** Codes, (n, bottleneck). Float32Array; Float64Array from the reference engine. */
  encode(rows: Rows): Promise<FloatArray> {
    return this.#queue.add(async () => this.#engine.encode(this.#seen(rows)))
  }

  /** Rows for codes (n, bottleneck): (n, inputs), in [0, 1] where the output is a sigmoid. */
  decode(codes: FloatArray): Promise<FloatArray> {
    return this.#queue.add(async () => this.#raw(await this.#engine.decode(checkCodes(codes, this.network))))
  }

  /** What comes out for what goes in: (n, inputs). Denoises where the model was trained with noise. */
  reconstruct(rows: Rows): Promise<FloatArray> {
    return this.#queue.add(async () => this.#raw(await this.#engine.forward(this.#seen(rows))))
  }

  /**
   * Mean squared error of each row's reconstruction against the row, (n), both as scaled: its anomaly score.
   * Values that a constant column did not have in training add to it (`model/unseen.ts`).
   */
  reconstructionErrors(rows: Rows): Promise<Float64Array> {
    return this.#queue.add(async () => {
      const errors = await this.#engine.reconstructionErrors(this.#seen(rows))
      return addUnseen(errors, rowInputs(rows, this.network), this.#preprocessing?.scaling)
    })
  }

  /**
   * How anomalous rows are: their reconstruction errors, percentiles among the training errors, verdicts by a
   * threshold, and the features that contribute most. Without training errors, percentiles and threshold are
   * by the rows given.
   *
   * @throws UsageError for options that cannot be
   */
  score(rows: Rows, options: ScoreOptions = {}): Promise<Scores> {
    return this.#queue.add(async () => {
      checkKeys('score', options, ['contamination', 'threshold', 'explain', 'signal', 'onProgress'])
      return scoreRows(this.#tool(), this.#toolRows(rows), options, options)
    })
  }

  /**
   * (count, inputs): new raw rows, decoded from samples of a mixture of Gaussians that is fitted to the codes
   * of others.
   *
   * @param rows to learn the mixture from
   */
  generate(rows: Rows, options: GenerateOptions): Promise<FloatArray> {
    return this.#queue.add(async () => {
      checkKeys('generate', options, ['count', 'seed', 'components', 'signal', 'onProgress'])
      checkInteger('count', options.count, 1, Math.floor(MOST_VALUES / inputSize(this.network)))
      const made = await generateRows(this.#tool(), this.#toolRows(rows), options, options)
      const inputs = inputSize(this.network)
      const all = new Float32Array(options.count * inputs)
      for await (const { from, rows: part } of made.parts) all.set(part, from * inputs)
      return all
    })
  }

  /**
   * What comes out for what goes in, of a model that was trained with noise: `reconstruct` by the tool's
   * name.
   */
  denoise(rows: Rows): Promise<FloatArray> {
    return this.reconstruct(rows)
  }

  /**
   * A classifier of rows upon this model's encoder, as parameters and accuracies; this model stays as it is.
   *
   * @param rows with the class of each: `labels` and the names of the classes
   * @param createEngine as this package exports it
   */
  pretrain(
    rows: Rows,
    labels: RowLabels,
    createEngine: (network: Network) => Promise<Engine>,
    options: PretrainOptions & ToolHooks = {},
  ): Promise<Pretrained> {
    return this.#queue.add(async () => {
      checkKeys('pretrain', options, [...PRETRAIN_OPTIONS, 'signal', 'onProgress'])
      checkFunction('createEngine', createEngine)
      const given = this.#toolRows(rows)
      checkRowLabels(labels, given.count)
      const parameters = await this.#readParameters()
      return pretrainRows(this.#tool(), parameters, given, labels, createEngine, options, options)
    })
  }

  #tool(): ToolModel {
    return {
      engine: this.#engine,
      name: 'autoencoder',
      preprocessing: this.#preprocessing,
      trainingErrors: this.#trainingErrors,
    }
  }

  #toolRows(rows: Rows): ModelRows {
    const inputs = rowInputs(rows, this.network)
    if (inputs.length === 0) throw new UsageError('rows: expected at least one, found none')
    const { features, picture } = this.#preprocessing ?? {}
    return { count: inputs.length / inputSize(this.network), rows: inputs, features, picture, notes: [] }
  }

  /**
   * (steps, inputs): rows for codes at equal steps on the line from one row's code to another's, both ends
   * included.
   *
   * @param first one row
   * @param second one row
   * @param steps at least 2
   */
  interpolate(first: Rows, second: Rows, steps = 8): Promise<FloatArray> {
    return this.#queue.add(async () => {
      checkSteps(steps)
      const [from, to] = [first, second].map((row) => this.#seen(row, 1))
      const codes = interpolateCodes(await this.#engine.encode(from), await this.#engine.encode(to), steps)
      return this.#raw(await this.#engine.decode(codes))
    })
  }

  /**
   * Over a whole image set: MSE, PSNR and SSIM of reconstructions, and of noisy images before and after;
   * latent units that never fire; the error of each label.
   */
  evaluate(set: ImageSet, options: EvaluationOptions = {}): Promise<Evaluation> {
    return this.#queue.add(async () => {
      const checked = checkImageSet(set, this.network)
      checkEvaluation(options)
      if (this.#preprocessing?.scaling) {
        throw new UsageError(
          'evaluate: expected a model without scaling, found one; reconstructionErrors judges it',
        )
      }
      return evaluate(this.#engine, checked, options)
    })
  }

  /**
   * All parameters in canonical order, (parameterCount): `fc1.weight` (hidden, inputs) row-major, `fc1.bias`,
   * …
   */
  parameters(): Promise<Float32Array> {
    return this.#queue.add(async () => this.#readParameters())
  }

  /**
   * The bytes of a file: PyTorch's state_dict, safetensors, or ONNX of opset 17 with a dynamic batch axis.
   */
  toBytes(format: FileFormat, options: FileOptions = {}): Promise<Uint8Array> {
    return this.#queue.add(async () => {
      checkFile(format, options)
      const { part = 'autoencoder', threshold } = options
      const { network } = this.#engine
      const parameters = await this.#readParameters()
      const known = { preprocessing: this.#preprocessing, trainingErrors: this.#trainingErrors }
      if (format === 'onnx') {
        const above = threshold ?? known.trainingErrors?.threshold()
        return writeOnnx(network, parameters, part, { ...known, threshold: above }).bytes
      }
      return writeModel({ network, parameters, ...known }, `weights.${format}`)
    })
  }

  /**
   * The bytes of a checkpoint: weights, Adam's moments, progress and settings. What reads a model reads it
   * too.
   *
   * @throws UsageError for a model that was not trained here and did not come from a checkpoint
   */
  toCheckpoint(): Promise<Uint8Array> {
    return this.#queue.add(async () => {
      if (!this.#run)
        throw new UsageError('checkpoint: expected a model in training, found one without a run')
      if (this.#last) return this.#run.toCheckpoint(this.#last)
      return this.#run.toCheckpoint(await this.#engine.readState(), this.#trainingErrors)
    })
  }

  /**
   * Runs `work` alone on the engine, for what this class does not offer, such as `drawEvaluationFigures`.
   * Other calls of this model wait until it is done, those that `work` makes too: it must not await one.
   *
   * @throws UsageError, from a call that `work` makes before its first `await`
   */
  withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    return this.#queue.add(() => {
      checkFunction('withEngine', work)
      return this.#queue.begin(async () => work(this.#engine))
    })
  }

  /** Frees threads, memory and devices at once. Idempotent. */
  async dispose(): Promise<void> {
    this.#queue.close(new UsageError('autoencoder: expected one in use, found it disposed of'))
    await this.#engine.dispose()
  }

  /** `await using` where the runtime knows it: Node 24 and newer. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #readParameters(): Promise<Float32Array> {
    return Float32Array.from((await this.#engine.readState()).parameters)
  }
}

/** Of rows that are made at once: 4 GB. */
const MOST_VALUES = 2 ** 30

/** Rows that judge, checked: only those that `minmax` has scaled may lie beyond what a sigmoid gives. */
function judging(test: RowSet, preprocessing: Preprocessing, network: Network): RowSet {
  const isScaled = preprocessing.scaling?.kind === 'minmax'
  if (!isScaled) checkTrained(test.rows, network, 'test rows')
  else if (!(test.rows instanceof Uint8Array)) checkFinite(test.rows, inputSize(network), 'test rows')
  return judgingRows(test, preprocessing, network).set
}

/** Throws UsageError for settings that would replace biases which the model was loaded with. */
function refuseStart(config: TrainingConfig): void {
  const name = (['latentBias', 'outputBias'] as const).find((each) => config[each] !== undefined)
  if (!name) return
  throw new UsageError(`${SETTING_LABELS[name]}: expected none for trained weights, found ${config[name]}`)
}

/** Throws UsageError for an option of a program's own data that cannot be. */
function checkOwn({ scale, clip }: TrainOptions): void {
  if (scale !== undefined) checkChoice('scale', SCALINGS, scale)
  if (clip !== undefined) checkAmount('clip', clip)
}
