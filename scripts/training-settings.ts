/** The flags of `npm run train`, and the settings that follow from them and from a checkpoint to go on from. */
import { resolve } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import { limitImages } from '../src/data/dataset.ts'
import { loadDataset, readFileBytes } from '../src/data/node-files.ts'
import { type EngineOptions, prepareEngine } from '../src/engines/create.ts'
import { FileError, UsageError } from '../src/errors.ts'
import { modelFormat } from '../src/formats/model-file.ts'
import type { AutoencoderSizes } from '../src/model/recipes.ts'
import type { Checkpoint } from '../src/training/checkpoint.ts'
import { readCheckpoint } from '../src/training/checkpoint.ts'
import type { TrainingConfig } from '../src/training/trainer.ts'
import { DEFAULT_SEED, DEFAULT_TRAINING } from '../src/training/trainer.ts'
import {
  commandLine,
  dataOption,
  engineOptions,
  jsonOption,
  nonNegativeNumber,
  oneOf,
  path,
  positiveNumber,
  SEED_LIMIT,
  wholeNumber,
} from './cli.ts'

/** More units than this in a layer would not fit the memory of any engine. */
export const MAX_UNITS = 65536

const DEFAULTS = {
  z: 32,
  hidden: 392,
  latentActivation: 'relu',
  save: 'weights.pth',
  plot: 'plot.png',
  ...DEFAULT_TRAINING,
  seed: DEFAULT_SEED,
} as const

/** A flag without a yargs default: left out of a resumed run, it means the checkpoint's own value. */
function flag<Value>(
  describe: string,
  standard: string | number,
  coerce: (value: string) => Value,
  alias?: string[],
) {
  return {
    describe,
    defaultDescription: String(standard),
    requiresArg: true,
    coerce,
    alias: alias ?? [],
  } as const
}

