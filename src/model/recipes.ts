/** Networks by recipe: the seed project's hourglass of any depth, and a classifier upon its encoder. */
import { UsageError } from '../errors.ts'
import type { Activation, HiddenActivation, Layer, Loss, Network } from './network.ts'

/** What follows the last layer of an autoencoder. */
export type OutputActivation = Extract<Activation, 'sigmoid' | 'identity'>
export type AutoencoderLoss = Extract<Loss, 'mse' | 'bce'>

export interface HourglassOptions {
  /** Values of a row: 784 pixels for MNIST. */
  readonly input: number
  /**
   * Units of the encoder's hidden layers from the input on, mirrored in the decoder; a number is one such
   * layer.
   */
  readonly hidden: number | readonly number[]
  /** Latent units, `z`. */
  readonly bottleneck: number
  /** Of the hidden layers; default ReLU. */
  readonly activation?: HiddenActivation | undefined
  /** Of the bottleneck; default ReLU, as the seed's. */
  readonly latentActivation?: HiddenActivation | undefined
  /** Of the last layer; default sigmoid, as the seed's. */
  readonly outputActivation?: OutputActivation | undefined
  /** Default `mse`. */
  readonly loss?: AutoencoderLoss | undefined
}

/**
 * input → hidden … → bottleneck → … hidden → input. With one hidden layer of 392 it is the seed's network,
 * with 1000, 500, 250 and a linear bottleneck of 30 that of Hinton & Salakhutdinov (2006). Throws UsageError
 * for sizes that are no whole numbers of at least 1.
 */
export function hourglass(options: HourglassOptions): Network {
  const { input, bottleneck, activation = 'relu', latentActivation = 'relu' } = options
  const { outputActivation = 'sigmoid', loss = 'mse' } = options
  const encoder = encoderLayers(input, hiddenSizes(options.hidden), bottleneck, activation, latentActivation)
  const decoder = encoder.toReversed().map(
    ({ inputs, outputs }, i): Layer => ({
      name: `fc${encoder.length + i + 1}`,
      inputs: outputs,
      outputs: inputs,
      activation: i === encoder.length - 1 ? outputActivation : activation,
    }),
  )
  return { layers: [...encoder, ...decoder], loss, codeLayer: encoder.length - 1 }
}

/**
 * The layers of a network up to its codes, with a softmax over `classes` upon them, trained on cross-entropy.
 * Weights of the encoder fit as they are. Throws UsageError for fewer than two classes.
 */
export function classifierOn(encoder: Network, classes: number): Network {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new UsageError(`classes: expected a whole number of at least 2, found ${classes}`)
  }
  const layers = encoder.layers.slice(0, encoder.codeLayer + 1)
  const inputs = layers[encoder.codeLayer].outputs
  const head: Layer = { name: `fc${layers.length + 1}`, inputs, outputs: classes, activation: 'softmax' }
  return { layers: [...layers, head], loss: 'crossEntropy', codeLayer: encoder.codeLayer }
}

export interface ClassifierOptions extends Pick<HourglassOptions, 'input' | 'hidden' | 'bottleneck'> {
  readonly classes: number
}

/** The encoder of `hourglass` under a softmax head. */
export function classifier({ classes, ...encoder }: ClassifierOptions): Network {
  return classifierOn(hourglass(encoder), classes)
}

/** All that `hourglass` can be told. */
export interface HourglassSettings extends HourglassOptions {
  readonly hidden: readonly number[]
  readonly activation: HiddenActivation
  readonly latentActivation: HiddenActivation
  readonly outputActivation: OutputActivation
  readonly loss: AutoencoderLoss
}

/** What `hourglass` was given, for a network of its form: undefined for another. */
export function hourglassOptions(network: Network): HourglassSettings | undefined {
  const { layers, codeLayer, loss } = network
  if (loss === 'crossEntropy' || layers.length !== 2 * (codeLayer + 1)) return undefined
  const options = {
    input: layers[0].inputs,
    hidden: layers.slice(0, codeLayer).map((layer) => layer.outputs),
    bottleneck: layers[codeLayer].outputs,
    activation: (codeLayer > 0 ? layers[0].activation : 'relu') as HiddenActivation,
    latentActivation: layers[codeLayer].activation as HiddenActivation,
    outputActivation: layers[layers.length - 1].activation as OutputActivation,
    loss,
  }
  const made = hourglass(options)
  const isSame = made.layers.every(
    ({ inputs, outputs, activation }, i) =>
      inputs === layers[i].inputs && outputs === layers[i].outputs && activation === layers[i].activation,
  )
  return isSame ? options : undefined
}

function hiddenSizes(hidden: HourglassOptions['hidden']): readonly number[] {
  return typeof hidden === 'number' ? [hidden] : hidden
}

function encoderLayers(
  input: number,
  hidden: readonly number[],
  bottleneck: number,
  activation: HiddenActivation,
  latentActivation: HiddenActivation,
): Layer[] {
  checkSize('input', input)
  for (const size of hidden) checkSize('hidden', size)
  checkSize('bottleneck', bottleneck)
  const sizes = [...hidden, bottleneck]
  return sizes.map((outputs, i) => ({
    name: `fc${i + 1}`,
    inputs: i === 0 ? input : sizes[i - 1],
    outputs,
    activation: i === sizes.length - 1 ? latentActivation : activation,
  }))
}

function checkSize(what: string, size: number): void {
  if (!Number.isInteger(size) || size < 1) {
    throw new UsageError(`${what} size: expected a whole number of at least 1, found ${size}`)
  }
}
