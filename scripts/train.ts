/** `npm run train`: trains the autoencoder; after every epoch it writes weights, loss plot and checkpoint anew. */
import { parametersSha256 } from '../src/data/digest.ts'
import { releaseImages } from '../src/data/node-files.ts'
import { TrainingError } from '../src/errors.ts'
import type { FloatArray } from '../src/model/state.ts'
import type { Interrupt } from '../src/run/interrupt.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { findDeadUnits } from '../src/run/latent-units.ts'
import { whyNoPlot, writeRunFiles } from '../src/run/outputs.ts'
import type { TrainingProgress } from '../src/training/trainer.ts'
import { runCommand } from './cli.ts'
import type { TrainingEnd, TrainingReport } from './training-report.ts'
import { jsonReport, textReport } from './training-report.ts'
import type { TrainingJob } from './training-settings.ts'
import { RunIsComplete, trainingJob } from './training-settings.ts'

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

/** What was saved last. Dead units are sought while files are written, if that is the end of the run. */
interface Saved {
  readonly files: readonly string[]
  readonly parameters: FloatArray
  /** Undefined before the last epoch. */
  readonly deadUnits: readonly number[] | undefined
}

async function trainAndSave(job: TrainingJob, report: TrainingReport): Promise<number | undefined> {
  const { run, engine, data, files, events } = job
  const firstEpoch = run.progress.epoch
  const { width, height } = data.test
  const interrupt = onInterrupt(() => report.notice('Interrupted: finishing the step, then saving'))
  let saved: Saved | undefined
  let canPlot: Promise<boolean> | undefined
  const save = async () => {
    const state = await engine.readState()
    const [written, deadUnits] = await Promise.all([
      writeRunFiles(run, state, files, (await canPlot) === true),
      run.progress.epoch === run.config.epochs ? findDeadUnits(engine, data.test.rows) : undefined,
    ])
    saved = { files: written, parameters: state.parameters, deadUnits }
  }
  try {
    const progress = await run.train(
      engine,
      data,
      {
        signal: interrupt.signal,
        onRowsResident: () => {
          releaseImages(data.train)
          // This thread waits for the workers now, and later for itself. What fails here fails again, and is said,
          // in `save`.
          canPlot = checkPlot(files.plot, report)
          canPlot.catch(() => undefined)
        },
        onProgress: report.progress,
        async onEpoch(record) {
          await save()
          const picture = (await canPlot) === true ? { width, height } : undefined
          await events?.add(record, { engine, test: data.test, picture })
          report.epoch(record)
        },
      },
      { initialize: job.resumed === undefined },
    )
    if (progress.batchLosses.length > 0) await save()
    const end = await closing(job, progress, interrupt, saved)
    report.end({ ...end, files: [...end.files, ...(events?.files ?? [])] })
    return interrupt.exitCode()
  } catch (error) {
    const { epoch } = run.progress
    const isKept = saved !== undefined || (job.resumed !== undefined && epoch === firstEpoch)
    if (!(error instanceof TrainingError) || !isKept) throw error
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

async function closing(
  { engine, data }: TrainingJob,
  progress: TrainingProgress,
  interrupt: Interrupt,
  saved: Saved | undefined,
): Promise<TrainingEnd> {
  // Within an epoch the weights are no longer those that were tested, and the user is waiting for the prompt.
  const isWithinEpoch = progress.batchLosses.length > 0 || progress.epoch === 0
  const summary = isWithinEpoch
    ? { testLoss: undefined, deadUnits: undefined }
    : {
        testLoss: progress.history.at(-1)?.testLoss,
        deadUnits: saved?.deadUnits ?? (await findDeadUnits(engine, data.test.rows)),
      }
  const parameters = saved?.parameters ?? (await engine.readState()).parameters
  return {
    isInterrupted: interrupt.signal.aborted,
    epochs: progress.epoch,
    files: saved?.files ?? [],
    ...summary,
    parametersSha256: (await parametersSha256(parameters)) ?? '',
  }
}

await runCommand(main)
