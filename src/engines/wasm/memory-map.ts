/**
 * Where everything lies in the one shared memory. The host lays it out; the kernels only get addresses.
 *
 *   0            constants of the core; address 0 stays "none"
 *   control      counters that workers meet at, one to a cache line
 *   job          what to do now, the layers, the two minibatch buffers
 *   scratch      sums and one pair of logits for each worker
 *   parameters   per layer: panels of Wᵀ, their two Adam moments, panels of W where they are wanted, biases and their moments
 *   ─ laid anew when a training set comes ─
 *   rows         bytes, rows padded to a multiple of 8, unless they are there already, or floats; labels; signatures
 *   ─ laid anew when a larger minibatch comes ─
 *   batches      two of: targets and inputs as panels, inputs as lists or row pairs
 *   activations  per layer: outputs as panels and as lists or row pairs, deltas as panels and as row pairs or pair panels
 *   losses       of rows and of minibatches
 *   staging      order and losses of an epoch; inputs, outputs and errors of inference
 */
import { DeviceError } from '../../errors.ts'
import type { Layer, Network } from '../../model/network.ts'
import { inputGradientOf, type OperandChoice } from './algorithms.ts'
import { packedWeightElems, roundUp } from './packing.ts'
import {
  BATCH_FIELDS,
  BLOCK_ROWS,
  CONTROL_BYTES,
  ENTRY_BYTES,
  JOB_FIELDS,
  LAYER_FIELDS,
  OPERAND_FIELDS,
  PAIR,
  PANEL,
  SEGMENT_ROWS,
} from './plan.ts'

const WASM_PAGE_BYTES = 65536
const MOST_PAGES = 65536
/** The end of a 32-bit memory. */
const MEMORY_LIMIT_BYTES = MOST_PAGES * WASM_PAGE_BYTES
/** Below lie the constants of the core. */
export const FIRST_ADDRESS = 1024
/** Every region begins on a cache line. */
const ALIGNMENT_BYTES = 64
const FLOAT_BYTES = 4
/**
 * A worker's sums (CHUNK_ROWS of them in assembly/forward.ts). Logits of a pair lie behind (LOGITS_OFFSET there). The host uses the
 * first worker's scratch between jobs, for the 64-bit words of a window (WINDOW in assembly/arrange.ts).
 */
const SUMS_BYTES = 64 * PANEL * FLOAT_BYTES
/** Partial sums of a row's squared errors (rowLosses in assembly/plan.ts). */
const LOSS_LANES = 8
/** What the gathering of a noisy pair needs beside two rows of inputs (gatherTrainingPair in assembly/gather.ts). */
const NOISE_BYTES = 64 + 2 * 16 * FLOAT_BYTES

/** Hands out neighbouring regions from `start` on. */
class Regions {
  #next: number

  constructor(start: number) {
    this.#next = roundUp(start, ALIGNMENT_BYTES)
  }

