/** Trained models in files, whatever the format: `.pth` (PyTorch) and `.safetensors`. */
import { FileError, UsageError } from '../errors.ts'
import { describeSizes, type Network, parameterTable } from '../model/network.ts'
import { hourglass } from '../model/recipes.ts'
import type { FloatArray } from '../model/state.ts'
import { quote } from '../quote.ts'
import { ReaderBudget } from '../reader-budget.ts'
import { JsonFields } from './json-fields.ts'
import { networkFromJson, networkToJson } from './network-json.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'
import type { Tensor } from './tensor.ts'
import { readTorch, writeTorch } from './torch.ts'

export interface StoredModel {
  readonly network: Network
  /** (parameterCount), in the order of `parameterTable`. */
  readonly parameters: Float32Array
  /** Text that the file holds beside the tensors. */
  readonly metadata: Record<string, string>
  /** One line each, beginning with the file's name: what is odd but does not keep the model from being used. */
  readonly warnings: readonly string[]
}

export interface ModelToStore {
  readonly network: Network
  /** (parameterCount), in the order of `parameterTable`; stored as float32. */
  readonly parameters: FloatArray
  readonly metadata?: Readonly<Record<string, string>>
}

export type ModelFormat = 'torch' | 'safetensors'

/** Shapes do not tell the activation of the bottleneck, so it is metadata; without it, the seed's ReLU is assumed. */
export const LATENT_ACTIVATION_KEY = 'hourglass.latent_activation'

/** Metadata that holds the layers, the loss and the code layer as JSON (`network-json.ts`). */
export const NETWORK_KEY = 'hourglass.network'

/** Metadata that tells a training checkpoint (`src/run/checkpoint.ts`), which `readModel` reads as a model too. */
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
 * Reads an autoencoder's parameters from a whole file. Its content says which format it is, not its name; sizes come
 * from the tensors' shapes.
 *
 * @param file its name, for errors and warnings
 * @throws FileError for a file that is damaged or that holds no autoencoder fc1 … fc4
 */
export function readModel(bytes: Uint8Array, file: string): StoredModel {
  const warnings: string[] = []
  const named = formatOfName(file)
  const found = formatOfContent(bytes)
  if (named !== undefined && found !== undefined && named !== found) {
    warnings.push(`${file}: its name says ${FORMAT_NAMES[named]}, its content is ${FORMAT_NAMES[found]}`)
  }
  const format = found ?? named
  if (format === undefined) {
    throw new FileError(file, `expected ${FORMAT_NAMES.torch} or ${FORMAT_NAMES.safetensors}, found neither`)
  }
  const budget = new ReaderBudget(file, bytes.length)
  const read = format === 'torch' ? readTorch(bytes, file, budget) : readSafetensors(bytes, file, budget)
  const tensors = withoutWrappers(read.tensors)
  const { metadata } = read
  const network = Object.hasOwn(metadata, NETWORK_KEY)
    ? networkFromJson(JsonFields.parse(metadata[NETWORK_KEY], file, NETWORK_KEY), file)
    : inferNetwork(tensors, readLatentActivation(metadata, file), file)
  const parameters = collectParameters(network, tensors, file, warnings, budget)
  return { network, parameters, metadata, warnings }
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
  const stored = { format: 'pt', ...metadata, [NETWORK_KEY]: networkToJson(network) }
  return modelFormat(file) === 'torch' ? writeTorch(tensors, stored) : writeSafetensors(tensors, stored)
}

function formatOfName(file: string): ModelFormat | undefined {
  if (/\.pth?$/i.test(file)) return 'torch'
  if (/\.safetensors$/i.test(file)) return 'safetensors'
  return undefined
}

/** A zip begins with `PK`, a legacy .pth with the opcode PROTO; a safetensors header begins with `{` after its length. */
function formatOfContent(bytes: Uint8Array): ModelFormat | undefined {
  if (bytes[8] === 0x7b) return 'safetensors'
  if ((bytes[0] === 0x50 && bytes[1] === 0x4b) || bytes[0] === 0x80) return 'torch'
  return undefined
}

/** The tensors by the names that they have in the model itself: wrappers may be there in any number and order. */
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

function readLatentActivation(metadata: Record<string, string>, file: string): 'relu' | 'identity' {
  const stored = Object.hasOwn(metadata, LATENT_ACTIVATION_KEY) ? metadata[LATENT_ACTIVATION_KEY] : 'relu'
  if (stored === 'relu' || stored === 'identity') return stored
  throw new FileError(file, `${LATENT_ACTIVATION_KEY}: expected relu or identity, found ${quote(stored)}`)
}

/** The autoencoder in → hidden → z → hidden → in that the weights' shapes describe. */
function inferNetwork(
  tensors: ReadonlyMap<string, Tensor>,
  latentActivation: 'relu' | 'identity',
  file: string,
): Network {
  const sizesOf = (name: string): readonly number[] => {
    const shape = tensors.get(name)?.shape
    if (shape === undefined) {
      const names = [...tensors.keys()]
        .slice(0, 8)
        .map((name) => quote(name))
        .join(', ')
      throw new FileError(file, `tensor "${name}" is missing; it holds ${names || 'no tensors'}`)
    }
    if (shape.length !== 2 || shape.includes(0)) {
      throw new FileError(file, `tensor "${name}": expected a shape (out, in), found ${shapeText(shape)}`)
    }
    return shape
  }
  const [hidden, input] = sizesOf('fc1.weight')
  const [bottleneck] = sizesOf('fc2.weight')
  return hourglass({ input, hidden, bottleneck, latentActivation })
}

function collectParameters(
  network: Network,
  tensors: ReadonlyMap<string, Tensor>,
  file: string,
  warnings: string[],
  budget: ReaderBudget,
): Float32Array {
  const table = parameterTable(network)
  const kind = `a network ${describeSizes(network)}`
  for (const name of tensors.keys()) {
    const belongs = table.some((entry) => entry.name === name)
    if (!belongs && !CHECKPOINT_PREFIXES.some((prefix) => name.startsWith(prefix))) {
      throw new FileError(file, `tensor ${quote(name)} is not part of ${kind}`)
    }
  }
  // All shapes before any allocation: the sum of the sizes is then bounded by what the file holds.
  for (const { name, shape } of table) {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new FileError(file, `tensor "${name}" of ${kind} is missing`)
    const same =
      tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
    if (!same) {
      throw new FileError(
        file,
        `tensor "${name}": expected ${shapeText(shape)} for ${kind}, found ${shapeText(tensor.shape)}`,
      )
    }
  }
  const count = table.reduce((sum, { length }) => sum + length, 0)
  budget.arrays(4 * count, 'the model')
  const parameters = new Float32Array(count)
  for (const { name, offset, length } of table) {
    const data = tensors.get(name)?.data
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new FileError(file, `tensor "${name}": expected floating-point numbers, found integers`)
    }
    parameters.set(data, offset)
    const notFinite = parameters.subarray(offset, offset + length).filter((value) => !Number.isFinite(value))
    if (notFinite.length > 0) {
      warnings.push(
        `${file}: tensor "${name}" holds ${notFinite.length} of ${length} values that are NaN or infinite`,
      )
    }
  }
  return parameters
}

function shapeText(shape: readonly number[]): string {
  const sizes = shape.slice(0, 8).join(', ')
  return `(${sizes}${shape.length > 8 ? ', …' : ''})`
}
