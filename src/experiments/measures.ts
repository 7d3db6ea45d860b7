/** The numbers that the runs of a sweep are compared by: all on the same images with the same noise. */
import type { ImageSet } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import type { FloatArray } from '../model/state.ts'
import { deadLatentUnits } from '../run/latent-units.ts'
import { clipToUnit, type ImageQuality, imageQuality, noisyImages, unitImages } from './evaluation.ts'
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

/** What runs are measured on. The noise is kept because drawing it takes longer than the measuring. */
export interface MeasuringSet {
  readonly test: ImageSet
  /** The test images with noise, not clipped, (count, pixels), for each noise level. */
  readonly noisy: readonly { readonly sigma: number; readonly images: Float32Array }[]
}

export function createMeasuringSet(test: ImageSet, sigmas: readonly number[], seed: number): MeasuringSet {
  const pixels = test.width * test.height
  const noisy = sigmas.map((sigma) => ({ sigma, images: noisyImages(test.rows, pixels, 0, sigma, seed) }))
  return { test, noisy }
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
  for (const { sigma, images } of noisy) {
    for (const clipped of [true, false]) {
      const input = clipped ? clipToUnit(images) : images
      const noisyPsnr = peakSignalToNoiseRatio(meanSquaredError(input, clean))
      const psnr = peakSignalToNoiseRatio(meanSquaredError(await engine.forward(input), clean))
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
