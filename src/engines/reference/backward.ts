/**
 * The backward pass, mirroring forward.ts. Letters as there; a leading d means the derivative of the batch's mean loss
 * with respect to that array, which has the same shape: dW (out, in), dA (n, out) before the activation.
 */
import type { Activation, Layer, Network } from '../../model/network.ts'
import type { LayerParameters } from './forward.ts'
import { forward, layerParameters } from './forward.ts'
import { crossEntropy, crossEntropyBackward, meanSquaredError, meanSquaredErrorBackward } from './loss.ts'

/** What one step is trained on. */
export interface Batch {
  /** (n, inputs of the first layer). */
  readonly inputs: Float64Array
  /** (n, outputs), what loss `mse` compares with: for an autoencoder the inputs before any noise. */
  readonly targets: Float64Array
  /** (n) class indices, what loss `crossEntropy` compares with. */
  readonly labels: Uint8Array
}

/**
 * Forward: Y = X Wᵀ + b. Backward: dW = dAᵀ X, db = Σ over images of dA. Overwrites `gradient`.
 */
function linearBackwardParameters(
  layer: Layer,
  gradient: LayerParameters,
  dA: Float64Array,
  x: Float64Array,
): void {
  const { inputs, outputs } = layer
  const n = x.length / inputs
  gradient.weight.fill(0)
  gradient.bias.fill(0)
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < outputs; out++) {
      const d = dA[image * outputs + out]
      gradient.bias[out] += d
      for (let i = 0; i < inputs; i++) gradient.weight[out * inputs + i] += d * x[image * inputs + i]
    }
  }
}

/** Forward: Y = X Wᵀ + b. Backward: dX = dA W. Returns (n, in). */
function linearBackwardInputs(layer: Layer, { weight }: LayerParameters, dA: Float64Array): Float64Array {
  const { inputs, outputs } = layer
  const n = dA.length / outputs
  const dX = new Float64Array(n * inputs)
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < outputs; out++) {
      const d = dA[image * outputs + out]
      for (let i = 0; i < inputs; i++) dX[image * inputs + i] += d * weight[out * inputs + i]
    }
  }
  return dX
}

/** Forward: y = f(a) elementwise. Backward: dA = dY · f′(a), where f′ follows from y alone. In place. */
function activateBackward(activation: Activation, dY: Float64Array, y: Float64Array): void {
  switch (activation) {
    case 'identity':
      return
    case 'relu':
      // As in PyTorch the derivative at 0 is 0.
      for (let i = 0; i < y.length; i++) if (y[i] === 0) dY[i] = 0
      return
    case 'sigmoid':
      for (let i = 0; i < y.length; i++) dY[i] *= y[i] * (1 - y[i])
      return
    case 'softmax':
      throw new Error('internal: softmax is only known as the last layer, together with cross-entropy')
  }
}

/** The network's loss on its outputs Y (n, outputs). */
function batchLoss(network: Network, y: Float64Array, batch: Batch): number {
  return network.loss === 'mse' ? meanSquaredError(y, batch.targets) : crossEntropy(y, batch.labels)
}

/** dL/dA of the last layer, its activation included. */
function lossBackward(network: Network, y: Float64Array, batch: Batch): Float64Array {
  return network.loss === 'mse'
    ? meanSquaredErrorBackward(y, batch.targets)
    : crossEntropyBackward(y, batch.labels)
}

/**
 * Mean loss of a batch and its gradient, (parameterCount) in canonical order; zero for the first `frozenLayers` layers.
 * Pure: nothing that is passed in changes. The loss alone, without the gradient, is `lossOf`.
 */
export function gradients(
  network: Network,
  parameters: Float64Array,
  batch: Batch,
  frozenLayers = 0,
): { loss: number; gradient: Float64Array } {
  const outputs = forward(network, parameters, batch.inputs)
  const y = outputs[outputs.length - 1]
  const gradient = new Float64Array(parameters.length)
  const gradientViews = layerParameters(network, gradient)
  const parameterViews = layerParameters(network, parameters)
  let dA = lossBackward(network, y, batch)
  for (let index = network.layers.length - 1; index >= frozenLayers; index--) {
    const layer = network.layers[index]
    const x = index === 0 ? batch.inputs : outputs[index - 1]
    linearBackwardParameters(layer, gradientViews[index], dA, x)
    if (index > frozenLayers) {
      const dX = linearBackwardInputs(layer, parameterViews[index], dA)
      activateBackward(network.layers[index - 1].activation, dX, x)
      dA = dX
    }
  }
  return { loss: batchLoss(network, y, batch), gradient }
}

/** Mean loss of a batch. */
export function lossOf(network: Network, parameters: Float64Array, batch: Batch): number {
  const outputs = forward(network, parameters, batch.inputs)
  return batchLoss(network, outputs[outputs.length - 1], batch)
}
