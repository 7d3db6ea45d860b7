/** The parts of the benchmark, with what each needs and how long it may take. */
import type { Dataset } from '../../src/data/dataset.ts'
import type { Simd } from '../../src/engines/options.ts'
import { chooseNodeModule } from '../../src/engines/wasm/node.ts'
import { letOptimize } from '../../src/engines/wasm/self-check.ts'
import { DeviceError } from '../../src/errors.ts'
import { networkOf, type Shape, STANDARD } from './engines.ts'
import { BATCH_SIZE, referenceLosses, VERIFIED_STEPS } from './expected.ts'
import { benchGpu, type GpuPlan } from './gpu.ts'
import { benchInference } from './inference.ts'
import type { Journal } from './journal.ts'
import type { KernelsResult } from './kernels.ts'
import { benchKernels, loadBenchCore } from './kernels.ts'
import type { Effort } from './measure.ts'
import { trainedProducts } from './minibatch.ts'
import { benchPeers, type PeersResult } from './peers.ts'
import { benchProcess } from './process.ts'
import type { Product } from './products.ts'
import { benchQuality, type QualityResult, qualityPlan } from './quality.ts'
import type { BenchResult } from './report.ts'
import { benchScaling, benchStep, type ScalingPlan, threadCounts } from './step.ts'

export const PARTS = [
  'kernels',
  'step',
  'scaling',
  'inference',
  'peers',
  'process',
  'gpu',
  'quality',
] as const
export type Part = (typeof PARTS)[number]

export interface BenchOptions {
  readonly dataset: Dataset
  readonly dataDirectory: string | undefined
  /** The most; the step is measured with fewer too. */
  readonly threads: number
  readonly simd: Simd
  readonly isQuick: boolean
  readonly version: string
  /** At which peers are measured. */
  readonly shapes: readonly Shape[]
  /** What a call before has measured of the parts that take longest: peers and quality. */
  readonly journal: Journal
  /** Those parts begin nothing new once this is so. */
  readonly isOver: () => boolean
  /** Called when a part that takes long has filled in some more of the result. */
  readonly onPartial?: () => Promise<void>
}

interface Plan {
  readonly kernels: Effort
  readonly step: Effort
  readonly epoch: Effort
  readonly scaling: Effort
  readonly inference: Effort
  readonly peers: Effort
  readonly process: Effort
  readonly gpu: Effort
  readonly gpuSizes: GpuPlan
  readonly sizes: ScalingPlan
  /** Steps of training before the hidden units' zeros are taken for real. */
  readonly trainedSteps: number
}

function effort(
  rounds: number,
  sampleMilliseconds: number,
  warmUpMilliseconds: number,
  budgetSeconds: number,
  pauseMilliseconds = 0,
): Effort {
  const budgetMilliseconds = 1000 * budgetSeconds
  return { rounds, sampleMilliseconds, warmUpMilliseconds, budgetMilliseconds, pauseMilliseconds }
}

const FULL: Plan = {
  kernels: effort(25, 10, 50, 60),
  step: effort(15, 150, 500, 120),
  epoch: effort(5, 0, 0, 120),
  scaling: effort(11, 150, 300, 120),
  inference: effort(15, 150, 300, 60),
  // OpenMP's and XLA's threads spin for up to 0.2 s after their work.
  peers: effort(9, 400, 1500, 200, 300),
  process: effort(5, 0, 1, 300, 300),
  gpu: effort(7, 100, 300, 60, 50),
  gpuSizes: { batchSizes: [256, 64, 1024, 4096], hidden: [392, 1568] },
  sizes: {
    batchSize: [32, 64, 128, 256, 512, 1024, 2048, 4096],
    bottleneck: [2, 4, 8, 16, 32, 64, 128],
    hidden: [128, 256, 392, 784, 1568, 3136],
  },
  trainedSteps: 235,
}

