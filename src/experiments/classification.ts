/** A classifier trained and asked through the same engine interface as the autoencoder. */
import type { ImageSet } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { TrainingError } from '../errors.ts'
import { accuracy } from './knn.ts'

export interface ClassifierTraining {
  /** Seed of the initial weights (unless the engine's are kept) and of the shuffles. */
  readonly seed: number
  /** Updates in all: the same for every number of labels, so that few labels do not mean little training. */
  readonly steps: number
  readonly batchSize: number
  readonly learningRate: number
  /** Layers from the first that keep their weights; default 0. */
  readonly frozenLayers?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Trains the weights that the engine holds on `set` for at least `steps` updates, in whole epochs; a batch is never
 * larger than the set. Throws TrainingError where the loss is not finite. Returns the updates made.
 */
export async function trainClassifier(
  engine: Engine,
  set: ImageSet,
  training: ClassifierTraining,
): Promise<number> {
  const { seed, learningRate, frozenLayers = 0, signal } = training
  const batchSize = Math.min(training.batchSize, set.count)
  await engine.setTrainingSet({ rows: set.images, labels: set.labels })
  let steps = 0
  for (let epoch = 1; steps < training.steps && !signal?.aborted; epoch++) {
    const request = { seed, epoch, batchSize, learningRate, weightDecay: 0, frozenLayers, signal }
    const { batchLosses } = await engine.trainEpoch(request)
    if (batchLosses.some((loss) => !Number.isFinite(loss))) {
      throw new TrainingError(
        `the classifier's loss in epoch ${epoch} is not finite: try a lower learning rate`,
      )
    }
    steps += batchLosses.length
  }
  return steps
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
  const classes = engine.network.layers[engine.network.layers.length - 1].outputs
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
export async function classifierAccuracy(engine: Engine, set: ImageSet): Promise<number> {
  return accuracy((await classify(engine, set.images)).predictions, set.labels)
}
