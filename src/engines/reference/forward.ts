/**
 * The forward pass in plain float64 loops: slow, obvious, and what every other engine is measured against.
 *
 * Letters: n rows in the batch; X (n, in) inputs of a layer; W (out, in); b (out); Y (n, out) its outputs.
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
  for (let row = 0; row < n; row++) {
    for (let out = 0; out < outputs; out++) {
      let sum = bias[out]
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i] * weight[out * inputs + i]
      y[row * outputs + out] = sum
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
    case 'tanh':
      for (let i = 0; i < y.length; i++) y[i] = Math.tanh(y[i])
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

/** A and Y of a layer, both (n, outputs): what enters its activation and what leaves it. */
export interface LayerOutput {
  readonly a: Float64Array
  readonly y: Float64Array
}

/** Runs layers `first` … `last` (inclusive) on X (n, inputs of layer `first`). Returns the output of each. */
export function forward(
  network: Network,
  parameters: Float64Array,
  x: Float64Array,
  first = 0,
  last = network.layers.length - 1,
): LayerOutput[] {
  const layers = layerParameters(network, parameters)
  const outputs: LayerOutput[] = []
  let previous = x
  for (let index = first; index <= last; index++) {
    const layer = network.layers[index]
    const a = linear(layer, layers[index], previous)
    previous = Float64Array.from(a)
    activate(layer.activation, previous, layer.outputs)
    outputs.push({ a, y: previous })
  }
  return outputs
}
