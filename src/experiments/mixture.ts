/**
 * Gaussian mixtures by expectation maximisation (Dempster, Laird & Rubin 1977; Bishop, "Pattern Recognition
 * and Machine Learning", 9.2.2). One component is the plain Gaussian fit.
 */

import { checkInteger } from '../engines/checks.ts'
import type { StopSignal } from '../engines/stop-signal.ts'
import { HourglassError } from '../errors.ts'
import type { FloatArray } from '../model/state.ts'
import { createRandomSequence, type RandomSequence } from '../random/sequence.ts'
import { Turns } from '../run/turns.ts'

export type CovarianceType = 'full' | 'diagonal'

export interface Mixture {
  readonly dimension: number
  readonly covarianceType: CovarianceType
  /** (components), summing to 1 */
  readonly weights: Float64Array
  /** (components, dimension) */
  readonly means: Float64Array
  /** (components, dimension, dimension), or (components, dimension) variances where diagonal */
  readonly covariances: Float64Array
}

export interface MixtureOptions {
  readonly components: number
  readonly covarianceType?: CovarianceType
  readonly seed?: number
  readonly maxIterations?: number
  /** EM stops when the mean log-likelihood of a row gains less than this. */
  readonly tolerance?: number
  /** Added to every variance, so that a unit that never fires stays positive definite. */
  readonly regularisation?: number
  /** When it aborts, the work rejects soon with a HourglassError. */
  readonly signal?: StopSignal | undefined
}

export interface MixtureFit {
  readonly mixture: Mixture
  /** Mean natural log-likelihood of a row under the mixture. */
  readonly meanLogLikelihood: number
  readonly iterations: number
  readonly converged: boolean
}

/** scikit-learn's defaults: reg_covar, tol, max_iter. */
const REGULARISATION = 1e-6
const TOLERANCE = 1e-3
const MAX_ITERATIONS = 100

/** Fits a mixture to `rows` (n, dimension), from means chosen by k-means++ with the seed. */
export async function fitMixture(
  rows: FloatArray,
  dimension: number,
  options: MixtureOptions,
): Promise<MixtureFit> {
  const { components, covarianceType = 'full', seed = 0, regularisation = REGULARISATION } = options
  const rowCount = rows.length / dimension
  checkInteger('components', components, 1, rowCount)
  const turns = new Turns(options.signal)
  // Every component starts with the spread of all rows, about its own mean.
  const all = new Float64Array(rowCount).fill(1)
  const whole = await maximise(rows, dimension, all, 1, covarianceType, regularisation, turns)
  const size = whole.covariances.length
  const covariances = new Float64Array(components * size)
  for (let component = 0; component < components; component++) {
    covariances.set(whole.covariances, component * size)
  }
  const random = createRandomSequence(seed)
  const means = components === 1 ? whole.means : await spreadMeans(rows, dimension, components, random, turns)
  const weights = new Float64Array(components).fill(1 / components)
  return refineMixture(rows, { dimension, covarianceType, weights, means, covariances }, options)
}

/** EM from a given start. Options as for `fitMixture`; `components` and `seed` are not looked at. */
export async function refineMixture(
  rows: FloatArray,
  start: Mixture,
  options: Omit<MixtureOptions, 'components'>,
): Promise<MixtureFit> {
  const { maxIterations = MAX_ITERATIONS, tolerance = TOLERANCE, regularisation = REGULARISATION } = options
  const { dimension, covarianceType } = start
  const components = start.weights.length
  const turns = new Turns(options.signal)
  let mixture = start
  let meanLogLikelihood = Number.NEGATIVE_INFINITY
  let iterations = 0
  let converged = false
  while (iterations < maxIterations && !converged) {
    const expected = await expect(rows, mixture, turns)
    converged = Math.abs(expected.meanLogLikelihood - meanLogLikelihood) < tolerance
    meanLogLikelihood = expected.meanLogLikelihood
    const { responsibilities } = expected
    mixture = await maximise(
      rows,
      dimension,
      responsibilities,
      components,
      covarianceType,
      regularisation,
      turns,
    )
    iterations++
  }
  const last = await expect(rows, mixture, turns)
  return { mixture, meanLogLikelihood: last.meanLogLikelihood, iterations, converged }
}

