/**
 * Principal component analysis, by ml-pca's eigen-decomposition of a covariance matrix that is summed up
 * here.
 */

import { PCA } from 'ml-pca'
import { columnSums } from '../data/rows.ts'
import { checkInteger } from '../engines/checks.ts'
import type { StopSignal } from '../engines/stop-signal.ts'
import { UsageError } from '../errors.ts'
import { createRandomSequence } from '../random/sequence.ts'
import { Turns } from '../run/turns.ts'
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

/**
 * Up to so many dimensions the covariance matrix is decomposed whole, which takes the cube of them: a few
 * seconds here. From there on the components asked for are found by subspace iteration, which needs no such
 * matrix.
 */
const MAX_DECOMPOSED = 1024

/** Values of all components together: 0.5 GB in float64. */
const MAX_COMPONENT_VALUES = 2 ** 26

/**
 * The first `count` principal components of `rows` (n, dimension). Throws UsageError for numbers that cannot
 * be, HourglassError once the signal has aborted.
 */
export async function principalComponents(
  rows: Rows,
  dimension: number,
  count: number,
  signal?: StopSignal,
): Promise<PrincipalComponents> {
  const rowCount = rows.length / dimension
  checkInteger('components', count, 1, dimension)
  if (rowCount < 2) throw new UsageError(`PCA: expected at least 2 rows, found ${rowCount}`)
  if (count * dimension > MAX_COMPONENT_VALUES) {
    throw new UsageError(
      `PCA: expected components of at most ${MAX_COMPONENT_VALUES} values in all, found ${count} of ${dimension}`,
    )
  }
  const turns = new Turns(signal)
  const mean = columnMeans(rows, dimension)
  const data = { rows, rowCount, dimension, mean }
  const { components, variances, totalVariance } =
    dimension <= MAX_DECOMPOSED ? await decompose(data, count, turns) : await iterate(data, count, turns)
  for (let component = 0; component < count; component++) {
    const row = components.subarray(component * dimension, (component + 1) * dimension)
    const largest = row.reduce((found, value) => (Math.abs(value) > Math.abs(found) ? value : found), 0)
    if (largest < 0) for (let i = 0; i < dimension; i++) row[i] = -row[i]
  }
  return {
    dimension,
    count,
    mean,
    components,
    variances: variances.map((one) => Math.max(0, one)),
    totalVariance,
  }
}

interface CentredRows {
  readonly rows: Rows
  readonly rowCount: number
  readonly dimension: number
  /** (dimension) */
  readonly mean: Float64Array
}

/** Components without their sign, (count, dimension). */
interface Solved {
  readonly components: Float64Array
  readonly variances: Float64Array
  readonly totalVariance: number
}

async function decompose(data: CentredRows, count: number, turns: Turns): Promise<Solved> {
  const { dimension } = data
  const covariance = await covarianceMatrix(data, turns)
  // Given the data itself ml-pca takes minutes at 10,000 x 784; the decomposition alone takes a second.
  const solved = new PCA(covariance, { isCovarianceMatrix: true, center: false })
  const vectors = solved.getEigenvectors()
  const components = new Float64Array(count * dimension)
  for (let component = 0; component < count; component++) {
    for (let i = 0; i < dimension; i++) components[component * dimension + i] = vectors.get(i, component)
  }
  let totalVariance = 0
  for (let i = 0; i < dimension; i++) totalVariance += covariance[i][i]
  return { components, variances: Float64Array.from(solved.getEigenvalues().slice(0, count)), totalVariance }
}

/**
 * Vectors beyond those asked for: the last ones wanted converge by the ratio of their variances to the next
 * left out.
 */
const EXTRA_VECTORS = 8
const MAX_ITERATIONS = 100
/** Of the variances, against the largest. */
const TOLERANCE = 1e-9

/**
 * Subspace iteration with Rayleigh-Ritz projection (Golub & Van Loan, "Matrix Computations", 8.2.4 and 8.3):
 * vectors are multiplied by the covariance, one row of the data at a time, and made orthonormal, until the
 * variances stand still.
 */
async function iterate(data: CentredRows, count: number, turns: Turns): Promise<Solved> {
  const { dimension } = data
  const width = Math.min(dimension, count + EXTRA_VECTORS)
  const random = createRandomSequence(0)
  let basis = Float64Array.from({ length: width * dimension }, () => random.normal())
  await orthonormalize(basis, dimension, turns)
  let variances = new Float64Array(width)
  for (let iteration = 0; ; iteration++) {
    const { images, totalVariance } = await multiplyByCovariance(data, basis, turns)
    const small = Array.from({ length: width }, (_, i) =>
      Array.from({ length: width }, (_, j) => dot(basis, i, images, j, dimension)),
    )
    const solved = new PCA(small, { isCovarianceMatrix: true, center: false })
    const found = Float64Array.from(solved.getEigenvalues())
    const change = found.reduce(
      (most, one, i) => Math.max(most, i < count ? Math.abs(one - variances[i]) : 0),
      0,
    )
    variances = found
    if (change <= TOLERANCE * found[0] || iteration === MAX_ITERATIONS) {
      const vectors = solved.getEigenvectors()
      const components = await combine(basis, dimension, count, (i, j) => vectors.get(j, i), turns)
      return { components, variances: variances.slice(0, count), totalVariance }
    }
    basis = images
    await orthonormalize(basis, dimension, turns)
  }
}

