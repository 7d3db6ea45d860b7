/**
 * The losses of a batch, and their derivatives with respect to A, what enters the last layer's activation. Y
 * (n, outputs) is what leaves it, T (n, outputs) the targets.
 */

/** Mean squared error over all n · outputs elements: L = Σ (y − t)² / (n · outputs). */
export function meanSquaredError(y: Float64Array, target: Float64Array): number {
  let sum = 0
  for (let i = 0; i < y.length; i++) sum += (y[i] - target[i]) ** 2
  return sum / y.length
}

/** dL/dy: 2 (y − t) / (n · outputs), before the activation is gone through. Returns (n, outputs). */
export function meanSquaredErrorBackward(y: Float64Array, target: Float64Array): Float64Array {
  return y.map((value, i) => (2 * (value - target[i])) / y.length)
}

/**
 * Mean over all n · outputs elements of −t ln σ(a) − (1 − t) ln(1 − σ(a)), for T in [0, 1], in the form that
 * neither overflows nor loses small terms: max(a, 0) − a t + ln(1 + e^−|a|), as PyTorch's
 * `binary_cross_entropy_with_logits`.
 */
export function binaryCrossEntropy(a: Float64Array, target: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    sum += Math.max(a[i], 0) - a[i] * target[i] + Math.log1p(Math.exp(-Math.abs(a[i])))
  }
  return sum / a.length
}

/** dL/da for y = σ(a): (y − t) / (n · outputs). Returns (n, outputs). */
export function binaryCrossEntropyBackward(y: Float64Array, target: Float64Array): Float64Array {
  return y.map((value, i) => (value - target[i]) / y.length)
}

/** Mean over rows of −ln p[label], for probabilities P (n, classes) and labels (n). */
export function crossEntropy(p: Float64Array, labels: Uint8Array): number {
  const classes = p.length / labels.length
  let sum = 0
  for (let row = 0; row < labels.length; row++) sum -= Math.log(p[row * classes + labels[row]])
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
