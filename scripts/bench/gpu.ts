/** The WebGPU engine: step and epoch beside our CPU engine and PyTorch on the same GPU, and what each pass takes. */
import type { ImageSet } from '../../src/data/dataset.ts'
import type { WebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { DeviceError } from '../../src/errors.ts'
import { initialParameters } from '../../src/random/streams.ts'
import type { Peer } from '../peers/peer.ts'
import { createWorkload, GPU_PEER_KINDS, peerTitle } from '../peers/peer.ts'
import type { BenchEngine } from './engines.ts'
import {
  disposeAll,
  epochContestant,
  networkOf,
  STANDARD,
  trainingContestant,
  verifiedEngine,
} from './engines.ts'
import { compareLosses, referenceFirstLosses, SEED, type Verification } from './expected.ts'
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

export interface PassRow {
  readonly name: string
  readonly milliseconds: number
  /** Floating-point operations of the pass's matrix product; 0 where it has none. */
  readonly flops: number
}

export interface GpuBatch {
  readonly batchSize: number
  readonly rows: readonly GpuRow[]
  readonly passes: readonly PassRow[]
}

export interface GpuResult {
  readonly adapter: string
  readonly isSoftware: boolean
  readonly batches: readonly GpuBatch[]
  /** Milliseconds of one epoch at the first batch size; not on software adapters, where it takes minutes. */
  readonly epoch: Measurement | undefined
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

const OURS = 'Hourglass (WebGPU)'
const CPU = 'Hourglass (CPU)'
/** Dispatches of one pass that are timed at once: enough to hide what the submission takes. */
const PASS_REPETITIONS = { hardware: 500, software: 2 } as const

/** Rejects with a DeviceError where there is no adapter. */
export async function benchGpu(
  set: ImageSet,
  batchSizes: readonly number[],
  threads: number,
  effort: Effort,
  epochEffort: Effort,
): Promise<GpuResult> {
  const missing: { name: string; reason: string }[] = []
  const batches: GpuBatch[] = []
  const expected = await referenceFirstLosses(networkOf(STANDARD), set.rows, batchSizes)
  let about: Pick<GpuResult, 'adapter' | 'isSoftware' | 'epoch'> | undefined
  for (const batchSize of batchSizes) {
    const setting = { ...STANDARD, batchSize, threads, simd: 'auto' } as const
    const losses = [expected.get(batchSize) as number]
    const engines: BenchEngine[] = []
    const peers: Peer[] = []
    const workload = await createWorkload({
      network: networkOf(STANDARD),
      images: set.rows,
      parameters: initialParameters(networkOf(STANDARD), SEED),
      batchSize,
      expectedLosses: losses,
    })
    try {
      engines.push(await verifiedEngine(OURS, { ...setting, device: 'webgpu' }, set.rows, losses))
      engines.push(await verifiedEngine(CPU, setting, set.rows, losses))
      const kinds = GPU_PEER_KINDS.filter((kind) => !missing.some(({ name }) => name === peerTitle(kind)))
      await startPeers(kinds, { workload, threads, seed: SEED }, peers, missing)
      const gpu = engines[0].engine as WebgpuEngine
      const { measurements, failures } = await measure(
        [
          trainingContestant(OURS, engines[0], set.count),
          trainingContestant(CPU, engines[1], set.count),
          ...peers.map(peerContestant),
        ],
        effort,
      )
      missing.push(...failures)
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
      const rows = measurements.map((time): GpuRow => {
        const of = whats.get(time.name) as Pick<GpuRow, 'what' | 'verified'>
        return { title: time.name, ...of, time, timesOurs: time.median / measurements[0].median }
      })
      if (!about) {
        const { adapterName, isSoftware } = gpu
        const epochs = isSoftware ? [] : [epochContestant(OURS, engines[0])]
        const { measurements } = await measure(epochs, epochEffort)
        about = { adapter: adapterName, isSoftware, epoch: measurements.at(0) }
      }
      // Last, for it leaves the parameters of no use.
      const repetitions = gpu.isSoftware ? PASS_REPETITIONS.software : PASS_REPETITIONS.hardware
      batches.push({ batchSize, rows, passes: await gpu.timePasses(batchSize, repetitions) })
    } finally {
      await Promise.all(peers.map((peer) => peer.close()))
      await disposeAll(engines)
      await workload.dispose()
    }
  }
  if (!about) throw new DeviceError('WebGPU: no batch size was asked for')
  return { ...about, batches, missing }
}
