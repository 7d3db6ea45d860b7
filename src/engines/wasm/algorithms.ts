/**
 * Which of several ways each layer is computed. Neither way of reading inputs changes a bit, and none depends
 * on the threads.
 */
import type { Layer, Network } from '../../model/network.ts'
import type { Inputs } from '../engine.ts'
import { type INPUT_GRADIENT, PANEL } from './plan.ts'

// ——— Inputs of a layer: as lists of what is not zero, or as row pairs ———

/** Says of what a layer reads whether it lies as lists. */
export interface OperandChoice {
  /** The first layer's inputs, of which `zeros` is the share of zeros. */
  listsInputs(zeros: number): boolean
  /**
   * The outputs of `layer`, for `next`. They must where the input gradient of `next` is sampled: it reads the
   * lists.
   */
  listsOutputs(layer: Layer, next: Layer): boolean
}

/**
 * From this share of zeros on lists pay. With values that are zero at random both ways are as quick at 0.4.
 */
const LEAST_ZEROS = 0.4

/**
 * What was measured to be quicker: a step of 784-392-8-392-784 without any zero takes 13 % less without
 * lists. For a single panel of outputs, what a ReLU's lists skip is less than it takes to write them.
 */
export const MEASURED: OperandChoice = {
  listsInputs: (zeros) => zeros >= LEAST_ZEROS,
  listsOutputs: (layer, next) =>
    layer.activation === 'relu' && (next.outputs > PANEL || samplesBetween(layer, next)),
}

/** Rows that are looked at for the share of zeros. */
const SAMPLED_ROWS = 512

/** Share of zeros in some of the rows of `width` values, evenly spread; 0 of no rows. */
export function shareOfZeros(rows: Inputs, width: number): number {
  const count = rows.length / width
  const stride = Math.max(1, Math.floor(count / SAMPLED_ROWS))
  let zeros = 0
  let values = 0
  for (let row = 0; row < count; row += stride) {
    const end = (row + 1) * width
    for (let i = row * width; i < end; i++) if (rows[i] === 0) zeros++
    values += width
  }
  return values && zeros / values
}

/**
 * What noise leaves of a share of zeros: nothing, but where values are clipped at zero half of them become
 * zero again.
 */
export function zerosUnderNoise(zeros: number, noise: 'none' | 'clipped' | 'full'): number {
  return { none: zeros, clipped: zeros / 2, full: 0 }[noise]
}

// ——— Gradient of a layer's inputs ———

/**
 * Sums shorter than this are too short for dot products to pay. Longer ones pay even where a ReLU lets most
 * pass, five sixths of the pairs of images at z 32: they need no transposed weights (results/speed.md).
 */
export const LEAST_SAMPLED_OUTPUTS = 64

/**
 * How the gradient of a layer's inputs is computed where it is wanted: `sampled` only where a ReLU lets it
 * pass (assembly/kernels/sddmm.ts).
 */
export function inputGradientOf(network: Network, index: number): keyof typeof INPUT_GRADIENT {
  if (index === 0) return 'none'
  return samplesInputGradient(network, index) ? 'sampled' : 'dense'
}

/** Whether a layer's input gradient is computed only where the ReLU before it lets it pass. */
export function samplesInputGradient({ layers }: Network, index: number): boolean {
  return index > 0 && samplesBetween(layers[index - 1], layers[index])
}

function samplesBetween(before: Layer, { outputs }: Layer): boolean {
  return before.activation === 'relu' && outputs >= LEAST_SAMPLED_OUTPUTS
}

// ——— Threads of a step ———

/** How many of `threads` threads a training step of `batchSize` rows uses, at least 1. Changes no bit. */
export type StepThreads = (network: Network, batchSize: number, threads: number) => number

/** Every one: for tests of what happens between threads. */
export const allThreads: StepThreads = (_network, _batchSize, threads) => threads

/**
 * What one more thread costs each step, in multiply-adds of padded products: some 11 µs, in which its tickets
 * go round and shards wait for the slowest. Measured on two cores.
 */
const THREAD_COST = 450_000
/** What Adam takes for a parameter, in multiply-adds. */
const ADAM_COST = 25

/**
 * Of `threads` threads, those that a training step of `batchSize` rows gains by: the next one's share of the
 * work must be more than it costs, W / n − W / (n + 1) > cost.
 */
export const threadsThatPay: StepThreads = ({ layers }, batchSize, threads) => {
  const work = layers.reduce((sum, { inputs, outputs }) => {
    const weights = inputs * Math.ceil(outputs / PANEL) * PANEL
    return sum + weights * (3 * batchSize + ADAM_COST)
  }, 0)
  let paying = 1
  while (paying < threads && work > THREAD_COST * paying * (paying + 1)) paying++
  return paying
}
