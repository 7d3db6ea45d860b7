/**
 * Seconds to quality: how long recipes of training take until the test error is as low as the target, and how
 * many seeds get there at all; with Hourglass, and with PyTorch and JAX where they are installed.
 *
 * The rules, so that others can beat them:
 *
 * - 784 → 392 → 8 → 392 → 784 on MNIST as it is: 60,000 training images, no augmentation. The error is the
 *   mean squared error per pixel over the 10,000 test images.
 * - A recipe is a set of the command's own settings. It may not depend on the seed, nor on how a run goes.
 * - The clock runs during training steps alone, from the first one until the end of the first epoch after
 *   which the error is at most the target. Shuffling and gathering count. Reading the data, starting threads,
 *   compiling and the tests after epochs do not, for anyone.
 * - A seed fails where no epoch of the recipe reaches the target; a recipe holds if at most one seed of
 *   twenty fails.
 * - Libraries start from the same weights for a seed, with the same rates for every step; each shuffles in
 *   its own way. Before they are raced, their first losses must be the float64 reference's.
 * - Recipes and libraries take turns, seed by seed, so that the machine's moods meet them alike.
 */
import { setTimeout } from 'node:timers/promises'
import type { Dataset } from '../../src/data/dataset.ts'
import { limitImages } from '../../src/data/dataset.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Simd } from '../../src/engines/options.ts'
import { findDeadUnits } from '../../src/run/latent-units.ts'
import type { GivenSettings, RunSettings } from '../../src/run/settings.ts'
import { completeSettings, networkOf, trainingOf } from '../../src/run/settings.ts'
import type { EpochRecord } from '../../src/training/history.ts'
import { train } from '../../src/training/trainer.ts'
import type { Journal } from './journal.ts'
import { QualityPeers } from './quality-peers.ts'

/** Test MSE; what the seed project's settings reach at z 8 after some 25 epochs, where all units live. */
const TARGET = 0.019
const BOTTLENECK = 8

export interface Recipe {
  readonly name: string
  readonly settings: GivenSettings
}

/** OpenMP's and XLA's threads spin for up to 0.2 s after their work. */
const PAUSE_MILLISECONDS = 300

/** The seed project's settings have no end of their own: a run that is not there by then has failed. */
const SEED_EPOCHS = 40

/** What lets a run learn from the first step on, see docs/schedules.md. */
const START = { weightDecay: 0, outputBias: 'mean' } as const

/** The seed project's own settings, and from another start; short ones, for ReLU and for linear codes. */
const SEED_RELU: Recipe = { name: 'the seed’s own', settings: { epochs: SEED_EPOCHS } }
const SEED_STARTED: Recipe = {
  name: 'the seed’s rates',
  settings: { epochs: SEED_EPOCHS, latentBias: 0.6, ...START },
}
const SHORT_RELU: Recipe = {
  name: 'short, ReLU',
  settings: {
    epochs: 2,
    batchSize: 64,
    learningRate: 4e-3,
    schedule: 'linear',
    warmup: 0.2,
    latentBias: 0.6,
    ...START,
  },
}
const SHORT_LINEAR: Recipe = {
  name: 'short, linear',
  settings: {
    epochs: 2,
    batchSize: 128,
    learningRate: 6e-3,
    schedule: 'linear',
    warmup: 0.2,
    latentActivation: 'identity',
    ...START,
  },
}

export type QualityPeer = 'pytorch-fused' | 'pytorch-fused-flush' | 'jax'

/** One that is raced with a recipe. */
export interface Racer extends Recipe {
  /** Who trains. */
  readonly library: 'hourglass' | QualityPeer
  /** Seeds 1 … so many. */
  readonly seeds: number
}

/** A recipe's promise is for twenty seeds; the others are there to be compared with, and take longer. */
const SEEDS = { short: 20, seed: 5, peerShort: 5, peerSeed: 2 } as const

/**
 * PyTorch as it comes meets subnormal numbers where there is weight decay, and a processor takes a hundred
 * cycles for each: the rival is PyTorch told to flush them, as XLA does of itself.
 */
