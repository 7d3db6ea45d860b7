/** How models begin: from a seed or from a file. */
import { MNIST_PIXELS } from '../data/mnist.ts'
import { checkInteger } from '../engines/checks.ts'
import type { Engine } from '../engines/engine.ts'
import { CHECKPOINT_KEY, type NetworkGuess, readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'
import type { ModelState } from '../model/state.ts'
import { stateOf } from '../model/state.ts'
import { readCheckpoint } from '../run/checkpoint.ts'
import { Run } from '../run/run.ts'
import type { GivenSettings, NetworkSettings } from '../run/settings.ts'
import { completeSettings, DEFAULT_SETTINGS, networkOf } from '../run/settings.ts'
import type { Start } from './base-autoencoder.ts'
import { checkInput, checkKeys } from './checks.ts'

/** Settings of a new model; those of `src/run/settings.ts`, whose defaults are the seed project's. */
export interface ModelOptions extends Pick<GivenSettings, keyof NetworkSettings | 'seed'> {
  /** Values of a row: pixels of an image. Default 784: 28 × 28. */
  readonly input?: number | undefined
}

const OPTIONS = [
  'input',
  'seed',
  'bottleneck',
  'hidden',
  'activation',
  'latentActivation',
  'outputActivation',
  'loss',
] as const satisfies readonly (keyof ModelOptions)[]

/** A network without an engine yet, and how an engine of it begins. */
export interface Prepared {
  readonly network: Network
  readonly start: Start
  setUp(engine: Engine): Promise<void>
}

/** @param engineOptions names of the options beside the model's own */
export function fromSeed(options: ModelOptions, engineOptions: readonly string[]): Prepared {
  checkKeys('create', options, [...OPTIONS, ...engineOptions])
  const { input = MNIST_PIXELS } = options
  checkInput(input)
  const settings = completeSettings(options, DEFAULT_SETTINGS)
  const { seed } = settings
  return {
    network: networkOf(settings, input),
    start: { seed },
    setUp: (engine) => engine.initialize(seed),
  }
}

/** What the file of another program does not say of its network; of our own files, nothing is asked. */
export interface ForeignOptions {
  /** Of the layers but the code's and the last one; default `relu`. */
  readonly activation?: NetworkGuess['hiddenActivation']
  /** Of the code layer; default `relu`. */
  readonly latentActivation?: NetworkGuess['latentActivation']
  /** Of the last layer; default `sigmoid`, or `softmax` with the loss `crossEntropy`. */
  readonly outputActivation?: NetworkGuess['outputActivation']
  /** Default `mse`. */
  readonly loss?: NetworkGuess['loss']
  /** Number, from 1, of the layer whose outputs are the codes; default the narrowest but the last. */
  readonly codeLayer?: number | undefined
}

export const FOREIGN_OPTIONS = [
  'activation',
  'latentActivation',
  'outputActivation',
  'loss',
  'codeLayer',
] as const satisfies readonly (keyof ForeignOptions)[]

function guessOf(options: ForeignOptions): NetworkGuess {
  const { activation, latentActivation, outputActivation, loss, codeLayer } = options
  if (codeLayer !== undefined) checkInteger('codeLayer', codeLayer, 1, Number.MAX_SAFE_INTEGER)
  return {
    hiddenActivation: activation,
    latentActivation,
    outputActivation,
    loss,
    codeLayer: codeLayer === undefined ? undefined : codeLayer - 1,
  }
}

/** A model's weights or a checkpoint. `file` is its name, for errors. */
export function fromFile(bytes: Uint8Array, file: string, options: ForeignOptions): Prepared {
  const { network, parameters, metadata, warnings, preprocessing, trainingErrors } = readModel(
    bytes,
    file,
    guessOf(options),
  )
  if (!Object.hasOwn(metadata, CHECKPOINT_KEY)) {
    return prepared(network, stateOf(parameters), { warnings, known: { preprocessing, trainingErrors } })
  }
  const { state, ...record } = readCheckpoint(bytes, file)
  const run = Run.from(record)
  const result = run.resultOf(state)
  if (result === state.parameters) {
    return prepared(network, state, { warnings, run, known: { preprocessing, trainingErrors } })
  }
  // The errors in the file are not those of its best epoch.
  return prepared(network, stateOf(result), { warnings, run, last: state, known: { preprocessing } })
}

function prepared(network: Network, state: ModelState, start: Start): Prepared {
  return { network, start, setUp: (engine) => engine.writeState(state) }
}

/** An engine of the network that has begun; disposed of where that fails. */
export async function begin(
  { network, setUp }: Prepared,
  create: (network: Network) => Promise<Engine>,
): Promise<Engine> {
  const engine = await create(network)
  try {
    await setUp(engine)
    return engine
  } catch (error) {
    await engine.dispose()
    throw error
  }
}
