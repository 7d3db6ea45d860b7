/** A classifier trained and asked through the same trainer and engines as the autoencoder. */
import type { RowSet } from '../data/rows.ts'
import type { Engine } from '../engines/engine.ts'
import type { StopSignal } from '../engines/stop-signal.ts'
import { outputSize } from '../model/network.ts'
import { startOfTraining, train } from '../training/trainer.ts'
import { accuracy } from './knn.ts'

/** Rows as the network sees them, each with its class. */
export interface LabelledRows extends RowSet {
  readonly labels: Uint8Array
}

export interface ClassifierTraining {
  /** Seed of the shuffles. */
  readonly seed: number
  /** Updates in all: the same for every number of labels, so that few labels do not mean little training. */
  readonly steps: number
  readonly batchSize: number
  readonly learningRate: number
  /** Layers from the first that keep their weights; default 0. */
  readonly frozenLayers?: number
  readonly signal?: StopSignal | undefined
}

/**
 * Trains the weights that the engine holds on `set` for at least `steps` updates, in whole epochs, at a
 * constant rate; a batch is never larger than the set. Throws TrainingError where the loss is not finite.
 */
export async function trainClassifier(
  engine: Engine,
  set: LabelledRows,
  { seed, steps, learningRate, frozenLayers, signal, ...training }: ClassifierTraining,
): Promise<void> {
  const batchSize = Math.min(training.batchSize, set.count)
  const epochs = Math.ceil(steps / Math.ceil(set.count / batchSize))
  const fixed = { weightDecay: 0, noiseStd: 0, schedule: 'constant' } as const
  const config = { seed, epochs, batchSize, learningRate, ...fixed }
  await train(engine, { train: set }, config, { signal }, startOfTraining(config), { frozenLayers })
}

export interface Classification {
  /** (n) the class of highest probability */
  readonly predictions: Uint8Array
  /** (n) that probability */
  readonly confidences: Float64Array
}

/** The class of every row by the engine's classifier. `inputs` (n, inputs) as for `Engine.forward`. */
export async function classify(
  engine: Engine,
  inputs: Uint8Array | Float32Array | Float64Array,
): Promise<Classification> {
  const probabilities = await engine.forward(inputs)
  const classes = outputSize(engine.network)
  const count = probabilities.length / classes
  const predictions = new Uint8Array(count)
  const confidences = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    for (let label = 0; label < classes; label++) {
      const probability = probabilities[row * classes + label]
      if (probability > confidences[row]) {
        confidences[row] = probability
        predictions[row] = label
      }
    }
  }
  return { predictions, confidences }
}

/** Share of `set`, in [0, 1], that the engine's classifier gets right. */
export async function classifierAccuracy(engine: Engine, set: LabelledRows): Promise<number> {
  return accuracy((await classify(engine, set.rows)).predictions, set.labels)
}