export const RACERS: readonly Racer[] = [
  { ...SHORT_RELU, library: 'hourglass', seeds: SEEDS.short },
  { ...SHORT_LINEAR, library: 'hourglass', seeds: SEEDS.short },
  { ...SEED_RELU, library: 'hourglass', seeds: SEEDS.seed },
  { ...SEED_STARTED, library: 'hourglass', seeds: SEEDS.seed },
  ...(['pytorch-fused-flush', 'jax'] as const).flatMap((library) => [
    { ...SHORT_RELU, library, seeds: SEEDS.peerShort },
    { ...SHORT_LINEAR, library, seeds: SEEDS.peerShort },
    { ...SEED_RELU, library, seeds: SEEDS.peerSeed },
  ]),
  { ...SHORT_RELU, library: 'pytorch-fused', seeds: SEEDS.peerShort },
]

export interface QualityRun {
  readonly seed: number
  /** Absent where no epoch reached the target. */
  readonly seconds?: number
  /** Epochs done: those until the target, or all of the recipe. */
  readonly epochs: number
  /** Seconds of training steps in all of them. */
  readonly trainedSeconds: number
  /** Test error after the last of them. */
  readonly testLoss: number
  /** Latent units that some test image wakes; known of Hourglass alone. */
  readonly activeUnits?: number
}

export interface QualityResult {
  readonly target: number
  readonly threads: number
  readonly trainingImages: number
  readonly racers: readonly (Racer & { readonly runs: readonly QualityRun[] })[]
  /** Libraries that were not raced, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

export interface QualityPlan {
  readonly target: number
  readonly racers: readonly Racer[]
  readonly trainingImages: number
  /** In place of a recipe's own. */
  readonly epochs?: number
}

export function qualityPlan(isQuick: boolean): QualityPlan {
  if (!isQuick) return { target: TARGET, racers: RACERS, trainingImages: Number.POSITIVE_INFINITY }
  const racers = RACERS.map((racer) => ({ ...racer, seeds: 1 }))
  return { target: TARGET, racers, trainingImages: 1024, epochs: 1 }
}

export interface QualityOptions {
  readonly threads: number
  readonly simd: Simd
  /** Runs that it holds are not done again. */
  readonly journal: Journal
  /** No further run begins once this is so. */
  readonly isOver: () => boolean
  /** Called after each run with what there is. */
  readonly onPartial: (result: QualityResult) => Promise<void>
}

/** The run of one racer with one seed. */
export interface Race {
  readonly target: number
  readonly settings: RunSettings
  readonly threads: number
}

export async function benchQuality(
  dataset: Dataset,
  { target, racers, trainingImages, epochs }: QualityPlan,
  { threads, simd, journal, isOver, onPartial }: QualityOptions,
): Promise<QualityResult> {
  const count = Math.min(trainingImages, dataset.train.count)
  const data = { ...dataset, train: limitImages(dataset.train, count) }
  const entries = racers.map((racer) => ({ ...racer, runs: [] as QualityRun[] }))
  const peers = new QualityPeers(data, threads)
  const result = { target, threads, trainingImages: count, racers: entries, missing: peers.missing }
  const mostSeeds = Math.max(...racers.map(({ seeds }) => seeds))
  try {
    for (let seed = 1; seed <= mostSeeds; seed++) {
      for (const { library, settings: own, seeds, runs } of entries) {
        if (seed > seeds) continue
        const given = { ...own, ...(epochs !== undefined && { epochs, warmup: 0 }) }
        const settings = completeSettings({ ...given, bottleneck: BOTTLENECK, seed })
        const key = { library, ...{ target, threads, simd, images: count }, settings: { ...given, seed } }
        const found = journal.find<QualityRun>(key)
        if (found !== undefined) runs.push(found)
        if (found !== undefined || isOver()) continue
        await setTimeout(PAUSE_MILLISECONDS)
        const race = { target, settings, threads }
        const run =
          library === 'hourglass' ? await raceOurs(data, race, simd) : await peers.race(library, race)
        if (run === undefined) continue
        await journal.add(key, run)
        runs.push(run)
        await onPartial(result)
      }
    }
  } finally {
    await peers.close()
  }
  return result
}

async function raceOurs(data: Dataset, { target, settings, threads }: Race, simd: Simd): Promise<QualityRun> {
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
    const trainedSeconds = history.reduce((sum, record) => sum + record.seconds, 0)
    const dead = await findDeadUnits(engine, test.rows)
    return {
      seed: settings.seed,
      ...(isThere(last) && { seconds: trainedSeconds }),
      epochs: history.length,
      trainedSeconds,
      testLoss: last.testLoss ?? Number.NaN,
      activeUnits: settings.bottleneck - dead.length,
    }
  } finally {
    await engine.dispose()
  }
}
