/** The trained model that a command is given. */
import { readFileBytes } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import { type NetworkGuess, NOISE_KEY, readModel, type StoredModel } from '../src/formats/model-file.ts'
import { HIDDEN_ACTIVATIONS } from '../src/model/check-network.ts'
import { parameterTable } from '../src/model/network.ts'
import { oneOf, path, wholeNumber } from './cli.ts'
import { dashed } from './flag-names.ts'

export const loadOption = {
  alias: 'l',
  describe: 'trained model, .pth or .safetensors',
  demandOption: '--load: expected the file of a trained model, found nothing',
  requiresArg: true,
  coerce: path('load'),
} as const

const OUTPUTS = ['sigmoid', 'identity', 'softmax'] as const
const LOSSES = ['mse', 'bce', 'crossEntropy'] as const

/**
 * What a file of another program cannot say of its network: to be given where the default, which is said, is
 * wrong.
 */
export const networkOptions = {
  activation: {
    describe: `of a foreign file's hidden layers: ${HIDDEN_ACTIVATIONS.join(', ')}`,
    defaultDescription: 'relu',
    requiresArg: true,
    coerce: oneOf('activation', HIDDEN_ACTIVATIONS),
  },
  'latent-activation': {
    describe: "of a foreign file's bottleneck",
    defaultDescription: 'relu',
    requiresArg: true,
    coerce: oneOf('latent-activation', HIDDEN_ACTIVATIONS),
  },
  'output-activation': {
    describe: `of a foreign file's last layer: ${OUTPUTS.join(', ')}`,
    defaultDescription: 'sigmoid',
    requiresArg: true,
    coerce: oneOf('output-activation', OUTPUTS),
  },
  loss: {
    describe: `that a foreign file was trained on: ${LOSSES.join(', ')}`,
    defaultDescription: 'mse',
    requiresArg: true,
    coerce: oneOf('loss', LOSSES),
  },
  'code-layer': {
    describe: "number, from 1, of a foreign file's layer whose outputs are the codes",
    defaultDescription: 'the narrowest',
    requiresArg: true,
    coerce: wholeNumber('code-layer', 1),
  },
} as const

const NETWORK_FLAGS = Object.keys(networkOptions).map(dashed).join(', ')

type NetworkFlags = {
  readonly [Flag in keyof typeof networkOptions]?:
    | ReturnType<(typeof networkOptions)[Flag]['coerce']>
    | undefined
}

function guessOf(flags: NetworkFlags): NetworkGuess {
  const codeLayer = flags['code-layer']
  return {
    hiddenActivation: flags.activation,
    latentActivation: flags['latent-activation'],
    outputActivation: flags['output-activation'],
    loss: flags.loss,
    codeLayer: codeLayer === undefined ? undefined : codeLayer - 1,
  }
}

/** Reads a model file; what is odd about it goes to stderr. Throws `FileError` for what cannot be read. */
export async function loadModel(file: string, flags: NetworkFlags = {}): Promise<StoredModel> {
  return warned(readModel(await readFileBytes(file), file, guessOf(flags)))
}

/**
 * Throws FileError for a model of a table or of scaled values, by a command that is for images as they are.
 */
export function checkOfImages({ preprocessing }: StoredModel, file: string): void {
  if (preprocessing === undefined) return
  const { features, scaling } = preprocessing
  if (features === undefined && scaling === undefined) return
  const found = features ? "one of a table's columns" : 'one of scaled values'
  throw new FileError(
    file,
    `expected a model of images as they are, found ${found}: encode, score and reconstruct are for it`,
  )
}

function warned(model: StoredModel): StoredModel {
  for (const warning of model.warnings) console.error(`warning: ${warning}`)
  if (model.isGuessed) console.error(`         Where that is wrong, say it: ${NETWORK_FLAGS}`)
  return model
}

/**
 * Throws FileError where a weight is NaN or infinite, which a training that diverged leaves: nothing follows
 * from it.
 */
function checkFinite({ network, parameters }: StoredModel, file: string): void {
  const wrong = parameters.findIndex((value) => !Number.isFinite(value))
  if (wrong === -1) return
  const tensor = parameterTable(network).find(({ offset, length }) => wrong < offset + length)
  throw new FileError(file, `expected finite weights, found ${parameters[wrong]} in ${tensor?.name}`)
}

/** Standard deviation of the noise that a model was trained with; undefined where its file says none. */
export function noiseOf({ metadata }: StoredModel): number | undefined {
  const noise = Number(metadata[NOISE_KEY])
  return noise > 0 ? noise : undefined
}

/** What who takes noise away with the model should know of it. */
export function noiseNote(model: StoredModel, name: string): string | undefined {
  if (noiseOf(model) !== undefined) return undefined
  return `${name}: does not say that it was trained with noise (train --noise-std); it takes away less than one that was`
}

/**
 * Reads the file of a model that is to be put to use. Throws FileError for weights that are not finite, too.
 */
export async function loadUsableModel(file: string, flags: NetworkFlags = {}): Promise<StoredModel> {
  const model = readModel(await readFileBytes(file), file, guessOf(flags))
  // Before its warnings: they would say the same.
  checkFinite(model, file)
  return warned(model)
}