/**
 * k-means++ seeding: each next mean is a row drawn with weight of its squared distance (Arthur &
 * Vassilvitskii 2007).
 */
async function spreadMeans(
  rows: FloatArray,
  dimension: number,
  components: number,
  random: RandomSequence,
  turns: Turns,
): Promise<Float64Array> {
  const rowCount = rows.length / dimension
  const means = new Float64Array(components * dimension)
  const nearest = new Float64Array(rowCount).fill(Number.POSITIVE_INFINITY)
  let chosen = random.below(rowCount)
  for (let component = 0; component < components; component++) {
    means.set(rows.subarray(chosen * dimension, (chosen + 1) * dimension), component * dimension)
    let total = 0
    await turns.run(rowCount, dimension, (from, to) => {
      for (let row = from; row < to; row++) {
        let distance = 0
        for (let i = 0; i < dimension; i++) {
          distance += (rows[row * dimension + i] - means[component * dimension + i]) ** 2
        }
        nearest[row] = Math.min(nearest[row], distance)
        total += nearest[row]
      }
    })
    let target = random.uniform() * total
    chosen = 0
    while (chosen < rowCount - 1 && target >= nearest[chosen]) target -= nearest[chosen++]
  }
  return means
}

/** Responsibilities (n, components), and the mean log-likelihood of a row. */
async function expect(
  rows: FloatArray,
  mixture: Mixture,
  turns: Turns,
): Promise<{ responsibilities: Float64Array; meanLogLikelihood: number }> {
  const components = mixture.weights.length
  const rowCount = rows.length / mixture.dimension
  const responsibilities = new Float64Array(rowCount * components)
  for (let component = 0; component < components; component++) {
    const logWeight = Math.log(mixture.weights[component])
    const logDensity = await componentLogDensity(mixture, component, turns)
    await turns.run(rowCount, mixture.dimension ** 2 / 2, (from, to) => {
      for (let row = from; row < to; row++) {
        responsibilities[row * components + component] = logWeight + logDensity(rows, row)
      }
    })
  }
  let logLikelihood = 0
  await turns.run(rowCount, 20 * components, (from, to) => {
    for (let row = from; row < to; row++) {
      const logs = responsibilities.subarray(row * components, (row + 1) * components)
      const largest = Math.max(...logs)
      let sum = 0
      for (const log of logs) sum += Math.exp(log - largest)
      const logSum = largest + Math.log(sum)
      logLikelihood += logSum
      for (let component = 0; component < components; component++) {
        logs[component] = Math.exp(logs[component] - logSum)
      }
    }
  })
  return { responsibilities, meanLogLikelihood: logLikelihood / rowCount }
}

/** ln N(row; mean, covariance), with the covariance factored once. */
async function componentLogDensity(
  mixture: Mixture,
  component: number,
  turns: Turns,
): Promise<(rows: FloatArray, row: number) => number> {
  const { dimension, means } = mixture
  const factor = await choleskyFactor(mixture, component, turns)
  let logDeterminant = 0
  for (let i = 0; i < dimension; i++) logDeterminant += 2 * Math.log(factor[i * dimension + i])
  const constant = -0.5 * (dimension * Math.log(2 * Math.PI) + logDeterminant)
  const solved = new Float64Array(dimension)
  return (rows, row) => {
    let squared = 0
    for (let i = 0; i < dimension; i++) {
      let value = rows[row * dimension + i] - means[component * dimension + i]
      for (let j = 0; j < i; j++) value -= factor[i * dimension + j] * solved[j]
      solved[i] = value / factor[i * dimension + i]
      squared += solved[i] * solved[i]
    }
    return constant - 0.5 * squared
  }
}

