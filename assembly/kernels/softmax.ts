/** The last layer of a classifier: softmax over a whole row, and cross-entropy against a label. */

import { floatAt, padded } from '../plan/sizes'
import { exp4, log4 } from './math'

/**
 * p = softmax(logits) in place; `row` holds the ⌈O⌉ logits of one image, bias included. Columns beyond O
 * become zero. The maximum is subtracted first, so that no exponential overflows.
 */
export function softmaxRow(row: usize, outputs: i32): void {
  let largest = load<f32>(row)
  for (let o = 1; o < outputs; o++) largest = max(largest, load<f32>(floatAt(row, o)))
  const all = padded(outputs)
  let sum: f32 = 0
  for (let o = 0; o < all; o += 4) {
    const at = floatAt(row, o)
    v128.store(at, exp4(f32x4.sub(v128.load(at), f32x4.splat(largest))))
    for (let lane = 0; lane < 4; lane++) {
      const cell = floatAt(at, lane)
      if (o + lane < outputs) sum += load<f32>(cell)
      else store<f32>(cell, 0)
    }
  }
  for (let o = 0; o < all; o += 4) {
    const at = floatAt(row, o)
    v128.store(at, f32x4.div(v128.load(at), f32x4.splat(sum)))
  }
}

/**
 * −ln p[label] of one row of probabilities, which becomes δ = scale · (p − [o = label]); `scale` is 1 / B.
 */
export function crossEntropyRow(row: usize, outputs: i32, label: i32, scale: f32): f32 {
  const at = floatAt(row, label)
  // The smallest normal float32 stands for a probability that underflowed.
  const p = max(load<f32>(at), <f32>1.17549435e-38)
  // log4 wants a number: of NaN it would make a finite loss, and training would not notice.
  const loss = isNaN<f32>(p) ? p : -f32x4.extract_lane(log4(f32x4.splat(p)), 0)
  store<f32>(at, load<f32>(at) - 1)
  const all = padded(outputs)
  for (let o = 0; o < all; o += 4) {
    const cell = floatAt(row, o)
    v128.store(cell, f32x4.mul(v128.load(cell), f32x4.splat(scale)))
  }
  return loss
}
