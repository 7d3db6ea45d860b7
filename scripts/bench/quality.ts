/**
 * Seconds to quality: how long recipes of training take until the test error is as low as the target, and how
 * many seeds get there at all.
 *
 * The rules, so that others can beat them:
 *
 * - 784 → 392 → 8 → 392 → 784 on MNIST as it is: 60,000 training images, no augmentation. The error is the
 *   mean squared error per pixel over the 10,000 test images.
 * - A recipe is a set of the command's own settings. It may not depend on the seed, nor on how a run goes.
 * - The clock runs during training steps alone, from the first one until the end of the first epoch after
 *   which the error is at most the target. Reading the data, starting threads and the tests after epochs are
 *   not counted.
 * - A seed fails where no epoch of the recipe reaches the target; a recipe holds if at most one seed of
 *   twenty fails.
 * - Recipes take turns, seed by seed, so that the machine's moods meet them alike.
 */
import type { Dataset } from '../../src/data/dataset.ts'
import { limitImages } from '../../src/data/dataset.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Simd } from '../../src/engines/options.ts'
import { findDeadUnits } from '../../src/run/latent-units.ts'
import type { GivenSettings, RunSettings } from '../../src/run/settings.ts'
import { completeSettings, networkOf, trainingOf } from '../../src/run/settings.ts'
import type { EpochRecord } from '../../src/training/history.ts'
import { train } from '../../src/training/trainer.ts'

/** Test MSE; what the seed project's settings reach at z 8 after some 25 epochs, where all units live. */
const TARGET = 0.019
const BOTTLENECK = 8
const SEEDS = 20

export interface Recipe {
  readonly name: string
  readonly settings: GivenSettings
}

const SEED_EPOCHS = 60

/** The seed project's own settings and shorter ones, each for the ReLU bottleneck and for the linear one. */
export const RECIPES: readonly Recipe[] = [
  { name: 'seed, ReLU', settings: { epochs: SEED_EPOCHS } },
  { name: 'seed, linear', settings: { epochs: SEED_EPOCHS, latentActivation: 'identity' } },
  {
    name: 'short, ReLU',
    settings: {
      epochs: 10,
      batchSize: 64,
      learningRate: 3e-3,
      schedule: 'linear',
      warmup: 1,
      latentBias: 0.3,
    },
  },
  {
    name: 'short, linear',
    settings: {
      epochs: 7,
      batchSize: 64,
      learningRate: 2e-3,
      schedule: 'linear',
      latentActivation: 'identity',
    },
  },
]

export interface QualityRun {
  readonly seed: number
  /** Undefined where no epoch reached the target. */
  readonly seconds: number | undefined
  /** Epochs done: those until the target, or all of the recipe. */
  readonly epochs: number
  /** Test error after the last of them. */
  readonly testLoss: number
  /** Latent units that some test image wakes. */
  readonly activeUnits: number
}

export interface QualityResult {
  readonly target: number
  readonly threads: number
  readonly trainingImages: number
  readonly recipes: readonly (Recipe & { readonly runs: readonly QualityRun[] })[]
}

export interface QualityPlan {
  readonly target: number
  readonly recipes: readonly Recipe[]
  readonly seeds: readonly number[]
  readonly trainingImages: number
  /** In place of a recipe's own. */
  readonly epochs?: number
}

export function qualityPlan(isQuick: boolean): QualityPlan {
  if (isQuick) return { target: TARGET, recipes: RECIPES, seeds: [1], trainingImages: 1024, epochs: 1 }
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
  return { target: TARGET, recipes: RECIPES, seeds, trainingImages: Number.POSITIVE_INFINITY }
}

/** @param onPartial called after each run with what there is */
export async function benchQuality(
  dataset: Dataset,
  { target, recipes, seeds, trainingImages, epochs }: QualityPlan,
  threads: number,
  simd: Simd,
  onPartial: (result: QualityResult) => Promise<void>,
): Promise<QualityResult> {
  const count = Math.min(trainingImages, dataset.train.count)
  const data = { ...dataset, train: limitImages(dataset.train, count) }
  const runs = recipes.map((recipe) => ({ ...recipe, runs: [] as QualityRun[] }))
  const result = { target, threads, trainingImages: count, recipes: runs }
  for (const seed of seeds) {
    for (const recipe of runs) {
      const given = { ...recipe.settings, ...(epochs !== undefined && { epochs, warmup: 0 }) }
      const settings = completeSettings({ ...given, bottleneck: BOTTLENECK, seed })
      recipe.runs.push(await runToTarget(data, target, settings, threads, simd))
      await onPartial(result)
    }
  }
  return result
}

async function runToTarget(
  data: Dataset,
  target: number,
  settings: RunSettings,
  threads: number,
  simd: Simd,
): Promise<QualityRun> {
  const { train: set, test } = data
  const engine = await createEngine(networkOf(settings, set.width * set.height), {
    device: 'cpu',
    threads,
    simd,
  })
  try {
    const reached = new AbortController()
    const isThere = ({ testLoss = Number.POSITIVE_INFINITY }: EpochRecord) => testLoss <= target
    const { history } = await train(engine, data, trainingOf(settings), {
      signal: reached.signal,
      onEpoch: (record) => {
        if (isThere(record)) reached.abort()
      },
    })
    const last = history[history.length - 1]
    const seconds = history.reduce((sum, record) => sum + record.seconds, 0)
    const dead = await findDeadUnits(engine, test.rows)
    return {
      seed: settings.seed,
      seconds: isThere(last) ? seconds : undefined,
      epochs: history.length,
      testLoss: last.testLoss ?? Number.NaN,
      activeUnits: settings.bottleneck - dead.length,
    }
  } finally {
    await engine.dispose()
  }
}