function parseFlags(args: readonly string[]) {
  return commandLine('npm run train -- [flags]\n\nTrains the autoencoder.', args)
    .options({
      z: flag('latent units', DEFAULTS.z, wholeNumber('z', 1, MAX_UNITS), ['bottleneck']),
      epochs: flag('passes over the training set', DEFAULTS.epochs, wholeNumber('epochs', 1), ['e']),
      'batch-size': flag('images a step', DEFAULTS.batchSize, wholeNumber('batch-size', 1), ['b']),
      save: flag('weights: .pth (PyTorch) or .safetensors', DEFAULTS.save, path('save'), ['s']),
      plot: flag('loss curve, .png', DEFAULTS.plot, path('plot'), ['p']),
      checkpoint: flag(
        'all that --resume needs',
        'beside the weights: NAME.checkpoint.safetensors',
        path('checkpoint'),
      ),
      ...engineOptions,
      lr: flag('learning rate of Adam', DEFAULTS.learningRate, positiveNumber('lr'), ['learning-rate']),
      'weight-decay': flag('of Adam, coupled', DEFAULTS.weightDecay, nonNegativeNumber('weight-decay')),
      seed: flag('seed of every random number', DEFAULTS.seed, wholeNumber('seed', 0, SEED_LIMIT - 1)),
      hidden: flag('units of the two hidden layers', DEFAULTS.hidden, wholeNumber('hidden', 1, MAX_UNITS)),
      'latent-activation': flag(
        'relu or identity',
        DEFAULTS.latentActivation,
        oneOf('latent-activation', ['relu', 'identity']),
      ),
      'noise-std': flag(
        'train as a denoiser: standard deviation of the noise on the inputs',
        DEFAULTS.noiseStd,
        nonNegativeNumber('noise-std'),
      ),
      data: dataOption,
      limit: flag('train on the first so many images only', 'all', wholeNumber('limit', 1)),
      resume: { describe: 'checkpoint to go on from', requiresArg: true, coerce: path('resume') },
      json: jsonOption,
    })
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

export interface TrainingSettings {
  readonly sizes: Required<AutoencoderSizes>
  readonly config: TrainingConfig
  readonly data: Dataset
  readonly dataDirectory: string | undefined
  readonly limit: number | undefined
  readonly engine: EngineOptions
  readonly files: { readonly weights: string; readonly plot: string; readonly checkpoint: string }
  readonly isJson: boolean
  readonly resume: { readonly file: string; readonly checkpoint: Checkpoint } | undefined
}

/**
 * Flags and, with `--resume`, the checkpoint make the settings: what no flag says is the checkpoint's, else the default.
 * Loads the data. Throws UsageError or FileError for what does not fit together.
 */
export async function trainingSettings(args: readonly string[]): Promise<TrainingSettings> {
  const flags = await parseFlags(args)
  const prepared = await prepareEngine(flags)
  const resume = flags.resume === undefined ? undefined : await readResume(flags.resume)
  const stored = resume?.checkpoint
  const notes = stored?.notes ?? {}
  if (resume !== undefined) checkAgainstCheckpoint(flags, resume.checkpoint, resume.file)

  const weights = flags.save ?? notes.save ?? DEFAULTS.save
  const files = {
    weights,
    plot: flags.plot ?? notes.plot ?? DEFAULTS.plot,
    checkpoint:
      flags.checkpoint ?? (flags.save === undefined ? resume?.file : undefined) ?? besideWeights(weights),
  }
  checkNames(files)

  const dataDirectory = flags.data ?? (notes.data || undefined)
  const limit = flags.limit ?? (notes.limit === undefined ? undefined : Number(notes.limit))
  const all = await loadDataset(dataDirectory, prepared.allocate)
  if (limit !== undefined && limit > all.train.count) {
    throw new UsageError(`--limit: expected at most the ${all.train.count} training images, found ${limit}`)
  }
  const data = limit === undefined ? all : { ...all, train: limitImages(all.train, limit) }
  const input = data.train.width * data.train.height
  if (resume !== undefined) checkData(data, input, resume.checkpoint, resume.file)

  const sizes = stored?.sizes ?? {
    input,
    hidden: flags.hidden ?? DEFAULTS.hidden,
    bottleneck: flags.z ?? DEFAULTS.z,
    latentActivation: flags['latent-activation'] ?? DEFAULTS.latentActivation,
  }
  const config = stored
    ? { ...stored.config, epochs: flags.epochs ?? stored.config.epochs }
    : configFromFlags(flags)
  if (config.batchSize > data.train.count) {
    throw new UsageError(
      `--batch-size: expected at most the ${data.train.count} training images, found ${config.batchSize}`,
    )
  }
  const { device, threads, simd, json } = flags
  return {
    sizes,
    config,
    data,
    dataDirectory,
    limit,
    engine: { device, threads, simd, prepared },
    files,
    isJson: json,
    resume,
  }
}

function configFromFlags(flags: Flags): TrainingConfig {
  return {
    seed: flags.seed ?? DEFAULTS.seed,
    epochs: flags.epochs ?? DEFAULTS.epochs,
    batchSize: flags['batch-size'] ?? DEFAULTS.batchSize,
    learningRate: flags.lr ?? DEFAULTS.learningRate,
    weightDecay: flags['weight-decay'] ?? DEFAULTS.weightDecay,
    noiseStd: flags['noise-std'] ?? DEFAULTS.noiseStd,
  }
}

/** `weights.pth` and `weights.safetensors` have their checkpoint in `weights.checkpoint.safetensors`. */
function besideWeights(weights: string): string {
  return `${weights.replace(/\.(pth|pt|safetensors)$/i, '')}.checkpoint.safetensors`
}

async function readResume(file: string): Promise<{ file: string; checkpoint: Checkpoint }> {
  return { file, checkpoint: readCheckpoint(await readFileBytes(file), file) }
}

/** A resumed run repeats the interrupted one, so a flag must not say otherwise. More epochs it may ask for. */
function checkAgainstCheckpoint(flags: Flags, checkpoint: Checkpoint, file: string): void {
  const { sizes, config, notes, progress } = checkpoint
  const pairs = [
    ['z', flags.z, sizes.bottleneck],
    ['hidden', flags.hidden, sizes.hidden],
    ['latent-activation', flags['latent-activation'], sizes.latentActivation],
    ['batch-size', flags['batch-size'], config.batchSize],
    ['lr', flags.lr, config.learningRate],
    ['weight-decay', flags['weight-decay'], config.weightDecay],
    ['seed', flags.seed, config.seed],
    ['noise-std', flags['noise-std'], config.noiseStd],
    ['limit', flags.limit, notes.limit === undefined ? 'none' : Number(notes.limit)],
  ] as const
  for (const [name, asked, stored] of pairs) {
    if (asked !== undefined && asked !== stored) {
      throw new FileError(file, `expected a checkpoint of --${name} ${asked}, found one of ${stored}`)
    }
  }
  const epochs = flags.epochs ?? config.epochs
  if (epochs <= progress.epoch) {
    throw new UsageError(
      `--epochs: expected more than the ${progress.epoch} epochs that ${file} has done, found ${epochs}`,
    )
  }
}

function checkData(data: Dataset, input: number, checkpoint: Checkpoint, file: string): void {
  if (checkpoint.sizes.input !== input) {
    throw new FileError(
      file,
      `expected a checkpoint for images of ${input} pixels as in ${data.name}, found one of ${checkpoint.sizes.input}`,
    )
  }
  if (checkpoint.trainingImages !== data.train.count) {
    throw new FileError(
      file,
      `expected a checkpoint for the ${data.train.count} training images of ${data.name}, ` +
        `found one of ${checkpoint.trainingImages}`,
    )
  }
}

function checkNames(files: TrainingSettings['files']): void {
  modelFormat(files.weights)
  if (!/\.png$/i.test(files.plot)) throw new UsageError(`--plot: expected a .png file, found ${files.plot}`)
  const resolved = Object.values(files).map((file) => resolve(file))
  if (new Set(resolved).size < resolved.length) {
    throw new UsageError(
      `--save, --plot, --checkpoint: expected three files, found ${Object.values(files).join(', ')}`,
    )
  }
}

/** What a checkpoint keeps of the settings so that `--resume` alone goes on with all of them. */
export function notesOf({ files, dataDirectory, limit }: TrainingSettings): Record<string, string> {
  return {
    save: files.weights,
    plot: files.plot,
    ...(dataDirectory === undefined ? {} : { data: resolve(dataDirectory) }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
  }
}
