/** Trained models in files, whatever the format: `.pth` (PyTorch) and `.safetensors`. */
import { FileError, UsageError } from '../errors.ts'
import { checkNetwork } from '../model/check-network.ts'
import type { ErrorQuantiles } from '../model/error-quantiles.ts'
import {
  type Activation,
  codeSize,
  describeSizes,
  type HiddenActivation,
  inputSize,
  type Layer,
  type Loss,
  type Network,
  parameterCount,
  parameterTable,
} from '../model/network.ts'
import type { Preprocessing } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { printable, quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { JsonFields } from './json-fields.ts'
import { findChain, type LinearLayer, nameOf } from './linear-chain.ts'
import { networkFromJson, networkToJson } from './network-json.ts'
import {
  preprocessingFromJson,
  preprocessingToJson,
  trainingErrorsFromJson,
  trainingErrorsToJson,
} from './preprocessing-json.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'
import { hasShape, shapeText, type Tensor } from './tensor.ts'
import { readTorch, writeTorch } from './torch.ts'

/** What a model knows of the data it was trained on, beside its network. */
export interface DataKnowledge {
  /** How raw rows become what the network sees; undefined where they are taken as they are. */
  readonly preprocessing?: Preprocessing | undefined
  /** Of the training rows' reconstruction errors: mean squares per value as the network sees it. */
  readonly trainingErrors?: ErrorQuantiles | undefined
}

export interface StoredModel extends DataKnowledge {
  readonly network: Network
  /** (parameterCount), in the order of `parameterTable`. */
  readonly parameters: Float32Array
  /** Text that the file holds beside the tensors. */
  readonly metadata: Record<string, string>
  /**
   * One line each, beginning with the file's name: what is odd but does not keep the model from being used.
   */
  readonly warnings: readonly string[]
  /** Whether one of them says what was taken for want of a word in the file: `NetworkGuess` may say more. */
  readonly isGuessed: boolean
}

export interface ModelToStore extends DataKnowledge {
  readonly network: Network
  /** (parameterCount), in the order of `parameterTable`; stored as float32. */
  readonly parameters: FloatArray
  readonly metadata?: Readonly<Record<string, string>>
}

export type ModelFormat = 'torch' | 'safetensors'

/** Metadata of older files, which held the seed's form of network alone: the activation of its bottleneck. */
export const LATENT_ACTIVATION_KEY = 'hourglass.latent_activation'

/** Metadata that holds the layers, the loss and the code layer as JSON (`network-json.ts`). */
export const NETWORK_KEY = 'hourglass.network'

/** Metadata that hold preprocessing and the training rows' errors as JSON (`preprocessing-json.ts`). */
export const PREPROCESSING_KEY = 'hourglass.preprocessing'
export const TRAINING_ERRORS_KEY = 'hourglass.training_errors'

/** Metadata of a model that was trained with noise: its standard deviation. */
export const NOISE_KEY = 'hourglass.noise_std'

/** Metadata of a classifier: the names of its classes, in JSON. */
export const CLASSES_KEY = 'hourglass.classes'

/**
 * Metadata that tells a training checkpoint (`src/run/checkpoint.ts`), which `readModel` reads as a model
 * too.
 */
export const CHECKPOINT_KEY = 'hourglass.checkpoint'

const FORMAT_NAMES: Readonly<Record<ModelFormat, string>> = {
  torch: "PyTorch's .pth (zip)",
  safetensors: '.safetensors',
}

/** What wrappers put before every name: nn.DataParallel, Lightning and other trainers, torch.compile. */
const WRAPPER_PREFIXES = ['module.', 'model.', '_orig_mod.']
const MOST_WRAPPERS = 8

/** Tensors that a checkpoint holds beside the model. */
const CHECKPOINT_PREFIXES = ['adam.', 'epoch.']

/**
 * The format that a file's name asks for.
 *
 * @throws UsageError for an extension other than .pth, .pt and .safetensors
 */
export function modelFormat(file: string): ModelFormat {
  const format = formatOfName(file)
  if (format === undefined) {
    throw new UsageError(`${file}: expected a name that ends in .pth or .safetensors`)
  }
  return format
}

/**
 * What a file of another program cannot say of its network. Sizes and order of the layers come from its
 * tensors; of what is left undefined here, a warning says what was taken.
 */
export interface NetworkGuess {
  /** Of the layers but the code's and the last one; default ReLU. */
  readonly hiddenActivation?: HiddenActivation | undefined
  /** Of the code layer; default ReLU. */
  readonly latentActivation?: HiddenActivation | undefined
  /** Of the last layer; default sigmoid, or softmax with the loss `crossEntropy`. */
  readonly outputActivation?: Activation | undefined
  /** Default `mse`. */
  readonly loss?: Loss | undefined
  /**
   * Index, from 0, of the layer whose outputs are the codes; default the narrowest but the last, the first of
   * ties.
   */
  readonly codeLayer?: number | undefined
}

/**
 * Reads a network and its parameters from a whole file. Its content says which format it is, not its name.
 * Our own files say what their network is; in others, the tensors are those of a chain of Linear layers under
 * any names, and `guess` tells the rest. Layers of such files are called fc1, fc2, … from then on.
 *
 * @param file its name, for errors and warnings
 * @throws FileError for a file that is damaged, or whose tensors are no network that engines compute
 */
export function readModel(bytes: Uint8Array, file: string, guess: NetworkGuess = {}): StoredModel {
  const warnings: string[] = []
  const named = formatOfName(file)
  const found = formatOfContent(bytes)
  if (named !== undefined && found !== undefined && named !== found) {
    warnings.push(`${file}: its name says ${FORMAT_NAMES[named]}, its content is ${FORMAT_NAMES[found]}`)
  }
  const format = found ?? named
  if (format === undefined) {
    const kind = isOnnx(bytes) ? 'an ONNX model, which is written here and not read' : 'neither'
    throw new FileError(file, `expected ${FORMAT_NAMES.torch} or ${FORMAT_NAMES.safetensors}, found ${kind}`)
  }
  const budget = new ReaderBudget(file, bytes.length)
  const { tensors, metadata } =
    format === 'torch' ? readTorch(bytes, file, budget) : readSafetensors(bytes, file, budget)
  const content: Content = { file, metadata, budget, warnings, tensors: withoutMoments(tensors) }
  const described = Object.hasOwn(metadata, NETWORK_KEY)
    ? describedNetwork(content, guess)
    : guessedNetwork(content, format === 'torch', guess)
  return {
    network: described.network,
    parameters: collectParameters(described, content),
    metadata,
    warnings: warnings.map(printable),
    isGuessed: described.isGuessed,
    ...readKnowledge(metadata, inputSize(described.network), file),
  }
}

/**
 * The bytes of a model file, in the format that its name asks for.
 *
 * @throws UsageError for an extension other than .pth, .pt and .safetensors
 */
export function writeModel(model: ModelToStore, file: string): Uint8Array {
  const { network, parameters, metadata } = model
  const slab = parameters instanceof Float32Array ? parameters : Float32Array.from(parameters)
  const tensors = new Map<string, Tensor>()
  for (const { name, shape, offset, length } of parameterTable(network)) {
    tensors.set(name, { shape, data: slab.subarray(offset, offset + length) })
  }
  const stored = {
    format: 'pt',
    ...metadata,
    [NETWORK_KEY]: networkToJson(network),
    ...knowledgeMetadata(model),
  }
  return modelFormat(file) === 'torch' ? writeTorch(tensors, stored) : writeSafetensors(tensors, stored)
}

/** Preprocessing and training errors as metadata of a file. */
export function knowledgeMetadata({ preprocessing, trainingErrors }: DataKnowledge): Record<string, string> {
  return {
    ...(preprocessing && { [PREPROCESSING_KEY]: preprocessingToJson(preprocessing) }),
    ...(trainingErrors && { [TRAINING_ERRORS_KEY]: trainingErrorsToJson(trainingErrors) }),
  }
}

/**
 * What `knowledgeMetadata` made, for a network of so many inputs. Throws `FileError` for what does not fit it
 * or is none.
 */
export function readKnowledge(
  metadata: Readonly<Record<string, string>>,
  inputs: number,
  file: string,
): DataKnowledge {
  const stored = (key: string) =>
    Object.hasOwn(metadata, key) ? JsonFields.parse(metadata[key], file, key) : undefined
  const preprocessing = stored(PREPROCESSING_KEY)
  const trainingErrors = stored(TRAINING_ERRORS_KEY)
  return {
    ...(preprocessing && { preprocessing: preprocessingFromJson(preprocessing, inputs) }),
    ...(trainingErrors && { trainingErrors: trainingErrorsFromJson(trainingErrors) }),
  }
}

function formatOfName(file: string): ModelFormat | undefined {
  if (/\.pth?$/i.test(file)) return 'torch'
  if (/\.safetensors$/i.test(file)) return 'safetensors'
  return undefined
}

/**
 * A ModelProto begins with its fields 1, the version as a number, and 2, the name of the producer (or 7, the
 * graph).
 */
function isOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] < 0x80 && (bytes[2] === 0x12 || bytes[2] === 0x3a)
}

