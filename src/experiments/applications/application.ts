/** What the five applications share: where engines come from, and how a stored model gets onto one. */
import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engines/engine.ts'
import type { StopSignal } from '../../engines/stop-signal.ts'
import type { Network } from '../../model/network.ts'
import { type FloatArray, stateOf } from '../../model/state.ts'
import { throwIfAborted } from '../../run/turns.ts'
import { DEFAULT_TRAINING, type TrainingConfig } from '../../training/config.ts'

export interface Model {
  readonly network: Network
  /** Canonical slab (`parameterTable`). */
  readonly parameters: FloatArray
}

export interface ApplicationContext {
  readonly createEngine: (network: Network) => Promise<Engine>
  readonly dataset: Dataset
  /** Seed of every random choice, an integer in [0, 2³²). */
  readonly seed: number
  /**
   * Of the autoencoders that are trained here; default: `npm run train`'s. A batch is never larger than the
   * set.
   */
  readonly training?: Pick<TrainingConfig, 'batchSize' | 'learningRate' | 'weightDecay'>
  /** When it aborts, the application rejects soon. */
  readonly signal?: StopSignal | undefined
  /** What is being done, and the share of the whole, in [0, 1]. */
  readonly onProgress?: ((what: string, share: number) => void) | undefined
}

/** Runs `use` on a new engine, which is disposed of whatever happens. */
export async function withEngine<Result>(
  context: ApplicationContext,
  network: Network,
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  stopIfAborted(context)
  const engine = await context.createEngine(network)
  try {
    return await use(engine)
  } finally {
    await engine.dispose()
  }
}

/** Runs `use` on a new engine that holds the model's parameters. */
export function withModel<Result>(
  context: ApplicationContext,
  model: Model,
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  return withEngine(context, model.network, async (engine) => {
    await engine.writeState(stateOf(model.parameters))
    return use(engine)
  })
}

/** Settings for training an autoencoder on `count` images here. */
export function trainingSettings(
  { seed, training = DEFAULT_TRAINING }: ApplicationContext,
  count: number,
  settings: { epochs: number; noiseStd: number },
): TrainingConfig {
  const { batchSize, learningRate, weightDecay } = training
  return { seed, batchSize: Math.min(batchSize, count), learningRate, weightDecay, ...settings }
}

export function stopIfAborted({ signal }: ApplicationContext): void {
  throwIfAborted(signal)
}
