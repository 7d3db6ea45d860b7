import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ImageSet } from '../../src/data/dataset.ts'
import type { Engine, Inputs } from '../../src/engines/engine.ts'
import {
  clipToUnit,
  evaluate,
  imageQuality,
  noisyAtLevels,
  noisyImages,
} from '../../src/experiments/evaluation.ts'
import { structuralSimilarity } from '../../src/experiments/metrics.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { imageNoise, STREAM_EVALUATION_NOISE } from '../../src/random/streams.ts'

const SIZE = 12
const PIXELS = SIZE * SIZE
/** Two more than a chunk of the evaluation, so that the last chunk is a small one. */
const COUNT = 502

/** Half black, as MNIST is, the rest fingerprints; labels 3, 1, 4 with image 0 the only 1. */
function fingerprintSet(count: number): ImageSet {
  const images = Uint8Array.from({ length: count * PIXELS }, (_, i) => (i % 2 ? 0 : (i * 37 + 11) % 256))
  const labels = Uint8Array.from({ length: count }, (_, i) => (i === 0 ? 1 : i % 2 ? 3 : 4))
  return { count, width: SIZE, height: SIZE, rows: images, labels }
}

const set = fingerprintSet(COUNT)
const unit = Float64Array.from(set.rows, (value) => value / 255)

/**
 * A model whose answers are easy to foretell: halves its input; units: never, last image, always, first
 * image.
 */
function stubEngine(): Engine {
  let seen = 0
  const values = (inputs: Inputs) =>
    inputs instanceof Uint8Array ? Float32Array.from(inputs, (value) => value / 255) : inputs
  const refuse = () => Promise.reject(new Error('internal: an evaluation does not call this'))
  return {
    info: { device: 'reference', threads: 1, arithmetic: 'stub', bits: 'stub' },
    network: hourglass({ input: PIXELS, hidden: 2, bottleneck: 4 }),
    forward: async (inputs) => values(inputs).map((value) => value / 2),
    async encode(inputs) {
      const rows = inputs.length / PIXELS
      const codes = new Float32Array(rows * 4)
      for (let row = 0; row < rows; row++, seen++) {
        codes[row * 4 + 1] = seen === COUNT - 1 ? 0.5 : 0
        codes[row * 4 + 2] = 2
        codes[row * 4 + 3] = seen === 0 ? -1 : 0
      }
      return codes
    },
    dispose: async () => {},
    roomFor: (rows) => new Uint8Array(rows * PIXELS),
    setTrainingSet: refuse,
    rowLosses: refuse,
    initialize: refuse,
    writeState: refuse,
    readState: refuse,
    trainEpoch: refuse,
    decode: refuse,
    reconstructionErrors: refuse,
  }
}

