/** What every engine checks at its door, once for all of them, so that all say the same. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { parameterCount } from '../model/network.ts'
import type { ModelState } from '../model/state.ts'
import { shuffledOrder } from '../random/streams.ts'
import type { EpochRequest, TrainingSet } from './engine.ts'

/** At most some 20 progress reports a second. */
export const PROGRESS_INTERVAL_MS = 50

/** Lets one call run at a time, and none after a failure or `close`. */
export class CallGuard {
  #running = false
  #failure: Error | undefined
  #closed = false

  /** Runs one call of the engine; rejects if another runs, or with the first cause if the engine failed. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('internal: the engine was used after dispose')
    if (this.#failure) throw this.#failure
    if (this.#running) throw new Error('internal: an engine call was made while another was running')
    this.#running = true
    try {
      return await work()
    } finally {
      this.#running = false
    }
  }

  /** The first cause that made the engine unusable. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Makes every later call reject with this cause; the first one stays. */
  fail(cause: Error): void {
    this.#failure ??= cause
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = true
  }
}

/** Throws for an activation or a loss that no engine has a formula for. */
export function checkNetwork(network: Network): void {
  const last = network.layers[network.layers.length - 1]
  const wanted = network.loss === 'mse' ? 'sigmoid' : 'softmax'
  if (last.activation !== wanted) {
    throw new Error(`internal: loss ${network.loss} needs a last layer ${wanted}, found ${last.activation}`)
  }
  if (network.layers.slice(0, -1).some((layer) => layer.activation === 'softmax')) {
    throw new Error('internal: softmax is only known as the last layer')
  }
  if (network.loss === 'mse' && last.outputs !== network.layers[0].inputs) {
    throw new Error(`internal: loss mse compares ${last.outputs} outputs with the inputs themselves`)
  }
}

/** Number of rows of `width` values. Throws UsageError where the length is no multiple of the width. */
export function countRows(values: ArrayLike<unknown>, width: number, what: string): number {
  if (values.length % width !== 0) {
    throw new UsageError(`${what}: expected a multiple of ${width} values, found ${values.length}`)
  }
  return values.length / width
}

/** Number of images of the set. Throws UsageError where images or labels do not fit the network. */
export function checkTrainingSet(network: Network, set: TrainingSet): number {
  const count = countRows(set.images, network.layers[0].inputs, 'training images')
  const { labels } = set
  if (!labels) {
    if (network.loss === 'crossEntropy')
      throw new UsageError('training set: cross-entropy needs labels, found none')
    return count
  }
  if (labels.length !== count) {
    throw new UsageError(`training set: expected ${count} labels, one an image, found ${labels.length}`)
  }
  const classes = network.layers[network.layers.length - 1].outputs
  const wrong = network.loss === 'crossEntropy' ? labels.findIndex((label) => label >= classes) : -1
  if (wrong >= 0) {
    throw new UsageError(`training set: expected labels below ${classes}, found ${labels[wrong]} at ${wrong}`)
  }
  return count
}

/** Throws UsageError where a slab has not one element a parameter, or the step count is no whole number. */
export function checkState(network: Network, state: ModelState): void {
  const count = parameterCount(network)
  for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
    if (state[slab].length !== count) {
      throw new UsageError(`${slab}: expected ${count} values, found ${state[slab].length}`)
    }
  }
  checkInteger('state steps', state.steps, 0, Number.MAX_SAFE_INTEGER)
}

export interface EpochPlan {
  /** Indices into the training set, in the order to visit. */
  readonly order: Uint32Array
  readonly firstStep: number
  readonly steps: number
  readonly frozenLayers: number
}

/**
 * The order, the steps and the defaults of an epoch over a training set of `imageCount` images (undefined: none was
 * set). Throws UsageError where a value of the request cannot be.
 */
export function planEpoch(
  network: Network,
  imageCount: number | undefined,
  request: EpochRequest,
): EpochPlan {
  if (imageCount === undefined) throw new UsageError('trainEpoch: no training set; call setTrainingSet first')
  const { seed, epoch, batchSize, firstStep = 0, frozenLayers = 0 } = request
  checkInteger('seed', seed, 0, 2 ** 32 - 1)
  checkInteger('epoch', epoch, 1, 2 ** 32 - 1)
  checkInteger('batch size', batchSize, 1, 2 ** 31)
  for (const what of ['learningRate', 'weightDecay', 'noiseStd'] as const) {
    const value = request[what] ?? 0
    if (!(value >= 0 && value < Infinity)) {
      throw new UsageError(`${what}: expected a finite number of at least 0, found ${value}`)
    }
  }
  const order = request.order ?? shuffledOrder(imageCount, seed, epoch)
  const outside = order.findIndex((image) => image >= imageCount)
  if (outside >= 0) {
    throw new UsageError(`order: expected indices below ${imageCount}, found ${order[outside]} at ${outside}`)
  }
  const steps = Math.ceil(order.length / batchSize)
  checkInteger('first step', firstStep, 0, steps)
  checkInteger('frozen layers', frozenLayers, 0, network.layers.length)
  return { order, firstStep, steps, frozenLayers }
}

/** Most workers of a CPU engine: far more than help, far fewer than exhaust a machine. */
export const MAX_THREADS = 256

/** Throws UsageError for a number of threads that cannot be. */
export function checkThreads(threads: number): void {
  checkInteger('threads', threads, 1, MAX_THREADS)
}

/** Throws UsageError unless the value is a whole number from `least` to `most`. */
export function checkInteger(what: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`${what}: expected a whole number from ${least} to ${most}, found ${value}`)
  }
}
