/**
 * The three pictures of an evaluation, as the seed project draws them: clean, denoised, interpolated. Node
 * only.
 */
import type { ImageSet } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { drawImageGrid, type ImageCell } from '../figures/image-grid.ts'
import { CSS_PIXELS_PER_INCH, formatLoss } from '../figures/theme.ts'
import { codeSize } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import {
  clipToUnit,
  type Evaluation,
  type ImageQuality,
  imageQuality,
  noisyImages,
  unitImages,
} from './evaluation.ts'
import { interpolateCodes } from './interpolation.ts'

/** Indices are those of images in the set. */
export interface EvaluationFigureOptions {
  /** How the figures call the model: its file's name. */
  readonly model: string
  /** How the figures call the set. */
  readonly setName: 'train' | 'test'
  readonly cleanIndex: number
  readonly denoiseIndex: number
  /** Whether the noisy image is clipped to [0, 1]. */
  readonly clip: boolean
  /** From the first image's code to the second's. */
  readonly interpolation: readonly [number, number]
  /** Codes to decode, both ends included; at least 2. */
  readonly steps: number
}

/** PNG files. */
export interface EvaluationFigures {
  readonly clean: Uint8Array
  readonly denoise: Uint8Array
  readonly interpolation: Uint8Array
}

/** Draws the figures; their text holds the numbers of `evaluation`, which is of the same model and set. */
export async function drawEvaluationFigures(
  engine: Engine,
  set: ImageSet,
  evaluation: Evaluation,
  options: EvaluationFigureOptions,
): Promise<EvaluationFigures> {
  return {
    clean: await drawClean(engine, set, evaluation, options),
    denoise: await drawDenoise(engine, set, evaluation, options),
    interpolation: await drawInterpolation(engine, set, options),
  }
}

/** original | reconstruction */
async function drawClean(
  engine: Engine,
  set: ImageSet,
  { count, reconstruction }: Evaluation,
  { model, setName, cleanIndex }: EvaluationFigureOptions,
): Promise<Uint8Array> {
  const bytes = imageBytes(set, cleanIndex)
  const output = await engine.forward(bytes)
  return drawImageGrid({
    title: `Reconstruction from ${codeSize(engine.network)} latent units`,
    subtitles: [
      `${model}, all ${wholeText(count)} ${setName} images: ${qualityText(reconstruction).join(' · ')}`,
    ],
    imageWidth: set.width,
    imageHeight: set.height,
    rows: [
      [
        { pixels: bytes, label: 'original', captions: [imageName(set, setName, cleanIndex)] },
        {
          pixels: output,
          label: 'reconstruction',
          captions: [qualityText(imageQuality(output, unitImages(bytes), set)).join(' · ')],
        },
      ],
    ],
  })
}

/** original | noisy | reconstruction of the noisy one */
async function drawDenoise(
  engine: Engine,
  set: ImageSet,
  evaluation: Evaluation,
  { model, setName, denoiseIndex, clip }: EvaluationFigureOptions,
): Promise<Uint8Array> {
  const { noiseStd, seed, count } = evaluation
  const bytes = imageBytes(set, denoiseIndex)
  const clean = unitImages(bytes)
  const unclipped = noisyImages(bytes, clean.length, denoiseIndex, noiseStd, seed)
  const noisy = clip ? clipToUnit(unclipped) : unclipped
  const output = await engine.forward(noisy)
  const { noisy: before, denoised: after, gain } = clip ? evaluation.clipped : evaluation.unclipped
  const clipping = clip ? 'clipped to [0, 1]' : 'not clipped'
  return drawImageGrid({
    title: `Gaussian noise of σ ${noiseStd}, ${clipping}, and what the model makes of it`,
    subtitles: [
      `${model}, all ${wholeText(count)} ${setName} images: PSNR ${decibels(before.psnr)} noisy, ` +
        `${decibels(after.psnr)} reconstructed: ${signed(gain)} dB`,
    ],
    imageWidth: set.width,
    imageHeight: set.height,
    rows: [
      [
        { pixels: bytes, label: 'original', captions: [imageName(set, setName, denoiseIndex)] },
        {
          pixels: noisy,
          label: `noisy (σ ${noiseStd}${clip ? '' : ', shown clipped'})`,
          captions: stackedText(imageQuality(noisy, clean, set)),
        },
        { pixels: output, label: 'reconstruction', captions: stackedText(imageQuality(output, clean, set)) },
      ],
    ],
  })
}

