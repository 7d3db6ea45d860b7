/** What a program hands to an `Autoencoder`, checked at the door. All throw a `UsageError`. */
import type { Dataset, ImageSet } from '../data/dataset.ts'
import { checkInteger, countRows } from '../engines/checks.ts'
import type { Inputs } from '../engines/engine.ts'
import { UsageError } from '../errors.ts'
import type { EvaluationOptions } from '../experiments/evaluation.ts'
import type { AutoencoderSizes } from '../model/recipes.ts'
import type { FloatArray } from '../model/state.ts'

export const SEED_LIMIT = 2 ** 32

export function checkImages({ width, height }: ImageSet, { input }: AutoencoderSizes): void {
  if (width * height !== input) {
    throw new UsageError(
      `images: expected ${input} pixels, the inputs of the network, found ${width} × ${height} = ${width * height}`,
    )
  }
}

export function checkDataset(
  { train, test }: Pick<Dataset, 'train' | 'test'>,
  sizes: AutoencoderSizes,
): void {
  checkImages(train, sizes)
  checkImages(test, sizes)
}

function isFloats(values: unknown): values is FloatArray {
  return values instanceof Float32Array || values instanceof Float64Array
}

/** The images as engines take them. With `count`, there must be so many. */
export function imageInputs(images: Inputs | ImageSet, sizes: AutoencoderSizes, count?: number): Inputs {
  const isArray = images instanceof Uint8Array || isFloats(images)
  if (!isArray && !(images?.images instanceof Uint8Array)) {
    throw new UsageError(
      'images: expected a Uint8Array, Float32Array, Float64Array or image set, found neither',
    )
  }
  if (!isArray) checkImages(images, sizes)
  const inputs = isArray ? images : images.images
  const found = countRows(inputs, sizes.input, 'images')
  if (count !== undefined && found !== count) {
    throw new UsageError(`images: expected ${count} of ${sizes.input} pixels, found ${found}`)
  }
  return inputs
}

export function checkCodes(codes: FloatArray, { bottleneck }: AutoencoderSizes): FloatArray {
  if (!isFloats(codes)) throw new UsageError('codes: expected a Float32Array or Float64Array, found neither')
  countRows(codes, bottleneck, 'codes')
  return codes
}

export function checkSteps(steps: number): void {
  checkInteger('steps', steps, 2, 2 ** 20)
}

export function checkSeed(seed: number): void {
  checkInteger('seed', seed, 0, SEED_LIMIT - 1)
}

export function checkEvaluation({ noiseStd = 0, seed = 0 }: EvaluationOptions): void {
  checkSeed(seed)
  if (!(noiseStd >= 0 && noiseStd < Infinity)) {
    throw new UsageError(`noise: expected a standard deviation of at least 0, found ${noiseStd}`)
  }
}
