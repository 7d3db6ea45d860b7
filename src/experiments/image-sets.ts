/** Parts of an image set. */
import type { ImageSet } from '../data/dataset.ts'

/** Outputs that a classifier needs for these labels: one more than the largest. */
export function classCount(labels: Uint8Array): number {
  // Not by `Math.max(...labels)`: EMNIST has more images than a call takes arguments.
  return labels.reduce((most, label) => Math.max(most, label), 0) + 1
}

/** The images of the given indices, in their order, as a copy. */
export function selectImages(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  const pixels = set.width * set.height
  const images = new Uint8Array(indices.length * pixels)
  const labels = new Uint8Array(indices.length)
  for (let i = 0; i < indices.length; i++) {
    images.set(set.rows.subarray(indices[i] * pixels, (indices[i] + 1) * pixels), i * pixels)
    labels[i] = set.labels[indices[i]]
  }
  return { ...set, count: indices.length, rows: images, labels }
}

/** Indices of the images whose label passes. */
export function indicesWhere(set: ImageSet, passes: (label: number) => boolean): number[] {
  return Array.from(set.labels.keys()).filter((index) => passes(set.labels[index]))
}
