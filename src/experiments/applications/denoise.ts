/** Application 5: taking noise away, against classical filters. */

import { limitImages } from '../../data/dataset.ts'
import type { Engine } from '../../engines/engine.ts'
import type { FloatArray } from '../../model/state.ts'
import { Turns } from '../../run/turns.ts'
import { train } from '../../training/trainer.ts'
import { clipToUnit, type ImageQuality, imageQuality, noisyImages, unitImages } from '../evaluation.ts'
import { gaussianFilter, medianFilter } from '../filters.ts'
import { meanSquaredError, WITHOUT_SSIM } from '../metrics.ts'
import { formatNumber, formatSigned, type Table } from '../table.ts'
import {
  type ApplicationContext,
  type Model,
  stopIfAborted,
  trainingSettings,
  withEngine,
  withModel,
} from './application.ts'

export interface DenoiseOptions {
  /** Standard deviations of the noise, on the scale where black is 0 and white 1. */
  readonly sigmas?: readonly number[]
  /** Whether noisy images are limited to [0, 1], as the seed project does. Default true. */
  readonly clip?: boolean
  /** A model for it; without it the plain model's network is trained here, with noise on its input. */
  readonly denoisingModel?: Model | undefined
  /** The noise that model was trained with, where it is known. */
  readonly modelNoise?: number | undefined
  /** For training it here: epochs, and the standard deviation of the noise. */
  readonly epochs?: number
  readonly trainingNoise?: number
  /** Test images, at most. */
  readonly images?: number
}

export interface DenoisedLevel {
  readonly sigma: number
  readonly quality: ImageQuality
  /**
   * PSNR, in dB, and SSIM of the denoised images less those of the noisy ones; null where there is no SSIM.
   */
  readonly psnrGain: number
  readonly ssimGain: number | null
  /** What the method was set to at this level, such as `σ 0.8 pixels`. */
  readonly setting?: string
}

export interface DenoiseResult {
  readonly clip: boolean
  readonly images: number
  readonly noisy: readonly { readonly sigma: number; readonly quality: ImageQuality }[]
  readonly methods: readonly { readonly name: string; readonly levels: readonly DenoisedLevel[] }[]
  /** For strips: of each σ the images of the example, noisy and by each method, (pixels) each. */
  readonly examples: readonly {
    readonly index: number
    readonly sigma: number
    readonly noisy: FloatArray
    readonly denoised: readonly FloatArray[]
  }[]
}

/** Widths, in pixels, and window sizes that the filters may choose from. */
const GAUSSIAN_WIDTHS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5]
const MEDIAN_SIZES = [3, 5]
/** Training images on which a filter's setting is chosen, so that the filters are at their best. */
const TUNING_IMAGES = 200
/** Test images in the strips: a 7, a 2, a 1 and a 0. */
const EXAMPLES = [0, 1, 2, 3]

type Denoiser = (noisy: Float32Array, sigma: number) => Promise<{ images: FloatArray; setting?: string }>

export async function denoising(
  context: ApplicationContext,
  model: Model,
  options: DenoiseOptions = {},
): Promise<DenoiseResult> {
  const {
    sigmas = [0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8],
    clip = true,
    epochs = 20,
    trainingNoise = 0.3,
  } = options
  const { dataset, seed } = context
  const test = limitImages(dataset.test, Math.min(options.images ?? dataset.test.count, dataset.test.count))
  const trained = options.denoisingModel ?? (await trainDenoiser(context, model, epochs, trainingNoise))
  const noise = options.denoisingModel ? options.modelNoise : trainingNoise
  const trainedName =
    noise === undefined ? 'denoising model given' : `autoencoder trained with noise (σ ${noise})`

  return withModel(context, model, (plain) =>
    withModel(context, trained, async (denoiser) => {
      const methods: { name: string; denoise: Denoiser }[] = [
        { name: 'autoencoder', denoise: throughEngine(plain) },
        { name: trainedName, denoise: throughEngine(denoiser) },
        {
          name: 'Gaussian filter',
          denoise: tunedFilter(context, clip, gaussianFilter, GAUSSIAN_WIDTHS, 'σ'),
        },
        { name: 'median filter', denoise: tunedFilter(context, clip, medianFilter, MEDIAN_SIZES, 'window') },
      ]
      const clean = unitImages(test.rows)
      const pixels = test.width * test.height
      const noisyLevels: { sigma: number; quality: ImageQuality }[] = []
      const levels: DenoisedLevel[][] = methods.map(() => [])
      const examples: { index: number; sigma: number; noisy: FloatArray; denoised: FloatArray[] }[] = []
      for (const sigma of sigmas) {
        stopIfAborted(context)
        context.onProgress?.(`σ ${sigma}`, 0.5 + (0.5 * noisyLevels.length) / sigmas.length)
        const unclipped = noisyImages(test.rows, pixels, 0, sigma, seed)
        const noisy = clip ? clipToUnit(unclipped) : unclipped
        const before = imageQuality(noisy, clean, test)
        noisyLevels.push({ sigma, quality: before })
        const outputs: FloatArray[] = []
        for (const [position, { denoise }] of methods.entries()) {
          const { images, ...rest } = await denoise(noisy, sigma)
          outputs.push(images)
          const quality = imageQuality(images, clean, test)
          const psnrGain = quality.psnr - before.psnr
          const ssimGain = quality.ssim === null || before.ssim === null ? null : quality.ssim - before.ssim
          levels[position].push({ sigma, quality, psnrGain, ssimGain, ...rest })
        }
        const one = (images: FloatArray, index: number) => images.slice(index * pixels, (index + 1) * pixels)
        for (const index of EXAMPLES.filter((example) => example < test.count)) {
          const denoised = outputs.map((output) => one(output, index))
          examples.push({ index, sigma, noisy: one(noisy, index), denoised })
        }
      }
      return {
        clip,
        images: test.count,
        noisy: noisyLevels,
        methods: methods.map(({ name }, position) => ({ name, levels: levels[position] })),
        examples,
      }
    }),
  )
}

