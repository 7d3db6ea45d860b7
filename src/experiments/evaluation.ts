/**
 * How good an autoencoder is, in numbers: over a whole image set, of clean and of noisy images. Runs in a
 * browser.
 */
import type { ImageSet } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { codeSize } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import { imageNoise, STREAM_EVALUATION_NOISE } from '../random/streams.ts'
import { deadLatentUnits } from '../run/latent-units.ts'
import { meanSquaredError, peakSignalToNoiseRatio, SSIM_WINDOW, structuralSimilarity } from './metrics.ts'

/** One set of images against another, over all pixels of all images at data range 1. */
export interface ImageQuality {
  /** Mean squared error per pixel. */
  readonly mse: number
  /** In dB, of the set's mean error; at most 100, which equal images get. */
  readonly psnr: number
  /** Mean over the images; null where they are smaller than its window of 11 × 11 pixels. */
  readonly ssim: number | null
}

export interface DenoisingQuality {
  /** The noisy images against the clean ones. */
  readonly noisy: ImageQuality
  /** What the model makes of the noisy images, against the clean ones. */
  readonly denoised: ImageQuality
  /** PSNR of denoised less PSNR of noisy, in dB: above 0 the model took noise away, below it did harm. */
  readonly gain: number
}

export interface Evaluation {
  /** Images in the set. */
  readonly count: number
  /** The model's output for clean images against the images. */
  readonly reconstruction: ImageQuality
  readonly noiseStd: number
  readonly seed: number
  /** Noise added to the [0, 1] image, then clipped to [0, 1], as the seed project does. */
  readonly clipped: DenoisingQuality
  /** The same noise, not clipped. */
  readonly unclipped: DenoisingQuality
  readonly latentUnits: number
  /** Latent units that are not 0 for at least one image. */
  readonly activeLatentUnits: number
  /** Indices, from 0, of the others. */
  readonly deadLatentUnits: readonly number[]
  /** Mean squared reconstruction error of the images of each label that occurs, by label. */
  readonly perLabel: readonly { label: number; count: number; mse: number }[]
}

export interface EvaluationOptions {
  /** Standard deviation of the Gaussian noise, on the scale where black is 0 and white 1. Default 0.2. */
  readonly noiseStd?: number
  /** Seed of the noise, an integer in [0, 2³²). Default 0. */
  readonly seed?: number
}

/** Images handed to the engine at once: keeps the float copies small beside the set itself. */
const CHUNK = 500

/**
 * All numbers of a model on an image set of the network's input size. The engine must hold an autoencoder.
 */
export async function evaluate(
  engine: Engine,
  set: ImageSet,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  const { noiseStd = 0.2, seed = 0 } = options
  const units = codeSize(engine.network)
  const pixels = set.width * set.height

  const reconstruction = new QualitySum(set)
  const clipped = { noisy: new QualitySum(set), denoised: new QualitySum(set) }
  const unclipped = { noisy: new QualitySum(set), denoised: new QualitySum(set) }
  const codes = new Float32Array(set.count * units)
  const labels = new Map<number, { count: number; sum: number }>()

  for (let start = 0; start < set.count; start += CHUNK) {
    const count = Math.min(CHUNK, set.count - start)
    const bytes = set.rows.subarray(start * pixels, (start + count) * pixels)
    const clean = unitImages(bytes)
    const output = await engine.forward(bytes)
    reconstruction.add(output, clean)

    codes.set(await engine.encode(bytes), start * units)

    for (let image = 0; image < count; image++) {
      const from = image * pixels
      const label = set.labels[start + image]
      const entry = labels.get(label) ?? { count: 0, sum: 0 }
      entry.count++
      entry.sum += meanSquaredError(output.subarray(from, from + pixels), clean.subarray(from, from + pixels))
      labels.set(label, entry)
    }

    const noisy = noisyImages(bytes, pixels, start, noiseStd, seed)
    unclipped.noisy.add(noisy, clean)
    unclipped.denoised.add(await engine.forward(noisy), clean)
    const clippedNoisy = clipToUnit(noisy)
    clipped.noisy.add(clippedNoisy, clean)
    clipped.denoised.add(await engine.forward(clippedNoisy), clean)
  }

  const dead = deadLatentUnits(codes, units)
  return {
    count: set.count,
    reconstruction: reconstruction.result(),
    noiseStd,
    seed,
    clipped: denoisingQuality(clipped.noisy.result(), clipped.denoised.result()),
    unclipped: denoisingQuality(unclipped.noisy.result(), unclipped.denoised.result()),
    latentUnits: units,
    activeLatentUnits: units - dead.length,
    deadLatentUnits: dead,
    perLabel: [...labels]
      .map(([label, { count, sum }]) => ({ label, count, mse: sum / count }))
      .sort((a, b) => a.label - b.label),
  }
}

