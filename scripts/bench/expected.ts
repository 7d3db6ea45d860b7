/** What every measured engine must have computed first: losses from the float64 reference engine. */
import type { RowSet } from '../../src/data/rows.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { HourglassError } from '../../src/errors.ts'
import type { Network } from '../../src/model/network.ts'
import { DEFAULT_SEED, DEFAULT_TRAINING } from '../../src/training/config.ts'

/**
 * Relative. A float32 engine's loss is off by some 1e-7, since the rounding of thousands of squared errors
 * averages out; a wrong formula or a wrong pixel is off by far more.
 */
const LOSS_TOLERANCE = 1e-5

export const SEED = DEFAULT_SEED
export const { batchSize: BATCH_SIZE, learningRate, weightDecay } = DEFAULT_TRAINING
/** Enough to prove loss, gradients, weight decay and Adam's bias correction. */
export const VERIFIED_STEPS = 3

/** What was compared before an engine was timed. */
export interface Verification {
  readonly losses: readonly number[]
  readonly expectedLosses: readonly number[]
  /** The largest among them. */
  readonly relativeError: number
}

/** How far losses lie from the expected ones; NaN where one is missing or is no number. */
export function compareLosses(losses: readonly number[], expectedLosses: readonly number[]): Verification {
  const errors = expectedLosses.map((expected, step) => Math.abs(losses[step] - expected) / expected)
  return { losses, expectedLosses, relativeError: Math.max(...errors) }
}

/** Throws HourglassError where a loss is not the expected one. */
export function verifyLosses(
  what: string,
  losses: readonly number[],
  expectedLosses: readonly number[],
): Verification {
  const verification = compareLosses(losses, expectedLosses)
  // "Not within" rather than "beyond", so that NaN never passes.
  if (!(verification.relativeError <= LOSS_TOLERANCE)) {
    throw new HourglassError(
      `${what}: expected first losses ${expectedLosses.join(', ')}, found ${losses.join(', ')}; not timed`,
    )
  }
  return verification
}

/**
 * Initializes an engine and trains it on the first images in file order; returns the loss of each step before
 * its update.
 */
export async function firstLosses(
  engine: Engine,
  images: RowSet['rows'],
  batchSize: number,
  steps: number,
  decay: number = weightDecay,
): Promise<number[]> {
  const { inputs } = engine.network.layers[0]
  await engine.setTrainingSet({ rows: images })
  await engine.initialize(SEED)
  const order = Uint32Array.from({ length: batchSize * steps }, (_, i) => i % (images.length / inputs))
  const { batchLosses } = await engine.trainEpoch({
    seed: SEED,
    epoch: 1,
    batchSize,
    learningRate,
    weightDecay: decay,
    order,
  })
  return Array.from(batchLosses)
}

/** Losses of the first steps by the reference engine. */
export async function referenceLosses(
  network: Network,
  images: RowSet['rows'],
  batchSize: number,
  steps: number,
  decay: number = weightDecay,
): Promise<number[]> {
  const reference = await createEngine(network, { device: 'reference' })
  try {
    return await firstLosses(reference, images, batchSize, steps, decay)
  } finally {
    await reference.dispose()
  }
}

/**
 * The loss of the first step for each of several batch sizes, by one float64 forward pass over the largest.
 */
export async function referenceFirstLosses(
  network: Network,
  images: Uint8Array,
  batchSizes: readonly number[],
): Promise<Map<number, number>> {
  const largest = Math.max(...batchSizes)
  const reference = await createEngine(network, { device: 'reference' })
  try {
    await reference.initialize(SEED)
    const errors = await reference.reconstructionErrors(
      images.subarray(0, largest * network.layers[0].inputs),
    )
    const mean = (count: number) => errors.subarray(0, count).reduce((sum, error) => sum + error, 0) / count
    return new Map(batchSizes.map((batchSize) => [batchSize, mean(batchSize)]))
  } finally {
    await reference.dispose()
  }
}
