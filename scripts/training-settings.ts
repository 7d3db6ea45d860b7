/** The flags of `npm run train`, and the run, the data and the engine that follow from them. */
import { resolve } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import { limitImages } from '../src/data/dataset.ts'
import type { RoomFor } from '../src/data/node-files.ts'
import { loadDataset, readFileBytes } from '../src/data/node-files.ts'
import type { EngineOptions } from '../src/engines/create.ts'
import { createEngine, prepareEngine } from '../src/engines/create.ts'
import type { Engine } from '../src/engines/engine.ts'
import { FileError, UsageError } from '../src/errors.ts'
import type { Outputs } from '../src/files/write.ts'
import { holdOutputs } from '../src/files/write.ts'
import { OUTPUT_ACTIVATIONS } from '../src/model/check-network.ts'
import type { Network } from '../src/model/network.ts'
import { inputSize } from '../src/model/network.ts'
import { quote } from '../src/quote.ts'
import type { Checkpoint } from '../src/run/checkpoint.ts'
import { readCheckpoint } from '../src/run/checkpoint.ts'
import { EventLog } from '../src/run/event-log.ts'
import type { RunFiles } from '../src/run/outputs.ts'
import {
  checkFileNames,
  checkpointBeside,
  DEFAULT_FILES,
  fileNotes,
  filesOfNotes,
  replacedFiles,
} from '../src/run/outputs.ts'
import { Run } from '../src/run/run.ts'
import type { GivenSettings, RunSettings, SettingName } from '../src/run/settings.ts'
import {
  completeSettings,
  DEFAULT_SETTINGS,
  fitBatch,
  networkOf,
  networkSettingsOf,
  settingsOf,
  settingText,
  trainingOf,
} from '../src/run/settings.ts'
import { checkSchedule } from '../src/training/config.ts'
import { spreadsOverRun } from '../src/training/schedule.ts'
import { commandLine, dataOption, engineOptions, jsonOption, path, wholeNumber } from './cli.ts'
import { flagsSet } from './config-file.ts'
import { commandText } from './repeat-command.ts'
import { SETTING_FLAGS, settingOption } from './setting-flags.ts'

/** A file's flag without a yargs default: what is not typed is the checkpoint's own. */
function fileOption(flag: string, describe: string, standard: string, alias: string[] = []) {
  return { describe, defaultDescription: standard, requiresArg: true, coerce: path(flag), alias } as const
}

