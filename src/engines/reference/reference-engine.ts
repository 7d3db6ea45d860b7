/**
 * The engine to believe: float64, one thread, no tricks. The oracle of the tests, and the network's
 * documentation.
 */
import type { Network } from '../../model/network.ts'
import { inputSize, parameterCount, parameterTable } from '../../model/network.ts'
import type { FloatArray } from '../../model/state.ts'
import { imageNoise, initialParameters } from '../../random/streams.ts'
import {
  CallGuard,
  checkNetwork,
  checkReconstructs,
  checkRowLosses,
  checkState,
  checkTrainingSet,
  countRows,
  planEpoch,
} from '../checks.ts'
import type { Engine, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import { ProgressClock } from '../progress.ts'
import type { AdamSlabs } from './adam.ts'
import { adamStep } from './adam.ts'
import type { Batch } from './backward.ts'
import { gradients, lossOf } from './backward.ts'
import { forward } from './forward.ts'
import { meanSquaredError } from './loss.ts'

/** Rows that inference takes at once: bounds the memory for activations, changes no result. */
const ROWS_AT_ONCE = 256

/** Network inputs of rows `first` … `end` of bytes (value / 255) or floats (as they are). */
function toFloat64(inputs: Inputs, width: number, first: number, end: number): Float64Array {
  const values = Float64Array.from(inputs.subarray(first * width, end * width))
  return inputs instanceof Uint8Array ? values.map((byte) => byte / 255) : values
}

/** The rows of one step with their targets, and noise on the inputs where the request asks for it. */
function makeBatch(set: TrainingSet, width: number, indices: Uint32Array, request: EpochRequest): Batch {
  const { epoch, seed, noiseStd = 0 } = request
  const targets = new Float64Array(indices.length * width)
  indices.forEach((index, row) => {
    targets.set(toFloat64(set.rows, width, index, index + 1), row * width)
  })
  const labels = Uint8Array.from(indices, (index) => set.labels?.[index] ?? 0)
  if (noiseStd === 0) return { inputs: targets, targets, labels }

  const inputs = Float64Array.from(targets)
  const noise = new Float64Array(width)
  const isClipped = set.rows instanceof Uint8Array
  indices.forEach((index, row) => {
    imageNoise(noise, index, epoch, seed)
    for (let column = 0; column < width; column++) {
      const noisy = inputs[row * width + column] + noiseStd * noise[column]
      inputs[row * width + column] = isClipped ? Math.min(Math.max(noisy, 0), 1) : noisy
    }
  })
  return { inputs, targets, labels }
}

/** Lets timers, signals and other work run between two steps. */
function yieldToEventLoop(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, 0))
}

/** Everything the engine holds. */
interface Held {
  readonly clock: ProgressClock
  slabs: AdamSlabs
  steps: number
  set: TrainingSet | undefined
  rowCount: number | undefined
}

async function trainEpoch(network: Network, held: Held, request: EpochRequest): Promise<EpochResult> {
  const { order, firstStep, steps, frozenLayers, learningRates } = planEpoch(network, held.rowCount, request)
  const set = held.set as TrainingSet
  const { batchSize, weightDecay, signal, onProgress } = request
  const firstTrained = parameterTable(network)[2 * frozenLayers]?.offset ?? parameterCount(network)
  const batchLosses: number[] = []
  let step = firstStep
  for (; step < steps && !signal?.aborted; step++) {
    const indices = order.subarray(step * batchSize, (step + 1) * batchSize)
    const batch = makeBatch(set, network.layers[0].inputs, indices, request)
    const { loss, gradient } = gradients(network, held.slabs.parameters, batch, frozenLayers)
    held.steps++
    adamStep(held.slabs, gradient, held.steps, learningRates[step], weightDecay, firstTrained)
    batchLosses.push(loss)
    if (onProgress && held.clock.take()) onProgress({ stepsDone: step + 1, steps })
    await yieldToEventLoop()
  }
  return { batchLosses: Float64Array.from(batchLosses), stepsDone: step, steps }
}

/**
 * Output of layer `last` for rows that enter layer `first`, (n, outputs of `last`). Where the code layer is
 * the last one, nothing follows it, and decoding gives the codes back.
 */