function near(actual: number | null, expected: number, tolerance: number, what: string): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, not ${expected}`,
  )
}

/** The noise of the set by its definition, an image at a time. */
function definedNoise(seed: number): Float64Array {
  const noise = new Float64Array(COUNT * PIXELS)
  for (let image = 0; image < COUNT; image++) {
    imageNoise(noise.subarray(image * PIXELS, (image + 1) * PIXELS), image, 0, seed, STREAM_EVALUATION_NOISE)
  }
  return noise
}

const meanOf = (values: Float64Array, term: (value: number, i: number) => number) =>
  values.reduce((sum, value, i) => sum + term(value, i), 0) / values.length

const clip = (value: number) => Math.min(1, Math.max(0, value))

test('all numbers of a foreseeable model, clipped and not, over more than one chunk', async () => {
  const result = await evaluate(stubEngine(), set, { noiseStd: 0.3, seed: 77 })
  // Inputs are float32: relative errors of 6e-8 in each square.
  const tolerance = 1e-7
  assert.equal([result.count, result.noiseStd, result.seed], [COUNT, 0.3, 77])

  const mse = meanOf(unit, (value) => (value / 2) ** 2)
  near(result.reconstruction.mse, mse, tolerance, 'MSE')
  near(result.reconstruction.psnr, -10 * Math.log10(mse), 1e-5, 'PSNR')
  const ssim = structuralSimilarity(
    unit.map((value) => value / 2),
    unit,
    SIZE,
    SIZE,
  )
  near(result.reconstruction.ssim, ssim, 1e-6, 'SSIM')

  const noise = definedNoise(77)
  const noisy = (i: number) => unit[i] + 0.3 * noise[i]
  const unclippedMse = meanOf(unit, (value, i) => (noisy(i) - value) ** 2)
  const clippedMse = meanOf(unit, (value, i) => (clip(noisy(i)) - value) ** 2)
  const unclippedDenoisedMse = meanOf(unit, (value, i) => (noisy(i) / 2 - value) ** 2)
  const clippedDenoisedMse = meanOf(unit, (value, i) => (clip(noisy(i)) / 2 - value) ** 2)
  near(result.unclipped.noisy.mse, unclippedMse, tolerance, 'noisy, not clipped')
  near(result.clipped.noisy.mse, clippedMse, tolerance, 'noisy, clipped')
  near(result.unclipped.denoised.mse, unclippedDenoisedMse, tolerance, 'denoised, not clipped')
  near(result.clipped.denoised.mse, clippedDenoisedMse, tolerance, 'denoised, clipped')
  const gainOf = (before: number, after: number) => 10 * Math.log10(before / after)
  near(result.unclipped.gain, gainOf(unclippedMse, unclippedDenoisedMse), 1e-5, 'gain, not clipped')
  near(result.clipped.gain, gainOf(clippedMse, clippedDenoisedMse), 1e-5, 'gain, clipped')
  assert.ok(unclippedMse > clippedMse)
})

test('latent units are dead only if no image of any chunk makes them fire', async () => {
  const { latentUnits, activeLatentUnits, deadLatentUnits } = await evaluate(stubEngine(), set)
  assert.equal([latentUnits, activeLatentUnits], [4, 3])
  assert.equal(deadLatentUnits, [0])
})

test('errors by label: each label that occurs, its images alone', async () => {
  const { perLabel, reconstruction } = await evaluate(stubEngine(), set)
  assert.equal(
    perLabel.map(({ label, count }) => [label, count]),
    [
      [1, 1],
      [3, 251],
      [4, 250],
    ],
  )
  near(
    perLabel[0].mse,
    meanOf(unit.subarray(0, PIXELS), (value) => (value / 2) ** 2),
    1e-7,
    'label 1',
  )
  const weighted = perLabel.reduce((sum, { count, mse }) => sum + count * mse, 0) / COUNT
  near(weighted, reconstruction.mse, 1e-12, 'mean over labels')
})

test('an image gets the same noise alone as within its set, other noise from another seed', () => {
  const all = noisyImages(set.rows, PIXELS, 0, 0.2, 5)
  const image = set.rows.subarray(7 * PIXELS, 8 * PIXELS)
  assert.equal(noisyImages(image, PIXELS, 7, 0.2, 5), all.slice(7 * PIXELS, 8 * PIXELS))
  assert.not.equal(noisyImages(image, PIXELS, 7, 0.2, 6), all.slice(7 * PIXELS, 8 * PIXELS))
  assert.not.equal(noisyImages(image, PIXELS, 8, 0.2, 5), all.slice(7 * PIXELS, 8 * PIXELS))
  assert.equal(noisyAtLevels(set.rows, PIXELS, 0, [0.1, 0.2], 5)[1], all)
  assert.equal(clipToUnit(Float32Array.of(-0.25, 0, 0.5, 1, 1.25)), Float32Array.of(0, 0, 0.5, 1, 1))
})

test('without noise noisy images are the clean ones: no error, a PSNR of 100 dB', async () => {
  const { clipped, unclipped } = await evaluate(stubEngine(), fingerprintSet(3), { noiseStd: 0 })
  assert.is(clipped.noisy.mse, 0)
  assert.is(unclipped.noisy.psnr, 100)
})

test('images smaller than the SSIM window have no SSIM, and all else', () => {
  const quality = imageQuality(Float32Array.of(0.5, 1), Float32Array.of(0, 1), { width: 2, height: 1 })
  assert.is(quality.ssim, null)
  assert.is(quality.mse, 0.125)
})

test.run()
