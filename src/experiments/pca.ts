/** Principal component analysis, by ml-pca's eigen-decomposition of a covariance matrix that is summed up here. */
import { PCA } from 'ml-pca'
import { UsageError } from '../errors.ts'
import type { Rows } from './knn.ts'

export interface PrincipalComponents {
  readonly dimension: number
  readonly count: number
  /** (dimension) */
  readonly mean: Float64Array
  /** (count, dimension) orthonormal rows, by falling variance; the largest element of each is positive. */
  readonly components: Float64Array
  /** (count) variance along each component, in the squared unit of the rows. */
  readonly variances: Float64Array
  /** Variance of the data over all dimensions. */
  readonly totalVariance: number
}

/** The first `count` principal components of `rows` (n, dimension). */
export function principalComponents(rows: Rows, dimension: number, count: number): PrincipalComponents {
  const rowCount = rows.length / dimension
  if (!Number.isInteger(count) || count < 1 || count > dimension) {
    throw new UsageError(`components: expected a whole number from 1 to ${dimension}, found ${count}`)
  }
  if (rowCount < 2) throw new UsageError(`PCA: expected at least 2 rows, found ${rowCount}`)
  const mean = columnMeans(rows, dimension)
  const covariance = covarianceMatrix(rows, dimension, mean)
  // Given the data itself ml-pca takes minutes at 10,000 x 784; the decomposition alone takes a second.
  const solved = new PCA(covariance, { isCovarianceMatrix: true, center: false })
  const vectors = solved.getEigenvectors()
  const eigenvalues = solved.getEigenvalues()
  const components = new Float64Array(count * dimension)
  for (let component = 0; component < count; component++) {
    let largest = 0
    for (let i = 0; i < dimension; i++) {
      const value = vectors.get(i, component)
      if (Math.abs(value) > Math.abs(largest)) largest = value
    }
    for (let i = 0; i < dimension; i++) {
      components[component * dimension + i] = vectors.get(i, component) * Math.sign(largest)
    }
  }
  let totalVariance = 0
  for (let i = 0; i < dimension; i++) totalVariance += covariance[i][i]
  const variances = Float64Array.from(eigenvalues.slice(0, count), (value) => Math.max(0, value))
  return { dimension, count, mean, components, variances, totalVariance }
}

/** Coordinates of `rows` (n, dimension) along the components, (n, count). */
export function project(pca: PrincipalComponents, rows: Rows): Float64Array {
  const { dimension, count, mean, components } = pca
  const rowCount = rows.length / dimension
  const projected = new Float64Array(rowCount * count)
  const centred = new Float64Array(dimension)
  for (let row = 0; row < rowCount; row++) {
    for (let i = 0; i < dimension; i++) centred[i] = rows[row * dimension + i] - mean[i]
    for (let component = 0; component < count; component++) {
      let sum = 0
      for (let i = 0; i < dimension; i++) sum += centred[i] * components[component * dimension + i]
      projected[row * count + component] = sum
    }
  }
  return projected
}

/** Mean of every column of `rows` (n, dimension). */
export function columnMeans(rows: Rows, dimension: number): Float64Array {
  const means = new Float64Array(dimension)
  for (let i = 0; i < rows.length; i++) means[i % dimension] += rows[i]
  return means.map((sum) => sum / (rows.length / dimension))
}

/** Sample covariance (divided by n − 1) of `rows`, (dimension, dimension). */
function covarianceMatrix(rows: Rows, dimension: number, mean: Float64Array): number[][] {
  const sums = new Float64Array(dimension * dimension)
  const rowCount = rows.length / dimension
  const centred = new Float64Array(dimension)
  for (let row = 0; row < rowCount; row++) {
    for (let i = 0; i < dimension; i++) centred[i] = rows[row * dimension + i] - mean[i]
    for (let i = 0; i < dimension; i++) {
      const value = centred[i]
      if (value === 0) continue
      const line = i * dimension
      for (let j = 0; j <= i; j++) sums[line + j] += value * centred[j]
    }
  }
  return Array.from({ length: dimension }, (_, i) =>
    Array.from(
      { length: dimension },
      (_, j) => sums[Math.max(i, j) * dimension + Math.min(i, j)] / (rowCount - 1),
    ),
  )
}
