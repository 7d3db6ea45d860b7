/** One run of a sweep: a network trained on an engine of its own, and measured. */
import type { Dataset } from '../data/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { HourglassError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import type { FloatArray } from '../model/state.ts'
import { train } from '../training/trainer.ts'
import { type MeasuringSet, measureAutoencoder } from './measures.ts'
import type { RunTrainer, SweepResult } from './sweep.ts'
import { runNetwork, trainingConfig } from './sweep-plan.ts'

export interface RunTrainerOptions {
  readonly dataset: Dataset
  readonly measuring: MeasuringSet
  /** Makes the engine of one run, which is disposed of after it. */
  readonly createEngine: (network: Network) => Promise<Engine>
  /** Test images whose reconstructions are kept with the result. */
  readonly sampleImages: readonly number[]
}

/** Trains each run by `train`, as `npm run train` would with the same settings, and measures it on the test set. */
export function createRunTrainer(options: RunTrainerOptions): RunTrainer {
  const { dataset, measuring, createEngine, sampleImages } = options
  const pixels = dataset.train.width * dataset.train.height
  return async ({ id, settings }, { onShare, signal }): Promise<SweepResult | undefined> => {
    const engine = await createEngine(runNetwork(settings, { pixels }))
    try {
      const config = trainingConfig(settings)
      const { epoch, history } = await train(engine, dataset, config, {
        signal,
        onProgress: ({ epoch, stepsDone, steps }) => onShare((epoch - 1 + stepsDone / steps) / config.epochs),
      })
      if (epoch < config.epochs) return undefined
      const { measures, reconstructions } = await measureAutoencoder(engine, measuring)
      if (!Number.isFinite(measures.reconstruction.mse)) {
        throw new HourglassError(`the test error is ${measures.reconstruction.mse}`)
      }
      const { device, threads } = engine.info
      return {
        id,
        status: 'done',
        settings,
        trainLoss: history[history.length - 1].trainLoss,
        measures,
        seconds: history.reduce((sum, record) => sum + record.seconds, 0),
        device: `${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        samples: sampleImages.map((image) => encodeImage(reconstructions, image, pixels)),
      }
    } finally {
      await engine.dispose()
    }
  }
}

/** The first test image of each class, as far as there are: what contact sheets show. */
export function oneImagePerClass({ test }: Dataset): number[] {
  const classes = [...new Set(test.labels)].sort((a, b) => a - b)
  return classes.map((label) => test.labels.indexOf(label))
}

function encodeImage(reconstructions: FloatArray, image: number, pixels: number): string {
  const values = reconstructions.subarray(image * pixels, (image + 1) * pixels)
  const bytes = Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))))
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

/** The bytes of one of a result's `samples`. */
export function decodeSample(sample: string): Uint8Array {
  return Uint8Array.from(atob(sample), (character) => character.charCodeAt(0))
}