/**
 * A zip begins with `PK`, a legacy .pth with the opcode PROTO; a safetensors header begins with `{` after its
 * length.
 */
export function formatOfContent(bytes: Uint8Array): ModelFormat | undefined {
  if (bytes[8] === 0x7b) return 'safetensors'
  if ((bytes[0] === 0x50 && bytes[1] === 0x4b) || bytes[0] === 0x80) return 'torch'
  return undefined
}

/** What was read of a file. */
interface Content {
  readonly file: string
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Record<string, string>
  readonly budget: ReaderBudget
  readonly warnings: string[]
}

/** A network, and the tensors of its layers. */
interface FoundNetwork {
  readonly network: Network
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Names of the layers in the file, in the network's order. */
  readonly names: readonly string[]
  readonly isGuessed: boolean
}

/** Without what a checkpoint holds beside the model. */
function withoutMoments(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const isModel = (name: string) => !CHECKPOINT_PREFIXES.some((prefix) => name.startsWith(prefix))
  return new Map([...tensors].filter(([name]) => isModel(name)))
}

/**
 * The tensors by the names that they have in the model itself: wrappers may be there in any number and order.
 */
function withoutWrappers(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  let unwrapped = tensors
  for (let wrapper = 0; wrapper < MOST_WRAPPERS; wrapper++) {
    const names = [...unwrapped.keys()]
    const prefix = WRAPPER_PREFIXES.find((prefix) => names.every((name) => name.startsWith(prefix)))
    if (prefix === undefined) break
    unwrapped = new Map([...unwrapped].map(([name, tensor]) => [name.slice(prefix.length), tensor]))
  }
  return unwrapped
}

