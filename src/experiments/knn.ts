/** Nearest neighbours by brute force, and the accuracy of a vote among them. */

import type { StopSignal } from '../engines/stop-signal.ts'
import { UsageError } from '../errors.ts'
import { MOST_CLASSES } from '../model/check-network.ts'
import type { FloatArray } from '../model/state.ts'
import { Turns } from '../run/turns.ts'

export type Rows = FloatArray | Uint8Array

export interface Neighbours {
  /** (queries, k) rows of the references, nearest first; of equal distances the smaller index first. */
  readonly indices: Uint32Array
  /** (queries, k) squared Euclidean distances, in the squared unit of the rows. */
  readonly squaredDistances: Float64Array
}

/** Dimensions added up between two looks at whether a candidate is already too far. */
const CHUNK = 32

/**
 * The k nearest references of every query by Euclidean distance. `queries` (m, dimension), `references` (n,
 * dimension). Throws a UsageError where k is no whole number from 1 to n, a HourglassError once the signal
 * has aborted.
 */
export async function nearestNeighbours(
  queries: Rows,
  references: Rows,
  dimension: number,
  k: number,
  signal?: StopSignal,
): Promise<Neighbours> {
  const queryCount = queries.length / dimension
  const referenceCount = references.length / dimension
  if (!Number.isInteger(k) || k < 1 || k > referenceCount) {
    throw new UsageError(
      `k: expected a whole number from 1 to ${referenceCount} (the references), found ${k}`,
    )
  }
  const indices = new Uint32Array(queryCount * k)
  const squaredDistances = new Float64Array(queryCount * k).fill(Number.POSITIVE_INFINITY)
  const search = (query: number) => {
    const last = query * k + k - 1
    for (let reference = 0; reference < referenceCount; reference++) {
      const distance = squaredDistance(
        queries,
        query * dimension,
        references,
        reference * dimension,
        dimension,
        squaredDistances[last],
      )
      // Not below also turns away NaN.
      if (!(distance < squaredDistances[last])) continue
      let slot = last
      while (slot > query * k && squaredDistances[slot - 1] > distance) {
        squaredDistances[slot] = squaredDistances[slot - 1]
        indices[slot] = indices[slot - 1]
        slot--
      }
      squaredDistances[slot] = distance
      indices[slot] = reference
    }
  }
  await new Turns(signal).run(queryCount, referenceCount * dimension, (from, to) => {
    for (let query = from; query < to; query++) search(query)
  })
  return { indices, squaredDistances }
}

/** Stops early, with a sum that is too large, once the sum cannot be below `limit` any more. */
function squaredDistance(
  a: Rows,
  aStart: number,
  b: Rows,
  bStart: number,
  dimension: number,
  limit: number,
): number {
  let sum = 0
  for (let chunk = 0; chunk < dimension; chunk += CHUNK) {
    const end = Math.min(chunk + CHUNK, dimension)
    for (let i = chunk; i < end; i++) {
      const difference = a[aStart + i] - b[bStart + i]
      sum += difference * difference
    }
    if (sum >= limit) return sum
  }
  return sum
}

/**
 * The majority label among the k neighbours of each query, (queries); of equal votes the smaller label, as
 * scikit-learn's KNeighborsClassifier has it. `labels` are the references'.
 */
export function neighbourVote(neighbours: Neighbours, k: number, labels: Uint8Array): Uint8Array {
  const predictions = new Uint8Array(neighbours.indices.length / k)
  const votes = new Uint32Array(MOST_CLASSES)
  for (let query = 0; query < predictions.length; query++) {
    votes.fill(0)
    for (let slot = 0; slot < k; slot++) votes[labels[neighbours.indices[query * k + slot]]]++
    predictions[query] = votes.indexOf(Math.max(...votes))
  }
  return predictions
}

export interface LabelledRows {
  /** (count, dimension) */
  readonly rows: Rows
  /** (count) */
  readonly labels: Uint8Array
}

/** Share of `test` rows, in [0, 1], whose label wins the vote of their k nearest `train` rows. */
export async function knnAccuracy(
  train: LabelledRows,
  test: LabelledRows,
  dimension: number,
  k: number,
  signal?: StopSignal,
): Promise<number> {
  const neighbours = await nearestNeighbours(test.rows, train.rows, dimension, k, signal)
  return accuracy(neighbourVote(neighbours, k, train.labels), test.labels)
}

/** Share of predictions, in [0, 1], that equal the label. */
export function accuracy(predictions: Uint8Array, labels: Uint8Array): number {
  let right = 0
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) right++
  return right / labels.length
}