/** Images side by side in a row of the interpolation; longer walks go on in the next row. */
const CELLS_PER_ROW = 10
/** Inches: ten cells in the 7 of the other figures would be stamps. */
const STRIP_WIDTH = 9

/** original A | decoded codes at t = 0 … 1 | original B */
async function drawInterpolation(
  engine: Engine,
  set: ImageSet,
  { model, setName, interpolation, steps }: EvaluationFigureOptions,
): Promise<Uint8Array> {
  const [first, second] = interpolation
  const [a, b] = interpolation.map((index) => imageBytes(set, index))
  const codes = interpolateCodes(await engine.encode(a), await engine.encode(b), steps)
  const decoded = await engine.decode(codes)
  const pixels = set.width * set.height
  const decodedAt = (step: number) => decoded.subarray(step * pixels, (step + 1) * pixels)
  const mseOf = (image: FloatArray, truth: Uint8Array) =>
    `MSE ${formatLoss(imageQuality(image, unitImages(truth), set).mse)}`

  const cells: ImageCell[] = [
    { pixels: a, label: 'original A', captions: [`index ${first}`, `a ${set.labels[first]}`] },
    ...Array.from({ length: steps }, (_, step): ImageCell => {
      const image = decodedAt(step)
      const captions = step === 0 ? [mseOf(image, a)] : step === steps - 1 ? [mseOf(image, b)] : []
      return { pixels: image, label: `t = ${stepText(step, steps)}`, captions }
    }),
    { pixels: b, label: 'original B', captions: [`index ${second}`, `a ${set.labels[second]}`] },
  ]
  const rows: ImageCell[][] = []
  for (let from = 0; from < cells.length; from += CELLS_PER_ROW) {
    rows.push(cells.slice(from, from + CELLS_PER_ROW))
  }
  return drawImageGrid({
    title: `From ${setName} image ${first} to ${setName} image ${second} in latent space`,
    subtitles: [
      `${model}: decoder output for the code (1 − t) · code A + t · code B; MSE of each end against its original`,
    ],
    imageWidth: set.width,
    imageHeight: set.height,
    rows,
    width: STRIP_WIDTH * CSS_PIXELS_PER_INCH,
  })
}

function imageBytes(set: ImageSet, index: number): Uint8Array {
  const pixels = set.width * set.height
  return set.rows.subarray(index * pixels, (index + 1) * pixels)
}

function imageName(set: ImageSet, setName: string, index: number): string {
  return `${setName} image ${index}, a ${set.labels[index]}`
}

/** Two digits, more where steps lie closer than that. */
function stepText(step: number, steps: number): string {
  return (step / (steps - 1)).toFixed(steps > 101 ? 3 : 2)
}

/** MSE has no unit (it is of intensities from 0 to 1), PSNR is in dB. */
function qualityText({ mse, psnr, ssim }: ImageQuality): string[] {
  const parts = [`MSE ${formatLoss(mse)}`, `PSNR ${decibels(psnr)}`]
  return ssim === null ? parts : [...parts, `SSIM ${ssim.toFixed(3)}`]
}

/** The same in two lines, for narrow cells. */
function stackedText(quality: ImageQuality): string[] {
  const [mse, ...others] = qualityText(quality)
  return [mse, others.join(' · ')]
}

function decibels(value: number): string {
  return `${value.toFixed(2)} dB`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`
}

function wholeText(value: number): string {
  return value.toLocaleString('en-US')
}