  /** Address of a new region. */
  reserve(bytes: number): number {
    const address = this.#next
    this.#next = roundUp(address + bytes, ALIGNMENT_BYTES)
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
  /** One address a worker. */
  readonly scratch: readonly number[]
  readonly parameters: readonly LayerAddresses[]
  readonly end: number
}

export function mapFixed(network: Network, workers: number): FixedMap {
  const regions = new Regions(FIRST_ADDRESS)
  const control = regions.reserve(CONTROL_BYTES)
  const job = regions.reserve(JOB_FIELDS.length * 4)
  const layers = regions.reserve(network.layers.length * LAYER_FIELDS.length * 4)
  const batches = regions.reserve(2 * BATCH_FIELDS.length * 4)
  const operands = regions.reserve((2 + network.layers.length) * OPERAND_FIELDS.length * 4)
  const widest = Math.max(...network.layers.map((layer) => roundUp(layer.outputs, PANEL)))
  const logitsBytes = PAIR * widest * FLOAT_BYTES
  const noiseBytes = NOISE_BYTES + PAIR * roundUp(network.layers[0].inputs, PANEL) * FLOAT_BYTES
  const scratchBytes = Math.max(SUMS_BYTES + logitsBytes, noiseBytes)
  const scratch = Array.from({ length: workers }, () => regions.reserve(scratchBytes))
  const parameters = network.layers.map((layer, index) => {
    const weightBytes = packedWeightElems(layer) * FLOAT_BYTES
    const biasBytes = roundUp(layer.outputs, PANEL) * FLOAT_BYTES
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
  return { control, job, layers, batches, operands, scratch, parameters, end: regions.end }
}

export interface TrainingSetMap {
  readonly rows: number
  readonly labels: number
  /** 64 bits a row, see assembly/arrange.ts. */
  readonly signatures: number
  readonly end: number
}

/** `at`: where the rows lie already, if they do: nothing else may lie there. */
export function mapTrainingSet(start: number, count: number, rowBytes: number, at?: number): TrainingSetMap {
  const regions = new Regions(Math.max(start, at === undefined ? 0 : at + count * rowBytes))
  return {
    rows: at ?? regions.reserve(count * rowBytes),
    labels: regions.reserve(count),
    signatures: regions.reserve(count * 8),
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
  /** Two pairings of 32-bit words, see `assembly/pairing.ts`. */
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
    rowLists: regions.reserve((rowCapacity / PAIR) * columns * ENTRY_BYTES),
    rowMarks: regions.reserve((rowCapacity / PAIR) * (Math.ceil(columns / BLOCK_ROWS) + 1) * 4),
    columnLists: regions.reserve((columns / PAIR) * rowCapacity * ENTRY_BYTES),
    columnEnds: regions.reserve((columns / PAIR) * segments * 4),
  })
  const panels = (columns: number) => regions.reserve(columns * rowCapacity * FLOAT_BYTES)
  const batch = (): BatchAddresses => {
    const target = panels(inputs)
    const noisy = panels(inputs)
    const both = lists(inputs, Math.ceil(rowCapacity / SEGMENT_ROWS))
    return { target, input: { panels: noisy, rowPairs: both.rowLists, ...both, pairings: 0 } }
  }
  const output = (layer: Layer): OperandAddresses => {
    const columns = roundUp(layer.outputs, PANEL)
    return operands.listsOutputs(layer)
      ? {
          panels: panels(columns),
          rowPairs: 0,
          ...lists(columns, shards),
          pairings: regions.reserve(2 * columns * 4),
        }
      : { ...NO_OPERAND, panels: panels(columns), rowPairs: panels(columns) }
  }
  const batches = [batch(), batch()]
  const activations = network.layers.map((layer, index): ActivationAddresses => {
    const outputs = roundUp(layer.outputs, PANEL)
    const isLast = index === network.layers.length - 1
    return {
      output: isLast ? undefined : output(layer),
      delta: panels(outputs),
      deltaPairs: index > 0 ? panels(outputs) : 0,
    }
  })
  return {
    rowCapacity,
    batches,
    activations,
    rowLosses: regions.reserve(rowCapacity * LOSS_LANES * FLOAT_BYTES),
    end: regions.end,
  }
}

/** Grows the memory so that it holds `bytes`. Throws DeviceError where it cannot. */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / WASM_PAGE_BYTES)
  if (missing <= 0) return
  try {
    memory.grow(missing)
  } catch {
    const mebibytes = Math.ceil(bytes / 2 ** 20)
    const limit = MEMORY_LIMIT_BYTES / 2 ** 20
    throw new DeviceError(
      `not enough memory for these sizes: ${mebibytes} MiB are needed, WebAssembly could not grow to that (its limit is ${limit} MiB)`,
    )
  }
}

/** A shared memory of at least so many bytes, which may grow to the end of 32 bits. Throws where it cannot be had. */
export function createMemory(bytes: number): WebAssembly.Memory {
  const initial = Math.ceil(bytes / WASM_PAGE_BYTES)
  return new WebAssembly.Memory({ initial, maximum: MOST_PAGES, shared: true })
}
