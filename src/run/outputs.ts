/** What `npm run train` writes after each epoch, and under which names. Node only. */
import { dirname, relative, resolve, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { HourglassError, UsageError } from '../errors.ts'
import { loadCanvas } from '../figures/canvas.ts'
import { confinePath } from '../files/target.ts'
import { writeFileAtomically } from '../files/write.ts'
import { modelFormat, NOISE_KEY, writeModel } from '../formats/model-file.ts'
import type { ErrorQuantiles } from '../model/error-quantiles.ts'
import { codeSize } from '../model/network.ts'
import type { ModelState } from '../model/state.ts'
import { historyToCsv } from '../training/history.ts'
import type { Run } from './run.ts'

export interface RunFiles {
  /** .pth or .safetensors. */
  readonly weights: string
  /** Loss curve, .png. */
  readonly plot: string
  readonly checkpoint: string
  /** History as CSV, where it is wanted. */
  readonly log?: string
  /** Directory of event files for TensorBoard, where they are wanted. */
  readonly tensorboard?: string
}

/**
 * The files that every epoch replaces, by one name each: not those of TensorBoard, which have names of their
 * own.
 */
export function replacedFiles({ weights, plot, checkpoint, log }: RunFiles): string[] {
  return [weights, plot, checkpoint, ...(log === undefined ? [] : [log])]
}

export const DEFAULT_FILES = { weights: 'weights.pth', plot: 'plot.png' } as const

/** `weights.pth` and `weights.safetensors` have their checkpoint in `weights.checkpoint.safetensors`. */
export function checkpointBeside(weights: string): string {
  return `${weights.replace(/\.(pth|pt|safetensors)$/i, '')}.checkpoint.safetensors`
}

/** Notes of a checkpoint that keep where the run's other files are, as seen from its own folder. */
const FILE_NOTES = {
  weights: 'files.weights',
  plot: 'files.plot',
  log: 'files.log',
  tensorboard: 'files.tensorboard',
} as const
type NotedFile = keyof typeof FILE_NOTES
/** The same in checkpoints of version 1, as seen from where the command was called. */
const FIRST_FILE_NOTES: Partial<Record<NotedFile, string>> = { weights: 'save', plot: 'plot' }
const FILE_FLAGS: Readonly<Record<NotedFile, string>> = {
  weights: '--save',
  plot: '--plot',
  log: '--log',
  tensorboard: '--tensorboard',
}
const NOTED_FILES = Object.keys(FILE_NOTES) as NotedFile[]

/** What a checkpoint keeps of its run's files, so that `--resume` alone finds them. */
export function fileNotes(files: RunFiles): Record<string, string> {
  const folder = dirname(resolve(files.checkpoint))
  const notes = NOTED_FILES.map((name) => {
    const file = files[name]
    return file === undefined
      ? []
      : [[FILE_NOTES[name], relative(folder, resolve(file)).replaceAll(sep, '/')]]
  })
  return Object.fromEntries(notes.flat())
}

/**
 * The files that a checkpoint names for its run. Throws FileError where one lies outside the checkpoint's own
 * folder, unless `isGiven` says that another is used anyway.
 */
export async function filesOfNotes(
  notes: Readonly<Record<string, string>>,
  checkpoint: string,
  isGiven: { readonly [Name in NotedFile]: boolean },
): Promise<Partial<RunFiles>> {
  const find = async (name: NotedFile) => {
    const first = notes[FIRST_FILE_NOTES[name] ?? '']
    const stored = notes[FILE_NOTES[name]] ?? (first === undefined ? undefined : resolve(first))
    if (stored === undefined || isGiven[name]) return {}
    const path = await confinePath(stored, { file: checkpoint, what: name, flag: FILE_FLAGS[name] })
    return { [name]: path }
  }
  const found: Partial<RunFiles> = {}
  // One after the other: of several that are refused, the same is named each time.
  for (const name of NOTED_FILES) Object.assign(found, await find(name))
  return found
}

/** Throws UsageError for names that tell no format or are not as many. */
export function checkFileNames(files: RunFiles): void {
  modelFormat(files.weights)
  if (!/\.png$/i.test(files.plot)) throw new UsageError(`--plot: expected a .png file, found ${files.plot}`)
  if (files.log !== undefined && !/\.csv$/i.test(files.log)) {
    throw new UsageError(`--log: expected a .csv file, found ${files.log}`)
  }
  const names = replacedFiles(files)
  if (new Set(names.map((file) => resolve(file))).size < names.length) {
    const [flags, count] = files.log === undefined ? ['', 'three'] : [', --log', 'four']
    throw new UsageError(
      `--save, --plot, --checkpoint${flags}: expected ${count} files, found ${names.join(', ')}`,
    )
  }
}

/** The chart library takes a while to load: not before it is needed. */
function importFigures(): Promise<typeof import('../figures/loss-curve.ts')> {
  return import('../figures/loss-curve.ts')
}

/** Undefined where plots can be drawn, else why not: without node-canvas a run still trains. */
export async function whyNoPlot(): Promise<string | undefined> {
  try {
    await loadCanvas()
    await importFigures()
    return undefined
  } catch (error) {
    if (error instanceof HourglassError) return error.message
    throw error
  }
}

/** Of the training rows, by the weights of two files. */
export interface TrainingErrors {
  /** By those that the run is for. */
  readonly weights: ErrorQuantiles
  /** By those of the state, which the checkpoint keeps. */
  readonly checkpoint: ErrorQuantiles
}

/**
 * Writes weights, checkpoint, history and, if asked for and once there is an epoch to show, the loss plot;
 * returns their names. `state` is that of the run's progress.
 */
export async function writeRunFiles(
  run: Run,
  state: ModelState,
  files: RunFiles,
  wantsPlot: boolean,
  errors?: TrainingErrors,
): Promise<string[]> {
  const { network, progress, preprocessing } = run
  const hasPlot = wantsPlot && progress.history.length > 0
  const plotted = hasPlot ? drawPlot(run, files.plot) : undefined
  // It is awaited below.
  plotted?.catch(() => undefined)
  // The plot is drawn first: while another thread packs it, the rest is done here.
  await setImmediate()
  const parameters = run.resultOf(state)
  const { noiseStd } = run.config
  const weights = writeModel(
    {
      network,
      parameters,
      preprocessing,
      trainingErrors: errors?.weights,
      ...(noiseStd > 0 && { metadata: { [NOISE_KEY]: String(noiseStd) } }),
    },
    files.weights,
  )
  await Promise.all([
    writeFileAtomically(files.weights, weights),
    run.toCheckpoint(state, errors?.checkpoint).then((bytes) => writeFileAtomically(files.checkpoint, bytes)),
    files.log !== undefined && writeFileAtomically(files.log, historyToCsv(progress.history)),
    plotted,
  ])
  return replacedFiles(files).filter((file) => file !== files.plot || hasPlot)
}

async function drawPlot({ network, progress }: Run, file: string): Promise<void> {
  const { drawLossCurve } = await importFigures()
  const title = `Loss at z = ${codeSize(network)}`
  await writeFileAtomically(file, await drawLossCurve(progress.history, { title, loss: network.loss }))
}
