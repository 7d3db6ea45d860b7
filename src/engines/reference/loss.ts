/** The two losses, and their derivatives with respect to what enters the last layer's activation. */

/**
 * Mean squared error over all n · outputs elements of Y against T, both (n, outputs): L = Σ (y − t)² / (n · outputs).
 */
export function meanSquaredError(y: Float64Array, target: Float64Array): number {
  let sum = 0
  for (let i = 0; i < y.length; i++) sum += (y[i] - target[i]) ** 2
  return sum / y.length
}

/** dL/da for y = σ(a): 2 (y − t) / (n · outputs) · y (1 − y). Returns (n, outputs). */
export function meanSquaredErrorBackward(y: Float64Array, target: Float64Array): Float64Array {
  return y.map((value, i) => ((2 * (value - target[i])) / y.length) * value * (1 - value))
}

/** Mean over images of −ln p[label], for probabilities P (n, classes) and labels (n). */
export function crossEntropy(p: Float64Array, labels: Uint8Array): number {
  const classes = p.length / labels.length
  let sum = 0
  for (let image = 0; image < labels.length; image++) sum -= Math.log(p[image * classes + labels[image]])
  return sum / labels.length
}

/** dL/da for p = softmax(a): (p − 1[class = label]) / n. Returns (n, classes). */
export function crossEntropyBackward(p: Float64Array, labels: Uint8Array): Float64Array {
  const n = labels.length
  const classes = p.length / n
  return p.map((value, i) => {
    const isLabel = i % classes === labels[Math.floor(i / classes)]
    return (value - (isLabel ? 1 : 0)) / n
  })
}