async function infer(
  network: Network,
  parameters: Float64Array,
  rows: Inputs,
  first: number,
  last: number,
): Promise<Float64Array> {
  const inputs = first === 0 ? network.layers[0].inputs : network.layers[first - 1].outputs
  const { outputs } = network.layers[last]
  const n = countRows(rows, inputs, first === 0 ? 'inputs' : 'codes')
  if (first > last) return toFloat64(rows, inputs, 0, n)
  const result = new Float64Array(n * outputs)
  for (let row = 0; row < n; row += ROWS_AT_ONCE) {
    const x = toFloat64(rows, inputs, row, Math.min(row + ROWS_AT_ONCE, n))
    result.set(forward(network, parameters, x, first, last)[last - first].y, row * outputs)
    await yieldToEventLoop()
  }
  return result
}

async function reconstructionErrors(
  network: Network,
  parameters: Float64Array,
  rows: Inputs,
): Promise<Float64Array> {
  checkReconstructs(network)
  const width = inputSize(network)
  const outputs = await infer(network, parameters, rows, 0, network.layers.length - 1)
  return Float64Array.from({ length: rows.length / width }, (_, row) =>
    meanSquaredError(outputs.subarray(row * width, (row + 1) * width), toFloat64(rows, width, row, row + 1)),
  )
}

async function rowLosses(
  network: Network,
  parameters: Float64Array,
  rows: Inputs,
  labels: Uint8Array | undefined,
): Promise<Float64Array> {
  const count = checkRowLosses(network, rows, labels)
  const width = inputSize(network)
  const losses = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    const inputs = toFloat64(rows, width, row, row + 1)
    const label = Uint8Array.of(labels?.[row] ?? 0)
    losses[row] = lossOf(network, parameters, { inputs, targets: inputs, labels: label })
    if (row % ROWS_AT_ONCE === 0) await yieldToEventLoop()
  }
  return losses
}

/** The reference engine. Everything it returns is float64. */
export function createReferenceEngine(network: Network): Engine {
  checkNetwork(network)
  const guard = new CallGuard()
  const count = parameterCount(network)
  const last = network.layers.length - 1
  const copySlabs = (parameters: FloatArray, firstMoment: FloatArray, secondMoment: FloatArray) => ({
    parameters: Float64Array.from(parameters),
    firstMoment: Float64Array.from(firstMoment),
    secondMoment: Float64Array.from(secondMoment),
  })
  const zeros = new Float64Array(count)
  const held: Held = {
    clock: new ProgressClock(),
    slabs: copySlabs(zeros, zeros, zeros),
    steps: 0,
    set: undefined,
    rowCount: undefined,
  }

  return {
    info: { device: 'reference', threads: 1, arithmetic: 'float64, plain TypeScript', bits: 'float64' },
    network,

    roomFor: (rows) => new Uint8Array(rows * inputSize(network)),

    setTrainingSet: (set) =>
      guard.run(async () => {
        held.rowCount = checkTrainingSet(network, set)
        // Arrays passed in are the caller's again when this settles, so they are copied; a Buffer's slice()
        // would be a view.
        held.set = {
          rows: set.rows instanceof Uint8Array ? new Uint8Array(set.rows) : new Float32Array(set.rows),
          ...(set.labels && { labels: new Uint8Array(set.labels) }),
        }
      }),

    initialize: (seed) =>
      guard.run(async () => {
        held.slabs = copySlabs(initialParameters(network, seed), zeros, zeros)
        held.steps = 0
      }),

    writeState: (state) =>
      guard.run(async () => {
        checkState(network, state)
        held.slabs = copySlabs(state.parameters, state.firstMoment, state.secondMoment)
        held.steps = state.steps
      }),

    readState: () =>
      guard.run(async () => {
        const { parameters, firstMoment, secondMoment } = held.slabs
        return { ...copySlabs(parameters, firstMoment, secondMoment), steps: held.steps }
      }),

    trainEpoch: (request) => guard.run(() => trainEpoch(network, held, request)),

    forward: (inputs) => guard.run(() => infer(network, held.slabs.parameters, inputs, 0, last)),

    encode: (inputs) => guard.run(() => infer(network, held.slabs.parameters, inputs, 0, network.codeLayer)),

    decode: (codes) =>
      guard.run(() => infer(network, held.slabs.parameters, codes, network.codeLayer + 1, last)),

    rowLosses: (inputs, labels) => guard.run(() => rowLosses(network, held.slabs.parameters, inputs, labels)),

    reconstructionErrors: (inputs) =>
      guard.run(() => reconstructionErrors(network, held.slabs.parameters, inputs)),

    dispose: async () => guard.close(),
  }
}
