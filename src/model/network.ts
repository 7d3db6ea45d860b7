/**
 * What the network is: its layers, and the one table of its parameters. Knows no engine.
 *
 * Every layer is PyTorch's `nn.Linear` followed by an activation: y = f(x Wᵀ + b), W of shape (out, in), row-major.
 */
import { UsageError } from '../errors.ts'

export type Activation = 'relu' | 'identity' | 'sigmoid' | 'softmax'
export type LatentActivation = Extract<Activation, 'relu' | 'identity'>

/**
 * `mse`: mean squared error over all outputs, after a last layer that is `sigmoid`.
 * `crossEntropy`: mean over images of −ln p[label], after a last layer that is `softmax`.
 */
export type Loss = 'mse' | 'crossEntropy'

export interface Layer {
  /** PyTorch's module name: `fc1`, `fc2`, … */
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly activation: Activation
}

export interface Network {
  readonly layers: readonly Layer[]
  readonly loss: Loss
  /** The codes are the output of `layers[codeLayer]`. */
  readonly codeLayer: number
}

export interface AutoencoderSizes {
  /** Pixels of an image: 784 for MNIST. */
  readonly input: number
  /** Units of the two hidden layers: 392 in the seed. */
  readonly hidden: number
  /** Latent units, `z`. */
  readonly bottleneck: number
  /** Activation of the bottleneck; the seed's is ReLU. */
  readonly latentActivation?: LatentActivation
}

/** input → hidden (ReLU) → bottleneck (ReLU) → hidden (ReLU) → input (sigmoid), trained on squared error. */
export function autoencoder(sizes: AutoencoderSizes): Network {
  const { input, hidden, bottleneck, latentActivation = 'relu' } = sizes
  for (const [what, size] of Object.entries({ input, hidden, bottleneck })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new UsageError(`${what} size: expected a whole number of at least 1, found ${size}`)
    }
  }
  return {
    layers: [
      { name: 'fc1', inputs: input, outputs: hidden, activation: 'relu' },
      { name: 'fc2', inputs: hidden, outputs: bottleneck, activation: latentActivation },
      { name: 'fc3', inputs: bottleneck, outputs: hidden, activation: 'relu' },
      { name: 'fc4', inputs: hidden, outputs: input, activation: 'sigmoid' },
    ],
    loss: 'mse',
    codeLayer: 1,
  }
}

export interface ClassifierSizes extends AutoencoderSizes {
  readonly classes: number
}

/**
 * An autoencoder's encoder under a softmax head: input → hidden (ReLU) → bottleneck → classes (softmax), trained on
 * cross-entropy. `fc1` and `fc2` have the autoencoder's shapes, so its weights can be their initial values.
 */
export function classifier(sizes: ClassifierSizes): Network {
  const { classes, ...encoderSizes } = sizes
  if (!Number.isInteger(classes) || classes < 2) {
    throw new UsageError(`classes: expected a whole number of at least 2, found ${classes}`)
  }
  const encoder = autoencoder(encoderSizes).layers.slice(0, 2)
  return {
    layers: [...encoder, { name: 'fc3', inputs: sizes.bottleneck, outputs: classes, activation: 'softmax' }],
    loss: 'crossEntropy',
    codeLayer: 1,
  }
}

/** The sizes that `autoencoder` was given. Throws for a network that is no autoencoder. */
export function autoencoderSizes(network: Network): Required<AutoencoderSizes> {
  const [fc1, fc2, , fc4] = network.layers
  if (network.layers.length !== 4 || network.loss !== 'mse') throw new UsageError('not an autoencoder')
  return {
    input: fc4.outputs,
    hidden: fc1.outputs,
    bottleneck: fc2.outputs,
    latentActivation: fc2.activation as LatentActivation,
  }
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
 * The one table of parameters. Parameters, gradients and both Adam moments are flat slabs in this order: the canonical
 * form at every border (files, API, tests), whatever layout an engine keeps inside.
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
