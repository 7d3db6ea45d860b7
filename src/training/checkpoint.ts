/**
 * Checkpoints: all that a run needs to go on, in one safetensors file. Runs in a browser.
 *
 * | tensors                               | content                                                            |
 * |---------------------------------------|--------------------------------------------------------------------|
 * | `fc1.weight`, `fc1.bias`, …           | parameters, named and shaped as PyTorch's state_dict                |
 * | `adam.m.fc1.weight`, …                | Adam's first moments                                               |
 * | `adam.v.fc1.weight`, …                | Adam's second moments                                              |
 * | `epoch.batch_losses` (steps), float64 | losses of the steps done in an epoch that was interrupted          |
 *
 * Numbers are float32, or float64 from the reference engine: whatever the engine held, bit for bit. The metadata holds
 * the format's version and, as JSON, the network's sizes, the settings, the progress and the caller's notes. Whatever
 * reads models (`src/formats/model-file.ts`) reads a checkpoint too.
 */
import { FileError, HourglassError } from '../errors.ts'
import { CHECKPOINT_KEY, LATENT_ACTIVATION_KEY } from '../formats/model-file.ts'
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts'
import type { Tensor } from '../formats/tensor.ts'
import type { AutoencoderSizes, LatentActivation } from '../model/network.ts'
import { autoencoder, parameterCount, parameterTable } from '../model/network.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import type { EpochRecord } from './history.ts'
import type { TrainingConfig, TrainingProgress } from './trainer.ts'
import { checkTraining } from './trainer.ts'

export interface Checkpoint {
  readonly sizes: Required<AutoencoderSizes>
  readonly config: TrainingConfig
  /** Size of the training set. */
  readonly trainingImages: number
  readonly progress: TrainingProgress
  readonly state: ModelState
  /** What else the program wants to find again, such as where its data came from. */
  readonly notes: Readonly<Record<string, string>>
}

const VERSION = '1'
const FIRST_MOMENT = 'adam.m.'
const SECOND_MOMENT = 'adam.v.'
const BATCH_LOSSES = 'epoch.batch_losses'

const SIZE_FIELDS = ['input', 'hidden', 'bottleneck'] as const
const CONFIG_FIELDS = ['seed', 'epochs', 'batchSize', 'learningRate', 'weightDecay', 'noiseStd'] as const
const RECORD_FIELDS = [
  'epoch',
  'trainLoss',
  'testLoss',
  'learningRate',
  'seconds',
  'imagesPerSecond',
] as const

/** The file's bytes. */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { sizes, config, trainingImages, progress, state, notes } = checkpoint
  const tensors = new Map<string, Tensor>()
  for (const { name, shape, offset, length } of parameterTable(autoencoder(sizes))) {
    const slice = (slab: FloatArray): Tensor => ({ shape, data: slab.subarray(offset, offset + length) })
    tensors.set(name, slice(state.parameters))
    tensors.set(FIRST_MOMENT + name, slice(state.firstMoment))
    tensors.set(SECOND_MOMENT + name, slice(state.secondMoment))
  }
  const { batchLosses, epoch, history, schedule } = progress
  if (batchLosses.length > 0) tensors.set(BATCH_LOSSES, { shape: [batchLosses.length], data: batchLosses })
  return writeSafetensors(tensors, {
    format: 'pt',
    [CHECKPOINT_KEY]: VERSION,
    [LATENT_ACTIVATION_KEY]: sizes.latentActivation,
    network: JSON.stringify(sizes),
    config: JSON.stringify(config),
    progress: JSON.stringify({
      epoch,
      step: batchLosses.length,
      trainingImages,
      adamSteps: state.steps,
      // JSON has no Infinity, which is the best loss before the first epoch.
      schedule: { ...schedule, best: Number.isFinite(schedule.best) ? schedule.best : null },
      history,
    }),
    notes: JSON.stringify(notes),
  })
}

/**
 * @param file its name, for errors
 * @throws FileError for a file that is damaged, no checkpoint, of another version, or at odds with itself
 */
export function readCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes, file)
  const version = metadata[CHECKPOINT_KEY]
  if (version === undefined) {
    throw new FileError(
      file,
      `expected a training checkpoint, found a file without "${CHECKPOINT_KEY}" metadata`,
    )
  }
  if (version !== VERSION) {
    throw new FileError(file, `expected checkpoint version ${VERSION}, found ${version.slice(0, 20)}`)
  }
  const sizes = readSizes(metadata, file)
  const stored = jsonObject(metadata, 'progress', file)
  const { epoch, step, trainingImages, adamSteps } = numbers(
    stored,
    ['epoch', 'step', 'trainingImages', 'adamSteps'],
    'progress',
    file,
  )
  const config = readConfig(metadata, trainingImages, file)
  const history = readHistory(stored.history, epoch, file)
  const batchLosses = readBatchLosses(tensors, step, file)
  const stepsPerEpoch = Math.ceil(trainingImages / config.batchSize)
  if (adamSteps !== epoch * stepsPerEpoch + step || step >= stepsPerEpoch) {
    throw new FileError(
      file,
      `expected Adam at step ${epoch * stepsPerEpoch + step} and fewer than ${stepsPerEpoch} steps in the epoch, ` +
        `found step ${adamSteps} and ${step} in the epoch`,
    )
  }
  return {
    sizes,
    config,
    trainingImages,
    progress: { epoch, batchLosses, schedule: readSchedule(stored.schedule, file), history },
    state: readState(tensors, sizes, adamSteps, file),
    notes: readNotes(metadata, file),
  }
}