/** One image against another: the numbers under the pictures. Both (height · width) at data range 1. */
export function imageQuality(
  image: FloatArray,
  truth: FloatArray,
  size: { width: number; height: number },
): ImageQuality {
  const sum = new QualitySum(size)
  sum.add(image, truth)
  return sum.result()
}

/** Bytes as the network sees them: value / 255, in float32. */
export function unitImages(bytes: Uint8Array): Float32Array {
  // A plain loop: `Float32Array.from` takes twenty times as long, a noticeable part of an evaluation.
  const images = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) images[i] = bytes[i] / 255
  return images
}

/**
 * Images with Gaussian noise, not clipped, in float32: an image of index i gets the same noise whatever set
 * of images it is evaluated with (`STREAM_EVALUATION_NOISE`).
 *
 * @param bytes (n, pixels), black 0, white 255
 * @param firstIndex index of the first image in its set
 */
export function noisyImages(
  bytes: Uint8Array,
  pixels: number,
  firstIndex: number,
  noiseStd: number,
  seed: number,
): Float32Array {
  return noisyAtLevels(bytes, pixels, firstIndex, [noiseStd], seed)[0]
}

/** The same at several noise levels, of which the noise is drawn once. */
export function noisyAtLevels(
  bytes: Uint8Array,
  pixels: number,
  firstIndex: number,
  noiseStds: readonly number[],
  seed: number,
): Float32Array[] {
  const levels = noiseStds.map((noiseStd) => ({ noiseStd, noisy: new Float32Array(bytes.length) }))
  const noise = new Float64Array(pixels)
  for (let start = 0, index = firstIndex; start < bytes.length; start += pixels, index++) {
    imageNoise(noise, index, 0, seed, STREAM_EVALUATION_NOISE)
    for (const { noiseStd, noisy } of levels) {
      for (let i = 0; i < pixels; i++) noisy[start + i] = bytes[start + i] / 255 + noiseStd * noise[i]
    }
  }
  return levels.map(({ noisy }) => noisy)
}

/** A copy with values below 0 set to 0 and above 1 to 1. */
export function clipToUnit(images: Float32Array): Float32Array {
  // A plain loop: `map` takes ten times as long.
  const clipped = new Float32Array(images.length)
  for (let i = 0; i < images.length; i++) clipped[i] = Math.min(1, Math.max(0, images[i]))
  return clipped
}

function denoisingQuality(noisy: ImageQuality, denoised: ImageQuality): DenoisingQuality {
  return { noisy, denoised, gain: denoised.psnr - noisy.psnr }
}

/** Quality of a set that comes in parts. */
class QualitySum {
  readonly #width: number
  readonly #height: number
  #count = 0
  #mseSum = 0
  #ssimSum = 0

  constructor({ width, height }: { width: number; height: number }) {
    this.#width = width
    this.#height = height
  }

  /** Both (n, height · width). */
  add(images: FloatArray, truth: FloatArray): void {
    const count = truth.length / (this.#width * this.#height)
    this.#count += count
    this.#mseSum += count * meanSquaredError(images, truth)
    if (this.#hasSsim()) {
      this.#ssimSum += count * structuralSimilarity(images, truth, this.#width, this.#height)
    }
  }

  result(): ImageQuality {
    const mse = this.#mseSum / this.#count
    return {
      mse,
      psnr: peakSignalToNoiseRatio(mse),
      ssim: this.#hasSsim() ? this.#ssimSum / this.#count : null,
    }
  }

  #hasSsim(): boolean {
    return Math.min(this.#width, this.#height) >= SSIM_WINDOW
  }
}
