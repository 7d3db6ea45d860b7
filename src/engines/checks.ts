/** What every engine checks at its door, once for all of them, so that all say the same. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { inputSize, isAutoencoder, outputSize, parameterCount } from '../model/network.ts'
import type { FloatArray, ModelState } from '../model/state.ts'
import { kindOf } from '../quote.ts'
import { shuffledOrder } from '../random/streams.ts'
import type { EpochRequest, Inputs, TrainingSet } from './engine.ts'

export { checkNetwork } from '../model/check-network.ts'

/** Why a call ended that was under way at `dispose`. */
export function disposedDuringCall(): UsageError {
  return new UsageError('engine: expected no call to be under way at dispose, found one, which was stopped')
}

/** What an engine's call rejects with that comes after `dispose`. */
export class AfterDispose extends Error {
  constructor() {
    super('internal: the engine was used after dispose')
  }
}

/** Lets one call run at a time, and none after a failure or `close`. */
export class CallGuard {
  #running = false
  #failure: Error | undefined
  #closed = false

  /** Runs one call of the engine; rejects if another runs, or with the first cause if the engine failed. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#checkFree()
    this.#running = true
    try {
      return await work()
    } finally {
      this.#running = false
    }
  }

  /** The same for a call that answers at once. */
  runSync<T>(work: () => T): T {
    this.#checkFree()
    return work()
  }

