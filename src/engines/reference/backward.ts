/**
 * The backward pass, mirroring forward.ts. Letters as there; a leading d means the derivative of the batch's
 * mean loss with respect to that array, which has the same shape: dW (out, in), dA (n, out) before the
 * activation.
 */
import type { Activation, Layer, Network } from '../../model/network.ts'
import type { LayerOutput, LayerParameters } from './forward.ts'
import { forward, layerParameters } from './forward.ts'
import {
  binaryCrossEntropy,
  binaryCrossEntropyBackward,
  crossEntropy,
  crossEntropyBackward,
  meanSquaredError,
  meanSquaredErrorBackward,
} from './loss.ts'

/** What one step is trained on. */
export interface Batch {
  /** (n, inputs of the first layer). */
  readonly inputs: Float64Array
  /** (n, outputs), what `mse` and `bce` compare with: an autoencoder's inputs before any noise. */
  readonly targets: Float64Array
  /** (n) class indices, what loss `crossEntropy` compares with. */
  readonly labels: Uint8Array
}

/**
 * Forward: Y = X Wᵀ + b. Backward: dW = dAᵀ X, db = Σ over rows of dA. Overwrites `gradient`.
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
  for (let row = 0; row < n; row++) {
    for (let out = 0; out < outputs; out++) {
      const d = dA[row * outputs + out]
      gradient.bias[out] += d
      for (let i = 0; i < inputs; i++) gradient.weight[out * inputs + i] += d * x[row * inputs + i]
    }
  }
}

/** Forward: Y = X Wᵀ + b. Backward: dX = dA W. Returns (n, in). */
function linearBackwardInputs(layer: Layer, { weight }: LayerParameters, dA: Float64Array): Float64Array {
  const { inputs, outputs } = layer
  const n = dA.length / outputs
  const dX = new Float64Array(n * inputs)
  for (let row = 0; row < n; row++) {
    for (let out = 0; out < outputs; out++) {
      const d = dA[row * outputs + out]
      for (let i = 0; i < inputs; i++) dX[row * inputs + i] += d * weight[out * inputs + i]
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
    case 'tanh':
      for (let i = 0; i < y.length; i++) dY[i] *= 1 - y[i] * y[i]
      return
    case 'sigmoid':
      for (let i = 0; i < y.length; i++) dY[i] = dY[i] * y[i] * (1 - y[i])
      return
    case 'softmax':
      throw new Error('internal: softmax is only known as the last layer, together with cross-entropy')
  }
}

/** The network's loss on the output of its last layer. */
function batchLoss(network: Network, { a, y }: LayerOutput, batch: Batch): number {
  switch (network.loss) {
    case 'mse':
      return meanSquaredError(y, batch.targets)
    case 'bce':
      return binaryCrossEntropy(a, batch.targets)
    case 'crossEntropy':
      return crossEntropy(y, batch.labels)
  }
}

/** dL/dA of the last layer, its activation included. */
function lossBackward(network: Network, y: Float64Array, batch: Batch): Float64Array {
  switch (network.loss) {
    case 'mse': {
      const dY = meanSquaredErrorBackward(y, batch.targets)
      activateBackward(network.layers[network.layers.length - 1].activation, dY, y)
      return dY
    }
    case 'bce':
      return binaryCrossEntropyBackward(y, batch.targets)
    case 'crossEntropy':
      return crossEntropyBackward(y, batch.labels)
  }
}

/**
 * Mean loss of a batch and its gradient, (parameterCount) in canonical order; zero for the first
 * `frozenLayers` layers. Pure: nothing that is passed in changes. The loss alone, without the gradient, is
 * `lossOf`.
 */
export function gradients(
  network: Network,
  parameters: Float64Array,
  batch: Batch,
  frozenLayers = 0,
): { loss: number; gradient: Float64Array } {
  const outputs = forward(network, parameters, batch.inputs)
  const output = outputs[outputs.length - 1]
  const gradient = new Float64Array(parameters.length)
  const gradientViews = layerParameters(network, gradient)
  const parameterViews = layerParameters(network, parameters)
  let dA = lossBackward(network, output.y, batch)
  for (let index = network.layers.length - 1; index >= frozenLayers; index--) {
    const layer = network.layers[index]
    const x = index === 0 ? batch.inputs : outputs[index - 1].y
    linearBackwardParameters(layer, gradientViews[index], dA, x)
    if (index > frozenLayers) {
      const dX = linearBackwardInputs(layer, parameterViews[index], dA)
      activateBackward(network.layers[index - 1].activation, dX, x)
      dA = dX
    }
  }
  return { loss: batchLoss(network, output, batch), gradient }
}

/** Mean loss of a batch. */
export function lossOf(network: Network, parameters: Float64Array, batch: Batch): number {
  const outputs = forward(network, parameters, batch.inputs)
  return batchLoss(network, outputs[outputs.length - 1], batch)
}
