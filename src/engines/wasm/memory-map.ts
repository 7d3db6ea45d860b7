/**
 * Where everything lies in the one shared memory. The host lays it out; the kernels only get addresses.
 *
 *   0            constants of the core; address 0 stays "none"
 *   control      counters that workers meet at, one to a cache line
 *   job          what to do now, the layers, their operands, the two minibatch buffers
 *   workers      what each of them has of its own: what it is at, and its scratch (assembly/scratch.ts)
 *   parameters   per layer: panels of Wᵀ, their two Adam moments, panels of W where they are wanted, biases
 *                and their moments
 *   ─ laid anew when a training set comes ─
 *   rows         of bytes, padded to a multiple of 8, or of floats; labels; signatures
 *   ─ laid anew when a larger minibatch comes ─
 *   batches      two of: targets and inputs as panels, inputs as lists or row pairs
 *   activations  per layer: outputs as panels and as lists or row pairs, deltas as panels and, where they are
 *                wanted, as row pairs
 *   losses       of rows and of minibatches
 *   staging      order and losses of an epoch; inputs, outputs and losses of inference
 */
import type { Layer, Network } from '../../model/network.ts'
import { inputGradientOf, type OperandChoice } from './algorithms.ts'
import { packedWeightElems, roundUp } from './packing.ts'
import {
  BatchPlan,
  BLOCK_ROWS,
  BYTES_OF_CONTROL,
  DOUBLE,
  ENTRY,
  FLOAT,
  Job,
  LayerPlan,
  LINE,
  LOSS_ROW,
  Operand,
  PAIR,
  PANEL,
  SEGMENT_ROWS,
  WORD,
} from './plan.ts'

/** Below lie the constants of the core. */
export const FIRST_ADDRESS = 1024

/** Hands out neighbouring regions from `start` on. */
class Regions {
  #next: number

  constructor(start: number) {
    this.#next = roundUp(start, LINE)
  }

  /** Address of a new region. */
  reserve(bytes: number): number {
    const address = this.#next
    this.#next = roundUp(address + bytes, LINE)
    return address
  }

  get end(): number {
    return this.#next
  }
}

export interface LayerAddresses {
  readonly weight: number
  readonly weightM: number
  readonly weightV: number
  /** 0 for a layer without a dense input gradient: the first one, and those that sample it. */
  readonly weightT: number
  readonly bias: number
  readonly biasM: number
  readonly biasV: number
}

/** What never moves: control, job and parameters. */
export interface FixedMap {
  readonly control: number
  readonly job: number
  readonly layers: number
  readonly batches: number
  /** Of the inputs of either batch, and of the outputs of each layer. */
  readonly operands: number
  /** What each worker has of its own. */
  readonly workers: readonly number[]
  readonly parameters: readonly LayerAddresses[]
  readonly end: number
}

/** `workerBytes`: what the core says that each worker needs. */
export function mapFixed(network: Network, workers: number, workerBytes: number): FixedMap {
  const regions = new Regions(FIRST_ADDRESS)
  const control = regions.reserve(BYTES_OF_CONTROL)
  const job = regions.reserve(Job.bytes)
  const layers = regions.reserve(network.layers.length * LayerPlan.bytes)
  const batches = regions.reserve(2 * BatchPlan.bytes)
  const operands = regions.reserve((2 + network.layers.length) * Operand.bytes)
  const ofWorkers = Array.from({ length: workers }, () => regions.reserve(workerBytes))
  const parameters = network.layers.map((layer, index) => {
    const weightBytes = packedWeightElems(layer) * FLOAT
    const biasBytes = roundUp(layer.outputs, PANEL) * FLOAT
    return {
      weight: regions.reserve(weightBytes),
      weightM: regions.reserve(weightBytes),
      weightV: regions.reserve(weightBytes),
      weightT: inputGradientOf(network, index) === 'dense' ? regions.reserve(weightBytes) : 0,
      bias: regions.reserve(biasBytes),
      biasM: regions.reserve(biasBytes),
      biasV: regions.reserve(biasBytes),
    }
  })
  return { control, job, layers, batches, operands, workers: ofWorkers, parameters, end: regions.end }
}

