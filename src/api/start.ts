/** How models begin: from a seed or from a file. */
import type { Engine } from '../engines/engine.ts'
import { CHECKPOINT_KEY, readModel } from '../formats/model-file.ts'
import type { Network } from '../model/network.ts'
import type { LatentActivation } from '../model/recipes.ts'
import { hourglass } from '../model/recipes.ts'
import type { ModelState } from '../model/state.ts'
import { stateOf } from '../model/state.ts'
import { readCheckpoint } from '../training/checkpoint.ts'
import { DEFAULT_SEED } from '../training/trainer.ts'
import type { Start } from './base-autoencoder.ts'
import { checkSeed } from './checks.ts'

export interface ModelOptions {
  /** Latent units, `z`. Default 32. */
  readonly bottleneck?: number | undefined
  /** Units of the two hidden layers. Default 392. */
  readonly hidden?: number | undefined
  /** Pixels of an image. Default 784: 28 × 28. */
  readonly input?: number | undefined
  /** Activation of the bottleneck. Default `relu`. */
  readonly latentActivation?: LatentActivation | undefined
  /** Seed of the initial weights, a whole number below 2³². Default 1. */
  readonly seed?: number | undefined
}

/** A network without an engine yet, and how an engine of it begins. */
export interface Prepared {
  readonly network: Network
  readonly start: Start
  setUp(engine: Engine): Promise<void>
}

export function fromSeed(options: ModelOptions): Prepared {
  const {
    bottleneck = 32,
    hidden = 392,
    input = 784,
    latentActivation = 'relu',
    seed = DEFAULT_SEED,
  } = options
  checkSeed(seed)
  return {
    network: hourglass({ input, hidden, bottleneck, latentActivation }),
    start: { seed },
    setUp: (engine) => engine.initialize(seed),
  }
}

/** A model's weights or a checkpoint. `file` is its name, for errors. */
export function fromFile(bytes: Uint8Array, file: string): Prepared {
  const { network, parameters, metadata, warnings } = readModel(bytes, file)
  if (!Object.hasOwn(metadata, CHECKPOINT_KEY)) {
    return prepared(network, stateOf(parameters), { warnings })
  }
  const { config, trainingImages, progress, notes, state } = readCheckpoint(bytes, file)
  return prepared(network, state, { warnings, run: { config, trainingImages, progress, notes } })
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