const QUICK: Plan = {
  kernels: effort(3, 1, 1, 1),
  step: effort(3, 15, 15, 1),
  epoch: effort(1, 0, 0, 1),
  scaling: effort(3, 15, 15, 1),
  inference: effort(3, 1, 1, 1),
  peers: effort(3, 20, 20, 1, 50),
  process: effort(1, 0, 0, 1),
  gpu: effort(1, 0, 0, 1),
  gpuSizes: { batchSizes: [256], hidden: [392] },
  sizes: { batchSize: [32, 256, 512], bottleneck: [2, 8, 128], hidden: [128, 392] },
  trainedSteps: 20,
}

/**
 * Runs the core of `kind`, which is not to be fused to 256 bits, until V8 has optimized it. Fusing is a flag
 * of the whole process that counts when a function is optimized: without this the numbers of `--simd 128`
 * would be those of partly fused code.
 */
async function settle(kind: '128' | 'plain'): Promise<void> {
  try {
    const { module, wideTile } = await chooseNodeModule(kind)
    await letOptimize(module, wideTile)
  } catch (error) {
    // Said again, and listed as missing, where it is to be measured.
    if (!(error instanceof DeviceError)) throw error
  }
}

/** Measures the parts in the order of `PARTS` into `result`; `onPart` hears of each when it is done. */
export async function runParts(
  parts: ReadonlySet<Part>,
  options: BenchOptions,
  result: BenchResult,
  onPart: (part: Part) => void,
): Promise<void> {
  const { dataset, threads, simd, isQuick } = options
  const { train, test } = dataset
  const plan = isQuick ? QUICK : FULL
  // The fused kind, where there is one, first: the one that `auto` takes.
  const simds: readonly Simd[] = simd === 'auto' ? ['auto', '128', 'plain'] : [simd]
  await settle('128')
  await settle('plain')
  const needsLosses = (['step', 'inference'] as const).some((part) => parts.has(part))
  const expectedLosses = needsLosses
    ? await referenceLosses(networkOf(STANDARD), train.rows, BATCH_SIZE, VERIFIED_STEPS)
    : []
  const measured: Record<Part, () => Promise<void>> = {
    kernels: async () => {
      // What is not to be fused comes first: see `settle`.
      const kinds = simds.filter((kind) => kind !== 'plain' || simd === 'plain').reverse()
      const results: KernelsResult[] = []
      let products: readonly Product[] | undefined
      for (const kind of kinds) {
        const core = await loadBenchCore(kind)
        products ??= await trainedProducts(train, plan.trainedSteps, threads, kind, core)
        results.unshift(await benchKernels(core, products, plan.kernels))
      }
      result.kernels = results
    },
    step: async () => {
      result.step = await benchStep(
        train,
        threadCounts(threads),
        simds,
        expectedLosses,
        plan.step,
        plan.epoch,
      )
    },
    scaling: async () => {
      result.scaling = await benchScaling(train, plan.sizes, threads, simd, plan.scaling)
    },
    inference: async () => {
      result.inference = await benchInference(train, test, threads, simd, expectedLosses, plan.inference)
    },
    peers: async () => {
      const { version, shapes, journal, isOver } = options
      const onPartial = async (soFar: PeersResult) => {
        result.peers = soFar
        await options.onPartial?.()
      }
      const common = { threads, simd, version, journal, isOver, onPartial }
      result.peers = await benchPeers({ ...common, images: train, shapes, effort: plan.peers })
    },
    process: async () => {
      result.process = await benchProcess(dataset, options.dataDirectory, threads, simd, plan.process)
    },
    gpu: async () => {
      result.gpu = await benchGpu(train, plan.gpuSizes, threads, plan.gpu, plan.epoch, async (soFar) => {
        result.gpu = soFar
        await options.onPartial?.()
      })
    },
    quality: async () => {
      const { journal, isOver } = options
      const onPartial = async (soFar: QualityResult) => {
        result.quality = soFar
        await options.onPartial?.()
      }
      const qualityOptions = { threads, simd, journal, isOver, onPartial }
      result.quality = await benchQuality(dataset, qualityPlan(isQuick), qualityOptions)
    },
  }
  for (const part of PARTS) {
    if (!parts.has(part)) continue
    await measured[part]()
    onPart(part)
  }
}
