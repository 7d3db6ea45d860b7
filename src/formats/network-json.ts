/**
 * A network as JSON, as files keep it: `{"layers": [{"name", "inputs", "outputs", "activation"}, …], "loss",
 * "codeLayer"}`.
 */
import { FileError, UsageError } from '../errors.ts'
import { checkNetwork } from '../model/check-network.ts'
import type { Activation, Layer, Loss, Network } from '../model/network.ts'
import type { JsonFields } from './json-fields.ts'
import { MOST_LAYERS } from './linear-chain.ts'

const ACTIVATIONS: readonly Activation[] = ['relu', 'tanh', 'sigmoid', 'identity', 'softmax']
const LOSSES: readonly Loss[] = ['mse', 'bce', 'crossEntropy']

/** Names of layers stand in messages. */
const MOST_NAME_LENGTH = 100

export function networkToJson({ layers, loss, codeLayer }: Network): string {
  const plain = layers.map(({ name, inputs, outputs, activation }) => ({ name, inputs, outputs, activation }))
  return JSON.stringify({ layers: plain, loss, codeLayer })
}

/** How another writer's JSON differs. */
export interface NetworkNames {
  readonly codeLayer: string
  /** Name of layer `index`, where the file gives none. */
  readonly unnamed?: (index: number) => string
}

/** Throws `FileError` for what is no network, or none that engines compute. */
export function networkFromJson(
  fields: JsonFields,
  file: string,
  { codeLayer, unnamed }: NetworkNames = { codeLayer: 'codeLayer' },
): Network {
  const listed = fields.list('layers')
  if (listed.length > MOST_LAYERS) {
    throw new FileError(file, `expected a network of at most ${MOST_LAYERS} layers, found ${listed.length}`)
  }
  const layers = listed.map(
    (layer, index): Layer => ({
      name: unnamed?.(index) ?? readName(layer),
      inputs: layer.integer('inputs', 1),
      outputs: layer.integer('outputs', 1),
      activation: layer.oneOf('activation', ACTIVATIONS),
    }),
  )
  const network = { layers, loss: fields.oneOf('loss', LOSSES), codeLayer: fields.integer(codeLayer, 0) }
  try {
    checkNetwork(network)
  } catch (error) {
    if (error instanceof UsageError) throw new FileError(file, error.message, { cause: error })
    throw error
  }
  return network
}

function readName(layer: JsonFields): string {
  const name = layer.string('name')
  return name.length <= MOST_NAME_LENGTH
    ? name
    : layer.fail('name', `at most ${MOST_NAME_LENGTH} characters`, name)
}
