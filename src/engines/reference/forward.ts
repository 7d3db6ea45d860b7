/**
 * The forward pass in plain float64 loops: slow, obvious, and what every other engine is measured against.
 *
 * Letters: n images in the batch; X (n, in) inputs of a layer; W (out, in); b (out); Y (n, out) its outputs.
 */
import type { Activation, Layer, Network } from '../../model/network.ts'
import { parameterTable } from '../../model/network.ts'

/** W and b of each layer as views of a slab in canonical order. */
export interface LayerParameters {
  /** (out, in), row-major. */
  readonly weight: Float64Array
  /** (out). */
  readonly bias: Float64Array
}

/** Views of `slab`, (parameterCount), for each layer. Writing to them writes to the slab. */
export function layerParameters(network: Network, slab: Float64Array): LayerParameters[] {
  const table = parameterTable(network)
  const view = (index: number) =>
    slab.subarray(table[index].offset, table[index].offset + table[index].length)
  return network.layers.map((_, layer) => ({ weight: view(2 * layer), bias: view(2 * layer + 1) }))
}

/** Y = X Wᵀ + b: PyTorch's nn.Linear. Returns (n, out). */
export function linear(layer: Layer, { weight, bias }: LayerParameters, x: Float64Array): Float64Array {
  const { inputs, outputs } = layer
  const n = x.length / inputs
  const y = new Float64Array(n * outputs)
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < outputs; out++) {
      let sum = bias[out]
      for (let i = 0; i < inputs; i++) sum += x[image * inputs + i] * weight[out * inputs + i]
      y[image * outputs + out] = sum
    }
  }
  return y
}

/** Applies an activation to Y (n, outputs) in place. */
export function activate(activation: Activation, y: Float64Array, outputs: number): void {
  switch (activation) {
    case 'identity':
      return
    case 'relu':
      // Not Math.max: that would be right too, but a NaN must stay one, which this shows.
      for (let i = 0; i < y.length; i++) if (y[i] <= 0) y[i] = 0
      return
    case 'sigmoid':
      for (let i = 0; i < y.length; i++) y[i] = 1 / (1 + Math.exp(-y[i]))
      return
    case 'softmax':
      for (let start = 0; start < y.length; start += outputs) softmax(y.subarray(start, start + outputs))
  }
}

/** p = exp(y) / Σ exp(y), after the largest y is subtracted from all so that nothing overflows. In place. */
function softmax(y: Float64Array): void {
  const largest = y.reduce((a, b) => Math.max(a, b))
  let sum = 0
  for (let i = 0; i < y.length; i++) {
    y[i] = Math.exp(y[i] - largest)
    sum += y[i]
  }
  for (let i = 0; i < y.length; i++) y[i] /= sum
}

/**
 * Runs layers `first` … `last` (inclusive) on X (n, inputs of layer `first`).
 * Returns the outputs of each, (n, out), after its activation.
 */
export function forward(
  network: Network,
  parameters: Float64Array,
  x: Float64Array,
  first = 0,
  last = network.layers.length - 1,
): Float64Array[] {
  const layers = layerParameters(network, parameters)
  const outputs: Float64Array[] = []
  let previous = x
  for (let index = first; index <= last; index++) {
    const layer = network.layers[index]
    previous = linear(layer, layers[index], previous)
    activate(layer.activation, previous, layer.outputs)
    outputs.push(previous)
  }
  return outputs
}
