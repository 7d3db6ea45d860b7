/** `npm run train`: trains the autoencoder; after every epoch it writes weights, loss plot and checkpoint anew. */
import { createHash } from 'node:crypto'
import { checkWritable, releaseImages, writeFileAtomically } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import type { Engine } from '../src/engines/engine.ts'
import { HourglassError, TrainingError } from '../src/errors.ts'
import { loadCanvas } from '../src/figures/canvas.ts'
import { drawLossCurve } from '../src/figures/loss-curve.ts'
import { writeModel } from '../src/formats/model-file.ts'
import { autoencoder } from '../src/model/network.ts'
import { writeCheckpoint } from '../src/training/checkpoint.ts'
import { deadLatentUnits } from '../src/training/latent-units.ts'
import type { TrainingProgress } from '../src/training/trainer.ts'
import { train } from '../src/training/trainer.ts'
import { runCommand } from './cli.ts'
import type { Interrupt } from './interrupt.ts'
import { onInterrupt } from './interrupt.ts'
import type { TrainingEnd, TrainingReport } from './training-report.ts'
import { jsonReport, textReport } from './training-report.ts'
import type { TrainingSettings } from './training-settings.ts'
import { notesOf, trainingSettings } from './training-settings.ts'

async function main(args: string[]): Promise<number | undefined> {
  const settings = await trainingSettings(args)
  const report = settings.isJson ? jsonReport() : textReport()
  // Before the first epoch rather than after the last.
  for (const file of Object.values(settings.files)) await checkWritable(file)
  const canPlot = await checkCanvas(settings, report)
  const network = autoencoder(settings.sizes)
  const engine = await createEngine(network, settings.engine)
  try {
    const { checkpoint, file } = settings.resume ?? {}
    if (checkpoint !== undefined) await engine.writeState(checkpoint.state)
    report.start({
      ...settings,
      machine: engine.info,
      resumed: checkpoint && {
        file: String(file),
        epoch: checkpoint.progress.epoch,
        step: checkpoint.progress.batchLosses.length,
      },
    })
    return await trainAndSave(engine, settings, report, canPlot)
  } finally {
    await engine.dispose()
  }
}

async function trainAndSave(
  engine: Engine,
  settings: TrainingSettings,
  report: TrainingReport,
  canPlot: boolean,
): Promise<number | undefined> {
  const { config, data, files, resume } = settings
  const interrupt = onInterrupt(() => report.notice('Interrupted: finishing the step, then saving'))
  let saved: TrainingProgress | undefined = resume?.checkpoint.progress
  let written: readonly string[] = []
  const save = async (progress: TrainingProgress) => {
    written = await writeOutputs(engine, settings, progress, canPlot)
    saved = progress
  }
  try {
    const progress = await train(
      engine,
      data,
      config,
      {
        signal: interrupt.signal,
        onImagesResident: () => releaseImages(data.train),
        onProgress: report.progress,
        async onEpoch(record, progress) {
          await save(progress)
          report.epoch(record)
        },
      },
      resume?.checkpoint.progress,
    )
    if (progress.batchLosses.length > 0) await save(progress)
    report.end(await closing(engine, settings, progress, interrupt, written))
    return interrupt.exitCode()
  } catch (error) {
    if (!(error instanceof TrainingError) || saved === undefined) throw error
    throw new TrainingError(`${error.message}; ${files.checkpoint} keeps epoch ${saved.epoch}`, {
      cause: error,
    })
  } finally {
    interrupt.release()
  }
}

/** Weights, checkpoint and, once there is an epoch to show, the loss plot. Returns the names of the files written. */
async function writeOutputs(
  engine: Engine,
  settings: TrainingSettings,
  progress: TrainingProgress,
  canPlot: boolean,
): Promise<string[]> {
  const { sizes, config, data, files } = settings
  const network = autoencoder(sizes)
  const state = await engine.readState()
  const { parameters } = state
  await writeFileAtomically(files.weights, writeModel({ network, parameters }, files.weights))
  const checkpoint = writeCheckpoint({
    sizes,
    config,
    trainingImages: data.train.count,
    progress,
    state,
    notes: notesOf(settings),
  })
  await writeFileAtomically(files.checkpoint, checkpoint)
  if (!canPlot || progress.history.length === 0) return [files.weights, files.checkpoint]
  const title = `Loss at z = ${sizes.bottleneck}`
  await writeFileAtomically(files.plot, await drawLossCurve(progress.history, { title }))
  return [files.weights, files.plot, files.checkpoint]
}

async function closing(
  engine: Engine,
  { sizes, data }: TrainingSettings,
  progress: TrainingProgress,
  interrupt: Interrupt,
  files: readonly string[],
): Promise<TrainingEnd> {
  const { parameters } = await engine.readState()
  // Within an epoch the weights are no longer those that were tested, and the user is waiting for the prompt.
  const isWithinEpoch = progress.batchLosses.length > 0 || progress.epoch === 0
  return {
    isInterrupted: interrupt.signal.aborted,
    epochs: progress.epoch,
    files,
    testLoss: isWithinEpoch ? undefined : progress.history.at(-1)?.testLoss,
    deadUnits: isWithinEpoch
      ? undefined
      : deadLatentUnits(await engine.encode(data.test.images), sizes.bottleneck),
    parametersSha256: sha256(Float32Array.from(parameters)),
  }
}

/** Of the little-endian bytes of the canonical parameters. */
function sha256(parameters: Float32Array): string {
  return createHash('sha256').update(new Uint8Array(parameters.buffer)).digest('hex')
}

/** Without node-canvas a run still trains, but its user hears at once that there will be no plot. */
async function checkCanvas({ files }: TrainingSettings, report: TrainingReport): Promise<boolean> {
  try {
    await loadCanvas()
    return true
  } catch (error) {
    if (!(error instanceof HourglassError)) throw error
    report.notice(`${files.plot} will not be drawn: ${error.message}`)
    return false
  }
}

await runCommand(main)
