/// <reference lib="esnext.disposable" preserve="true" />
/** What a program does with an autoencoder, the same in Node and in a browser. `node.ts` and `browser.ts` add how one is made. */
import type { Dataset, ImageSet } from '../data/dataset.ts'
import type { Engine, EngineInfo, Inputs } from '../engines/engine.ts'
import { TrainingError, UsageError } from '../errors.ts'
import type { Evaluation, EvaluationOptions } from '../experiments/evaluation.ts'
import { evaluate } from '../experiments/evaluation.ts'
import { interpolateCodes } from '../experiments/interpolation.ts'
import { writeModel } from '../formats/model-file.ts'
import type { OnnxPart } from '../formats/onnx.ts'
import { writeOnnx } from '../formats/onnx.ts'
import type { AutoencoderSizes } from '../model/recipes.ts'
import { autoencoderSizes } from '../model/recipes.ts'
import type { FloatArray } from '../model/state.ts'
import { writeCheckpoint } from '../training/checkpoint.ts'
import type { EpochRecord } from '../training/history.ts'
import type { TrainingHooks, TrainingProgress } from '../training/trainer.ts'
import { startOfTraining, train } from '../training/trainer.ts'
import { checkCodes, checkDataset, checkEvaluation, checkImages, checkSteps, imageInputs } from './checks.ts'
import { CallQueue } from './queue.ts'
import type { Run, RunSettings } from './run-settings.ts'
import { settingsOf } from './run-settings.ts'

/**
 * (n, pixels), row-major: bytes mean value / 255, black 0 and white 255; floats are taken as they are, black 0 and white 1.
 * Or an image set, of which the images are taken.
 */
export type Images = Inputs | ImageSet

/** Settings of a run, and what happens during it. Without a setting: that of the run it goes on with, else the default. */
export interface TrainOptions extends RunSettings, TrainingHooks {}

export type FileFormat = 'pth' | 'safetensors' | 'onnx'

export interface FileOptions {
  /** What an ONNX file holds; default `autoencoder`. Other formats hold all parameters. */
  readonly part?: OnnxPart | undefined
}

/** How a model begins. */
export interface Start {
  /** Seed of its initial weights, the default of its runs. */
  readonly seed?: number | undefined
  /** The run that its weights come from. */
  readonly run?: Run | undefined
  readonly warnings?: readonly string[]
}

/**
 * An autoencoder and the engine that computes it: pixels → hidden → bottleneck → hidden → pixels.
 *
 * A call that is made while another runs waits for it; one that is made in `onEpoch` runs at once, between the epochs.
 * After `dispose`, and after training ended in a `TrainingError`, every call rejects.
 */
export class BaseAutoencoder {
  readonly sizes: Required<AutoencoderSizes>
  /** What was odd about the file it came from, one line each; empty for others. */
  readonly warnings: readonly string[]
  readonly #engine: Engine
  readonly #seed: number | undefined
  readonly #queue = new CallQueue()
  #run: Run | undefined
  #isTraining = false

  protected constructor(engine: Engine, { seed, run, warnings = [] }: Start) {
    this.#engine = engine
    this.#seed = seed
    this.#run = run
    this.sizes = autoencoderSizes(engine.network)
    this.warnings = warnings
  }

  /** The device, its threads and its arithmetic. */
  get info(): EngineInfo {
    return this.#engine.info
  }

  /** One record for each epoch of its run, those before a checkpoint included. */
  get history(): readonly EpochRecord[] {
    return this.#run?.progress.history ?? []
  }

