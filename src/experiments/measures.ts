/** The numbers that the runs of a sweep are compared by: all on the same images with the same noise. */
import type { ImageSet } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import type { FloatArray } from '../model/state.ts'
import { deadLatentUnits } from '../run/latent-units.ts'
import { clipToUnit, type ImageQuality, imageQuality, noisyAtLevels, unitImages } from './evaluation.ts'
import { meanSquaredError, peakSignalToNoiseRatio } from './metrics.ts'

export interface DenoisingMeasure {
  /** Standard deviation of the noise, on the scale where black is 0 and white 1. */
  readonly sigma: number
  /** Whether the noisy image was limited to [0, 1]. */
  readonly clipped: boolean
  /** PSNR in dB of the noisy images against the clean ones. */
  readonly noisyPsnr: number
  /** The same of what the network makes of them. */
  readonly psnr: number
  /** psnr − noisyPsnr, in dB: below 0 the network's picture is further from the truth than the noisy one. */
  readonly gain: number
}

export interface AutoencoderMeasures {
  /** Of the reconstructed test images. */
  readonly reconstruction: ImageQuality
  /** Latent units that are not 0 for every test image. */
  readonly activeUnits: number
  readonly denoising: readonly DenoisingMeasure[]
}

/** The test images with noise of one level. */
export interface NoisyImages {
  readonly sigma: number
  /** Not clipped, (count, pixels). */
  readonly images: Float32Array
  /** Their PSNR in dB against the clean ones, once they are clipped to [0, 1] and as they are. */
  readonly clippedPsnr: number
  readonly unclippedPsnr: number
}

/** What runs are measured on. What is the same for all of them takes as long as the rest, and is kept. */
export interface MeasuringSet {
  readonly test: ImageSet
  readonly noisy: readonly NoisyImages[]
}

export function createMeasuringSet(test: ImageSet, sigmas: readonly number[], seed: number): MeasuringSet {
  const clean = unitImages(test.rows)
  const levels = noisyAtLevels(test.rows, test.width * test.height, 0, sigmas, seed)
  const noisy = levels.map((images, index) => ({
    sigma: sigmas[index],
    images,
    clippedPsnr: psnrOf(clipToUnit(images), clean),
    unclippedPsnr: psnrOf(images, clean),
  }))
  return { test, noisy }
}

function psnrOf(images: FloatArray, clean: FloatArray): number {
  return peakSignalToNoiseRatio(meanSquaredError(images, clean))
}

/** The measures, and the reconstructions of the test set, (count, pixels), for whoever wants to show some. */
export async function measureAutoencoder(
  engine: Engine,
  { test, noisy }: MeasuringSet,
): Promise<{ measures: AutoencoderMeasures; reconstructions: FloatArray }> {
  const clean = unitImages(test.rows)
  const reconstructions = await engine.forward(test.rows)
  const codes = await engine.encode(test.rows)
  const units = engine.network.layers[engine.network.codeLayer].outputs
  const denoising: DenoisingMeasure[] = []
  for (const { sigma, images, clippedPsnr, unclippedPsnr } of noisy) {
    for (const clipped of [true, false]) {
      const noisyPsnr = clipped ? clippedPsnr : unclippedPsnr
      const psnr = psnrOf(await engine.forward(clipped ? clipToUnit(images) : images), clean)
      denoising.push({ sigma, clipped, noisyPsnr, psnr, gain: psnr - noisyPsnr })
    }
  }
  const measures = {
    reconstruction: imageQuality(reconstructions, clean, test),
    activeUnits: units - deadLatentUnits(codes, units).length,
    denoising,
  }
  return { measures, reconstructions }
}