/** The network that the file's own metadata describes. */
function describedNetwork(content: Content, guess: NetworkGuess): FoundNetwork {
  const { file, metadata, warnings } = content
  const network = networkFromJson(JsonFields.parse(metadata[NETWORK_KEY], file, NETWORK_KEY), file)
  if (Object.values(guess).some((value) => value !== undefined)) {
    warnings.push(
      `${file}: says itself what its network is; the activations, loss or code layer given are not used`,
    )
  }
  const names = network.layers.map((layer) => layer.name)
  // A layer's name may begin like a wrapper's prefix.
  const isAsNamed = content.tensors.has(nameOf(names[0], 'weight'))
  const tensors = isAsNamed ? content.tensors : withoutWrappers(content.tensors)
  const kind = `a network ${describeSizes(network)}`
  const table = new Set(parameterTable(network).map(({ name }) => name))
  for (const name of tensors.keys()) {
    if (!table.has(name)) throw new FileError(file, `tensor ${quote(name)} is not part of ${kind}`)
  }
  // All shapes before any allocation: the sum of the sizes is then bounded by what the file holds.
  for (const { name, shape } of parameterTable(network)) {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new FileError(file, `tensor ${quote(name)} of ${kind} is missing`)
    if (!hasShape(tensor, shape)) {
      const difference = `expected ${shapeText(shape)} for ${kind}, found ${shapeText(tensor.shape)}`
      throw new FileError(file, `tensor ${quote(name)}: ${difference}`)
    }
  }
  return { network, tensors, names, isGuessed: false }
}

/** The network that a chain of Linear layers is taken for. */
function guessedNetwork(content: Content, isOrdered: boolean, guess: NetworkGuess): FoundNetwork {
  const { file, metadata, budget, warnings } = content
  const tensors = withoutWrappers(content.tensors)
  const chain = findChain(tensors, isOrdered, file, budget)
  const names = chain.map((layer) => layer.name)
  const stored = readLatentActivation(metadata, file)
  const last = chain.length - 1
  if (stored !== undefined && guess.latentActivation !== undefined && guess.latentActivation !== stored) {
    warnings.push(`${file}: says itself that its code is ${stored}; ${guess.latentActivation} is not used`)
  }
  const latentActivation = stored ?? guess.latentActivation ?? 'relu'
  const { loss = 'mse', hiddenActivation = 'relu' } = guess
  const { outputActivation = loss === 'crossEntropy' ? 'softmax' : 'sigmoid' } = guess
  const { codeLayer = isSeeds(chain) ? SEEDS_CODE_LAYER : narrowest(chain) } = guess
  if (!(codeLayer >= 0 && codeLayer <= last)) {
    // Counted from 1, as people do: the index is the caller's affair.
    const found = `found layer ${codeLayer + 1}`
    throw new FileError(file, `expected the code layer to be one of its ${chain.length} layers, ${found}`)
  }
  const activationOf = (index: number) => {
    if (index === last) return outputActivation
    return index === codeLayer ? latentActivation : hiddenActivation
  }
  const layers = chain.map(({ inputs, outputs }, i): Layer => {
    return { name: `fc${i + 1}`, inputs, outputs, activation: activationOf(i) }
  })
  const network: Network = { layers, loss, codeLayer }
  try {
    checkNetwork(network)
  } catch (error) {
    if (error instanceof UsageError) throw new FileError(file, error.message, { cause: error })
    throw error
  }
  const guessed = isSeeds(chain) ? [] : guessWarning(file, network, names, guess)
  warnings.push(...guessed)
  return { network, tensors, names, isGuessed: guessed.length > 0 }
}