  /**
   * Trains until `epochs` epochs are complete, those done before included, or until `signal` aborts.
   *
   * Called again, or on a model from a checkpoint, it goes on with the run: the result is then, bit for bit, that of an
   * uninterrupted one. Its settings cannot change; to begin another run with these weights, save and load them. A model
   * loaded from weights alone begins a run with those.
   *
   * @returns how far it came: complete when its `epoch` equals `epochs`
   * @throws UsageError for settings or data that do not fit; TrainingError where a loss is not finite
   */
  train(data: Pick<Dataset, 'train' | 'test'>, options: TrainOptions = {}): Promise<TrainingProgress> {
    return this.#queue.add(async () => {
      if (this.#isTraining) throw new UsageError('train: expected no call from within onEpoch, found one')
      checkDataset(data, this.sizes)
      const config = settingsOf(options, this.#run, data.train.count, this.#seed)
      const progress = this.#run?.progress ?? startOfTraining(config)
      const keep = (progress: TrainingProgress) => {
        this.#run = { config, trainingImages: data.train.count, progress, notes: this.#run?.notes ?? {} }
      }
      const onEpoch = async (record: EpochRecord, progress: TrainingProgress) => {
        keep(progress)
        await this.#queue.interrupt(async () => options.onEpoch?.(record, progress))
      }
      this.#isTraining = true
      try {
        const reached = await train(this.#engine, data, config, { ...options, onEpoch }, progress)
        keep(reached)
        return reached
      } catch (error) {
        if (error instanceof TrainingError) this.#queue.close(error)
        throw error
      } finally {
        this.#isTraining = false
      }
    })
  }

  /** Codes, (n, bottleneck). Float32Array; Float64Array from the reference engine. */
  encode(images: Images): Promise<FloatArray> {
    return this.#queue.add(async () => this.#engine.encode(imageInputs(images, this.sizes)))
  }

  /** Images for codes (n, bottleneck): (n, pixels) in [0, 1]. */
  decode(codes: FloatArray): Promise<FloatArray> {
    return this.#queue.add(async () => this.#engine.decode(checkCodes(codes, this.sizes)))
  }

  /** What comes out for what goes in: (n, pixels) in [0, 1]. Denoises where the model was trained with noise. */
  reconstruct(images: Images): Promise<FloatArray> {
    return this.#queue.add(async () => this.#engine.forward(imageInputs(images, this.sizes)))
  }

  /** Mean squared error of each image's reconstruction against the image, (n): its anomaly score. */
  reconstructionErrors(images: Images): Promise<Float64Array> {
    return this.#queue.add(async () => this.#engine.reconstructionErrors(imageInputs(images, this.sizes)))
  }

  /**
   * (steps, pixels): images for codes at equal steps on the line from one image's code to another's, both ends included.
   *
   * @param first one image
   * @param second one image
   * @param steps at least 2
   */
  interpolate(first: Images, second: Images, steps = 8): Promise<FloatArray> {
    return this.#queue.add(async () => {
      checkSteps(steps)
      const [from, to] = [first, second].map((image) => imageInputs(image, this.sizes, 1))
      const codes = interpolateCodes(await this.#engine.encode(from), await this.#engine.encode(to), steps)
      return this.#engine.decode(codes)
    })
  }

  /**
   * Over a whole image set: MSE, PSNR and SSIM of reconstructions, and of noisy images before and after; latent units that
   * never fire; the error of each label.
   */
  evaluate(set: ImageSet, options: EvaluationOptions = {}): Promise<Evaluation> {
    return this.#queue.add(async () => {
      checkImages(set, this.sizes)
      checkEvaluation(options)
      return evaluate(this.#engine, set, options)
    })
  }

  /** All parameters in canonical order, (parameterCount): `fc1.weight` (hidden, pixels) row-major, `fc1.bias`, … */
  parameters(): Promise<Float32Array> {
    return this.#queue.add(async () => this.#readParameters())
  }

  /** The bytes of a file: PyTorch's state_dict, safetensors, or ONNX of opset 17 with a dynamic batch axis. */
  toBytes(format: FileFormat, { part = 'autoencoder' }: FileOptions = {}): Promise<Uint8Array> {
    return this.#queue.add(async () => {
      const { network } = this.#engine
      const parameters = await this.#readParameters()
      if (format === 'onnx') return writeOnnx(network, parameters, part).bytes
      return writeModel({ network, parameters }, `weights.${format}`)
    })
  }

  /**
   * The bytes of a checkpoint: weights, Adam's moments, progress and settings. What reads a model reads it too.
   *
   * @throws UsageError for a model that was not trained here and did not come from a checkpoint
   */
  toCheckpoint(): Promise<Uint8Array> {
    return this.#queue.add(async () => {
      if (!this.#run)
        throw new UsageError('checkpoint: expected a model in training, found one without a run')
      return writeCheckpoint({ sizes: this.sizes, ...this.#run, state: await this.#engine.readState() })
    })
  }

  /** Runs `work` alone on the engine, for what this class does not offer, such as `drawEvaluationFigures`. */
  withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    return this.#queue.add(async () => work(this.#engine))
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
