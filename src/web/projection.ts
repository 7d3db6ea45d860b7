/** Two numbers for codes of any length: the plane of the two principal components. */
import type { FloatArray } from '../model/state.ts'

export interface Plane {
  /** (z) mean code. */
  readonly mean: Float64Array
  /** Two unit vectors, (z) each: the directions of largest variance. */
  readonly axes: readonly [Float64Array, Float64Array]
  /** Share of the codes' variance that the plane holds, 0 … 1. */
  readonly explained: number
}

/** Enough for power iteration to settle on screen precision when two variances differ by a few per cent. */
const ITERATIONS = 200

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** The largest eigenvalue and its vector of a symmetric matrix (z, z), by power iteration. */
function largestEigenpair(matrix: Float64Array, z: number): { value: number; vector: Float64Array } {
  // Unequal entries, so that no symmetric matrix of practice has the start orthogonal to its first vector.
  let vector = Float64Array.from({ length: z }, (_, i) => 1 + i / z)
  let value = 0
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = Float64Array.from({ length: z }, (_, i) => dot(matrix.subarray(i * z, (i + 1) * z), vector))
    value = Math.sqrt(dot(next, next))
    if (value === 0) break
    vector = next.map((entry) => entry / value)
  }
  return { value, vector }
}

/** Principal component analysis of codes (n, z), by power iteration with deflation of the covariance. */
export function principalPlane(codes: FloatArray, z: number): Plane {
  const count = codes.length / z
  const mean = new Float64Array(z)
  for (let i = 0; i < codes.length; i++) mean[i % z] += codes[i] / count
  const covariance = new Float64Array(z * z)
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < z; i++) {
      const deviation = (codes[n * z + i] - mean[i]) / count
      for (let j = 0; j < z; j++) covariance[i * z + j] += deviation * (codes[n * z + j] - mean[j])
    }
  }
  let total = 0
  for (let i = 0; i < z; i++) total += covariance[i * z + i]
  const first = largestEigenpair(covariance, z)
  for (let i = 0; i < z * z; i++) {
    covariance[i] -= first.value * first.vector[Math.floor(i / z)] * first.vector[i % z]
  }
  const second = largestEigenpair(covariance, z)
  return {
    mean,
    axes: [first.vector, second.vector],
    explained: total > 0 ? (first.value + second.value) / total : 1,
  }
}

/** The plane's coordinates of a code. */
export function project(plane: Plane, code: ArrayLike<number>): [number, number] {
  const deviation = plane.mean.map((mean, i) => code[i] - mean)
  return [dot(deviation, plane.axes[0]), dot(deviation, plane.axes[1])]
}

/** The code of a point of the plane. */
export function lift(plane: Plane, [a, b]: readonly [number, number]): Float32Array {
  return Float32Array.from(plane.mean, (mean, i) => mean + a * plane.axes[0][i] + b * plane.axes[1][i])
}