/** Lower-triangular L (dimension, dimension) with L Lᵀ = the component's covariance. */
async function choleskyFactor(mixture: Mixture, component: number, turns: Turns): Promise<Float64Array> {
  const { dimension, covarianceType, covariances } = mixture
  const factor = new Float64Array(dimension * dimension)
  if (covarianceType === 'diagonal') {
    for (let i = 0; i < dimension; i++) {
      factor[i * dimension + i] = Math.sqrt(covariances[component * dimension + i])
    }
    return factor
  }
  const start = component * dimension * dimension
  await turns.run(dimension, dimension ** 2 / 6, (from, to) => {
    for (let i = from; i < to; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = covariances[start + i * dimension + j]
        for (let k = 0; k < j; k++) sum -= factor[i * dimension + k] * factor[j * dimension + k]
        if (i !== j) {
          factor[i * dimension + j] = sum / factor[j * dimension + j]
          continue
        }
        if (!(sum > 0)) {
          throw new HourglassError(
            `mixture: the covariance of component ${component} is not positive definite; use fewer components`,
          )
        }
        factor[i * dimension + i] = Math.sqrt(sum)
      }
    }
  })
  return factor
}

/** The mixture of highest likelihood for given responsibilities (n, components). */
async function maximise(
  rows: FloatArray,
  dimension: number,
  responsibilities: Float64Array,
  components: number,
  covarianceType: CovarianceType,
  regularisation: number,
  turns: Turns,
): Promise<Mixture> {
  const rowCount = rows.length / dimension
  const size = covarianceType === 'full' ? dimension * dimension : dimension
  const weights = new Float64Array(components)
  const means = new Float64Array(components * dimension)
  const covariances = new Float64Array(components * size)
  const centred = new Float64Array(dimension)
  for (let component = 0; component < components; component++) {
    // A component that lost every row must not divide by zero; scikit-learn's guard.
    let total = 10 * Number.EPSILON
    const mean = means.subarray(component * dimension, (component + 1) * dimension)
    await turns.run(rowCount, dimension, (from, to) => {
      for (let row = from; row < to; row++) {
        const share = responsibilities[row * components + component]
        total += share
        for (let i = 0; i < dimension; i++) mean[i] += share * rows[row * dimension + i]
      }
    })
    for (let i = 0; i < dimension; i++) mean[i] /= total
    const covariance = covariances.subarray(component * size, (component + 1) * size)
    await turns.run(rowCount, size, (from, to) => {
      for (let row = from; row < to; row++) {
        const share = responsibilities[row * components + component]
        if (share === 0) continue
        for (let i = 0; i < dimension; i++) centred[i] = rows[row * dimension + i] - mean[i]
        for (let i = 0; i < dimension; i++) {
          if (covarianceType === 'diagonal') {
            covariance[i] += share * centred[i] * centred[i]
            continue
          }
          for (let j = 0; j < dimension; j++) covariance[i * dimension + j] += share * centred[i] * centred[j]
        }
      }
    })
    for (let i = 0; i < size; i++) covariance[i] /= total
    for (let i = 0; i < dimension; i++) {
      covariance[covarianceType === 'full' ? i * dimension + i : i] += regularisation
    }
    weights[component] = total
  }
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    dimension,
    covarianceType,
    weights: weights.map((weight) => weight / weightSum),
    means,
    covariances,
  }
}

/** Draws rows from a mixture, one call after the other from one sequence of random numbers. */
export interface MixtureSampler {
  /** The next `count` rows, (count, dimension). */
  draw(count: number): Promise<Float64Array>
}

export async function mixtureSampler(
  mixture: Mixture,
  random: RandomSequence,
  signal?: StopSignal,
): Promise<MixtureSampler> {
  const { dimension, weights, means } = mixture
  const turns = new Turns(signal)
  const factors: Float64Array[] = []
  for (const component of weights.keys()) factors.push(await choleskyFactor(mixture, component, turns))
  const normals = new Float64Array(dimension)
  const drawRow = (row: Float64Array) => {
    let target = random.uniform()
    let component = 0
    while (component < weights.length - 1 && target >= weights[component]) target -= weights[component++]
    for (let i = 0; i < dimension; i++) normals[i] = random.normal()
    for (let i = 0; i < dimension; i++) {
      let value = means[component * dimension + i]
      for (let j = 0; j <= i; j++) value += factors[component][i * dimension + j] * normals[j]
      row[i] = value
    }
  }
  return {
    async draw(count) {
      const samples = new Float64Array(count * dimension)
      await turns.run(count, dimension ** 2, (from, to) => {
        for (let row = from; row < to; row++)
          drawRow(samples.subarray(row * dimension, (row + 1) * dimension))
      })
      return samples
    },
  }
}
