/** `npm run train`: trains the autoencoder; after every epoch it writes weights, loss plot and checkpoint anew. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { checkWritable, releaseImages, writeFileAtomically } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import type { Engine } from '../src/engines/engine.ts'
import { HourglassError, TrainingError } from '../src/errors.ts'
import { loadCanvas } from '../src/figures/canvas.ts'
import { writeModel } from '../src/formats/model-file.ts'
import { hourglass } from '../src/model/recipes.ts'
import type { FloatArray, ModelState } from '../src/model/state.ts'
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
  const network = hourglass(settings.sizes)
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
    return await trainAndSave(engine, settings, report)
  } finally {
    await engine.dispose()
  }
}

/** What was saved last. Dead units are sought while files are written, if that is the end of the run. */
interface Saved {
  readonly progress: TrainingProgress
  readonly files: readonly string[]
  readonly parameters: FloatArray
  /** Undefined before the last epoch. */
  readonly deadUnits: readonly number[] | undefined
}

async function trainAndSave(
  engine: Engine,
  settings: TrainingSettings,
  report: TrainingReport,
): Promise<number | undefined> {
  const { config, data, files, resume } = settings
  const interrupt = onInterrupt(() => report.notice('Interrupted: finishing the step, then saving'))
  let saved: Saved | undefined
  let canPlot: Promise<boolean> | undefined
  const save = async (progress: TrainingProgress) => {
    const state = await engine.readState()
    const [written, deadUnits] = await Promise.all([
      writeOutputs(state, settings, progress, await canPlot),
      progress.epoch === config.epochs ? findDeadUnits(engine, settings) : undefined,
    ])
    saved = { progress, files: written, parameters: state.parameters, deadUnits }
  }
  try {
    const progress = await train(
      engine,
      data,
      config,
      {
        signal: interrupt.signal,
        onImagesResident: () => {
          releaseImages(data.train)
          // This thread waits for the workers now, and later for itself. What fails here fails again, and is said, in `save`.
          canPlot = checkCanvas(settings, report)
          canPlot.catch(() => undefined)
        },
        onProgress: report.progress,
        async onEpoch(record, progress) {
          await save(progress)
          report.epoch(record)
        },
      },
      resume?.checkpoint.progress,
    )
    if (progress.batchLosses.length > 0) await save(progress)
    report.end(await closing(engine, settings, progress, interrupt, saved))
    return interrupt.exitCode()
  } catch (error) {
    const epoch = saved?.progress.epoch ?? resume?.checkpoint.progress.epoch
    if (!(error instanceof TrainingError) || epoch === undefined) throw error
    throw new TrainingError(`${error.message}; ${files.checkpoint} keeps epoch ${epoch}`, { cause: error })
  } finally {
    interrupt.release()
  }
}

/** The chart library takes a while to load: not before it is needed. */
function importFigures(): Promise<typeof import('../src/figures/loss-curve.ts')> {
  return import('../src/figures/loss-curve.ts')
}

/** Weights, checkpoint and, once there is an epoch to show, the loss plot. Returns the names of the files written. */
async function writeOutputs(
  state: ModelState,
  settings: TrainingSettings,
  progress: TrainingProgress,
  canPlot: boolean | undefined,
): Promise<string[]> {
  const { sizes, config, data, files } = settings
  const network = hourglass(sizes)
  const { parameters } = state
  const hasPlot = canPlot === true && progress.history.length > 0
  const plotted = hasPlot ? drawPlot(settings, progress) : undefined
  // It is awaited below.
  plotted?.catch(() => undefined)
  // The plot is drawn first: while another thread packs it, the rest is done here.
  await setImmediate()
  const checkpoint = writeCheckpoint({
    sizes,
    config,
    trainingImages: data.train.count,
    progress,
    state,
    notes: notesOf(settings),
  })
  await Promise.all([
    writeFileAtomically(files.weights, writeModel({ network, parameters }, files.weights)),
    writeFileAtomically(files.checkpoint, checkpoint),
    plotted,
  ])
  return [files.weights, ...(hasPlot ? [files.plot] : []), files.checkpoint]
}

async function drawPlot({ sizes, files }: TrainingSettings, { history }: TrainingProgress): Promise<void> {
  const { drawLossCurve } = await importFigures()
  const png = await drawLossCurve(history, { title: `Loss at z = ${sizes.bottleneck}` })
  await writeFileAtomically(files.plot, png)
}

/** Enough images for every unit that is of use to fire. */
const FEW_IMAGES = 500

/** Units that are silent for every test image; most often a few images show that there are none. */
async function findDeadUnits(engine: Engine, { sizes, data }: TrainingSettings): Promise<number[]> {
  const { images } = data.test
  const deadIn = async (some: Uint8Array) => deadLatentUnits(await engine.encode(some), sizes.bottleneck)
  const silent = await deadIn(images.subarray(0, FEW_IMAGES * sizes.input))
  return silent.length === 0 ? silent : deadIn(images)
}

async function closing(
  engine: Engine,
  settings: TrainingSettings,
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
        deadUnits: saved?.deadUnits ?? (await findDeadUnits(engine, settings)),
      }
  return {
    isInterrupted: interrupt.signal.aborted,
    epochs: progress.epoch,
    files: saved?.files ?? [],
    ...summary,
    parametersSha256: sha256(saved?.parameters ?? (await engine.readState()).parameters),
  }
}

/** Of the little-endian bytes of the canonical parameters as float32. */
function sha256(parameters: FloatArray): string {
  return createHash('sha256')
    .update(new Uint8Array(Float32Array.from(parameters).buffer))
    .digest('hex')
}

/** Without node-canvas a run still trains, but its user hears at once that there will be no plot. */
async function checkCanvas({ files }: TrainingSettings, report: TrainingReport): Promise<boolean> {
  try {
    await loadCanvas()
    await importFigures()
    return true
  } catch (error) {
    if (!(error instanceof HourglassError)) throw error
    report.notice(`${files.plot} will not be drawn: ${error.message}`)
    return false
  }
}

await runCommand(main)
