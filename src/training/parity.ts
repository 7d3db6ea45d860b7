/**
 * Replays a training trajectory that PyTorch computed in float64, and says how far an engine lands from it.
 *
 * The yardstick is PyTorch itself: the file tells how far PyTorch's own float32 run lands from the float64
 * truth.
 */
import type { Engine } from '../engines/engine.ts'
import { UsageError } from '../errors.ts'
import { JsonFields } from '../formats/json-fields.ts'
import { networkFromJson } from '../formats/network-json.ts'
import type { Network, ParameterEntry } from '../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../model/network.ts'
import { hourglass } from '../model/recipes.ts'
import type { FloatArray } from '../model/state.ts'
import type { StepSchedule } from './schedule.ts'
import { rateOfStep } from './schedule.ts'

/**
 * A float32 engine may land this many times as far from the truth as PyTorch; plain sequential sums land at
 * 2.2.
 */
const FLOAT32_FACTOR = 4
const FLOAT32_LOSS_TOLERANCE = 1e-6
/** For the reference engine: losses, parameters, norms and sums, all relative. */
const FLOAT64_TOLERANCE = 1e-10

/** Far more than any trajectory has, and few enough to be made in memory at once. */
const MOST_ROWS = 100_000
const MOST_COLUMNS = 2048
const MOST_STEPS = 100_000
const MOST_BATCH = 65_536
const MOST_PARAMETERS = 2 ** 27

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

/**
 * A table of float32: element i, row-major, has the hash h of `hashOf(i, 1000)`, and is 2h / 2³² − 1, or
 * h / 2³².
 */
export interface HashedRows {
  readonly kind: 'hash'
  readonly rows: number
  readonly columns: number
  /** What the elements lie in. */
  readonly range: readonly [-1 | 0, 1]
}

/** The fields of a trajectory file that a replay needs, named as in the file. */
export interface Trajectory {
  readonly network: Network
  /** What it was trained on: MNIST's training images, or rows that the file describes by a hash. */
  readonly data: { readonly kind: 'mnist' } | HashedRows
  readonly batch: number
  readonly steps: number
  readonly lr: number
  /** How the rate goes on from step to step; undefined: it stays. */
  readonly schedule?: StepSchedule
  readonly weight_decay: number
  /** Step s uses rows (first_index + s · batch + j) mod count, j = 0 … batch − 1. */
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
  /**
   * Loss of each step as the engine computed it, and the largest relative error among them (NaN if any is).
   */
  readonly losses: readonly number[]
  readonly lossError: number
  readonly lossTolerance: number
  readonly tensors: readonly TensorReport[]
  /** Whether the losses and every tensor are within their tolerances. */
  readonly passed: boolean
}

/**
 * The trajectory in the text of a file. Throws `FileError` where a field is missing, of the wrong kind, of a
 * length that does not fit, or of a value that engines do not offer (Adam's betas and epsilon are fixed).
 */
export function parseTrajectory(text: string, file: string): Trajectory {
  const root = JsonFields.parse(text, file)
  const trajectory: Trajectory = {
    network: parseNetwork(root.fields('network'), file),
    data: parseData(root),
    batch: root.integer('batch', 1, MOST_BATCH),
    steps: root.integer('steps', 1, MOST_STEPS),
    lr: root.number('lr'),
    weight_decay: root.number('weight_decay'),
    first_index: root.integer('first_index', 0),
    loss_float64: root.numbers('loss_float64'),
    final_parameters: {},
  }
  root.lengthOf('loss_float64', trajectory.steps)
  root.constant('betas', [0.9, 0.999])
  root.constant('eps', 1e-8)
  if (root.has('schedule')) Object.assign(trajectory, { schedule: parseSchedule(root, trajectory) })
  const { data, network } = trajectory
  if (data.kind === 'hash' && data.columns !== inputSize(network)) {
    root.fields('data').fail('columns', `${inputSize(network)}, the inputs of the network`, data.columns)
  }
  if (parameterCount(network) > MOST_PARAMETERS) {
    root.fail('network', `at most ${MOST_PARAMETERS} parameters`, parameterCount(network))
  }
  const truths = root.fields('final_parameters')
  const entries = parameterTable(network).map((entry) => {
    return [entry.name, parseTensorTruth(truths.fields(entry.name), entry)] as const
  })
  return { ...trajectory, final_parameters: Object.fromEntries(entries) }
}

/** Layers by name of activation; or the sizes alone of the seed's network, as older files have them. */
function parseNetwork(fields: JsonFields, file: string): Network {
  if (!fields.has('layers')) {
    const [input, hidden, bottleneck] = ['input', 'hidden', 'bottleneck'].map((name) =>
      fields.integer(name, 1),
    )
    return hourglass({ input, hidden, bottleneck })
  }
  return networkFromJson(fields, file, { codeLayer: 'code_layer', unnamed: (i) => `fc${i + 1}` })
}

