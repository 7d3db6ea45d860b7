/**
 * Where everything lies in the one shared memory. The host lays it out; the kernels only get addresses.
 *
 *   0            constants of the core; address 0 stays "none"
 *   images       those that were read into the memory before the engine was made, if any
 *   control      counters that workers meet at, one to a cache line
 *   job          what to do now, the layers, the two minibatch buffers
 *   scratch      sums and one pair of logits for each worker
 *   parameters   per layer: panels of Wᵀ, their two Adam moments, panels of W where they are wanted, biases and their moments
 *   ─ laid anew when a training set comes ─
 *   images       bytes, rows padded to a multiple of 8, unless they are there already; labels; signatures
 *   ─ laid anew when a larger minibatch comes ─
 *   batches      two of: targets and inputs as panels, lists of non-zero inputs
 *   activations  per layer: outputs as panels and lists, deltas as panels and as row pairs or pair panels
 *   losses       of rows and of minibatches
 *   staging      order and losses of an epoch; inputs, outputs and errors of inference
 */
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import { imageRowBytes, packedWeightElems, roundUp } from './packing.ts'
import {
  BATCH_FIELDS,
  BLOCK_ROWS,
  CONTROL_BYTES,
  ENTRY_BYTES,
  JOB_FIELDS,
  LAYER_FIELDS,
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

/** Sums shorter than this are too short for dot products to pay. */
const LEAST_SAMPLED_OUTPUTS = 64
/**
 * Units behind so few others are silent for many images: a decoder's, of MNIST, for a third of the pairs of images at z 8, but for a
 * sixth at z 32, where dot products no longer pay. Of so few inputs the dense product would compute a whole panel.
 */
const MOST_SAMPLED_INPUTS = 16

/** Whether a layer's input gradient is computed only where the ReLU before it lets it pass (assembly/sddmm.ts). */
export function samplesInputGradient({ layers }: Network, index: number): boolean {
  if (index === 0) return false
  const before = layers[index - 1]
  const { inputs, outputs } = layers[index]
  const isWorthwhile =
    outputs >= LEAST_SAMPLED_OUTPUTS && Math.min(inputs, before.inputs) <= MOST_SAMPLED_INPUTS
  return before.activation === 'relu' && isWorthwhile
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
  /** One address a worker. */
  readonly scratch: readonly number[]
  readonly parameters: readonly LayerAddresses[]
  readonly end: number
}

export function mapFixed(network: Network, workers: number, start = FIRST_ADDRESS): FixedMap {
  const regions = new Regions(start)
  const control = regions.reserve(CONTROL_BYTES)
  const job = regions.reserve(JOB_FIELDS.length * 4)
  const layers = regions.reserve(network.layers.length * LAYER_FIELDS.length * 4)
  const batches = regions.reserve(2 * BATCH_FIELDS.length * 4)
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
      weightT: index > 0 && !samplesInputGradient(network, index) ? regions.reserve(weightBytes) : 0,
      bias: regions.reserve(biasBytes),
      biasM: regions.reserve(biasBytes),
      biasV: regions.reserve(biasBytes),
    }
  })
  return { control, job, layers, batches, scratch, parameters, end: regions.end }
}

export interface TrainingSetMap {
  readonly images: number
  readonly labels: number
  /** 64 bits an image, see assembly/arrange.ts. */
  readonly signatures: number
  readonly end: number
}

/** `images`: where they lie already, if they do. */
export function mapTrainingSet(
  start: number,
  network: Network,
  count: number,
  images?: number,
): TrainingSetMap {
  const regions = new Regions(start)
  return {
    images: images ?? regions.reserve(count * imageRowBytes(network.layers[0].inputs)),
    labels: regions.reserve(count),
    signatures: regions.reserve(count * 8),
    end: regions.end,
  }
}

/** Lists of a matrix of rows × columns, see `assembly/lists.ts`. */
export interface ListAddresses {
  readonly rowLists: number
  readonly rowMarks: number
  readonly columnLists: number
  readonly columnEnds: number
}

export interface BatchAddresses extends ListAddresses {
  readonly target: number
  readonly input: number
}

export interface ActivationAddresses extends ListAddresses {
  readonly output: number
  /** Two pairings of ⌈O⌉ 32-bit words, see `assembly/pairing.ts`. */
  readonly pairings: number
  readonly delta: number
  readonly deltaPairs: number
}

const NO_LISTS: ListAddresses = { rowLists: 0, rowMarks: 0, columnLists: 0, columnEnds: 0 }

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
export function mapWork(start: number, network: Network, rowCapacity: number, shards: number): WorkMap {
  const regions = new Regions(start)
  const inputs = roundUp(network.layers[0].inputs, PANEL)
  const lists = (columns: number, segments: number): ListAddresses => ({
    rowLists: regions.reserve((rowCapacity / PAIR) * columns * ENTRY_BYTES),
    rowMarks: regions.reserve((rowCapacity / PAIR) * (Math.ceil(columns / BLOCK_ROWS) + 1) * 4),
    columnLists: regions.reserve((columns / PAIR) * rowCapacity * ENTRY_BYTES),
    columnEnds: regions.reserve((columns / PAIR) * segments * 4),
  })
  const batch = (): BatchAddresses => ({
    target: regions.reserve(inputs * rowCapacity * FLOAT_BYTES),
    input: regions.reserve(inputs * rowCapacity * FLOAT_BYTES),
    ...lists(inputs, Math.ceil(rowCapacity / SEGMENT_ROWS)),
  })
  const batches = [batch(), batch()]
  const activations = network.layers.map((layer, index) => {
    const outputs = roundUp(layer.outputs, PANEL)
    const bytes = outputs * rowCapacity * FLOAT_BYTES
    const last = index === network.layers.length - 1
    return {
      output: last ? 0 : regions.reserve(bytes),
      ...(last ? NO_LISTS : lists(outputs, shards)),
      pairings: last ? 0 : regions.reserve(2 * outputs * 4),
      delta: regions.reserve(bytes),
      deltaPairs: index > 0 ? regions.reserve(bytes) : 0,
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

/** A memory for an engine that is yet to be made, with room that training images can be read into at once. */
export interface ImageMemory {
  readonly memory: WebAssembly.Memory
  readonly images: Uint8Array
}

/** Undefined where so much cannot be had. */
export function reserveImages(bytes: number): ImageMemory | undefined {
  try {
    const memory = createMemory(FIRST_ADDRESS + bytes)
    return { memory, images: new Uint8Array(memory.buffer, FIRST_ADDRESS, bytes) }
  } catch {
    return undefined
  }
}