export interface TrainingSetMap {
  readonly rows: number
  readonly labels: number
  /** 64 bits a row, see assembly/operands/arrange.ts. */
  readonly signatures: number
  readonly end: number
}

/** `at`: where the rows lie already, if they do: nothing else may lie there. */
export function mapTrainingSet(start: number, count: number, rowBytes: number, at?: number): TrainingSetMap {
  const regions = new Regions(Math.max(start, at === undefined ? 0 : at + count * rowBytes))
  return {
    rows: at ?? regions.reserve(count * rowBytes),
    labels: regions.reserve(count),
    signatures: regions.reserve(count * DOUBLE),
    end: regions.end,
  }
}

/** Where a matrix of rows × columns lies as an operand of products: the addresses of an `Operand`. */
export interface OperandAddresses {
  readonly panels: number
  readonly rowPairs: number
  readonly rowLists: number
  readonly rowMarks: number
  readonly columnLists: number
  readonly columnEnds: number
  /** Two pairings of 32-bit words, see `assembly/operands/pairing.ts`. */
  readonly pairings: number
}

export interface BatchAddresses {
  readonly target: number
  /** With room for lists and for row pairs at one place: which of the two they are is chosen for each job. */
  readonly input: OperandAddresses
}

export interface ActivationAddresses {
  /** Undefined for the last layer. */
  readonly output: OperandAddresses | undefined
  readonly delta: number
  readonly deltaPairs: number
}

const NO_OPERAND: OperandAddresses = {
  panels: 0,
  rowPairs: 0,
  rowLists: 0,
  rowMarks: 0,
  columnLists: 0,
  columnEnds: 0,
  pairings: 0,
}

/** What depends on how many rows are computed at once. */
export interface WorkMap {
  /** Rows that the buffers hold. */
  readonly rowCapacity: number
  readonly batches: readonly BatchAddresses[]
  readonly activations: readonly ActivationAddresses[]
  readonly rowLosses: number
  readonly end: number
}

/** `shards`: the most shards that a minibatch of at most `rowCapacity` rows is divided into. */
export function mapWork(
  start: number,
  network: Network,
  rowCapacity: number,
  shards: number,
  operands: OperandChoice,
): WorkMap {
  const regions = new Regions(start)
  const inputs = roundUp(network.layers[0].inputs, PANEL)
  const lists = (columns: number, segments: number) => ({
    rowLists: regions.reserve((rowCapacity / PAIR) * columns * ENTRY),
    rowMarks: regions.reserve((rowCapacity / PAIR) * (Math.ceil(columns / BLOCK_ROWS) + 1) * WORD),
    columnLists: regions.reserve((columns / PAIR) * rowCapacity * ENTRY),
    columnEnds: regions.reserve((columns / PAIR) * segments * WORD),
  })
  const panels = (columns: number) => regions.reserve(columns * rowCapacity * FLOAT)
  const batch = (): BatchAddresses => {
    const target = panels(inputs)
    const noisy = panels(inputs)
    const both = lists(inputs, Math.ceil(rowCapacity / SEGMENT_ROWS))
    return { target, input: { panels: noisy, rowPairs: both.rowLists, ...both, pairings: 0 } }
  }
  const output = (layer: Layer, next: Layer): OperandAddresses => {
    const columns = roundUp(layer.outputs, PANEL)
    return operands.listsOutputs(layer, next)
      ? {
          panels: panels(columns),
          rowPairs: 0,
          ...lists(columns, shards),
          pairings: regions.reserve(2 * columns * WORD),
        }
      : { ...NO_OPERAND, panels: panels(columns), rowPairs: panels(columns) }
  }
  const batches = [batch(), batch()]
  const activations = network.layers.map((layer, index): ActivationAddresses => {
    const outputs = roundUp(layer.outputs, PANEL)
    const next: Layer | undefined = network.layers[index + 1]
    return {
      output: next && output(layer, next),
      delta: panels(outputs),
      deltaPairs: inputGradientOf(network, index) === 'dense' ? panels(outputs) : 0,
    }
  })
  return {
    rowCapacity,
    batches,
    activations,
    rowLosses: regions.reserve(rowCapacity * LOSS_ROW),
    end: regions.end,
  }
}