/** Of the seed project's network the rest has always been known. */
const SEEDS_CODE_LAYER = 1

function isSeeds(chain: readonly LinearLayer[]): boolean {
  if (chain.length !== 4 || chain.some(({ name }, i) => name !== `fc${i + 1}`)) return false
  return chain[3].outputs === chain[0].inputs && chain[2].outputs === chain[1].inputs
}

/**
 * Index of the layer with the fewest outputs, the first of such: not the last layer, unless there is no
 * other.
 */
function narrowest(chain: readonly LinearLayer[]): number {
  const widths = chain.map((layer) => layer.outputs).slice(0, Math.max(1, chain.length - 1))
  return widths.indexOf(Math.min(...widths))
}

/** Says what was taken that neither the file nor the caller has said. */
function guessWarning(
  file: string,
  network: Network,
  names: readonly string[],
  guess: NetworkGuess,
): string[] {
  const { layers, loss, codeLayer } = network
  const last = layers.length - 1
  const taken: string[] = []
  const hidden = layers.find((_, i) => i !== codeLayer && i !== last)
  if (guess.codeLayer === undefined && last > 0) {
    const isTie = layers.some(
      (layer, i) => i !== last && i > codeLayer && layer.outputs === codeSize(network),
    )
    const tie = isTie ? ', the first of several as narrow' : ''
    taken.push(`${quote(names[codeLayer])} as the code layer (${codeSize(network)} units${tie})`)
  }
  if (guess.hiddenActivation === undefined && hidden) taken.push(`hidden activation ${hidden.activation}`)
  if (guess.latentActivation === undefined && codeLayer !== last) {
    taken.push(`activation of the code ${layers[codeLayer].activation}`)
  }
  if (guess.outputActivation === undefined) taken.push(`output activation ${layers[last].activation}`)
  if (guess.loss === undefined) taken.push(`loss ${loss}`)
  if (taken.length === 0) return []
  return [`${file}: says no more than its layers, ${describeSizes(network)}; taken: ${taken.join(', ')}`]
}

/** Of files from before `NETWORK_KEY`. */
function readLatentActivation(
  metadata: Record<string, string>,
  file: string,
): 'relu' | 'identity' | undefined {
  if (!Object.hasOwn(metadata, LATENT_ACTIVATION_KEY)) return undefined
  const stored = metadata[LATENT_ACTIVATION_KEY]
  if (stored === 'relu' || stored === 'identity') return stored
  throw new FileError(file, `${LATENT_ACTIVATION_KEY}: expected relu or identity, found ${quote(stored)}`)
}

function collectParameters({ network, tensors, names }: FoundNetwork, content: Content): Float32Array {
  const { file, budget, warnings } = content
  const count = parameterCount(network)
  budget.arrays(4 * count, 'the model')
  const parameters = new Float32Array(count)
  const table = parameterTable(network)
  names.forEach((layer, i) => {
    for (const [kind, { offset, length }] of [
      ['weight', table[2 * i]],
      ['bias', table[2 * i + 1]],
    ] as const) {
      const name = nameOf(layer, kind)
      const data = tensors.get(name)?.data
      if (!(data instanceof Float32Array || data instanceof Float64Array)) {
        throw new FileError(file, `tensor ${quote(name)}: expected floating-point numbers, found integers`)
      }
      parameters.set(data, offset)
      let notFinite = 0
      for (let at = offset; at < offset + length; at++) if (!Number.isFinite(parameters[at])) notFinite++
      if (notFinite > 0) {
        const share = `${notFinite} of ${length} values that are NaN or infinite in float32`
        warnings.push(`${file}: tensor ${quote(name)} holds ${share}`)
      }
    }
  })
  return parameters
}
