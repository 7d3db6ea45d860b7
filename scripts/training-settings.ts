/** The flags of `npm run train`, and the run, the data and the engine that follow from them. */
import { resolve } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import { limitImages } from '../src/data/dataset.ts'
import type { RoomFor } from '../src/data/node-files.ts'
import { holdsIdxFiles, loadDataset, readFileBytes } from '../src/data/node-files.ts'
import { checkTargets } from '../src/engines/checks.ts'
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
import { checkSchedule, spreadsOverRun } from '../src/training/config.ts'
import { commandLine, dataOption, engineOptions, jsonOption, path, wholeNumber } from './cli.ts'
import { flagsSet } from './config-file.ts'
import { commandText } from './repeat-command.ts'
import { SETTING_FLAGS, settingOption } from './setting-flags.ts'
import {
  checkNoOwnFlags,
  checkSameFlags,
  flagTexts,
  keptFlags,
  loadOwnData,
  type OwnDataFlags,
  type OwnRun,
  ownDataFlags,
  ownNote,
  parseKeptFlags,
  type RunData,
} from './training-data.ts'

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
      patience: settingOption('patience'),
      keep: settingOption('keep'),
      data: {
        ...dataOption,
        describe:
          'your own table (.csv, .parquet), array (.npy, .npz) or folder of pictures, or four IDX files',
      },
      ...ownDataFlags,
      limit: {
        describe: 'train on the first so many images or rows only',
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

  constructor(file: string, { config, progress }: Run) {
    const { epochs, patience } = config
    const more = spreadsOverRun(config) ? '' : '; more --epochs go on'
    this.line =
      progress.epoch < epochs
        ? `${file}: stopped after epoch ${progress.epoch}, ${patience} in a row without gain; more --patience goes on`
        : `${file}: all ${epochs} ${epochs === 1 ? 'epoch is' : 'epochs are'} done${more}`
  }
}

/** What a run of the command begins with. */
export interface TrainingJob {
  readonly run: Run
  /** Holds the run's state, unless it is to be initialized. */
  readonly engine: Engine
  readonly data: RunData
  /** What is known of data of one's own; undefined for four IDX files. */
  readonly own: OwnKnown | undefined
  /** As it was given; undefined for the MNIST of the package. */
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

/** Of data of one's own. */
export interface OwnKnown extends Pick<OwnRun, 'raw' | 'preprocessing' | 'scored' | 'clip'> {
  /** Settings that were proposed for them, in words; undefined where none were. */
  readonly proposal: string | undefined
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
  const ownFlags = await ownFlagsOf(flags, dataDirectory, stored && notes)
  const kept = { ...notesOf(files, dataDirectory, limit), ...(ownFlags && ownNote(flagTexts(ownFlags))) }
  const settings = completeSettings(given)
  // Before the data are read: a flag that contradicts the checkpoint needs no wait.
  const before = stored && Run.from(stored, file)
  before?.checkUnchanged(given, nameOfFlag)
  if (!before) checkSchedule(settings, nameOfFlag)
  if (before?.isComplete && flags.epochs === undefined && flags.patience === undefined) {
    return new RunIsComplete(String(file), before)
  }
  const continued = before?.continued(given, kept, nameOfFlag)

