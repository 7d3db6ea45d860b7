/** A run of `npm run train` before its first step: what flags, checkpoint and data make of it. */
import { readFileBytes } from '../src/data/node-files.ts'
import { checkTargets } from '../src/engines/checks.ts'
import { prepareEngine } from '../src/engines/create.ts'
import type { Engine } from '../src/engines/engine.ts'
import { UsageError } from '../src/errors.ts'
import type { Outputs } from '../src/files/write.ts'
import { holdOutputs } from '../src/files/write.ts'
import { readCheckpoint } from '../src/run/checkpoint.ts'
import { EventLog } from '../src/run/event-log.ts'
import type { RunFiles } from '../src/run/outputs.ts'
import { checkFileNames, replacedFiles } from '../src/run/outputs.ts'
import { Run } from '../src/run/run.ts'
import { completeSettings, fitBatch, trainingOf } from '../src/run/settings.ts'
import { checkSchedule, spreadsOverRun } from '../src/training/config.ts'
import { nameOfFlag } from './setting-flags.ts'
import { flagTexts, ownNote, type RunData } from './training-data.ts'
import { checkLoss, givenSettings, parseFlags } from './training-flags.ts'
import { loadImages, loadOwn, type OwnKnown } from './training-loading.ts'
import { checkLimit, commandOf, filesOf, limitOf, notesOf, ownFlagsOf } from './training-places.ts'

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

/**
 * Flags and, with `--resume`, the checkpoint make the run: what no flag says is the checkpoint's, else the
 * default. Loads the data and makes the engine, which is the caller's to dispose of. Throws UsageError or
 * FileError for what does not fit together.
 */
export async function trainingJob(args: readonly string[]): Promise<TrainingJob | RunIsComplete> {
  const flags = await parseFlags(args)
  const given = givenSettings(flags)
  checkLoss(given)
  const file = flags.resume
  const stored = file === undefined ? undefined : readCheckpoint(await readFileBytes(file), file)
  const notes = stored?.notes ?? {}
  if (stored) checkLimit(flags, notes, String(file))
  const files = await filesOf(flags, notes)
  checkFileNames(files)

  const dataDirectory = flags.data ?? (notes.data || undefined)
  const limit = flags.limit ?? limitOf(notes, String(file))
  const ownFlags = await ownFlagsOf(flags, dataDirectory, stored)
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

  // After all that could refuse the call: it may have to compile the core, and says so.
  prepareEngine(flags)
  const holding = holdOutputs(replacedFiles(files), [dataDirectory, ownFlags?.test])
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
