/** Classical denoising filters, as scipy.ndimage defines them: edges reflect about the outer pixel border. */
import { UsageError } from '../errors.ts'
import type { FloatArray } from '../model/state.ts'

/** Standard deviations at which the Gaussian kernel is cut; scipy's default. */
const TRUNCATE = 4

/** Index of pixel `i` of a line of `size` pixels that is mirrored at its ends: … b a | a b … z | z y … */
function reflect(i: number, size: number): number {
  const period = 2 * size
  const folded = ((i % period) + period) % period
  return folded < size ? folded : period - 1 - folded
}

/**
 * Gaussian blur of `images` (n, height · width) with a standard deviation of `sigma` pixels, one axis after
 * the other.
 */
export function gaussianFilter(
  images: FloatArray,
  width: number,
  height: number,
  sigma: number,
): Float64Array {
  if (!(sigma > 0 && sigma < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`Gaussian filter: expected a width above 0 pixels, found ${sigma}`)
  }
  const radius = Math.floor(TRUNCATE * sigma + 0.5)
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  )
  const total = kernel.reduce((sum, weight) => sum + weight, 0)
  const weights = kernel.map((weight) => weight / total)
  const columns = Array.from({ length: width + 2 * radius }, (_, i) => reflect(i - radius, width))
  const rows = Array.from({ length: height + 2 * radius }, (_, i) => reflect(i - radius, height))

  const pixels = width * height
  const filtered = new Float64Array(images.length)
  const vertical = new Float64Array(pixels)
  for (let start = 0; start < images.length; start += pixels) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = 0; k < weights.length; k++) sum += weights[k] * images[start + rows[y + k] * width + x]
        vertical[y * width + x] = sum
      }
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = 0; k < weights.length; k++) sum += weights[k] * vertical[y * width + columns[x + k]]
        filtered[start + y * width + x] = sum
      }
    }
  }
  return filtered
}

/** Median over a square window of `size` (odd) pixels of `images` (n, height · width). */
export function medianFilter(images: FloatArray, width: number, height: number, size: number): Float64Array {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0) {
    throw new UsageError(`median filter: expected an odd window size, found ${size}`)
  }
  const radius = (size - 1) / 2
  const columns = Array.from({ length: width + 2 * radius }, (_, i) => reflect(i - radius, width))
  const rows = Array.from({ length: height + 2 * radius }, (_, i) => reflect(i - radius, height))
  const pixels = width * height
  const filtered = new Float64Array(images.length)
  const neighbourhood = new Float64Array(size * size)
  for (let start = 0; start < images.length; start += pixels) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let next = 0
        for (let dy = 0; dy < size; dy++) {
          for (let dx = 0; dx < size; dx++) {
            neighbourhood[next++] = images[start + rows[y + dy] * width + columns[x + dx]]
          }
        }
        neighbourhood.sort()
        filtered[start + y * width + x] = neighbourhood[(size * size - 1) / 2]
      }
    }
  }
  return filtered
}
