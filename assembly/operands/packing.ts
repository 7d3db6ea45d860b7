/**
 * Between the canonical form of a layer's weights, (outputs, inputs) row-major, and the panels that the
 * kernels read (`plan/structures.ts`). One function packs, one unpacks; nothing else knows both. The host
 * calls them, once a training or an epoch.
 */
import { FLOAT, floatAt, PANEL, padded, ROW, rowAt } from '../plan/sizes'

/**
 * Element of the first input and of output `output` in panels of Wᵀ; those of the next inputs lie a row apart
 * each.
 */
function firstOf(packed: usize, output: i32, paddedInputs: i32): usize {
  return floatAt(rowAt(packed, (output / PANEL) * paddedInputs), output % PANEL)
}

/** Canonical weights → panels of Wᵀ, and of W where `transposed` is not 0. Padding becomes zero. */
export function packWeights(
  packed: usize,
  transposed: usize,
  weights: usize,
  inputs: i32,
  outputs: i32,
): void {
  const paddedInputs = padded(inputs)
  const paddedOutputs = padded(outputs)
  const bytes = <usize>paddedInputs * <usize>paddedOutputs * FLOAT
  memory.fill(packed, 0, bytes)
  if (transposed !== 0) memory.fill(transposed, 0, bytes)
  for (let output = 0; output < outputs; output++) {
    let to = firstOf(packed, output, paddedInputs)
    for (let input = 0; input < inputs; input++) {
      store<f32>(to, load<f32>(floatAt(weights, input)))
      to += ROW
    }
    if (transposed !== 0) {
      for (let input = 0; input < inputs; input += PANEL) {
        const row = rowAt(transposed, (input / PANEL) * paddedOutputs + output)
        memory.copy(row, floatAt(weights, input), floatAt(0, min(PANEL, inputs - input)))
      }
    }
    weights = floatAt(weights, inputs)
  }
}

/** Panels of Wᵀ → canonical weights. */
export function unpackWeights(weights: usize, packed: usize, inputs: i32, outputs: i32): void {
  const paddedInputs = padded(inputs)
  for (let output = 0; output < outputs; output++) {
    let from = firstOf(packed, output, paddedInputs)
    for (let input = 0; input < inputs; input++) {
      store<f32>(weights, load<f32>(from))
      weights += FLOAT
      from += ROW
    }
  }
}
