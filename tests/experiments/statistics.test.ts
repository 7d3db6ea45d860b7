/**
 * k-NN, ROC, PCA, mixtures and filters against scikit-learn and SciPy (fixtures by
 * tests/fixtures/experiments/make.py).
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/errors.ts'
import { gaussianFilter, medianFilter } from '../../src/experiments/filters.ts'
import { knnAccuracy, nearestNeighbours, neighbourVote } from '../../src/experiments/knn.ts'
import { fitMixture, mixtureSampler, refineMixture } from '../../src/experiments/mixture.ts'
import { principalComponents, project } from '../../src/experiments/pca.ts'
import { rocCurve } from '../../src/experiments/roc.ts'
import { createRandomSequence, sampleIndices } from '../../src/random/sequence.ts'
import { refuses } from '../support/rejection.ts'

/** The bound; the inputs are float64 and of unit size, so real differences are near 1e-14. */
const TOLERANCE = 1e-6

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/experiments/${name}.json`, import.meta.url), 'utf8'))
}

function within(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    assert.ok(
      Math.abs(actual[i] - expected[i]) <= TOLERANCE,
      `${what}[${i}]: ${actual[i]}, expected ${expected[i]}`,
    )
  }
}

test('the ROC curve and its area, with ties, are scikit-learn’s', async () => {
  const { negatives, positives, fpr, tpr, area } = fixture<
    Record<'negatives' | 'positives' | 'fpr' | 'tpr', number[]> & { area: number }
  >('roc')
  const curve = rocCurve(negatives, positives)
  within(curve.falsePositiveRate, fpr, 'false positive rate')
  within(curve.truePositiveRate, tpr, 'true positive rate')
  within([curve.area], [area], 'area')
})

test('ROC: all ties give one half, and an empty class or NaN is refused', async () => {
  assert.is(rocCurve([3, 3], [3, 3, 3]).area, 0.5)
  assert.is(rocCurve([1, 2], [3]).area, 1)
  assert.is(rocCurve([3], [1, 2]).area, 0)
  assert.throws(() => rocCurve([], [1]), /0 negative and 1 positive/)
  assert.throws(() => rocCurve([0, Number.NaN], [1]), /NaN/)
})

test('neighbours, distances, votes and accuracy are scikit-learn’s', async () => {
  const made = fixture<
    Record<
      'train' | 'test' | 'trainLabels' | 'testLabels' | 'indices' | 'squaredDistances' | 'predictions',
      number[]
    > & { dimension: number; k: number; accuracy: number }
  >('knn')
  const train = Float64Array.from(made.train)
  const tests = Float64Array.from(made.test)
  const neighbours = await nearestNeighbours(tests, train, made.dimension, made.k)
  assert.equal(Array.from(neighbours.indices), made.indices)
  within(neighbours.squaredDistances, made.squaredDistances, 'squared distances')
  const labels = Uint8Array.from(made.trainLabels)
  assert.equal(Array.from(neighbourVote(neighbours, made.k, labels)), made.predictions)
  const testRows = { rows: tests, labels: Uint8Array.from(made.testLabels) }
  within(
    [await knnAccuracy({ rows: train, labels }, testRows, made.dimension, made.k)],
    [made.accuracy],
    'accuracy',
  )
})

test('neighbours: equal distances keep the order of the references; k must fit', async () => {
  const { indices } = await nearestNeighbours(new Float64Array([0]), new Float64Array([1, -1, 1, 0.5]), 1, 3)
  assert.equal(Array.from(indices), [3, 0, 1])
  await refuses(
    nearestNeighbours(new Float64Array(2), new Float64Array(2), 1, 3),
    UsageError,
    /from 1 to 2.*found 3/,
  )
})

test('principal components, variances and projections are scikit-learn’s', async () => {
  const made = fixture<
    Record<'rows' | 'components' | 'variances' | 'projected', number[]> & {
      dimension: number
      count: number
      totalVariance: number
    }
  >('pca')
  const rows = Float64Array.from(made.rows)
  const pca = await principalComponents(rows, made.dimension, made.count)
  within(pca.components, made.components, 'components')
  within(pca.variances, made.variances, 'variances')
  within([pca.totalVariance], [made.totalVariance], 'total variance')
  within(await project(pca, rows), made.projected, 'projection')
})

test('of many dimensions, where no matrix of all has room: components that are known', async () => {
  // Three directions of unit length, at right angles; coordinates along them that are uncorrelated and of
  // mean 0.
  const [dimension, rowCount] = [3000, 32]
  const direction = (k: number, i: number) =>
    Math.sqrt(2 / dimension) * Math.cos((Math.PI * k * (i + 0.5)) / dimension)
  const coordinate = (k: number, row: number) =>
    [9, 4, 1][k] * Math.sin((2 * Math.PI * (k + 1) * row) / rowCount)
  const rows = Float64Array.from({ length: rowCount * dimension }, (_, at) => {
    const [row, i] = [Math.floor(at / dimension), at % dimension]
    return 5 + [0, 1, 2].reduce((sum, k) => sum + coordinate(k, row) * direction(k + 1, i), 0)
  })
  const pca = await principalComponents(rows, dimension, 2)
  const variance = (k: number) => ([9, 4, 1][k] ** 2 * (rowCount / 2)) / (rowCount - 1)
  within(pca.variances, [variance(0), variance(1)], 'variances')
  within([pca.totalVariance], [variance(0) + variance(1) + variance(2)], 'total variance')
  // Of two elements as large as each other either may be the positive one.
  const signs = [0, 1].map((k) => Math.sign(pca.components[k * dimension]))
  const expected = Array.from({ length: 2 * dimension }, (_, at) => {
    const k = Math.floor(at / dimension)
    return signs[k] * direction(k + 1, at % dimension)
  })
  within(pca.components, expected, 'components')
  within(
    (await project(pca, rows)).filter((_, at) => at % 2 === 0),
    Array.from({ length: rowCount }, (_, row) => signs[0] * coordinate(0, row)),
    'projection',
  )
  await refuses(
    principalComponents(new Uint8Array(2 * 65_536), 65_536, 1025),
    UsageError,
    /PCA: .*found 1025 of 65536/,
  )
})

test('each can be interrupted while it works', async () => {
  const noise = createRandomSequence(1)
  const values = Float32Array.from({ length: 1_000_000 }, () => noise.uniform())
  const works: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
    neighbours: (signal) => nearestNeighbours(values, values, 100, 5, signal),
    'components by decomposition': (signal) => principalComponents(values, 1000, 2, signal),
    'components by iteration': (signal) => principalComponents(values, 5000, 20, signal),
    mixture: (signal) => fitMixture(values, 50, { components: 20, signal, maxIterations: 1000 }),
    samples: async (signal) => {
      const { mixture } = await fitMixture(values.subarray(0, 5000), 50, { components: 1 })
      return (await mixtureSampler(mixture, noise, signal)).draw(1_000_000)
    },
  }
  for (const [name, work] of Object.entries(works)) {
    const controller = new AbortController()
    const working = work(controller.signal)
    setTimeout(() => controller.abort(), 40)
    // Work that gives nobody a turn ends before the timer's.
    await working.then(
      () => assert.unreachable(`${name} went on`),
      (error: Error) => assert.is(error.message, 'interrupted', name),
    )
  }
})

interface MixtureFixture {
  dimension: number
  iterations: number
  rows: number[]
  startWeights: number[]
  startMeans: number[]
  fits: Record<
    'full' | 'diagonal',
    Record<'startCovariances' | 'weights' | 'means' | 'covariances', number[]> & { meanLogLikelihood: number }
  >
}

for (const covarianceType of ['full', 'diagonal'] as const) {
  test(`EM with ${covarianceType} covariance takes scikit-learn’s path from the same start`, async () => {
    const made = fixture<MixtureFixture>('mixture')
    const expected = made.fits[covarianceType]
    const start = {
      dimension: made.dimension,
      covarianceType,
      weights: Float64Array.from(made.startWeights),
      means: Float64Array.from(made.startMeans),
      covariances: Float64Array.from(expected.startCovariances),
    }
    const fit = await refineMixture(Float64Array.from(made.rows), start, {
      maxIterations: made.iterations,
      tolerance: 0,
    })
    within(fit.mixture.weights, expected.weights, 'weights')
    within(fit.mixture.means, expected.means, 'means')
    within(fit.mixture.covariances, expected.covariances, 'covariances')
    within([fit.meanLogLikelihood], [expected.meanLogLikelihood], 'log-likelihood')
  })
}

test('a mixture fitted from a seed finds separated groups, repeats, and its samples have its moments', async () => {
  const random = createRandomSequence(5)
  const rows = Float64Array.from(
    { length: 2000 },
    (_, i) => (Math.floor(i / 2) % 4 === 0 ? 8 : -3) + random.normal(),
  )
  const options = { components: 2, seed: 11 }
  const fit = await fitMixture(rows, 2, options)
  assert.equal(fit, await fitMixture(rows, 2, options))
  assert.ok(Math.abs(Math.min(...fit.mixture.weights) - 0.25) < 1e-6)
  const samples = await (await mixtureSampler(fit.mixture, createRandomSequence(7))).draw(20_000)
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length
  const expected = rows.reduce((sum, value) => sum + value, 0) / rows.length
  // Four standard errors of the mean of 20,000 rows whose spread is about 5.
  assert.ok(Math.abs(mean - expected) < 0.15, `${mean}, expected ${expected}`)
})

test('a latent unit that never fires does not break the mixture', async () => {
  const random = createRandomSequence(3)
  const rows = Float64Array.from({ length: 300 }, (_, i) => (i % 3 === 1 ? 0 : random.normal()))
  const { mixture, meanLogLikelihood } = await fitMixture(rows, 3, { components: 3, seed: 2 })
  assert.ok(Number.isFinite(meanLogLikelihood))
  const samples = await (await mixtureSampler(mixture, random)).draw(100)
  for (let i = 1; i < samples.length; i += 3) assert.ok(Math.abs(samples[i]) < 0.01)
})

test('the Gaussian and median filters are SciPy’s', async () => {
  const made = fixture<{
    width: number
    height: number
    images: number[]
    gaussian: Record<string, number[]>
    median: Record<string, number[]>
  }>('filters')
  const images = Float64Array.from(made.images)
  for (const [sigma, expected] of Object.entries(made.gaussian)) {
    within(gaussianFilter(images, made.width, made.height, Number(sigma)), expected, `Gaussian ${sigma}`)
  }
  for (const [size, expected] of Object.entries(made.median)) {
    within(medianFilter(images, made.width, made.height, Number(size)), expected, `median ${size}`)
  }
})

test('random sequences repeat, differ by seed and use, and sample without repeats', async () => {
  const draw = (seed: number, use: number) => {
    const random = createRandomSequence(seed, use)
    return Array.from({ length: 9 }, () => random.uniform())
  }
  assert.equal(draw(1, 0), draw(1, 0))
  assert.not.equal(draw(1, 0), draw(2, 0))
  assert.not.equal(draw(1, 0), draw(1, 1))
  const drawn = sampleIndices(createRandomSequence(4), 50, 50)
  assert.equal(new Set(drawn).size, 50)
  assert.is.not(drawn.join(), [...drawn].sort((a, b) => a - b).join())
})

test.run()
