import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HourglassError } from '../../src/errors.ts'
import {
  meanSquaredError,
  peakSignalToNoiseRatio,
  structuralSimilarity,
} from '../../src/experiments/metrics.ts'

interface Case {
  name: string
  width: number
  height: number
  first: number[]
  second: number[]
  mse: number
  psnr: number
  ssim: number
}

const fixture = new URL('../fixtures/metrics/image-quality.json', import.meta.url)
const { scale, cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { scale: number; cases: Case[] }

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: expected ${expected}, found ${actual}`)
}

const float64 = (values: number[]) => Float64Array.from(values, (value) => value / scale)
const float32 = (values: number[]) => Float32Array.from(values, (value) => value / scale)

for (const { name, width, height, first, second, mse, psnr, ssim } of cases) {
  // Both sides compute in float64 from equal inputs: only the order of sums differs.
  test(`MSE, PSNR and SSIM are scikit-image's to 1e-10: ${name}`, () => {
    for (const images of [float64, float32]) {
      const [a, b] = [images(first), images(second)]
      near(meanSquaredError(a, b), mse, 1e-10, 'MSE')
      near(peakSignalToNoiseRatio(meanSquaredError(a, b)), psnr, 1e-10, 'PSNR')
      near(structuralSimilarity(a, b, width, height), ssim, 1e-10, 'SSIM')
      near(structuralSimilarity(b, a, width, height), ssim, 1e-10, 'SSIM with the images exchanged')
    }
  })
}

test('the SSIM of a set is the mean over its images, each with its own windows', () => {
  const size28 = cases.filter(({ width, height }) => width === 28 && height === 28)
  assert.ok(size28.length >= 3)
  const expected = size28.reduce((sum, { ssim }) => sum + ssim, 0) / size28.length
  const a = float64(size28.flatMap(({ first }) => first))
  const b = float64(size28.flatMap(({ second }) => second))
  near(structuralSimilarity(a, b, 28, 28), expected, 1e-10, 'SSIM')
})

test('equal images: no error, a PSNR of 100 dB, SSIM 1', () => {
  const a = float64(cases[0].first)
  assert.is(meanSquaredError(a, a), 0)
  assert.is(peakSignalToNoiseRatio(0), 100)
  assert.is(peakSignalToNoiseRatio(1e-9), 90)
  assert.is(peakSignalToNoiseRatio(1e-12), 100, 'none is better than equal')
  assert.ok(Number.isNaN(peakSignalToNoiseRatio(Number.NaN)))
  near(structuralSimilarity(a, a, 28, 28), 1, 1e-12, 'SSIM')
})

test('NaN in an image is NaN in every metric', () => {
  const a = float64(cases[0].first)
  const b = a.slice()
  b[28 * 14 + 14] = Number.NaN
  assert.ok(Number.isNaN(meanSquaredError(a, b)))
  assert.ok(Number.isNaN(structuralSimilarity(a, b, 28, 28)))
})

test('images too small for the window, or of other lengths, are refused', () => {
  const small = new Float64Array(100)
  assert.throws(
    () => structuralSimilarity(small, small, 10, 10),
    (error: unknown) => error instanceof HourglassError,
  )
  assert.throws(() => structuralSimilarity(small, small, 10, 10), /at least 11 × 11 pixels, found 10 × 10/)
  assert.throws(() => meanSquaredError(small, new Float64Array(99)), /found 100 and 99/)
})

test.run()