function parseFlags(args: readonly string[]) {
  return commandLine('npm run train -- [flags]\n\nTrains the autoencoder.', args)
    .options({
      z: settingOption('bottleneck'),
      epochs: settingOption('epochs'),
      'batch-size': settingOption('batchSize'),
      save: fileOption('save', 'weights: .pth (PyTorch) or .safetensors', DEFAULT_FILES.weights, ['s']),
      plot: fileOption('plot', 'loss curve, .png', DEFAULT_FILES.plot, ['p']),
      checkpoint: fileOption(
        'checkpoint',
        'all that --resume needs',
        'beside the weights: NAME.checkpoint.safetensors',
      ),
      log: { describe: 'history, .csv, anew after every epoch', requiresArg: true, coerce: path('log') },
      tensorboard: {
        describe: 'directory of event files for TensorBoard: losses, rate, pictures, codes',
        requiresArg: true,
        coerce: path('tensorboard'),
      },
      ...engineOptions,
      lr: settingOption('learningRate'),
      'weight-decay': settingOption('weightDecay'),
      schedule: settingOption('schedule'),
      warmup: settingOption('warmup'),
      'final-lr': settingOption('finalLearningRate'),
      seed: settingOption('seed'),
      hidden: settingOption('hidden'),
      activation: settingOption('activation'),
      'latent-activation': settingOption('latentActivation'),
      'latent-bias': settingOption('latentBias'),
      'output-activation': settingOption('outputActivation'),
      loss: settingOption('loss'),
      'noise-std': settingOption('noiseStd'),
      data: dataOption,
      limit: {
        describe: 'train on the first so many images only',
        defaultDescription: 'all',
        requiresArg: true,
        coerce: wholeNumber('limit', 1),
      },
      resume: { describe: 'checkpoint to go on from', requiresArg: true, coerce: path('resume') },
      json: jsonOption,
    })
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

/** A run of which every epoch is done: nothing is left to do, and nothing is wrong. */
export class RunIsComplete {
  readonly line: string

  constructor(file: string, { config }: Run) {
    const { epochs } = config
    const more = spreadsOverRun(config) ? '' : '; more --epochs go on'
    this.line = `${file}: all ${epochs} ${epochs === 1 ? 'epoch is' : 'epochs are'} done${more}`
  }
}

/** What a run of the command begins with. */
export interface TrainingJob {
  readonly run: Run
  /** Holds the run's state, unless it is to be initialized. */
  readonly engine: Engine
  readonly data: Dataset
  readonly dataDirectory: string | undefined
  readonly limit: number | undefined
  readonly files: RunFiles
  /** Where `--tensorboard` asks for one. */
  readonly events: EventLog | undefined
  /** Keeps other runs off the files until released, which is the caller's to do. */
  readonly outputs: Outputs
  /** What the user should know, one line each. */
  readonly notes: readonly string[]
  /** The command line that repeats the whole run; undefined for a network that no flags make. */
  readonly command: string | undefined
  readonly isJson: boolean
  /** Name of the checkpoint that it goes on from. */
  readonly resumed: string | undefined
}

/**
 * Flags and, with `--resume`, the checkpoint make the run: what no flag says is the checkpoint's, else the default. Loads
 * the data and makes the engine, which is the caller's to dispose of. Throws UsageError or FileError for what does not fit
 * together.
 */
export async function trainingJob(args: readonly string[]): Promise<TrainingJob | RunIsComplete> {
  const flags = await parseFlags(args)
  const given = givenSettings(flags)
  checkLoss(given)
  prepareEngine(flags)
  const file = flags.resume
  const stored = file === undefined ? undefined : readCheckpoint(await readFileBytes(file), file)
  const notes = stored?.notes ?? {}
  if (stored) checkLimit(flags, notes, String(file))
  const files = await filesOf(flags, notes)
  checkFileNames(files)

  const dataDirectory = flags.data ?? (notes.data || undefined)
  const limit = flags.limit ?? limitOf(notes, String(file))
  const kept = notesOf(files, dataDirectory, limit)
  const settings = completeSettings(given)
  // Before the data are read: a flag that contradicts the checkpoint needs no wait.
  const before = stored && Run.from(stored, file)
  const nameOf = (setting: SettingName) => `--${SETTING_FLAGS[setting].flag}`
  before?.checkUnchanged(given, nameOf)
  if (!before) checkSchedule(settings, nameOf)
  if (before && flags.epochs === undefined && before.isComplete) {
    return new RunIsComplete(String(file), before)
  }
  const continued = before?.continued(given, kept, nameOf)
  const networkFor = (input: number) => continued?.network ?? networkOf(settings, input)

  const holding = holdOutputs(replacedFiles(files))
  const loading = loadOnEngine(dataDirectory, networkFor, flags)
  // Both take a while, and neither needs the other. What the first of them fails with is said.
  await Promise.allSettled([holding, loading])
  let outputs: Outputs | undefined
  let engine: Engine | undefined
  try {
    outputs = await holding
    const loaded = await loading
    engine = loaded.engine
    const all = loaded.data
    const data = limit === undefined ? all : limited(all, limit)
    if (stored) checkPixels(data, stored, String(file))
    const fitting = fitBatch(settings, given, data.train.count)
    const run = continued ?? Run.begin(engine.network, trainingOf(fitting), kept)
    if (run.config.batchSize > data.train.count) {
      throw new UsageError(
        `--batch-size: expected at most the ${data.train.count} training images, found ${run.config.batchSize}`,
      )
    }
    if (stored) await engine.writeState(stored.state)
    await run.recognize(engine, data)
    const events = files.tensorboard && (await EventLog.open(files.tensorboard, run.progress.epoch))
    const saysNothing = stored !== undefined && stored.identity === undefined
    const unverified = `${file}: does not say what data it was trained on; taken for those of ${data.name}`
    const notes = saysNothing ? [unverified] : []
    return {
      run,
      engine,
      data,
      dataDirectory,
      limit,
      files,
      events: events || undefined,
      outputs,
      notes,
      command: commandOf(flags, run, { data: dataDirectory, limit, files }),
      isJson: flags.json,
      resumed: file,
    }
  } catch (error) {
    await (engine ?? (await loading.catch(() => undefined))?.engine)?.dispose()
    await outputs?.release()
    throw error
  }
}

/**
 * The data, with the training images in the engine's own memory where they can be read right into it: the engine is made
 * as soon as a file's header tells the size of a row.
 */
async function loadOnEngine(
  directory: string | undefined,
  networkFor: (input: number) => Network,
  options: EngineOptions,
): Promise<{ data: Dataset; engine: Engine }> {
  let engine: Promise<Engine> | undefined
  const engineFor = (width: number, height: number) => {
    engine ??= createEngine(networkFor(width * height), options)
    return engine
  }
  const roomFor: RoomFor = async ({ count, width, height }) => {
    const made = await engineFor(width, height)
    // A checkpoint's network may be for other images: said when the data are known.
    return inputSize(made.network) === width * height
      ? made.roomFor(count)
      : new Uint8Array(count * width * height)
  }
  try {
    const data = await loadDataset(directory, roomFor)
    return { data, engine: await engineFor(data.train.width, data.train.height) }
  } catch (error) {
    await engine?.then(
      (made) => made.dispose(),
      () => undefined,
    )
    throw error
  }
}

interface Places {
  readonly data: string | undefined
  readonly limit: number | undefined
  readonly files: RunFiles
}

/**
 * The command line that repeats the run from its beginning: what was typed, what a config file says and, of a
 * run that goes on, what its checkpoint says where that is no default. Undefined for a network that no flags
 * make.
 */
function commandOf(flags: Flags, run: Run, { data, limit, files }: Places): string | undefined {
  const { network, config } = run
  if (networkSettingsOf(network) === undefined) return undefined
  const set = new Map(flagsSet(flags))
  const complete = (flag: string, value: string | number | undefined, standard?: string) => {
    if (value !== undefined && !set.has(flag) && String(value) !== standard) set.set(flag, String(value))
  }
  const settings = settingsOf(network, config) as RunSettings
  for (const name of Object.keys(SETTING_FLAGS) as SettingName[]) {
    const standard = settingText(DEFAULT_SETTINGS[name])
    complete(SETTING_FLAGS[name].flag, settingText(settings[name]), standard)
  }
  if (flags.resume !== undefined) {
    complete('data', data)
    complete('limit', limit)
    complete('save', files.weights, DEFAULT_FILES.weights)
    complete('plot', files.plot, DEFAULT_FILES.plot)
    complete('checkpoint', files.checkpoint, checkpointBeside(files.weights))
    complete('log', files.log)
    complete('tensorboard', files.tensorboard)
  }
  for (const flag of ['resume', 'json']) set.delete(flag)
  return commandText('train', set)
}

function givenSettings(flags: Flags): GivenSettings {
  return {
    bottleneck: flags.z,
    hidden: flags.hidden,
    activation: flags.activation,
    latentActivation: flags['latent-activation'],
    outputActivation: flags['output-activation'],
    loss: flags.loss,
    epochs: flags.epochs,
    batchSize: flags['batch-size'],
    learningRate: flags.lr,
    weightDecay: flags['weight-decay'],
    noiseStd: flags['noise-std'],
    seed: flags.seed,
    schedule: flags.schedule,
    warmup: flags.warmup,
    finalLearningRate: flags['final-lr'],
    latentBias: flags['latent-bias'],
  }
}

/** Throws UsageError for an output that the loss is not defined for, in terms of the flags. */
function checkLoss({ outputActivation, loss }: GivenSettings): void {
  if (outputActivation === undefined || loss === undefined) return
  const possible = OUTPUT_ACTIVATIONS[loss]
  if (possible.includes(outputActivation)) return
  throw new UsageError(
    `--output-activation: expected ${possible.join(' or ')} with --loss ${loss}, found ${outputActivation}`,
  )
}

function limited(all: Dataset, limit: number): Dataset {
  if (limit > all.train.count) {
    throw new UsageError(`--limit: expected at most the ${all.train.count} training images, found ${limit}`)
  }
  return { ...all, train: limitImages(all.train, limit) }
}

async function filesOf(flags: Flags, notes: Readonly<Record<string, string>>): Promise<RunFiles> {
  const isGiven = {
    weights: flags.save !== undefined,
    plot: flags.plot !== undefined,
    log: flags.log !== undefined,
    tensorboard: flags.tensorboard !== undefined,
  }
  const kept = flags.resume === undefined ? {} : await filesOfNotes(notes, flags.resume, isGiven)
  const weights = flags.save ?? kept.weights ?? DEFAULT_FILES.weights
  const log = flags.log ?? kept.log
  const tensorboard = flags.tensorboard ?? kept.tensorboard
  return {
    weights,
    plot: flags.plot ?? kept.plot ?? DEFAULT_FILES.plot,
    checkpoint:
      flags.checkpoint ?? (flags.save === undefined ? flags.resume : undefined) ?? checkpointBeside(weights),
    ...(log !== undefined && { log }),
    ...(tensorboard !== undefined && { tensorboard }),
  }
}

/** Throws FileError for a note that no run has written. */
function limitOf({ limit }: Readonly<Record<string, string>>, file: string): number | undefined {
  if (limit === undefined) return undefined
  if (/^[1-9]\d{0,9}$/.test(limit)) return Number(limit)
  throw new FileError(file, `notes.limit: expected a whole number of at least 1, found ${quote(limit)}`)
}

function checkLimit(flags: Flags, notes: Readonly<Record<string, string>>, file: string): void {
  const stored = notes.limit ?? 'none'
  if (flags.limit === undefined || String(flags.limit) === stored) return
  throw new FileError(file, `expected a checkpoint of --limit ${flags.limit}, found one of ${stored}`)
}

function checkPixels(data: Dataset, { network }: Checkpoint, file: string): void {
  const pixels = data.train.width * data.train.height
  if (inputSize(network) === pixels) return
  throw new FileError(
    file,
    `expected a checkpoint for images of ${pixels} pixels as in ${data.name}, found one of ${inputSize(network)}`,
  )
}

/** What a checkpoint keeps besides the run so that `--resume` alone goes on with all of it. */
function notesOf(
  files: RunFiles,
  dataDirectory: string | undefined,
  limit: number | undefined,
): Record<string, string> {
  return {
    ...fileNotes(files),
    ...(dataDirectory === undefined ? {} : { data: resolve(dataDirectory) }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
  }
}
