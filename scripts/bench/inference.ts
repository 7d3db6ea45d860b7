/** Encoding and reconstructing the test images, beside the forward pass of a training step over as many. */
import type { ImageSet } from '../../src/data/dataset.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Engine } from '../../src/engines/engine.ts'
import type { Simd } from '../../src/engines/options.ts'
import { HourglassError } from '../../src/errors.ts'
import type { FloatArray } from '../../src/model/state.ts'
import { disposeAll, networkOf, STANDARD, trainingContestant, verifiedEngine } from './engines.ts'
import type { Effort, Measurement } from './measure.ts'
import { measure, timed } from './measure.ts'

export interface InferenceRow {
  readonly what: 'encode' | 'reconstruct' | 'reconstruction errors'
  /** Milliseconds of all images. */
  readonly time: Measurement
  readonly imagesPerSecond: number
  /** Largest difference from the reference engine on the verified images. */
  readonly verifiedError: number
}

export interface InferenceResult {
  readonly images: number
  readonly threads: number
  readonly arithmetic: string
  readonly rows: readonly InferenceRow[]
  /**
   * Milliseconds that training steps of 256 with every layer frozen take over as many images: gather, forward
   * and loss.
   */
  readonly trainingForwardMilliseconds: number
}

const VERIFIED_IMAGES = 128
/** Absolute, for outputs of order 1: a float32 sum of 784 products of that order is off by some 1e-6. */
const TOLERANCE = 1e-4

const CALLS = {
  encode: (engine: Engine, images: Uint8Array): Promise<FloatArray> => engine.encode(images),
  reconstruct: (engine: Engine, images: Uint8Array): Promise<FloatArray> => engine.forward(images),
  'reconstruction errors': (engine: Engine, images: Uint8Array): Promise<FloatArray> =>
    engine.reconstructionErrors(images),
} as const

/** Throws HourglassError where an output differs from the reference engine's. */
export async function benchInference(
  train: ImageSet,
  test: ImageSet,
  threads: number,
  simd: Simd,
  expectedLosses: readonly number[],
  effort: Effort,
): Promise<InferenceResult> {
  const setting = { ...STANDARD, threads, simd }
  const bench = await verifiedEngine('inference', setting, train.rows, expectedLosses)
  const { engine } = bench
  try {
    const errors = await verifyInference(engine, test)
    const whats = Object.keys(CALLS) as (keyof typeof CALLS)[]
    const contestants = whats.map((what) =>
      timed(what, async (repetitions) => {
        for (let i = 0; i < repetitions; i++) await CALLS[what](engine, test.rows)
      }),
    )
    const layers = engine.network.layers.length
    const forward = trainingContestant('training forward', bench, train.count, layers)
    const { measurements } = await measure([...contestants, forward], effort)
    const rows = whats.map((what, i) => ({
      what,
      time: measurements[i],
      imagesPerSecond: (1000 * test.count) / measurements[i].median,
      verifiedError: errors[what],
    }))
    const trainingForwardMilliseconds = (measurements[whats.length].median * test.count) / setting.batchSize
    const { arithmetic } = engine.info
    return { images: test.count, threads, arithmetic, rows, trainingForwardMilliseconds }
  } finally {
    await disposeAll([bench])
  }
}

/** Largest differences from the reference engine with the same parameters. */
async function verifyInference(engine: Engine, test: ImageSet): Promise<Record<keyof typeof CALLS, number>> {
  const images = test.rows.subarray(0, VERIFIED_IMAGES * test.width * test.height)
  const reference = await createEngine(networkOf(STANDARD), { device: 'reference' })
  try {
    await reference.writeState(await engine.readState())
    const difference = async (what: keyof typeof CALLS) => {
      const found = await CALLS[what](engine, images)
      const expected = await CALLS[what](reference, images)
      let largest = 0
      for (let i = 0; i < expected.length; i++) {
        const error = Math.abs(found[i] - expected[i])
        // "Not within" rather than "beyond", so that NaN never passes.
        if (!(error <= TOLERANCE)) {
          throw new HourglassError(`${what}: expected ${expected[i]} at ${i}, found ${found[i]}; not timed`)
        }
        largest = Math.max(largest, error)
      }
      return largest
    }
    return {
      encode: await difference('encode'),
      reconstruct: await difference('reconstruct'),
      'reconstruction errors': await difference('reconstruction errors'),
    }
  } finally {
    await reference.dispose()
  }
}
