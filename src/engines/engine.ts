/**
 * The one seam between what is trained and how it is computed. Training, evaluation, figures and benchmarks
 * speak only to this interface; only `createEngine` knows the engines by name. One conformance suite runs
 * against every engine.
 *
 * Rules that hold for every method:
 * - Calls do not overlap: a call made while another runs rejects with an `internal:` error.
 * - Arrays passed in are only read, and are free again when the promise settles; `roomFor` alone is
 *   otherwise. Arrays returned belong to the caller.
 * - Shapes are row-major with rows first: (n, inputs), (n, units).
 * - Every engine computes every network that `checkNetwork` lets through, and refuses all others in its
 *   words.
 * - An engine that failed (a worker died, a device was lost) rejects this and every later call with the first
 *   cause; only `dispose` is still allowed.
 */
import type { Network } from '../model/network.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import type { StopSignal } from './stop-signal.ts'

export interface EngineInfo {
  /** `wasm`, `webgpu` or `reference`. */
  readonly device: 'wasm' | 'webgpu' | 'reference'
  /** Threads that compute; 1 where the notion does not apply. */
  readonly threads: number
  /** One line for people: the arithmetic in use, for example `relaxed SIMD, 256-bit`. */
  readonly arithmetic: string
  /** Names what decides the bits: engines of the same name end, from the same state, in the same bits. */
  readonly bits: string
}

/**
 * Images or other rows of network inputs. Bytes mean value / 255; floats are taken as they are. Shape (n,
 * inputs).
 */
export type Inputs = Uint8Array | FloatArray

export interface TrainingSet {
  /**
   * (count, inputs): bytes, of which the network sees value / 255, or finite floats, in [0, 1] under the loss
   * `bce`.
   */
  readonly rows: Uint8Array | Float32Array
  /** (count) class indices; needed where the network's loss is cross-entropy. */
  readonly labels?: Uint8Array
}

export interface EpochRequest {
  /** Seed of the shuffle and of the noise, an integer in [0, 2³²). */
  readonly seed: number
  /** Epoch number, from 1: part of the key of the shuffle and of the noise. */
  readonly epoch: number
  /** Rows in a minibatch; the last one of an epoch may be smaller. */
  readonly batchSize: number
  /** One for all steps, or one for each step of the whole epoch, (steps). */
  readonly learningRate: number | Float64Array
  /** PyTorch's coupled weight decay: added to the gradient as weightDecay · parameter. */
  readonly weightDecay: number
  /**
   * Standard deviation of Gaussian noise added to the inputs, not to the targets; 0 for none. Rows of bytes
   * are clipped to [0, 1] after it, rows of floats are not.
   */
  readonly noiseStd?: number
  /** Indices into the training set, in the order to visit; default: the seeded shuffle of (seed, epoch). */
  readonly order?: Uint32Array
  /** Steps of this epoch that are already done (a resumed epoch); default 0. */
  readonly firstStep?: number
  /** The first so many layers keep their parameters and moments (frozen); default 0. */
  readonly frozenLayers?: number
  /** When it aborts, the step under way is finished and the promise resolves with the steps done so far. */
  readonly signal?: StopSignal | undefined
  /**
   * Called some 20 times a second, counted over all epochs of the engine, however short they are; never after
   * the promise has settled. What it throws ends the epoch and rejects the promise, and no call follows.
   */
  readonly onProgress?: ((progress: { stepsDone: number; steps: number }) => void) | undefined
}

export interface EpochResult {
  /** Mean loss of each minibatch done by this call, in order, before its update. */
  readonly batchLosses: Float64Array
  /** Steps of this epoch done in all, `firstStep` included. */
  readonly stepsDone: number
  /** Steps of the whole epoch. `stepsDone < steps` only after `signal` aborted. */
  readonly steps: number
}

export interface Engine {
  readonly info: EngineInfo
  readonly network: Network

  /**
   * Room for so many training rows of bytes, (rows, inputs), for the caller to fill and to hand to the next
   * `setTrainingSet`: in the engine's own memory where that spares the copy, else a fresh array. The caller
   * may write to it until that call begins; from then on, and after `dispose`, its content is the engine's.
   */
  roomFor(rows: number): Uint8Array

  /**
   * Makes the rows resident for `trainEpoch`; replaces an earlier set. They must stay as they are until it
   * resolves, for they may be read piece by piece.
   */
  setTrainingSet(set: TrainingSet): Promise<void>

  /**
   * Xavier-uniform weights and biases of 0.01 from the seed's own random stream (`src/random/streams.ts`),
   * zero moments, zero steps. The same bits on every engine, up to the engine's number format.
   */
  initialize(seed: number): Promise<void>

  /**
   * Replaces parameters, moments and step count. Throws for lengths that are not the network's. The state
   * must stay as it is until it resolves.
   */
  writeState(state: ModelState): Promise<void>
  readState(): Promise<ModelState>

  /** Trains one epoch, or what is left of it. Needs `setTrainingSet`. */
  trainEpoch(request: EpochRequest): Promise<EpochResult>

  /**
   * Output of the last layer, (n, outputs): an autoencoder's reconstruction, a classifier's probabilities.
   */
  forward(inputs: Inputs): Promise<FloatArray>
  /** Output of the network's code layer, (n, bottleneck). */
  encode(inputs: Inputs): Promise<FloatArray>
  /** Output of the last layer for given codes; codes (n, bottleneck), result (n, outputs). */
  decode(codes: FloatArray): Promise<FloatArray>
  /**
   * The network's own loss of each row, (n), whose mean over a set is the set's loss: `mse` and `bce` against
   * the row itself, `crossEntropy` against labels (n), which it needs.
   */
  rowLosses(inputs: Inputs, labels?: Uint8Array): Promise<Float64Array>
  /** Mean squared error of each row's reconstruction against the row itself, (n). Not for `crossEntropy`. */
  reconstructionErrors(inputs: Inputs): Promise<Float64Array>

  /** Frees threads, memory and devices. Idempotent. After it every other call rejects. */
  dispose(): Promise<void>
}
