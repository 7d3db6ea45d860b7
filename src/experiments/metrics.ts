/**
 * How near one set of images is to another. Images are numbers of data range 1: black 0, white 1. Runs in a
 * browser.
 */
import { HourglassError } from '../errors.ts'
import type { FloatArray } from '../model/state.ts'

/** Mean of the squared differences over all elements. Both of one length; NaN for none. */
export function meanSquaredError(first: FloatArray, second: FloatArray): number {
  checkLengths(first, second)
  let sum = 0
  for (let i = 0; i < first.length; i++) {
    const difference = first[i] - second[i]
    sum += difference * difference
  }
  return sum / first.length
}

/**
 * Peak signal-to-noise ratio in dB for a mean squared error at data range 1: −10 log₁₀ MSE, and at most 100
 * dB. Equal images, whose ratio has no bound, get 100 dB as well: a number that JSON and tables can hold,
 * beyond all that a network reaches.
 *
 * Two conventions are in use for a set of images. Of the set: the ratio of the mean error of all its pixels,
 * as `peakSignalToNoiseRatio(meanSquaredError(a, b))`; what this project reports as PSNR. Per image: the mean
 * of the images' own ratios, which is never lower.
 */
export function peakSignalToNoiseRatio(meanSquaredError: number): number {
  return Math.min(MAX_PSNR, -10 * Math.log10(meanSquaredError))
}

/** Of equal images, in dB. */
export const MAX_PSNR = 100

/**
 * Gaussian window of Wang et al.: σ 1.5 pixels, 11 wide (scikit-image's truncate = 3.5 gives the same width).
 */
const SIGMA = 1.5
const RADIUS = 5
export const SSIM_WINDOW = 2 * RADIUS + 1

/** Why small images have no structural similarity. */
export const WITHOUT_SSIM = `SSIM –: the images are smaller than its window of ${SSIM_WINDOW} × ${SSIM_WINDOW} pixels`

/** Stabilizing constants (K₁ L)² and (K₂ L)² with K₁ 0.01, K₂ 0.03 and L = 1. */
const C1 = 0.01 ** 2
const C2 = 0.03 ** 2

/**
 * Structural similarity, the mean over images of the mean over the window's positions: 1 for equal images,
 * down to −1.
 *
 * Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
 * Similarity", IEEE Transactions on Image Processing 13 (2004), eq. 13: Gaussian window, population
 * covariances (not divided by n − 1), only positions where the whole window lies in the image. The same
 * numbers as scikit-image's `structural_similarity(a, b, data_range=1, gaussian_weights=True, sigma=1.5,
 * use_sample_covariance=False)`.
 *
 * @param first (n, height · width), row-major
 * @param second (n, height · width)
 * Throws HourglassError for images smaller than the window of 11 × 11.
 */
export function structuralSimilarity(
  first: FloatArray,
  second: FloatArray,
  width: number,
  height: number,
): number {
  checkLengths(first, second)
  if (width < SSIM_WINDOW || height < SSIM_WINDOW) {
    throw new HourglassError(
      `structural similarity: expected images of at least ${SSIM_WINDOW} × ${SSIM_WINDOW} pixels, found ${width} × ${height}`,
    )
  }
  const pixels = width * height
  const filter = new WindowMeans(width, height)
  const [a, b, squares, products] = Array.from({ length: 4 }, () => new Float64Array(pixels))
  const [firstMeans, secondMeans, squareMeans, productMeans] = Array.from({ length: 4 }, () =>
    filter.createOutput(),
  )

  let sum = 0
  for (let start = 0; start < first.length; start += pixels) {
    a.set(first.subarray(start, start + pixels))
    b.set(second.subarray(start, start + pixels))
    for (let i = 0; i < pixels; i++) {
      // The formula needs the two variances only as a sum, so that one filtering serves both.
      squares[i] = a[i] * a[i] + b[i] * b[i]
      products[i] = a[i] * b[i]
    }
    filter.apply(a, firstMeans)
    filter.apply(b, secondMeans)
    filter.apply(squares, squareMeans)
    filter.apply(products, productMeans)
    for (let i = 0; i < firstMeans.length; i++) {
      const meanProduct = firstMeans[i] * secondMeans[i]
      const meanSquares = firstMeans[i] * firstMeans[i] + secondMeans[i] * secondMeans[i]
      const covariance = productMeans[i] - meanProduct
      const variances = squareMeans[i] - meanSquares
      sum += ((2 * meanProduct + C1) * (2 * covariance + C2)) / ((meanSquares + C1) * (variances + C2))
    }
  }
  return sum / ((first.length / pixels) * firstMeans.length)
}

/**
 * Weighted means over the Gaussian window at all its positions inside an image, first along rows, then
 * columns.
 */
class WindowMeans {
  readonly #width: number
  readonly #height: number
  readonly #outputWidth: number
  readonly #rowMeans: Float64Array
  readonly #weights: Float64Array

  constructor(width: number, height: number) {
    this.#width = width
    this.#height = height
    this.#outputWidth = width - 2 * RADIUS
    this.#rowMeans = new Float64Array(height * this.#outputWidth)
    const weights = Float64Array.from({ length: SSIM_WINDOW }, (_, i) =>
      Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA ** 2)),
    )
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    this.#weights = weights.map((weight) => weight / total)
  }

  /** (height − 10, width − 10) */
  createOutput(): Float64Array {
    return new Float64Array(this.#outputWidth * (this.#height - 2 * RADIUS))
  }

  apply(image: Float64Array, output: Float64Array): void {
    const rowMeans = this.#rowMeans
    const outputWidth = this.#outputWidth
    for (let row = 0; row < this.#height; row++) {
      this.#line(image, row * this.#width, 1, rowMeans, row * outputWidth, outputWidth)
    }
    const outputHeight = this.#height - 2 * RADIUS
    for (let row = 0; row < outputHeight; row++) {
      this.#line(rowMeans, row * outputWidth, outputWidth, output, row * outputWidth, outputWidth)
    }
  }

  /**
   * `count` neighbouring means; taps of each lie `step` elements apart. The window is symmetric: pairs share
   * a weight.
   */
  #line(
    input: Float64Array,
    inputStart: number,
    step: number,
    output: Float64Array,
    outputStart: number,
    count: number,
  ): void {
    const [w5, w4, w3, w2, w1, w0] = this.#weights
    const [s2, s3, s4, s5] = [2 * step, 3 * step, 4 * step, 5 * step]
    // Written out: a loop over the taps takes a fifth longer.
    for (let i = 0, c = inputStart + RADIUS * step; i < count; i++, c++) {
      let sum = w0 * input[c]
      sum += w1 * (input[c - step] + input[c + step])
      sum += w2 * (input[c - s2] + input[c + s2])
      sum += w3 * (input[c - s3] + input[c + s3])
      sum += w4 * (input[c - s4] + input[c + s4])
      sum += w5 * (input[c - s5] + input[c + s5])
      output[outputStart + i] = sum
    }
  }
}

function checkLengths(first: FloatArray, second: FloatArray): void {
  if (first.length !== second.length) {
    throw new HourglassError(
      `images to compare: expected equal lengths, found ${first.length} and ${second.length}`,
    )
  }
}