function dot(a: Float64Array, aRow: number, b: Float64Array, bRow: number, dimension: number): number {
  let sum = 0
  for (let i = 0; i < dimension; i++) sum += a[aRow * dimension + i] * b[bRow * dimension + i]
  return sum
}

/** The sample covariance times each vector of the basis (width, dimension); and its trace. */
async function multiplyByCovariance(
  { rows, rowCount, dimension, mean }: CentredRows,
  basis: Float64Array<ArrayBuffer>,
  turns: Turns,
): Promise<{ images: Float64Array<ArrayBuffer>; totalVariance: number }> {
  const images = new Float64Array(basis.length)
  const centred = new Float64Array(dimension)
  let squares = 0
  await turns.run(rowCount, 2 * basis.length, (from, to) => {
    for (let row = from; row < to; row++) {
      for (let i = 0; i < dimension; i++) {
        centred[i] = rows[row * dimension + i] - mean[i]
        squares += centred[i] * centred[i]
      }
      for (let start = 0; start < basis.length; start += dimension) {
        let sum = 0
        for (let i = 0; i < dimension; i++) sum += basis[start + i] * centred[i]
        const factor = sum / (rowCount - 1)
        for (let i = 0; i < dimension; i++) images[start + i] += factor * centred[i]
      }
    }
  })
  return { images, totalVariance: squares / (rowCount - 1) }
}

/** Gram-Schmidt on rows of so many values, twice, which is enough (Giraud, Langou & Rozložník 2005). */
async function orthonormalize(rows: Float64Array, dimension: number, turns: Turns): Promise<void> {
  const count = rows.length / dimension
  const orthonormalizeRow = (row: number) => {
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        const share = dot(rows, row, rows, other, dimension)
        for (let i = 0; i < dimension; i++) rows[row * dimension + i] -= share * rows[other * dimension + i]
      }
    }
    const norm = Math.sqrt(dot(rows, row, rows, row, dimension))
    // A direction that the data does not have stays none.
    const scale = norm > 0 ? 1 / norm : 0
    for (let i = 0; i < dimension; i++) rows[row * dimension + i] *= scale
  }
  await turns.run(count, 2 * count * dimension, (from, to) => {
    for (let row = from; row < to; row++) orthonormalizeRow(row)
  })
}

/**
 * Sums of the rows of `basis` (width, dimension) by weights: row i of the result takes weight(i, j) of row j.
 */
async function combine(
  basis: Float64Array,
  dimension: number,
  count: number,
  weight: (i: number, j: number) => number,
  turns: Turns,
): Promise<Float64Array> {
  const result = new Float64Array(count * dimension)
  await turns.run(count, basis.length, (from, to) => {
    for (let i = from; i < to; i++) {
      for (let j = 0; j < basis.length / dimension; j++) {
        const factor = weight(i, j)
        for (let k = 0; k < dimension; k++) result[i * dimension + k] += factor * basis[j * dimension + k]
      }
    }
  })
  return result
}

/** Coordinates of `rows` (n, dimension) along the components, (n, count). */
export async function project(
  pca: PrincipalComponents,
  rows: Rows,
  signal?: StopSignal,
): Promise<Float64Array> {
  const { dimension, count, mean, components } = pca
  const rowCount = rows.length / dimension
  const projected = new Float64Array(rowCount * count)
  const centred = new Float64Array(dimension)
  await new Turns(signal).run(rowCount, count * dimension, (from, to) => {
    for (let row = from; row < to; row++) {
      for (let i = 0; i < dimension; i++) centred[i] = rows[row * dimension + i] - mean[i]
      for (let component = 0; component < count; component++) {
        let sum = 0
        for (let i = 0; i < dimension; i++) sum += centred[i] * components[component * dimension + i]
        projected[row * count + component] = sum
      }
    }
  })
  return projected
}

/** Mean of every column of `rows` (n, dimension). */
function columnMeans(rows: Rows, dimension: number): Float64Array {
  return columnSums(rows, dimension).map((sum) => sum / (rows.length / dimension))
}

/** Sample covariance (divided by n − 1), (dimension, dimension). */
async function covarianceMatrix(
  { rows, rowCount, dimension, mean }: CentredRows,
  turns: Turns,
): Promise<number[][]> {
  const sums = new Float64Array(dimension * dimension)
  const centred = new Float64Array(dimension)
  await turns.run(rowCount, dimension ** 2 / 2, (from, to) => {
    for (let row = from; row < to; row++) {
      for (let i = 0; i < dimension; i++) centred[i] = rows[row * dimension + i] - mean[i]
      for (let i = 0; i < dimension; i++) {
        const value = centred[i]
        if (value === 0) continue
        const line = i * dimension
        for (let j = 0; j <= i; j++) sums[line + j] += value * centred[j]
      }
    }
  })
  return Array.from({ length: dimension }, (_, i) =>
    Array.from(
      { length: dimension },
      (_, j) => sums[Math.max(i, j) * dimension + Math.min(i, j)] / (rowCount - 1),
    ),
  )
}
