/**
 * Replays a training trajectory that PyTorch computed in float64, and says how far an engine lands from it.
 *
 * The yardstick is PyTorch itself: the file tells how far PyTorch's own float32 run lands from the float64 truth.
 */
import type { Engine } from '../engines/engine.ts'
import { UsageError } from '../errors.ts'
import { JsonFields } from '../formats/json-fields.ts'
import type { Network, ParameterEntry } from '../model/network.ts'
import { parameterCount, parameterTable } from '../model/network.ts'
import { hourglass } from '../model/recipes.ts'
import type { FloatArray } from '../model/state.ts'

/** A float32 engine may land this many times as far from the truth as PyTorch; plain sequential sums land at 2.2. */
const FLOAT32_FACTOR = 4
const FLOAT32_LOSS_TOLERANCE = 1e-6
/** For the reference engine: losses, parameters, norms and sums, all relative. */
const FLOAT64_TOLERANCE = 1e-10

/** The truth about one tensor: some of its elements, and figures over all of them. */
export interface TensorTruth {
  readonly shape: readonly number[]
  /** √Σ w² over all elements. */
  readonly l2: number
  readonly sum: number
  /** Flat indices of the sampled elements. */
  readonly index: readonly number[]
  /** Their values. */
  readonly value: readonly number[]
  /** ‖w32 − w64‖ / ‖w64‖ of PyTorch's float32 run. */
  readonly float32_relative_l2_error: number
}

/** The fields of a trajectory file that a replay needs, named as in the file. */
export interface Trajectory {
  readonly network: { readonly input: number; readonly hidden: number; readonly bottleneck: number }
  readonly batch: number
  readonly steps: number
  readonly lr: number
  readonly weight_decay: number
  /** Step s uses images (first_index + s · batch + j) mod count, j = 0 … batch − 1. */
  readonly first_index: number
  /** Mean loss of each step's batch, before its update, (steps). */
  readonly loss_float64: readonly number[]
  readonly final_parameters: Readonly<Record<string, TensorTruth>>
}

export interface TensorReport {
  readonly name: string
  /** Root mean square of the error over the sampled elements, over the root mean square of their truth. */
  readonly relativeError: number
  /** PyTorch's own, in float32. */
  readonly pytorchError: number
  /** What `relativeError` and `l2Error` may be at most. */
  readonly tolerance: number
  /** Difference of the whole tensor's l2 norm, relative to the true norm. */
  readonly l2Error: number
  /** Difference of the whole tensor's sum, relative to √n · (true norm): see `compareTensor`. */
  readonly sumError: number
  readonly passed: boolean
}

export interface ParityReport {
  /** Loss of each step as the engine computed it, and the largest relative error among them (NaN if any is). */
  readonly losses: readonly number[]
  readonly lossError: number
  readonly lossTolerance: number
  readonly tensors: readonly TensorReport[]
  /** Whether the losses and every tensor are within their tolerances. */
  readonly passed: boolean
}

/** The network of a trajectory. */
export function trajectoryNetwork({ network }: Trajectory): Network {
  return hourglass(network)
}

/**
 * The trajectory in the text of a file. Throws `FileError` where a field is missing, of the wrong kind, of a length
 * that does not fit, or of a value that engines do not offer (Adam's betas and epsilon are fixed).
 */
export function parseTrajectory(text: string, file: string): Trajectory {
  const root = JsonFields.parse(text, file)
  const network = root.fields('network')
  const trajectory: Trajectory = {
    network: {
      input: network.integer('input', 1),
      hidden: network.integer('hidden', 1),
      bottleneck: network.integer('bottleneck', 1),
    },
    batch: root.integer('batch', 1),
    steps: root.integer('steps', 1),
    lr: root.number('lr'),
    weight_decay: root.number('weight_decay'),
    first_index: root.integer('first_index', 0),
    loss_float64: root.numbers('loss_float64'),
    final_parameters: {},
  }
  root.lengthOf('loss_float64', trajectory.steps)
  root.constant('betas', [0.9, 0.999])
  root.constant('eps', 1e-8)
  const truths = root.fields('final_parameters')
  const entries = parameterTable(trajectoryNetwork(trajectory)).map((entry) => {
    return [entry.name, parseTensorTruth(truths.fields(entry.name), entry)] as const
  })
  return { ...trajectory, final_parameters: Object.fromEntries(entries) }
}

function parseTensorTruth(fields: JsonFields, entry: ParameterEntry): TensorTruth {
  fields.constant('shape', entry.shape)
  const index = fields.numbers('index')
  fields.lengthOf('value', index.length)
  const outside = index.find((i) => !Number.isInteger(i) || i < 0 || i >= entry.length)
  if (index.length === 0 || outside !== undefined) {
    fields.fail('index', `whole numbers below ${entry.length}`, outside ?? 'none')
  }
  return {
    shape: entry.shape,
    l2: fields.number('l2'),
    sum: fields.number('sum'),
    index,
    value: fields.numbers('value'),
    float32_relative_l2_error: fields.number('float32_relative_l2_error'),
  }
}

/**
 * Initial parameters of a trajectory, in canonical order: weights are an integer hash of their index and their layer's
 * number t (Chris Wellons' `lowbias32`), scaled to ±√(6 / (in + out)) and rounded to float32; biases are zero.
 */
