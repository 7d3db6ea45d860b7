/** What `npm run train` writes after each epoch, and under which names. Node only. */
import { resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { checkWritable, writeFileAtomically } from '../data/node-files.ts'
import { HourglassError, UsageError } from '../errors.ts'
import { loadCanvas } from '../figures/canvas.ts'
import { modelFormat, writeModel } from '../formats/model-file.ts'
import { codeSize } from '../model/network.ts'
import type { ModelState } from '../model/state.ts'
import type { Run } from './run.ts'

export interface RunFiles {
  /** .pth or .safetensors. */
  readonly weights: string
  /** Loss curve, .png. */
  readonly plot: string
  readonly checkpoint: string
}

export const DEFAULT_FILES = { weights: 'weights.pth', plot: 'plot.png' } as const

/** `weights.pth` and `weights.safetensors` have their checkpoint in `weights.checkpoint.safetensors`. */
export function checkpointBeside(weights: string): string {
  return `${weights.replace(/\.(pth|pt|safetensors)$/i, '')}.checkpoint.safetensors`
}

/** Throws UsageError for names that tell no format or are not three; FileError where a file could not be written. */
export async function checkFiles(files: RunFiles): Promise<void> {
  modelFormat(files.weights)
  if (!/\.png$/i.test(files.plot)) throw new UsageError(`--plot: expected a .png file, found ${files.plot}`)
  const names = Object.values(files)
  if (new Set(names.map((file) => resolve(file))).size < names.length) {
    throw new UsageError(`--save, --plot, --checkpoint: expected three files, found ${names.join(', ')}`)
  }
  for (const file of names) await checkWritable(file)
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

/**
 * Writes weights, checkpoint and, if asked for and once there is an epoch to show, the loss plot; returns their names.
 * `state` is that of the run's progress.
 */
export async function writeRunFiles(
  run: Run,
  state: ModelState,
  files: RunFiles,
  wantsPlot: boolean,
): Promise<string[]> {
  const { network, progress } = run
  const hasPlot = wantsPlot && progress.history.length > 0
  const plotted = hasPlot ? drawPlot(run, files.plot) : undefined
  // It is awaited below.
  plotted?.catch(() => undefined)
  // The plot is drawn first: while another thread packs it, the rest is done here.
  await setImmediate()
  const weights = writeModel({ network, parameters: state.parameters }, files.weights)
  await Promise.all([
    writeFileAtomically(files.weights, weights),
    run.toCheckpoint(state).then((bytes) => writeFileAtomically(files.checkpoint, bytes)),
    plotted,
  ])
  return [files.weights, ...(hasPlot ? [files.plot] : []), files.checkpoint]
}

async function drawPlot({ network, progress }: Run, file: string): Promise<void> {
  const { drawLossCurve } = await importFigures()
  const title = `Loss at z = ${codeSize(network)}`
  await writeFileAtomically(file, await drawLossCurve(progress.history, { title, loss: network.loss }))
}