async function trainDenoiser(
  context: ApplicationContext,
  model: Model,
  epochs: number,
  noiseStd: number,
): Promise<Model> {
  const { dataset, signal, onProgress } = context
  return withEngine(context, model.network, async (engine) => {
    const config = trainingSettings(context, dataset.train.count, { epochs, noiseStd })
    await train(engine, dataset, config, {
      signal,
      onEpoch: ({ epoch }) => onProgress?.('training with noise', (0.5 * epoch) / epochs),
    })
    stopIfAborted(context)
    return { network: model.network, parameters: (await engine.readState()).parameters }
  })
}

function throughEngine(engine: Engine): Denoiser {
  return async (noisy) => ({ images: await engine.forward(noisy) })
}

type Filter = (images: FloatArray, width: number, height: number, setting: number) => Float64Array

/** Multiply-adds of a pixel by the widest filter, about. */
const FILTER_WORK = 30

/** The filter on a few images after the other, with turns between. */
async function filterEach(
  filter: Filter,
  images: FloatArray,
  { width, height }: { width: number; height: number },
  setting: number,
  turns: Turns,
): Promise<Float64Array> {
  const filtered = new Float64Array(images.length)
  const pixels = width * height
  await turns.run(images.length / pixels, FILTER_WORK * pixels, (from, to) => {
    const some = images.subarray(from * pixels, to * pixels)
    filtered.set(filter(some, width, height, setting), from * pixels)
  })
  return filtered
}

/** A filter whose one setting is chosen anew for each noise level, by the error on noisy training images. */
function tunedFilter(
  { dataset, seed, signal }: ApplicationContext,
  clip: boolean,
  filter: Filter,
  settings: readonly number[],
  settingName: string,
): Denoiser {
  const tuning = limitImages(dataset.train, Math.min(TUNING_IMAGES, dataset.train.count))
  const clean = unitImages(tuning.rows)
  return async (noisy, sigma) => {
    const turns = new Turns(signal)
    const unclipped = noisyImages(tuning.rows, tuning.width * tuning.height, 0, sigma, seed)
    const noisyTuning = clip ? clipToUnit(unclipped) : unclipped
    let best = settings[0]
    let least = Number.POSITIVE_INFINITY
    for (const setting of settings) {
      const error = meanSquaredError(await filterEach(filter, noisyTuning, tuning, setting, turns), clean)
      if (error >= least) continue
      least = error
      best = setting
    }
    const images = await filterEach(filter, noisy, tuning, best, turns)
    return { images, setting: `${settingName} ${best} pixels` }
  }
}

export function denoiseTable({ noisy, methods }: DenoiseResult): Table {
  return {
    notes: noisy.some(({ quality }) => quality.ssim === null) ? [WITHOUT_SSIM] : [],
    columns: [
      'noise σ',
      'noisy: PSNR (dB)',
      'SSIM',
      ...methods.flatMap(({ name }) => [`${name}: PSNR gain (dB)`, 'SSIM gain']),
    ],
    rows: noisy.map(({ sigma, quality }, index) => [
      String(sigma),
      formatNumber(quality.psnr, 2),
      formatNumber(quality.ssim, 4),
      ...methods.flatMap(({ levels }) => [
        formatSigned(levels[index].psnrGain, 2),
        formatSigned(levels[index].ssimGain, 4),
      ]),
    ]),
  }
}
