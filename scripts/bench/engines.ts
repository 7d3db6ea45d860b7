/** Engines as contestants: what is done once before they are timed, and the work that is timed. */
import type { RowSet } from '../../src/data/rows.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Engine } from '../../src/engines/engine.ts'
import type { Simd } from '../../src/engines/options.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { shuffledOrder } from '../../src/random/streams.ts'
import {
  BATCH_SIZE,
  firstLosses,
  learningRate,
  SEED,
  type Verification,
  verifyLosses,
  weightDecay,
} from './expected.ts'
import type { Contestant } from './measure.ts'
import { timed } from './measure.ts'

/** A network of the seed's form and a batch. */
export interface Shape {
  readonly inputs: number
  readonly hidden: number
  readonly bottleneck: number
  readonly batchSize: number
}

/** What an engine is asked to do; MNIST at batch 256 and z 8 unless a series varies it. */
export interface Setting extends Shape {
  readonly threads: number
  readonly simd: Simd
  /** Default `cpu`. */
  readonly device?: 'cpu' | 'webgpu'
}

export const STANDARD = { inputs: 784, hidden: 392, bottleneck: 8, batchSize: BATCH_SIZE } as const

export interface BenchEngine {
  readonly engine: Engine
  readonly setting: Setting
  readonly verified: Verification
}

export function networkOf({ inputs, hidden, bottleneck }: Omit<Shape, 'batchSize'>): Network {
  return hourglass({ input: inputs, hidden, bottleneck })
}

/**
 * An engine that has been verified against the losses of the first steps. Throws DeviceError where `simd`
 * asks for what the runtime has not, HourglassError where the losses are others.
 *
 * @param batchSize of those steps; default: the setting's
 */
export async function verifiedEngine(
  name: string,
  setting: Setting,
  images: RowSet['rows'],
  expectedLosses: readonly number[],
  batchSize = setting.batchSize,
): Promise<BenchEngine> {
  const { threads, simd, device = 'cpu' } = setting
  const engine = await createEngine(networkOf(setting), { device, threads, simd })
  try {
    const losses = await firstLosses(engine, images, batchSize, expectedLosses.length)
    return { engine, setting, verified: verifyLosses(name, losses, expectedLosses) }
  } catch (error) {
    await engine.dispose()
    throw error
  }
}

/** Endless shuffled full batches: a new permutation each epoch, its incomplete last batch left out. */
class ShuffledBatches {
  readonly #count: number
  readonly #batchSize: number
  #order: Uint32Array = new Uint32Array(0)
  #epoch = 0
  #next = 0

  constructor(count: number, batchSize: number) {
    this.#count = count
    this.#batchSize = batchSize
  }

  /** Image indices of the next so many batches, (steps · batchSize). */
  take(steps: number): Uint32Array {
    const taken = new Uint32Array(steps * this.#batchSize)
    for (let step = 0; step < steps; step++) {
      if (this.#next + this.#batchSize > this.#order.length) {
        this.#epoch++
        this.#order = shuffledOrder(this.#count, SEED, this.#epoch)
        this.#next = 0
      }
      taken.set(this.#order.subarray(this.#next, this.#next + this.#batchSize), step * this.#batchSize)
      this.#next += this.#batchSize
    }
    return taken
  }
}

/**
 * Training steps, everything included: shuffle, gather, forward, backward, Adam.
 *
 * @param frozenLayers as in `EpochRequest`; all layers frozen leaves the forward pass and the loss
 */
export function trainingContestant(
  name: string,
  { engine, setting }: BenchEngine,
  imageCount: number,
  frozenLayers = 0,
): Contestant {
  const { batchSize } = setting
  const batches = new ShuffledBatches(imageCount, batchSize)
  return timed(name, async (steps) => {
    const order = batches.take(steps)
    await engine.trainEpoch({
      seed: SEED,
      epoch: 1,
      batchSize,
      learningRate,
      weightDecay,
      order,
      frozenLayers,
    })
  })
}

/** Whole epochs over the training set, shuffled by the engine. */
export function epochContestant(name: string, { engine, setting }: BenchEngine): Contestant {
  let epoch = 0
  return timed(name, async (epochs) => {
    for (let i = 0; i < epochs; i++) {
      epoch++
      await engine.trainEpoch({
        seed: SEED,
        epoch,
        batchSize: setting.batchSize,
        learningRate,
        weightDecay,
      })
    }
  })
}

/**
 * Training steps as a run takes them: whole epochs, shuffled by the engine, which may prepare the next one
 * meanwhile. An incomplete last batch counts as the part of a step that it is.
 */
export function runContestant(name: string, engine: BenchEngine, imageCount: number): Contestant {
  const stepsPerEpoch = imageCount / engine.setting.batchSize
  const epochs = epochContestant(name, engine)
  return {
    name,
    async run(steps) {
      const count = Math.max(1, Math.round(steps / stepsPerEpoch))
      return ((await epochs.run(count)) * steps) / (count * stepsPerEpoch)
    },
  }
}

/** Ends all of them, whatever happens. */
export async function disposeAll(engines: readonly BenchEngine[]): Promise<void> {
  await Promise.all(engines.map(({ engine }) => engine.dispose()))
}