export function trajectoryParameters(network: Network): Float32Array {
  const parameters = new Float32Array(parameterCount(network))
  const table = parameterTable(network)
  network.layers.forEach((layer, t) => {
    const { offset, length } = table[2 * t]
    const bound = Math.sqrt(6 / (layer.inputs + layer.outputs))
    for (let i = 0; i < length; i++) {
      let h = (i + 1 + Math.imul(0x9e3779b9, t + 1)) >>> 0
      h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
      h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
      h = (h ^ (h >>> 16)) >>> 0
      parameters[offset + i] = ((2 * h) / 2 ** 32 - 1) * bound
    }
  })
  return parameters
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
}

/** error / truth; where the truth is zero only a zero error is right. NaN stays NaN. */
function relative(error: number, truth: number): number {
  return error === 0 ? 0 : error / Math.abs(truth)
}

/**
 * Compares a tensor, (entry.length), with the truth. If ‖w − truth‖ ≤ tol · ‖truth‖, then the norms differ by no more
 * than that, and the sums by no more than √n times it (Cauchy–Schwarz): hence what the sum's error is relative to.
 */
function compareTensor(entry: ParameterEntry, tensor: FloatArray, truth: TensorTruth, tolerance: number) {
  const errors = truth.index.map((index, i) => tensor[index] - truth.value[i])
  let sum = 0
  let squares = 0
  for (const value of tensor) {
    sum += value
    squares += value * value
  }
  const relativeError = relative(rootMeanSquare(errors), rootMeanSquare(truth.value))
  const l2Error = relative(Math.abs(Math.sqrt(squares) - truth.l2), truth.l2)
  const sumError = relative(Math.abs(sum - truth.sum), Math.sqrt(entry.length) * truth.l2)
  return {
    name: entry.name,
    relativeError,
    pytorchError: truth.float32_relative_l2_error,
    tolerance,
    l2Error,
    sumError,
    // "At most" rather than "not above": NaN must fail.
    passed: relativeError <= tolerance && l2Error <= tolerance && sumError <= tolerance,
  }
}

/** Runs the steps of a trajectory; returns the loss of each. */
async function replay(engine: Engine, trajectory: Trajectory, imageCount: number): Promise<number[]> {
  const { batch, steps, lr, weight_decay, first_index } = trajectory
  // An order longer than the training set is no epoch, and engines may have no room for it.
  const stepsAtOnce = Math.max(1, Math.floor(imageCount / batch))
  const losses: number[] = []
  for (let step = 0; step < steps; step += stepsAtOnce) {
    const count = Math.min(stepsAtOnce, steps - step) * batch
    const order = Uint32Array.from({ length: count }, (_, i) => (first_index + step * batch + i) % imageCount)
    const request = {
      seed: 0,
      epoch: 1,
      batchSize: batch,
      learningRate: lr,
      weightDecay: weight_decay,
      order,
    }
    losses.push(...(await engine.trainEpoch(request)).batchLosses)
  }
  return losses
}

/**
 * Replays `trajectory` on `engine`, whose state and training set are replaced, and compares losses and parameters with
 * the truth. `trainImages` are MNIST's training images in file order, (60000, 784) bytes. Float32 engines must land
 * within 4 times PyTorch's own float32 error and within 1e-6 of every loss; the reference engine within 1e-10.
 *
 * Throws `UsageError` where engine or images do not fit the trajectory; a comparison that fails is no exception but
 * `passed: false`.
 */
export async function compareWithTrajectory(
  engine: Engine,
  trajectory: Trajectory,
  trainImages: Uint8Array,
): Promise<ParityReport> {
  const network = trajectoryNetwork(trajectory)
  const parameters = trajectoryParameters(network)
  const { input } = trajectory.network
  if (trainImages.length === 0 || trainImages.length % input !== 0) {
    throw new UsageError(
      `training images: expected a multiple of ${input} bytes, found ${trainImages.length}`,
    )
  }
  const zeros = new Float32Array(parameters.length)
  await engine.setTrainingSet({ rows: trainImages })
  await engine.writeState({ parameters, firstMoment: zeros, secondMoment: zeros, steps: 0 })
  const losses = await replay(engine, trajectory, trainImages.length / input)
  const final = (await engine.readState()).parameters

  const isFloat64 = engine.info.device === 'reference'
  const tensors = parameterTable(network).map((entry) => {
    const truth = trajectory.final_parameters[entry.name]
    const tolerance = isFloat64 ? FLOAT64_TOLERANCE : FLOAT32_FACTOR * truth.float32_relative_l2_error
    return compareTensor(entry, final.subarray(entry.offset, entry.offset + entry.length), truth, tolerance)
  })
  const lossErrors = trajectory.loss_float64.map((truth, i) => relative(Math.abs(losses[i] - truth), truth))
  const lossError = lossErrors.reduce((largest, error) => Math.max(largest, error))
  const lossTolerance = isFloat64 ? FLOAT64_TOLERANCE : FLOAT32_LOSS_TOLERANCE
  const passed = lossError <= lossTolerance && tensors.every((tensor) => tensor.passed)
  return { losses, lossError, lossTolerance, tensors, passed }
}