  const holding = holdOutputs(replacedFiles(files))
  const wanted = { dataDirectory, limit, given, settings, run: continued, options: flags }
  const loading = ownFlags ? loadOwn({ ...wanted, flags: ownFlags }) : loadImages(wanted)
  // Both take a while, and neither needs the other. What the first of them fails with is said.
  await Promise.allSettled([holding, loading])
  let outputs: Outputs | undefined
  let engine: Engine | undefined
  try {
    outputs = await holding
    const loaded = await loading
    engine = loaded.engine
    const { data, own } = loaded
    const fitting = fitBatch(loaded.settings, given, data.train.count)
    const run = continued ?? Run.begin(engine.network, trainingOf(fitting), kept, own?.preprocessing)
    if (run.config.batchSize > data.train.count) {
      const rows = own ? 'rows' : 'images'
      throw new UsageError(
        `--batch-size: expected at most the ${data.train.count} training ${rows}, found ${run.config.batchSize}`,
      )
    }
    if (data.test && engine.network.loss === 'bce') checkTargets(engine.network, data.test.rows, 'test rows')
    if (stored) await engine.writeState(stored.state)
    await run.recognize(engine, data)
    const events = files.tensorboard && (await EventLog.open(files.tensorboard, run.progress.epoch))
    const saysNothing = stored !== undefined && stored.identity === undefined
    const unverified = `${file}: does not say what data it was trained on; taken for those of ${data.name}`
    const notes = [...(saysNothing ? [unverified] : []), ...(own?.raw.notes ?? [])]
    return {
      run,
      engine,
      data,
      own,
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
 * The flags of data of one's own, typed or kept by a checkpoint; undefined where the data are four IDX files.
 *
 * @param notes of the checkpoint, if there is one
 */
async function ownFlagsOf(
  flags: Flags,
  data: string | undefined,
  notes: Readonly<Record<string, string>> | undefined,
): Promise<OwnDataFlags | undefined> {
  if (notes) {
    const file = String(flags.resume)
    const kept = keptFlags(notes, file)
    checkSameFlags(flags, kept ?? {}, file)
    return kept && { ...parseKeptFlags(kept, file), 'memory-limit': flags['memory-limit'] }
  }
  if (data !== undefined && !(await holdsIdxFiles(data))) {
    return Object.fromEntries(
      (Object.keys(ownDataFlags) as (keyof OwnDataFlags)[]).map((name) => [name, flags[name]]),
    )
  }
  checkNoOwnFlags(flags, data === undefined ? 'none' : `the IDX files of ${data}`)
  return undefined
}

interface Loading {
  readonly dataDirectory: string | undefined
  readonly limit: number | undefined
  readonly given: GivenSettings
  /** Where nothing is known of the data. */
  readonly settings: RunSettings
  /** That is gone on with. */
  readonly run: Run | undefined
  readonly options: EngineOptions
}

interface Loaded {
  readonly data: RunData
  readonly engine: Engine
  readonly own: OwnKnown | undefined
  /** Of a run that begins. */
  readonly settings: RunSettings
}

/** Four IDX files: those of MNIST where no directory is given. */
async function loadImages({ dataDirectory, limit, settings, run, options }: Loading): Promise<Loaded> {
  const networkFor = (input: number) => run?.network ?? networkOf(settings, input)
  const { data: all, engine } = await loadOnEngine(dataDirectory, networkFor, options)
  try {
    const data = limit === undefined ? all : limited(all, limit)
    if (run) checkPixels(data, run)
    const { width, height } = data.train
    return { data: { ...data, picture: { width, height, channels: 1 } }, engine, own: undefined, settings }
  } catch (error) {
    await engine.dispose()
    throw error
  }
}

/** Data of one's own, for which a network is proposed. */
async function loadOwn(loading: Loading & { readonly flags: OwnDataFlags }): Promise<Loaded> {
  const { dataDirectory, limit, given, run, options, flags } = loading
  const { data, raw, preprocessing, isUnit, live, scored, clip } = await loadOwnData({
    path: String(dataDirectory),
    flags,
    seed: run?.config.seed ?? loading.settings.seed,
    limit,
    // A sigmoid gives what lies in [0, 1].
    wantsUnit: given.loss === 'bce' || given.outputActivation === 'sigmoid',
    preprocessing: run?.preprocessing,
  })
  const { proposeSettings, proposalText } = await import('../src/run/proposal.ts')
  const proposed = proposeSettings({ inputs: raw.inputs, live, rows: data.train.count, isUnit })
  const settings = completeSettings(given, {
    ...DEFAULT_SETTINGS,
    ...proposed.network,
    ...proposed.training,
  })
  const network = run?.network ?? networkOf(settings, raw.inputs)
  const proposal = run ? undefined : proposalText(network, settings, given, data.train.count, nameOfFlag)
  return {
    data,
    engine: await createEngine(network, options),
    own: { raw, preprocessing, scored, clip, proposal },
    settings,
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

function nameOfFlag(setting: SettingName): string {
  return `--${SETTING_FLAGS[setting].flag}`
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
    patience: flags.patience,
    keep: flags.keep,
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

function checkPixels(data: Dataset, { network, file }: Run): void {
  const pixels = data.train.width * data.train.height
  if (inputSize(network) === pixels) return
  throw new FileError(
    String(file),
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
