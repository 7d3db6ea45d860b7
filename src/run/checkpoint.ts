/**
 * Checkpoints: all that a run needs to go on, in one safetensors file. Runs in a browser.
 *
 * | tensors                               | content                                                            |
 * |---------------------------------------|--------------------------------------------------------------------|
 * | `fc1.weight`, `fc1.bias`, …           | parameters, named and shaped as PyTorch's state_dict                |
 * | `adam.m.fc1.weight`, …                | Adam's first moments                                               |
 * | `adam.v.fc1.weight`, …                | Adam's second moments                                              |
 * | `epoch.best.fc1.weight`, …            | parameters after the best epoch, where they are kept and are others |
 * | `epoch.batch_losses` (steps), float64 | losses of the steps done in an epoch that was interrupted          |
 *
 * Numbers are float32, or float64 from the reference engine: whatever the engine held, bit for bit. The
 * metadata holds the format's version and, as JSON, the network, what it knows of its data, the settings, the
 * identity of the run, the progress and the caller's notes. Whatever reads models
 * (`src/formats/model-file.ts`) reads a checkpoint too, as that of the last epoch. Version 1, which knew the
 * seed's form of network alone and kept no identity, is read as well.
 */
import { FileError, HourglassError } from '../errors.ts'
import { JsonFields } from '../formats/json-fields.ts'
import {
  CHECKPOINT_KEY,
  type DataKnowledge,
  formatOfContent,
  knowledgeMetadata,
  NETWORK_KEY,
  readKnowledge,
} from '../formats/model-file.ts'
import { networkFromJson, networkToJson } from '../formats/network-json.ts'
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts'
import { hasShape, shapeText, type Tensor } from '../formats/tensor.ts'
import type { Network } from '../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../model/network.ts'
import { hourglass } from '../model/recipes.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import { quote } from '../quote.ts'
import type { TrainingConfig } from '../training/config.ts'
import { checkTraining, KEEPS, OUTPUT_BIASES, SCHEDULES } from '../training/config.ts'
import type { EpochRecord } from '../training/history.ts'
import type { PlateauState } from '../training/plateau.ts'
import { bestEpoch } from '../training/stopping.ts'
import type { TrainingProgress } from '../training/trainer.ts'
import type { RunIdentity } from './identity.ts'
import { readIdentity } from './identity.ts'

/** Weights of the best epoch so far, by its `judgedLoss`. */
export interface BestEpoch {
  readonly epoch: number
  /** (parameterCount), in the engine's number format. */
  readonly parameters: FloatArray
}

/**
 * All of a run but the numbers that its engine holds. Its training errors are those of the state beside it.
 */
export interface RunRecord extends DataKnowledge {
  readonly network: Network
  readonly config: TrainingConfig
  /** Rows of the training set. */
  readonly trainingRows: number
  /** Undefined in files of version 1, and from a page that cannot digest its data. */
  readonly identity: RunIdentity | undefined
  readonly progress: TrainingProgress
  /** Of a run that keeps the best epoch, once there is one. */
  readonly best?: BestEpoch | undefined
  /** What else the program wants to find again, such as where its data came from. */
  readonly notes: Readonly<Record<string, string>>
}

export interface Checkpoint extends RunRecord {
  readonly state: ModelState
}

const VERSION = '2'
const FIRST_VERSION = '1'
const FIRST_MOMENT = 'adam.m.'
const SECOND_MOMENT = 'adam.v.'
const BEST = 'epoch.best.'
const BATCH_LOSSES = 'epoch.batch_losses'

