/** One run of a sweep: a network trained on an engine of its own, and measured. */
import type { Dataset } from '../data/dataset.ts'
import { parametersSha256 } from '../data/digest.ts'
import type { Engine } from '../engines/engine.ts'
import { DeviceError, TrainingError, UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import type { Checkpoint } from '../run/checkpoint.ts'
import { writeCheckpoint } from '../run/checkpoint.ts'
import type { RunIdentity } from '../run/identity.ts'
import { networkOf, trainingOf } from '../run/settings.ts'
import { train } from '../training/trainer.ts'
import { type MeasuringSet, measureAutoencoder } from './measures.ts'
import type { RunHooks, RunTrainer, SweepResult, SweepStopped } from './sweep.ts'
import type { SweepRun } from './sweep-plan.ts'

/** Keeps the state of runs that stopped and may go on, by their ids. */
export interface RunCheckpoints {
  /** Undefined where there is none that can be used: the run then begins anew, and ends in the same bits. */
  load(id: string): Promise<Checkpoint | undefined>
  save(id: string, bytes: Uint8Array): Promise<void>
  remove(id: string): Promise<void>
}

export interface RunTrainerOptions {
  readonly dataset: Dataset
  readonly measuring: MeasuringSet
  /** Makes the engine of one run, which is disposed of after it. */
  readonly createEngine: (network: Network) => Promise<Engine>
  /** Test images whose reconstructions are kept with the result. */
  readonly sampleImages: readonly number[]
  /** What the records call this machine. */
  readonly host?: string | undefined
  /** For runs that are to stop on their way; without, they begin anew when they go on. */
  readonly checkpoints?: RunCheckpoints | undefined
  /** Of data and engine; what checkpoints keep. */
  readonly identity?: RunIdentity | undefined
}

/**
 * Trains each run by `train`, as `npm run train` would with the same settings, and measures it on the test
 * set.
 */
export function createRunTrainer(options: RunTrainerOptions): RunTrainer {
  const { dataset, createEngine } = options
  const pixels = dataset.train.width * dataset.train.height
  return async (run, hooks) => {
    const engine = await createEngine(networkOf(run.settings, pixels))
    try {
      checkBits(engine, options.identity)
      return await trainOn(engine, run, hooks, options)
    } finally {
      await engine.dispose()
    }
  }
}

/** A run that computes otherwise than its name says would stand in a table where it does not belong. */
function checkBits({ info }: Engine, identity: RunIdentity | undefined): void {
  if (identity === undefined || info.bits === identity.bits) return
  throw new DeviceError(
    `expected to compute by ${identity.bits} as the rest of the sweep, found ${info.bits}; choose one --device`,
  )
}

/** Whether the same settings fail in the same way on every machine: there is no use in trying them again. */
export function isOwnFault(error: unknown): boolean {
  return error instanceof TrainingError || error instanceof UsageError
}

/** The note by which a checkpoint names its run. */
const ID_NOTE = 'trial'

async function trainOn(
  engine: Engine,
  { id, settings }: SweepRun,
  { onShare, signal, until = settings.epochs }: RunHooks,
  { dataset, measuring, sampleImages, host, checkpoints, identity }: RunTrainerOptions,
): Promise<SweepResult | SweepStopped | undefined> {
  const config = trainingOf(settings)
  const stored = usable(await checkpoints?.load(id), id, until)
  if (stored) await engine.writeState(stored.state)
  const atRung = new AbortController()
  const stop = () => atRung.abort()
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  const progress =
    stored?.progress.epoch === until
      ? stored.progress
      : await train(
          engine,
          dataset,
          config,
          {
            signal: atRung.signal,
            onProgress: ({ epoch, stepsDone, steps }) =>
              onShare((epoch - 1 + stepsDone / steps) / config.epochs),
            onEpoch: ({ epoch }) => {
              if (epoch === until && until < config.epochs) atRung.abort()
            },
          },
          stored?.progress,
        )
  signal?.removeEventListener('abort', stop)
  const { epoch, history } = progress
  if (epoch < until) return undefined
  const state = await engine.readState()
  const { device, threads } = engine.info
  const trained = {
    id,
    settings,
    trainLoss: history[history.length - 1].trainLoss,
    testLosses: history.map((record) => record.testLoss ?? Number.NaN),
    weights: await parametersSha256(state.parameters),
    seconds: history.reduce((sum, record) => sum + record.seconds, 0),
    device: `${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...(host !== undefined && { host }),
  }
  if (epoch < config.epochs) {
    const trainingRows = dataset.train.count
    const notes = { [ID_NOTE]: id }
    const { network } = engine
    const bytes = writeCheckpoint({ network, config, trainingRows, identity, progress, notes, state })
    await checkpoints?.save(id, bytes)
    return { ...trained, status: 'stopped' }
  }
  const { measures, reconstructions } = await measureAutoencoder(engine, measuring)
  if (!Number.isFinite(measures.reconstruction.mse)) {
    throw new TrainingError(`the test error is ${measures.reconstruction.mse}`)
  }
  await checkpoints?.remove(id)
  const pixels = dataset.test.width * dataset.test.height
  const samples = sampleImages.map((image) => encodeImage(reconstructions, image, pixels))
  return { ...trained, status: 'done', measures, samples }
}

/** A checkpoint of this very run that has not gone too far: ids name all that decides the bits. */
function usable(checkpoint: Checkpoint | undefined, id: string, until: number): Checkpoint | undefined {
  if (checkpoint === undefined || checkpoint.notes[ID_NOTE] !== id) return undefined
  return checkpoint.progress.epoch <= until ? checkpoint : undefined
}

/** The first test image of each class, as far as there are: what contact sheets show. */
export function oneImagePerClass({ test }: Dataset): number[] {
  const classes = [...new Set(test.labels)].sort((a, b) => a - b)
  return classes.map((label) => test.labels.indexOf(label))
}

function encodeImage(reconstructions: FloatArray, image: number, pixels: number): string {
  const values = reconstructions.subarray(image * pixels, (image + 1) * pixels)
  const bytes = Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

/** The bytes of one of a result's `samples`. */
export function decodeSample(sample: string): Uint8Array {
  return Uint8Array.from(atob(sample), (character) => character.charCodeAt(0))
}