  #checkFree(): void {
    if (this.#closed) throw new AfterDispose()
    if (this.#failure) throw this.#failure
    if (this.#running) throw new Error('internal: an engine call was made while another was running')
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

/** Number of rows of `width` values. Throws UsageError where the length is no multiple of the width. */
export function countRows(values: ArrayLike<unknown>, width: number, what: string): number {
  if (values.length % width !== 0) {
    throw new UsageError(`${what}: expected a multiple of ${width} values, found ${values.length}`)
  }
  return values.length / width
}

/**
 * Throws UsageError for a value that is no number in float32, with which engines compute: 1e39 is infinite.
 */
export function checkFinite(rows: FloatArray, width: number, what: string): void {
  const wrong = findNotFinite(rows)
  if (wrong < 0) return
  const beyond = Number.isFinite(rows[wrong]) ? ', infinite in float32,' : ''
  const found = `${rows[wrong]}${beyond} at ${placeOf(wrong, width)}`
  throw new UsageError(`${what}: expected finite numbers, found ${found}`)
}

/** Place of the first value that is no number in float32; -1 where there is none, as among bytes. */
export function findNotFinite(rows: Inputs): number {
  return rows instanceof Uint8Array ? -1 : rows.findIndex((value) => !Number.isFinite(Math.fround(value)))
}

export function placeOf(index: number, width: number): string {
  return `row ${Math.floor(index / width)}, column ${index % width}`
}

/** Number of rows of the set. Throws UsageError where rows or labels do not fit the network. */
export function checkTrainingSet(network: Network, set: TrainingSet): number {
  const { rows, labels } = set
  if (!(rows instanceof Uint8Array) && !(rows instanceof Float32Array)) {
    throw new UsageError('training rows: expected a Uint8Array or a Float32Array')
  }
  const count = countRows(rows, inputSize(network), 'training rows')
  if (rows instanceof Float32Array) checkTargets(network, rows, 'training rows')
  checkLabels(network, labels, count, 'training set')
  return count
}

/** Throws UsageError for a value that is not finite, or one that the loss is not defined for. */
export function checkTargets(network: Network, rows: Inputs, what: string): void {
  if (rows instanceof Uint8Array) return
  const isUnit = network.loss === 'bce'
  const width = inputSize(network)
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]
    // "Not within" rather than "outside": NaN must fail.
    if (isUnit ? value >= 0 && value <= 1 : value - value === 0) continue
    const expected = isUnit ? 'values from 0 to 1 with the loss bce' : 'finite numbers'
    const place = `row ${Math.floor(i / width)}, column ${i % width}`
    throw new UsageError(`${what}: expected ${expected}, found ${value} at ${place}`)
  }
}

/** Throws UsageError where labels do not fit the rows, or are classes that the network has not. */
function checkLabels(network: Network, labels: Uint8Array | undefined, count: number, what: string): void {
  const needsLabels = network.loss === 'crossEntropy'
  if (!labels) {
    if (needsLabels) throw new UsageError(`${what}: cross-entropy needs labels, found none`)
    return
  }
  if (labels.length !== count) {
    throw new UsageError(`${what}: expected ${count} labels, one a row, found ${labels.length}`)
  }
  const classes = outputSize(network)
  const wrong = needsLabels ? labels.findIndex((label) => label >= classes) : -1
  if (wrong >= 0) {
    throw new UsageError(`${what}: expected labels below ${classes}, found ${labels[wrong]} at ${wrong}`)
  }
}

/**
 * Number of rows that the network's own loss can be computed of. Throws UsageError where inputs or labels do
 * not fit it.
 */
export function checkRowLosses(network: Network, inputs: Inputs, labels: Uint8Array | undefined): number {
  const count = countRows(inputs, inputSize(network), 'inputs')
  if (isAutoencoder(network)) checkTargets(network, inputs, 'inputs')
  else checkLabels(network, labels, count, 'inputs')
  return count
}

/** Throws UsageError where the network's outputs are no reconstruction of its inputs. */
export function checkReconstructs(network: Network): void {
  if (isAutoencoder(network)) return
  throw new UsageError(
    `reconstruction errors: expected a network with the loss mse or bce, found ${network.loss}`,
  )
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
  /** (steps) */
  readonly learningRates: Float64Array
}

/**
 * The order, the steps and the defaults of an epoch over a training set of `rowCount` rows (undefined: none
 * was set). Throws UsageError where a value of the request cannot be.
 */
export function planEpoch(
  network: Network,
  rowCount: number | undefined,
  request: EpochRequest,
  drawOrder = shuffledOrder,
): EpochPlan {
  if (rowCount === undefined) throw new UsageError('trainEpoch: no training set; call setTrainingSet first')
  const { seed, epoch, batchSize, firstStep = 0, frozenLayers = 0 } = request
  checkInteger('seed', seed, 0, 2 ** 32 - 1)
  checkInteger('epoch', epoch, 1, 2 ** 32 - 1)
  checkInteger('batch size', batchSize, 1, 2 ** 31)
  for (const what of ['weightDecay', 'noiseStd'] as const) checkNumber(what, request[what] ?? 0)
  const order = request.order ?? drawOrder(rowCount, seed, epoch)
  // A loop: `findIndex` takes a third of the time of the shuffle itself.
  for (let i = 0; i < order.length; i++) {
    if (order[i] < rowCount) continue
    throw new UsageError(`order: expected indices below ${rowCount}, found ${order[i]} at ${i}`)
  }
  const steps = Math.ceil(order.length / batchSize)
  checkInteger('first step', firstStep, 0, steps)
  checkInteger('frozen layers', frozenLayers, 0, network.layers.length)
  return { order, firstStep, steps, frozenLayers, learningRates: learningRatesOf(request, steps) }
}

function learningRatesOf({ learningRate }: EpochRequest, steps: number): Float64Array {
  const isOne = typeof learningRate === 'number'
  const rates = isOne ? new Float64Array(steps).fill(learningRate) : learningRate
  if (rates.length !== steps) {
    throw new UsageError(`learningRate: expected one or ${steps}, one a step, found ${rates.length}`)
  }
  for (const rate of isOne ? [learningRate] : rates) checkNumber('learningRate', rate)
  return rates
}

function checkNumber(what: string, value: number): void {
  if (value >= 0 && value < Infinity) return
  throw new UsageError(`${what}: expected a finite number of at least 0, found ${kindOf(value)}`)
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
    throw new UsageError(`${what}: expected a whole number from ${least} to ${most}, found ${kindOf(value)}`)
  }
}