/** The file's bytes. */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { network, config, trainingRows, identity, progress, best, state, notes } = checkpoint
  const tensors = new Map<string, Tensor>()
  const keepsBest = best !== undefined && !isHeldBest(progress, best.epoch)
  for (const { name, shape, offset, length } of parameterTable(network)) {
    const slice = (slab: FloatArray): Tensor => ({ shape, data: slab.subarray(offset, offset + length) })
    tensors.set(name, slice(state.parameters))
    tensors.set(FIRST_MOMENT + name, slice(state.firstMoment))
    tensors.set(SECOND_MOMENT + name, slice(state.secondMoment))
    if (keepsBest) tensors.set(BEST + name, slice(best.parameters))
  }
  const { batchLosses, epoch, history, schedule } = progress
  if (batchLosses.length > 0) tensors.set(BATCH_LOSSES, { shape: [batchLosses.length], data: batchLosses })
  return writeSafetensors(tensors, {
    format: 'pt',
    [CHECKPOINT_KEY]: VERSION,
    [NETWORK_KEY]: networkToJson(network),
    ...knowledgeMetadata(checkpoint),
    config: JSON.stringify(config),
    ...(identity && { identity: JSON.stringify(identity) }),
    progress: JSON.stringify({
      epoch,
      step: batchLosses.length,
      trainingRows,
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
  if (formatOfContent(bytes) === 'torch') {
    throw new FileError(
      file,
      'expected a training checkpoint (.checkpoint.safetensors), found a PyTorch file, which holds no run',
    )
  }
  const { tensors, metadata } = readSafetensors(bytes, file)
  const version = metadata[CHECKPOINT_KEY]
  if (version === undefined) {
    throw new FileError(
      file,
      `expected a training checkpoint, found a file without "${CHECKPOINT_KEY}" metadata`,
    )
  }
  if (version !== VERSION && version !== FIRST_VERSION) {
    throw new FileError(
      file,
      `expected checkpoint version ${VERSION} or ${FIRST_VERSION}, found ${quote(version, 20)}`,
    )
  }
  const isFirst = version === FIRST_VERSION
  const json = (key: string) => JsonFields.parse(metadata[key] ?? '', file, key)
  const network = isFirst ? readSizes(json('network'), file) : networkFromJson(json(NETWORK_KEY), file)
  const stored = json('progress')
  const epoch = stored.integer('epoch', 0)
  const step = stored.integer('step', 0)
  const trainingRows = stored.integer(isFirst ? 'trainingImages' : 'trainingRows', 1)
  const adamSteps = stored.integer('adamSteps', 0)
  const config = readConfig(json('config'), trainingRows, file)
  const stepsPerEpoch = Math.ceil(trainingRows / config.batchSize)
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
  const progress: TrainingProgress = {
    epoch,
    batchLosses: readBatchLosses(tensors, step, file),
    schedule: readSchedule(stored.fields('schedule')),
    history,
  }
  const slabOf = (prefix: string) => readSlab(tensors, network, prefix, file)
  const state: ModelState = {
    parameters: slabOf(''),
    firstMoment: slabOf(FIRST_MOMENT),
    secondMoment: slabOf(SECOND_MOMENT),
    steps: adamSteps,
  }
  const best = config.keep === 'best' ? bestEpoch(history) : undefined
  return {
    network,
    config,
    trainingRows,
    identity: metadata.identity === undefined ? undefined : readIdentity(json('identity')),
    progress,
    ...(best && {
      best: {
        epoch: best.epoch,
        parameters: isHeldBest(progress, best.epoch) ? state.parameters : slabOf(BEST),
      },
    }),
    state,
    notes: json('notes').strings(),
    ...readKnowledge(metadata, inputSize(network), file),
  }
}

/** The network of a file of version 1: sizes of the seed's form. */
function readSizes(fields: JsonFields, file: string): Network {
  const options = {
    input: fields.integer('input', 1),
    hidden: fields.integer('hidden', 1),
    bottleneck: fields.integer('bottleneck', 1),
    latentActivation: fields.oneOf('latentActivation', ['relu', 'identity']),
  }
  return inFile(file, () => hourglass(options))
}

function readConfig(fields: JsonFields, trainingRows: number, file: string): TrainingConfig {
  const config: TrainingConfig = {
    seed: fields.number('seed'),
    epochs: fields.number('epochs'),
    batchSize: fields.number('batchSize'),
    learningRate: fields.number('learningRate'),
    weightDecay: fields.number('weightDecay'),
    noiseStd: fields.number('noiseStd'),
    ...(fields.has('schedule') && { schedule: fields.oneOf('schedule', SCHEDULES) }),
    ...(fields.has('warmup') && { warmup: fields.number('warmup') }),
    ...(fields.has('finalLearningRate') && { finalLearningRate: fields.number('finalLearningRate') }),
    ...(fields.has('latentBias') && { latentBias: fields.number('latentBias') }),
    ...(fields.has('outputBias') && { outputBias: fields.oneOf('outputBias', OUTPUT_BIASES) }),
    ...(fields.has('patience') && { patience: fields.number('patience') }),
    ...(fields.has('keep') && { keep: fields.oneOf('keep', KEEPS) }),
  }
  inFile(file, () => checkTraining(config, trainingRows))
  return config
}

function readRecord(fields: JsonFields): EpochRecord {
  return {
    epoch: fields.number('epoch'),
    trainLoss: fields.number('trainLoss'),
    testLoss: fields.optionalNumber('testLoss'),
    learningRate: fields.number('learningRate'),
    seconds: fields.number('seconds'),
    imagesPerSecond: fields.number('imagesPerSecond'),
  }
}

function readSchedule(fields: JsonFields): PlateauState {
  return {
    learningRate: fields.numberAtLeast('learningRate', 0),
    best: fields.numberOrInfinity('best'),
    badEpochs: fields.integer('badEpochs', 0),
    cooldownLeft: fields.integer('cooldownLeft', 0),
  }
}

function readBatchLosses(tensors: Map<string, Tensor>, steps: number, file: string): Float64Array {
  if (steps === 0) return new Float64Array()
  return Float64Array.from(tensorData(tensors, BATCH_LOSSES, [steps], true, file))
}

/** Whether the state itself is that of the best epoch. */
function isHeldBest({ epoch, batchLosses }: TrainingProgress, best: number): boolean {
  return best === epoch && batchLosses.length === 0
}

/** One value a parameter: the tensors of a prefix, in the number format of the parameters themselves. */
function readSlab(tensors: Map<string, Tensor>, network: Network, prefix: string, file: string): FloatArray {
  const table = parameterTable(network)
  const isDouble = tensors.get(table[0].name)?.data instanceof Float64Array
  const parts = table.map(({ name, shape }) => tensorData(tensors, prefix + name, shape, isDouble, file))
  // Allocated only now that the file has been seen to hold as much.
  const length = parameterCount(network)
  const values = isDouble ? new Float64Array(length) : new Float32Array(length)
  parts.forEach((part, index) => {
    values.set(part, table[index].offset)
  })
  return values
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
  if (!hasShape(tensor, shape)) {
    throw new FileError(
      file,
      `expected ${name} of shape ${shapeText(shape)}, found ${shapeText(tensor.shape)}`,
    )
  }
  const { data } = tensor
  if (isDouble && data instanceof Float64Array) return data
  if (!isDouble && data instanceof Float32Array) return data
  throw new FileError(file, `expected ${name} in float${isDouble ? 64 : 32}, found ${data.constructor.name}`)
}

/** Puts the file's name in front of a complaint about a value that came from it. */
function inFile<T>(file: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof HourglassError) throw new FileError(file, error.message, { cause: error })
    throw error
  }
}
