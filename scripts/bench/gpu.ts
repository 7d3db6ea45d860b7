/**
 * The WebGPU engine: step and epoch beside our CPU engine and PyTorch on the same GPU, and what each pass
 * takes.
 */
import type { ImageSet } from '../../src/data/dataset.ts'
import type { PassTime } from '../../src/engines/webgpu/timing.ts'
import type { WebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { DeviceError } from '../../src/errors.ts'
import { initialParameters } from '../../src/random/streams.ts'
import type { Peer } from '../peers/peer.ts'
import { createWorkload, GPU_PEER_KINDS } from '../peers/peer.ts'
import type { BenchEngine } from './engines.ts'
import {
  disposeAll,
  epochContestant,
  networkOf,
  runContestant,
  STANDARD,
  trainingContestant,
  verifiedEngine,
} from './engines.ts'
import { compareLosses, referenceLosses, SEED, type Verification } from './expected.ts'
import type { Effort, Measurement } from './measure.ts'
import { measure } from './measure.ts'
import { peerContestant, startPeers } from './peers.ts'

export interface GpuRow {
  readonly title: string
  readonly what: string
  /** Milliseconds of one step. */
  readonly time: Measurement
  /** Median over the WebGPU engine's in the same session. */
  readonly timesOurs: number
  readonly verified: Verification
}

export interface GpuBatch {
  readonly hidden: number
  readonly batchSize: number
  readonly rows: readonly GpuRow[]
  readonly passes: readonly PassTime[]
}

export interface GpuResult {
  readonly adapter: string
  readonly isSoftware: boolean
  readonly batches: readonly GpuBatch[]
  /** Milliseconds of one epoch at the first sizes; not on software adapters, where it takes minutes. */
  readonly epoch: Measurement | undefined
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

/** Every batch size is measured with every number of hidden units. */
export interface GpuPlan {
  readonly batchSizes: readonly number[]
  readonly hidden: readonly number[]
}

const OURS = 'Hourglass (WebGPU)'
const CPU = 'Hourglass (CPU)'
/** Dispatches of one pass that are timed at once: enough to hide what the submission takes. */
const PASS_REPETITIONS = { hardware: 200, software: 2 } as const
/** torch.compile records its CUDA graphs in the first few steps, jax-cuda-scan compiles at the first 64. */
const FIRST_STEPS = 70
/**
 * Batches are of so many rows where all that takes part is verified: the float64 reference takes minutes for
 * larger ones.
 */
const VERIFIED_BATCH = 256

/**
 * Calls `onBatch` with what has been measured so far. Rejects with a DeviceError where there is no adapter.
 */
export async function benchGpu(
  set: ImageSet,
  { batchSizes, hidden: hiddenSizes }: GpuPlan,
  threads: number,
  effort: Effort,
  epochEffort: Effort,
  onBatch: (result: GpuResult) => Promise<void> = async () => {},
): Promise<GpuResult> {
  const missing: { name: string; reason: string }[] = []
  const batches: GpuBatch[] = []
  let about: Pick<GpuResult, 'adapter' | 'isSoftware' | 'epoch'> | undefined
  for (const hidden of hiddenSizes) {
    const sizes = { ...STANDARD, hidden }
    const network = networkOf(sizes)
    const losses = await referenceLosses(network, set.rows, VERIFIED_BATCH, 1)
    const setting = { ...sizes, batchSize: VERIFIED_BATCH, threads, simd: 'auto' } as const
    const engines: BenchEngine[] = []
    const peers: Peer[] = []
    const workload = await createWorkload({
      network,
      images: set.rows,
      parameters: initialParameters(network, SEED),
      batchSize: VERIFIED_BATCH,
      expectedLosses: losses,
    })
    try {
      engines.push(await verifiedEngine(OURS, { ...setting, device: 'webgpu' }, set.rows, losses))
      engines.push(await verifiedEngine(CPU, setting, set.rows, losses))
      const gpu = engines[0].engine as WebgpuEngine
      const kinds = gpu.isSoftware ? [] : GPU_PEER_KINDS
      await startPeers(kinds, { workload, threads, seed: SEED }, peers, missing)
      const whats = new Map<string, Pick<GpuRow, 'what' | 'verified'>>([
        [OURS, { what: gpu.info.arithmetic, verified: engines[0].verified }],
        [CPU, { what: engines[1].engine.info.arithmetic, verified: engines[1].verified }],
        ...peers.map(
          ({ title, info, losses: found }) =>
            [
              title,
              {
                what: `${info.version}, ${info.instructions ?? info.runtime}`,
                verified: compareLosses(found, losses),
              },
            ] as const,
        ),
      ])
      for (const batchSize of batchSizes) {
        const sized = engines.map((each) => ({ ...each, setting: { ...each.setting, batchSize } }))
        const contestants = [
          // Of a software adapter an epoch takes minutes.
          (gpu.isSoftware ? trainingContestant : runContestant)(OURS, sized[0], set.count),
          trainingContestant(CPU, sized[1], set.count),
          ...peers.map((peer) => peerContestant(peer, batchSize)),
        ]
        // What is compiled at the first step of a new size (ours too) would be taken for what a step takes.
        for (const { run } of contestants.filter(({ mayFail }) => !mayFail)) await run(1)
        await Promise.all(peers.map((peer) => peer.run(FIRST_STEPS, batchSize).catch(() => undefined)))
        const { measurements, failures } = await measure(contestants, effort)
        missing.push(...failures)
        const rows = measurements.map((time): GpuRow => {
          const of = whats.get(time.name) as Pick<GpuRow, 'what' | 'verified'>
          return { title: time.name, ...of, time, timesOurs: time.median / measurements[0].median }
        })
        if (!about) {
          const { adapterName, isSoftware } = gpu
          const epochs = isSoftware ? [] : [epochContestant(OURS, sized[0])]
          const { measurements } = await measure(epochs, epochEffort)
          about = { adapter: adapterName, isSoftware, epoch: measurements.at(0) }
        }
        const repetitions = gpu.isSoftware ? PASS_REPETITIONS.software : PASS_REPETITIONS.hardware
        batches.push({ hidden, batchSize, rows, passes: await gpu.timePasses(batchSize, repetitions) })
        // Timing single passes left parameters of no use.
        await gpu.initialize(SEED)
        await onBatch({ ...about, batches, missing })
      }
    } finally {
      await Promise.all(peers.map((peer) => peer.close()))
      await disposeAll(engines)
      await workload.dispose()
    }
  }
  if (!about) throw new DeviceError('WebGPU: no batch size was asked for')
  return { ...about, batches, missing }
}
