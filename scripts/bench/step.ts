/**
 * The training step and the epoch on several threads and with several kinds of SIMD, and how the step's time
 * grows.
 */
import type { ImageSet } from '../../src/data/dataset.ts'
import type { Simd } from '../../src/engines/options.ts'
import { DeviceError } from '../../src/errors.ts'
import type { Network } from '../../src/model/network.ts'
import type { BenchEngine, Setting } from './engines.ts'
import {
  disposeAll,
  epochContestant,
  networkOf,
  STANDARD,
  trainingContestant,
  verifiedEngine,
} from './engines.ts'
import { referenceFirstLosses, type Verification } from './expected.ts'
import type { Effort, Measurement } from './measure.ts'
import { measure } from './measure.ts'

export interface StepRow extends Setting {
  readonly arithmetic: string
  /** Milliseconds of one step. */
  readonly time: Measurement
  /** Milliseconds of one epoch of the whole training set, where measured. */
  readonly epoch?: Measurement
  /** Of the multiply-adds that the same step takes without skipping zeros. */
  readonly denseGflops: number
  readonly verified: Verification
}

export interface StepResult {
  readonly rows: readonly StepRow[]
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * Multiply-adds of a dense step, times 2: forward, weight gradient, and input gradient of all layers but the
 * first.
 */
export function denseStepFlops(network: Network, batchSize: number): number {
  const products = network.layers.map(({ inputs, outputs }) => inputs * outputs)
  const sum = products.reduce((total, product) => total + product, 0)
  return 2 * batchSize * (3 * sum - products[0])
}

/** 1, 2, 4, 8 … and the largest. */
export function threadCounts(largest: number): number[] {
  const counts: number[] = []
  for (let threads = 1; threads < largest; threads *= 2) counts.push(threads)
  return [...counts, largest]
}

/**
 * Every thread count with every kind of SIMD, interleaved; then the epoch of each thread count with the first
 * kind.
 */
export async function benchStep(
  set: ImageSet,
  threads: readonly number[],
  simds: readonly Simd[],
  expectedLosses: readonly number[],
  effort: Effort,
  epochEffort: Effort,
): Promise<StepResult> {
  const engines: BenchEngine[] = []
  const missing: { name: string; reason: string }[] = []
  try {
    for (const simd of simds) {
      try {
        for (const count of threads) {
          const setting = { ...STANDARD, threads: count, simd }
          engines.push(await verifiedEngine(nameOf(setting), setting, set.rows, expectedLosses))
        }
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error
        missing.push({ name: `--simd ${simd}`, reason: error.message })
      }
    }
    const { measurements } = await measure(
      engines.map((engine) => trainingContestant(nameOf(engine.setting), engine, set.count)),
      effort,
    )
    const first = engines.filter(({ setting }) => setting.simd === engines[0].setting.simd)
    const epochs = await measure(
      first.map((engine) => epochContestant(nameOf(engine.setting), engine)),
      epochEffort,
    )
    const rows = engines.map((engine, i) => {
      const epoch = epochs.measurements[first.indexOf(engine)]
      return { ...stepRow(engine, measurements[i]), ...(epoch && { epoch }) }
    })
    return { rows, missing }
  } finally {
    await disposeAll(engines)
  }
}

function nameOf({ threads, simd, batchSize, bottleneck, hidden }: Setting): string {
  return `step, threads ${threads}, simd ${simd}, batch ${batchSize}, z ${bottleneck}, hidden ${hidden}`
}

function stepRow({ engine, setting, verified }: BenchEngine, time: Measurement): StepRow {
  const flops = denseStepFlops(engine.network, setting.batchSize)
  const { arithmetic } = engine.info
  return { ...setting, arithmetic, time, denseGflops: flops / (time.median * 1e6), verified }
}

/** What one size is varied over while the others stay. */
export interface ScalingPlan {
  readonly batchSize: readonly number[]
  readonly bottleneck: readonly number[]
  readonly hidden: readonly number[]
}

export type ScalingResult = Readonly<Record<keyof ScalingPlan, readonly StepRow[]>>

/** A session for each series, whose points are interleaved. */
export async function benchScaling(
  set: ImageSet,
  plan: ScalingPlan,
  threads: number,
  simd: Simd,
  effort: Effort,
): Promise<ScalingResult> {
  const series = (what: keyof ScalingPlan) => {
    const settings = plan[what].map((value) => ({ ...STANDARD, threads, simd, [what]: value }))
    return benchSeries(set, settings, effort)
  }
  return {
    batchSize: await series('batchSize'),
    bottleneck: await series('bottleneck'),
    hidden: await series('hidden'),
  }
}

async function benchSeries(set: ImageSet, settings: readonly Setting[], effort: Effort): Promise<StepRow[]> {
  const engines: BenchEngine[] = []
  try {
    const byNetwork = Map.groupBy(settings, ({ hidden, bottleneck }) => `${hidden} ${bottleneck}`)
    for (const group of byNetwork.values()) {
      const sizes = group.map(({ batchSize }) => batchSize)
      const expected = await referenceFirstLosses(networkOf(group[0]), set.rows, sizes)
      for (const setting of group) {
        const loss = expected.get(setting.batchSize) as number
        engines.push(await verifiedEngine(nameOf(setting), setting, set.rows, [loss]))
      }
    }
    const contestants = engines.map((engine) => trainingContestant(nameOf(engine.setting), engine, set.count))
    const { measurements } = await measure(contestants, effort)
    return engines.map((engine, i) => stepRow(engine, measurements[i]))
  } finally {
    await disposeAll(engines)
  }
}
