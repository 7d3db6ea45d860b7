/**
 * `npm run train`: trains the autoencoder; after every epoch it writes weights, loss plot and checkpoint
 * anew.
 */
import { parametersSha256 } from '../src/data/digest.ts'
import { releaseImages } from '../src/data/node-files.ts'
import { TrainingError } from '../src/errors.ts'
import type { ErrorQuantiles } from '../src/model/error-quantiles.ts'
import type { FloatArray, ModelState } from '../src/model/state.ts'
import { stateOf } from '../src/model/state.ts'
import type { Interrupt } from '../src/run/interrupt.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { findDeadUnits } from '../src/run/latent-units.ts'
import { whyNoPlot, writeRunFiles } from '../src/run/outputs.ts'
import { measureTrainingErrors } from '../src/run/training-errors.ts'
import { bestEpoch } from '../src/training/stopping.ts'
import type { TrainingProgress } from '../src/training/trainer.ts'
import { runCommand } from './cli.ts'
import type { TrainingJob } from './training-job.ts'
import { RunIsComplete, trainingJob } from './training-job.ts'
import type { TrainingEnd, TrainingReport } from './training-report.ts'
import { jsonReport, textReport } from './training-report.ts'

async function main(args: string[]): Promise<number | undefined> {
  const job = await trainingJob(args)
  if (job instanceof RunIsComplete) {
    console.error(job.line)
    return 0
  }
  const report = job.isJson ? jsonReport() : textReport()
  try {
    for (const note of [...job.outputs.notes, ...job.notes]) report.notice(note)
    report.start(job)
    return await trainAndSave(job, report)
  } finally {
    await Promise.all([job.engine.dispose(), job.outputs.release()])
  }
}

/**
 * Epochs of small tables take milliseconds: their files are written no more often than this, and in the end.
 */
const SAVE_AFTER_MS = 2000

/** What was saved last. Dead units are sought while files are written, if that is the end of the run. */
interface Saved {
  readonly files: readonly string[]
  readonly epoch: number
  readonly parameters: FloatArray
  /** Undefined before the last epoch. */
  readonly deadUnits: readonly number[] | undefined
  readonly errors: ErrorQuantiles | undefined
}

/** Size of a row where it can be shown as it is: one channel, not scaled. */
function greyPicture({ data, own }: TrainingJob): { width: number; height: number } | undefined {
  const { picture } = data
  if (!picture || own?.preprocessing.scaling) return undefined
  return 'channels' in picture && picture.channels === 3 ? undefined : picture
}

async function trainAndSave(job: TrainingJob, report: TrainingReport): Promise<number | undefined> {
  const { run, engine, data, files, events } = job
  const firstEpoch = run.progress.epoch
  const interrupt = onInterrupt(() => report.notice('Interrupted: finishing the step, then saving'))
  let saved: Saved | undefined
  let savedMs = performance.now()
  let canPlot: Promise<boolean> | undefined
  const save = async (isEnd: boolean) => {
    const state = await engine.readState()
    const parameters = run.resultOf(state)
    const errors = isEnd ? await conclude(job, state, parameters) : undefined
    const [written, deadUnits] = await Promise.all([
      writeRunFiles(run, state, files, (await canPlot) === true, errors),
      run.isComplete ? findDeadUnits(engine, judging(job)) : undefined,
    ])
    saved = { files: written, epoch: run.progress.epoch, parameters, deadUnits, errors: errors?.weights }
    savedMs = performance.now()
  }
  try {
    const progress = await run.train(
      engine,
      data,
      {
        signal: interrupt.signal,
        onRowsResident: () => {
          // Those of one's own are measured once more in the end.
          if (job.own === undefined) releaseImages(data.train)
          // This thread waits for the workers now, and later for itself. What fails here fails again, and is
          // said, in `save`.
          canPlot = checkPlot(files.plot, report)
          canPlot.catch(() => undefined)
        },
        onProgress: report.progress,
        async onEpoch(record) {
          const picture = (await canPlot) === true ? greyPicture(job) : undefined
          // Before the checkpoint: a run that goes on from it does not tell of this epoch again.
          const told = await events
            ?.add(record, { engine, test: data.test, picture })
            .catch((error: unknown) => ({ error }))
          const isDue = job.own === undefined || performance.now() - savedMs > SAVE_AFTER_MS
          if (isDue || run.isComplete || told) await save(run.isComplete)
          if (told) throw told.error
          report.epoch(record)
        },
      },
      { initialize: job.resumed === undefined },
    )
    // An epoch that ended with the interrupt was saved as one of many, without the errors, or not at all.
    const lacksErrors = job.own !== undefined && interrupt.signal.aborted && !run.isComplete
    if (progress.batchLosses.length > 0 || lacksErrors) await save(true)
    const end = await closing(job, progress, interrupt, saved)
    report.end({ ...end, files: [...end.files, ...(events?.files ?? [])] })
    return interrupt.exitCode()
  } catch (error) {
    const epoch = saved?.epoch ?? (job.resumed === undefined ? undefined : firstEpoch)
    if (!(error instanceof TrainingError) || epoch === undefined) throw error
    throw new TrainingError(`${error.message}; ${files.checkpoint} keeps epoch ${epoch}`, { cause: error })
  } finally {
    interrupt.release()
  }
}

/** Without node-canvas a run still trains, but its user hears at once that there will be no plot. */
async function checkPlot(plot: string, report: TrainingReport): Promise<boolean> {
  const reason = await whyNoPlot()
  if (reason !== undefined) report.notice(`${plot} will not be drawn: ${reason}`)
  return reason === undefined
}

/**
 * Puts the weights that the run is for on the engine, which its end is judged by; of data of one's own,
 * measures the errors that a model keeps.
 */
async function conclude({ engine, own }: TrainingJob, state: ModelState, result: FloatArray) {
  const isLast = result === state.parameters
  const checkpoint = own && (await measureTrainingErrors(engine, own.scored.rows))
  if (!isLast) await engine.writeState(stateOf(result))
  if (!own || !checkpoint) return undefined
  return { checkpoint, weights: isLast ? checkpoint : await measureTrainingErrors(engine, own.scored.rows) }
}

/** The rows that say which latent units are of use. */
function judging({ data }: TrainingJob) {
  return (data.test ?? data.train).rows
}

async function closing(
  job: TrainingJob,
  progress: TrainingProgress,
  interrupt: Interrupt,
  saved: Saved | undefined,
): Promise<TrainingEnd> {
  const { engine, run } = job
  const kept = run.config.keep === 'best' ? bestEpoch(progress.history) : progress.history.at(-1)
  // Within an epoch the weights are no longer those that were tested, and the user is waiting for the prompt.
  const isWithinEpoch = progress.batchLosses.length > 0 || progress.epoch === 0
  const summary = isWithinEpoch
    ? { testLoss: undefined, deadUnits: undefined, trainLoss: undefined }
    : {
        testLoss: kept?.testLoss,
        trainLoss: kept?.trainLoss,
        deadUnits: saved?.deadUnits ?? (await findDeadUnits(engine, judging(job))),
      }
  const parameters = saved?.parameters ?? (await engine.readState()).parameters
  return {
    isInterrupted: interrupt.signal.aborted,
    epochs: progress.epoch,
    isStalled: run.isComplete && progress.epoch < run.config.epochs,
    keptEpoch: kept?.epoch,
    errors: saved?.errors,
    files: saved?.files ?? [],
    ...summary,
    parametersSha256: (await parametersSha256(parameters)) ?? '',
  }
}

await runCommand(main)