function parseSchedule(root: JsonFields, { lr, steps }: Trajectory): StepSchedule {
  const fields = root.fields('schedule')
  return {
    kind: fields.oneOf('kind', ['cosine', 'linear', 'constant']),
    learningRate: lr,
    finalLearningRate: fields.numberAtLeast('final_lr', 0),
    warmupSteps: fields.integer('warmup_steps', 0, steps),
    warmupStart: fields.numberAtLeast('warmup_start', 0),
    steps,
  }
}

function parseData(root: JsonFields): Trajectory['data'] {
  // Older files say in words that it is MNIST.
  if (!root.holdsObject('data')) return { kind: 'mnist' }
  const data = root.fields('data')
  const kind = data.oneOf('kind', ['mnist', 'hash'])
  if (kind === 'mnist') return { kind }
  const rows = data.integer('rows', 1, MOST_ROWS)
  const columns = data.integer('columns', 1, MOST_COLUMNS)
  const [least, most] = data.numbers('range')
  if (!(most === 1 && (least === 0 || least === -1))) data.fail('range', '[-1, 1] or [0, 1]', [least, most])
  return { kind, rows, columns, range: [least as -1 | 0, 1] }
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
 * Chris Wellons' `lowbias32` of an index and of the number t of what it belongs to: a whole number below 2³².
 */
function hashOf(i: number, t: number): number {
  let h = (i + 1 + Math.imul(0x9e3779b9, t + 1)) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return (h ^ (h >>> 16)) >>> 0
}

/** The t of made data. */
const DATA_HASH = 1000

/**
 * The rows that a trajectory was trained on, where it describes them: undefined for MNIST's training images.
 */
export function trajectoryRows({ data }: Trajectory): Float32Array | undefined {
  if (data.kind === 'mnist') return undefined
  const isUnit = data.range[0] === 0
  return Float32Array.from({ length: data.rows * data.columns }, (_, i) => {
    const u = (2 * hashOf(i, DATA_HASH)) / 2 ** 32 - 1
    return isUnit ? u * 0.5 + 0.5 : u
  })
}

/**
 * Initial parameters of a trajectory, in canonical order: weights are a hash of their index and their layer's
 * number, scaled to ±√(6 / (in + out)) and rounded to float32; biases are zero.
 */
function trajectoryParameters(network: Network): Float32Array {
  const parameters = new Float32Array(parameterCount(network))
  const table = parameterTable(network)
  network.layers.forEach((layer, t) => {
    const { offset, length } = table[2 * t]
    const bound = Math.sqrt(6 / (layer.inputs + layer.outputs))
    for (let i = 0; i < length; i++) {
      parameters[offset + i] = ((2 * hashOf(i, t)) / 2 ** 32 - 1) * bound
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
 * Compares a tensor, (entry.length), with the truth. If ‖w − truth‖ ≤ tol · ‖truth‖, then the norms differ by
 * no more than that, and the sums by no more than √n times it (Cauchy–Schwarz): hence what the sum's error is
 * relative to.
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
async function replay(engine: Engine, trajectory: Trajectory, rowCount: number): Promise<number[]> {
  const { batch, steps, lr, schedule, weight_decay, first_index } = trajectory
  // An order longer than the training set is no epoch, and engines may have no room for it.
  const stepsAtOnce = Math.max(1, Math.floor(rowCount / batch))
  const losses: number[] = []
  for (let step = 0; step < steps; step += stepsAtOnce) {
    const count = Math.min(stepsAtOnce, steps - step) * batch
    const order = Uint32Array.from({ length: count }, (_, i) => (first_index + step * batch + i) % rowCount)
    const rates = Float64Array.from({ length: count / batch }, (_, i) =>
      schedule ? rateOfStep(schedule, step + i) : lr,
    )
    const request = {
      seed: 0,
      epoch: 1,
      batchSize: batch,
      learningRate: rates,
      weightDecay: weight_decay,
      order,
    }
    losses.push(...(await engine.trainEpoch(request)).batchLosses)
  }
  return losses
}

/**
 * Replays `trajectory` on `engine`, whose state and training set are replaced, and compares losses and
 * parameters with the truth. `rows` are those of `trajectoryRows`, or MNIST's training images in file order.
 * Float32 engines must land within 4 times PyTorch's own float32 error and within 1e-6 of every loss; the
 * reference engine within 1e-10.
 *
 * Throws `UsageError` where engine or rows do not fit the trajectory; a comparison that fails is no exception
 * but `passed: false`.
 */
export async function compareWithTrajectory(
  engine: Engine,
  trajectory: Trajectory,
  rows: Uint8Array | Float32Array,
): Promise<ParityReport> {
  const { network } = trajectory
  const parameters = trajectoryParameters(network)
  const input = inputSize(network)
  if (rows.length === 0 || rows.length % input !== 0) {
    throw new UsageError(`training rows: expected a multiple of ${input} values, found ${rows.length}`)
  }
  const zeros = new Float32Array(parameters.length)
  await engine.setTrainingSet({ rows })
  await engine.writeState({ parameters, firstMoment: zeros, secondMoment: zeros, steps: 0 })
  const losses = await replay(engine, trajectory, rows.length / input)
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
