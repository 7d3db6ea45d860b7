/**
 * Two numbers for codes of any length: the plane of the two principal components, to a screen's precision and
 * within one short task of the page. `experiments/pca.ts` has all components to full precision, and takes its
 * time.
 */
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

/**
 * Multiplications that a covariance may take: a plane needs few rows, and the page's thread has 50 ms at
 * most.
 */
const MOST_PRODUCTS = 8e6

/**
 * The axes of a plane, turned and mirrored within it to lie as near as they can to those before: else the map
 * would flip whenever training moves the codes. (The orthogonal Procrustes problem in two dimensions.)
 */
export function alignAxes(axes: Plane['axes'], before: Plane['axes']): Plane['axes'] {
  if (axes[0].length !== before[0].length) return axes
  const [[a, b], [c, d]] = axes.map((axis) => before.map((other) => dot(axis, other)))
  const isMirrored = Math.hypot(a - d, b + c) > Math.hypot(a + d, c - b)
  const angle = isMirrored ? Math.atan2(b + c, a - d) : Math.atan2(c - b, a + d)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const side = isMirrored ? -1 : 1
  const combined = (first: number, second: number) =>
    axes[0].map((value, i) => first * value + second * axes[1][i])
  return [combined(cos, sin), combined(-side * sin, side * cos)]
}

/**
 * Principal component analysis of codes (n, z), by power iteration with deflation of the covariance; of every
 * so many rows where all would take too long.
 */
export function principalPlane(all: FloatArray, z: number): Plane {
  const known = planes.get(all)
  if (known) return known
  const plane = computePlane(all, z)
  planes.set(all, plane)
  return plane
}

/** Several maps show the same codes. */
const planes = new WeakMap<FloatArray, Plane>()

function computePlane(all: FloatArray, z: number): Plane {
  const stride = Math.ceil((all.length * z) / MOST_PRODUCTS)
  const codes = stride === 1 ? all : everyRow(all, z, stride)
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

function everyRow(codes: FloatArray, z: number, stride: number): Float32Array {
  const count = Math.ceil(codes.length / z / stride)
  const some = new Float32Array(count * z)
  for (let i = 0; i < count; i++) some.set(codes.subarray(i * stride * z, (i * stride + 1) * z), i * z)
  return some
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
