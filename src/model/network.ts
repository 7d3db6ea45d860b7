/**
 * What the network is: its layers, and the one table of its parameters. Knows no engine.
 *
 * Every layer is PyTorch's `nn.Linear` followed by an activation: y = f(x Wᵀ + b), W of shape (out, in),
 * row-major.
 
 */

/** `softmax` only follows the last layer, the others any layer before it. */
export type Activation = 'relu' | 'tanh' | 'sigmoid' | 'identity' | 'softmax'
export type HiddenActivation = Exclude<Activation, 'softmax'>

/**
 * How outputs are judged. An autoencoder's targets are its own inputs.
 *
 * - `mse`: mean squared error over all outputs, after a last layer that is `sigmoid` or `identity`.
 * - `bce`: mean binary cross-entropy over all outputs, for targets in [0, 1], after a last layer that is
 *   `sigmoid`; computed from what enters it, as PyTorch's `binary_cross_entropy_with_logits`.
 * - `crossEntropy`: mean over rows of −ln p[label], after a last layer that is `softmax`.
 */
export type Loss = 'mse' | 'bce' | 'crossEntropy'

export interface Layer {
  /** PyTorch's module name: `fc1`, `fc2`, … */
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly activation: Activation
}

/**
 * What travels between files, runs and engines. Sizes are read off it; `checkNetwork` says what engines
 * compute.
 */
export interface Network {
  readonly layers: readonly Layer[]
  readonly loss: Loss
  /** The codes are the output of `layers[codeLayer]`. */
  readonly codeLayer: number
}

/** Values of an input row. */
export function inputSize(network: Network): number {
  return network.layers[0].inputs
}

/** Values of an output row: of a reconstruction, or a classifier's classes. */
export function outputSize(network: Network): number {
  return network.layers[network.layers.length - 1].outputs
}

/** Values of a code: the latent units. */
export function codeSize(network: Network): number {
  return network.layers[network.codeLayer].outputs
}

/** Whether the network is trained to give its inputs back. */
export function isAutoencoder(network: Network): boolean {
  return network.loss !== 'crossEntropy'
}

/** The layers as one reads them: `784 → 392 → 8 → 392 → 784`. */
export function describeSizes(network: Network): string {
  return [inputSize(network), ...network.layers.map((layer) => layer.outputs)].join(' → ')
}

/** Where one parameter tensor lies in the canonical slab. */
export interface ParameterEntry {
  /** `fc1.weight`, `fc1.bias`, … as in PyTorch's state_dict, and in its order. */
  readonly name: string
  /** (out, in) of a weight, (out) of a bias; row-major. */
  readonly shape: readonly number[]
  /** First element in the slab, in elements. */
  readonly offset: number
  readonly length: number
}

/**
 * The one table of parameters. Parameters, gradients and both Adam moments are flat slabs in this order: the
 * canonical form at every border (files, API, tests), whatever layout an engine keeps inside.
 */
export function parameterTable(network: Network): readonly ParameterEntry[] {
  const table: ParameterEntry[] = []
  let offset = 0
  const add = (name: string, shape: number[]) => {
    const length = shape.reduce((product, size) => product * size, 1)
    table.push({ name, shape, offset, length })
    offset += length
  }
  for (const layer of network.layers) {
    add(`${layer.name}.weight`, [layer.outputs, layer.inputs])
    add(`${layer.name}.bias`, [layer.outputs])
  }
  return table
}

/** Number of trainable scalars. */
export function parameterCount(network: Network): number {
  return parameterTable(network).reduce((sum, entry) => sum + entry.length, 0)
}