function readSizes(metadata: Record<string, string>, file: string): Required<AutoencoderSizes> {
  const stored = jsonObject(metadata, 'network', file)
  const sizes: Required<AutoencoderSizes> = {
    ...numbers(stored, SIZE_FIELDS, 'network', file),
    latentActivation: readLatentActivation(stored.latentActivation, file),
  }
  inFile(file, () => autoencoder(sizes))
  return sizes
}

function readLatentActivation(stored: unknown, file: string): LatentActivation {
  if (stored === 'relu' || stored === 'identity') return stored
  throw new FileError(file, `expected latentActivation relu or identity, found ${show(stored)}`)
}

function readConfig(metadata: Record<string, string>, trainingImages: number, file: string): TrainingConfig {
  const config = numbers(jsonObject(metadata, 'config', file), CONFIG_FIELDS, 'config', file)
  inFile(file, () => checkTraining(config, trainingImages))
  return config
}

function readHistory(stored: unknown, epoch: number, file: string): EpochRecord[] {
  const rows: readonly unknown[] = Array.isArray(stored) ? stored : []
  if (rows.length !== epoch) {
    throw new FileError(file, `expected a history of ${epoch} epochs, found ${rows.length}`)
  }
  return rows.map((row) => numbers(row, RECORD_FIELDS, 'history', file))
}

function readSchedule(stored: unknown, file: string): TrainingProgress['schedule'] {
  const fields = ['learningRate', 'badEpochs', 'cooldownLeft'] as const
  const best =
    isObject(stored) && stored.best !== null ? numbers(stored, ['best'], 'schedule', file).best : Infinity
  return { ...numbers(stored, fields, 'schedule', file), best }
}

function readNotes(metadata: Record<string, string>, file: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(jsonObject(metadata, 'notes', file)).map(([name, value]) => [name, String(value)]),
  )
}

function readBatchLosses(tensors: Map<string, Tensor>, steps: number, file: string): Float64Array {
  if (steps === 0) return new Float64Array()
  return Float64Array.from(tensorData(tensors, BATCH_LOSSES, [steps], true, file))
}

function readState(
  tensors: Map<string, Tensor>,
  sizes: Required<AutoencoderSizes>,
  steps: number,
  file: string,
): ModelState {
  const network = autoencoder(sizes)
  const table = parameterTable(network)
  const isDouble = tensors.get(table[0].name)?.data instanceof Float64Array
  const slab = (prefix: string): FloatArray => {
    const parts = table.map(({ name, shape }) => tensorData(tensors, prefix + name, shape, isDouble, file))
    // Allocated only now that the file has been seen to hold as much.
    const length = parameterCount(network)
    const values = isDouble ? new Float64Array(length) : new Float32Array(length)
    parts.forEach((part, index) => {
      values.set(part, table[index].offset)
    })
    return values
  }
  return {
    parameters: slab(''),
    firstMoment: slab(FIRST_MOMENT),
    secondMoment: slab(SECOND_MOMENT),
    steps,
  }
}

/** The elements of one tensor, whose shape and type are checked. */
function tensorData(
  tensors: Map<string, Tensor>,
  name: string,
  shape: readonly number[],
  isDouble: boolean,
  file: string,
): FloatArray {
  const tensor = tensors.get(name)
  if (tensor === undefined) throw new FileError(file, `expected a tensor ${name}, found none`)
  if (`${tensor.shape}` !== `${shape}`) {
    throw new FileError(file, `expected ${name} of shape (${shape}), found (${tensor.shape})`)
  }
  const { data } = tensor
  if (isDouble && data instanceof Float64Array) return data
  if (!isDouble && data instanceof Float32Array) return data
  throw new FileError(file, `expected ${name} in float${isDouble ? 64 : 32}, found ${data.constructor.name}`)
}

function jsonObject(metadata: Record<string, string>, key: string, file: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(metadata[key] ?? '')
  } catch (cause) {
    throw new FileError(file, `expected JSON in its "${key}" metadata`, { cause })
  }
  if (!isObject(value)) throw new FileError(file, `expected an object in its "${key}" metadata`)
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The named fields of a stored object, each of which must be a finite number. */
function numbers<Name extends string>(
  stored: unknown,
  names: readonly Name[],
  where: string,
  file: string,
): Record<Name, number> {
  const entries = names.map((name) => {
    const value = isObject(stored) ? stored[name] : undefined
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new FileError(file, `expected a number for ${where}.${name}, found ${show(value)}`)
    }
    return [name, value] as const
  })
  return Object.fromEntries(entries) as Record<Name, number>
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40)
}

/** Puts the file's name in front of a complaint about a value that came from it. */
function inFile(file: string, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (error instanceof HourglassError) throw new FileError(file, error.message, { cause: error })
    throw error
  }
}
