/**
 * Between the canonical form of a layer's weights, (outputs, inputs) row-major, and the panels that the kernels read (`plan.ts`).
 * One function packs, one unpacks; nothing else knows both. The host calls them, once a training or an epoch.
 */
import { PANEL, ROW, roundUp } from './plan'

/** Element of the first input and of output `output` in panels of Wᵀ; those of the next inputs lie a row apart each. */
function firstOf(packed: usize, output: i32, paddedInputs: i32): usize {
  return packed + <usize>((output / PANEL) * paddedInputs) * ROW + ((<usize>(output % PANEL)) << 2)
}

/** Canonical weights → panels of Wᵀ, and of W where `transposed` is not 0. Padding becomes zero. */
export function packWeights(
  packed: usize,
  transposed: usize,
  weights: usize,
  inputs: i32,
  outputs: i32,
): void {
  const paddedInputs = roundUp(inputs, PANEL)
  const paddedOutputs = roundUp(outputs, PANEL)
  const bytes = (<usize>paddedInputs * <usize>paddedOutputs) << 2
  memory.fill(packed, 0, bytes)
  if (transposed !== 0) memory.fill(transposed, 0, bytes)
  for (let output = 0; output < outputs; output++) {
    let to = firstOf(packed, output, paddedInputs)
    for (let input = 0; input < inputs; input++) {
      store<f32>(to, load<f32>(weights + ((<usize>input) << 2)))
      to += ROW
    }
    if (transposed !== 0) {
      for (let input = 0; input < inputs; input += PANEL) {
        const row = transposed + <usize>((input / PANEL) * paddedOutputs + output) * ROW
        memory.copy(row, weights + ((<usize>input) << 2), (<usize>min(PANEL, inputs - input)) << 2)
      }
    }
    weights += (<usize>inputs) << 2
  }
}

/** Panels of Wᵀ → canonical weights. */
export function unpackWeights(weights: usize, packed: usize, inputs: i32, outputs: i32): void {
  const paddedInputs = roundUp(inputs, PANEL)
  for (let output = 0; output < outputs; output++) {
    let from = firstOf(packed, output, paddedInputs)
    for (let input = 0; input < inputs; input++) {
      store<f32>(weights, load<f32>(from))
      weights += 4
      from += ROW
    }
  }
}
