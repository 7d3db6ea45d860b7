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
import { JsonFields } from '../formats/json-fields.ts'
import { CHECKPOINT_KEY, LATENT_ACTIVATION_KEY } from '../formats/model-file.ts'
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts'
import type { Tensor } from '../formats/tensor.ts'
import { parameterCount, parameterTable } from '../model/network.ts'
import type { AutoencoderSizes } from '../model/recipes.ts'
import { hourglass } from '../model/recipes.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import type { EpochRecord } from './history.ts'
import type { PlateauState } from './plateau.ts'
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

/** The file's bytes. */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { sizes, config, trainingImages, progress, state, notes } = checkpoint
  const tensors = new Map<string, Tensor>()
  for (const { name, shape, offset, length } of parameterTable(hourglass(sizes))) {
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
      // JSON writes Infinity, which is the best loss before the first epoch, as null.
      schedule,
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
  const json = (key: string) => JsonFields.parse(metadata[key] ?? '', file, key)
  const sizes = readSizes(json('network'), file)
  const stored = json('progress')
  const epoch = stored.integer('epoch', 0)
  const step = stored.integer('step', 0)
  const trainingImages = stored.integer('trainingImages', 1)
  const adamSteps = stored.integer('adamSteps', 0)
  const config = readConfig(json('config'), trainingImages, file)
  const stepsPerEpoch = Math.ceil(trainingImages / config.batchSize)
  if (adamSteps !== epoch * stepsPerEpoch + step || step >= stepsPerEpoch) {
    throw new FileError(
      file,
      `expected Adam at step ${epoch * stepsPerEpoch + step} and fewer than ${stepsPerEpoch} steps in the epoch, ` +
        `found step ${adamSteps} and ${step} in the epoch`,
    )
  }
  const history = stored.list('history').map(readRecord)
  if (history.length !== epoch) {
    throw new FileError(file, `expected a history of ${epoch} epochs, found ${history.length}`)
  }
  return {
    sizes,
    config,
    trainingImages,
    progress: {
      epoch,
      batchLosses: readBatchLosses(tensors, step, file),
      schedule: readSchedule(stored.fields('schedule')),
      history,
    },
    state: readState(tensors, sizes, adamSteps, file),
    notes: json('notes').strings(),
  }
}

function readSizes(fields: JsonFields, file: string): Required<AutoencoderSizes> {
  const sizes: Required<AutoencoderSizes> = {
    input: fields.number('input'),
    hidden: fields.number('hidden'),
    bottleneck: fields.number('bottleneck'),
    latentActivation: fields.oneOf('latentActivation', ['relu', 'identity']),
  }
  inFile(file, () => hourglass(sizes))
  return sizes
}

function readConfig(fields: JsonFields, trainingImages: number, file: string): TrainingConfig {
  const config: TrainingConfig = {
    seed: fields.number('seed'),
    epochs: fields.number('epochs'),
    batchSize: fields.number('batchSize'),
    learningRate: fields.number('learningRate'),
    weightDecay: fields.number('weightDecay'),
    noiseStd: fields.number('noiseStd'),
  }
  inFile(file, () => checkTraining(config, trainingImages))
  return config
}

function readRecord(fields: JsonFields): EpochRecord {
  return {
    epoch: fields.number('epoch'),
    trainLoss: fields.number('trainLoss'),
    testLoss: fields.number('testLoss'),
    learningRate: fields.number('learningRate'),
    seconds: fields.number('seconds'),
    imagesPerSecond: fields.number('imagesPerSecond'),
  }
}

function readSchedule(fields: JsonFields): PlateauState {
  return {
    learningRate: fields.number('learningRate'),
    best: fields.numberOrInfinity('best'),
    badEpochs: fields.integer('badEpochs', 0),
    cooldownLeft: fields.integer('cooldownLeft', 0),
  }
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
  const network = hourglass(sizes)
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

/** Puts the file's name in front of a complaint about a value that came from it. */
function inFile(file: string, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (error instanceof HourglassError) throw new FileError(file, error.message, { cause: error })
    throw error
  }
}
