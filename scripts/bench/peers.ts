/** Our engine and every installed peer on the same data: one interleaved session at each shape. */
import { isDeepStrictEqual } from 'node:util'
import type { ImageSet } from '../../src/data/dataset.ts'
import type { RowSet } from '../../src/data/rows.ts'
import type { Simd } from '../../src/engines/options.ts'
import { DeviceError } from '../../src/errors.ts'
import { initialParameters } from '../../src/random/streams.ts'
import {
  AVX2_ENVIRONMENT,
  createWorkload,
  PEER_KINDS,
  type Peer,
  type PeerConfig,
  PeerError,
  type PeerKind,
  PeerUnavailableError,
  peerTitle,
  startPeer,
} from '../peers/peer.ts'
import type { BenchEngine, Shape } from './engines.ts'
import { disposeAll, networkOf, STANDARD, trainingContestant, verifiedEngine } from './engines.ts'
import { compareLosses, referenceLosses, SEED, VERIFIED_STEPS, type Verification } from './expected.ts'
import type { Journal } from './journal.ts'
import { mayExceedAvx2 } from './machine.ts'
import type { Contestant, Effort, Measurement } from './measure.ts'
import { measure, quantile } from './measure.ts'
import { rowsFor } from './shapes.ts'

/** Of Hourglass beside a peer. */
export type Standing = 'ahead' | 'level' | 'behind'

export interface PeerRow {
  readonly title: string
  readonly isOurs: boolean
  /** Of the library, and what it runs on. */
  readonly version: string
  readonly threads: number
  /** As we or the library call it; undefined where it does not tell. */
  readonly instructions?: string
  /** Milliseconds of one step. */
  readonly time: Measurement
  /** Median over our own median in the same session. */
  readonly timesOurs: number
  readonly standing: Standing
  readonly verified: Verification
}

/** One interleaved session. */
export interface PeerSession {
  readonly shape: Shape
  /** What sets the session apart from others of the shape, for example how its environment was set. */
  readonly title: string
  readonly environment: Readonly<Record<string, string>>
  readonly rows: readonly PeerRow[]
  /** Peers that were not measured, and why. */
  readonly missing: readonly Missing[]
}

export interface PeersResult {
  readonly sessions: readonly PeerSession[]
}

export interface Missing {
  readonly name: string
  readonly reason: string
}

const PYTHON_PEERS: readonly PeerKind[] = ['pytorch', 'pytorch-fused', 'jax', 'tensorflow']
/**
 * Batches are of so many rows where all that takes part is verified: the float64 reference takes minutes for
 * larger ones.
 */
const VERIFIED_BATCH = 256

export const AS_THEY_COME = 'as they come'
export const AVX2_ALONE = 'native peers with AVX2 alone'

export interface PeersOptions {
  readonly images: ImageSet
  readonly shapes: readonly Shape[]
  readonly threads: number
  readonly simd: Simd
  readonly effort: Effort
  readonly version: string
  /** Sessions that it holds are not measured again. */
  readonly journal: Journal
  /** No further session begins once this is so. */
  readonly isOver: () => boolean
  /** Called after each session with what there is. */
  readonly onPartial: (result: PeersResult) => Promise<void>
}

/**
 * At each shape all peers as they come; then, where the machine may have wider vectors than AVX2, the native
 * ones once more with AVX2 alone, which is as wide as WebAssembly gets. The JavaScript peers, which are
 * slower by far, are measured at the standard shape alone.
 */
export async function benchPeers(options: PeersOptions): Promise<PeersResult> {
  const { shapes, threads, simd, effort, version, journal } = options
  const plans = [{ title: AS_THEY_COME, environment: {} }]
  if (await mayExceedAvx2()) plans.push({ title: AVX2_ALONE, environment: AVX2_ENVIRONMENT })
  const sessions: PeerSession[] = []
  for (const shape of shapes) {
    for (const { title, environment } of plans) {
      const key = { shape, title, threads, simd, effort, version }
      const found = journal.find<PeerSession>(key)
      if (found === undefined && options.isOver()) continue
      const session = found ?? (await runSession(options, shape, title, environment))
      if (found === undefined) await journal.add(key, session)
      sessions.push(session)
      await options.onPartial({ sessions })
    }
  }
  return { sessions }
}

async function runSession(
  options: PeersOptions,
  shape: Shape,
  title: string,
  environment: Readonly<Record<string, string>>,
): Promise<PeerSession> {
  const set = rowsFor(shape, options.images)
  const network = networkOf(shape)
  const verifiedBatch = Math.min(VERIFIED_BATCH, shape.batchSize)
  const expectedLosses = await referenceLosses(network, set.rows, verifiedBatch, VERIFIED_STEPS)
  const workload = await createWorkload({
    network,
    images: set.rows,
    parameters: initialParameters(network, SEED),
    batchSize: verifiedBatch,
    expectedLosses,
  })
  const missing: Missing[] = []
  const ours: BenchEngine[] = []
  const peers: Peer[] = []
  try {
    ours.push(...(await startOurs(options, shape, set, expectedLosses, missing)))
    const kinds =
      isDeepStrictEqual(shape, { ...STANDARD }) && title === AS_THEY_COME ? PEER_KINDS : PYTHON_PEERS
    await startPeers(kinds, { workload, threads: options.threads, seed: SEED, environment }, peers, missing)
    const { measurements, failures } = await measure(
      [
        ...ours.map((engine) => trainingContestant(ourTitle(engine), engine, set.count)),
        ...peers.map((peer) => peerContestant(peer, shape.batchSize)),
      ],
      options.effort,
    )
    const find = (name: string) => measurements.find((measurement) => measurement.name === name)
    const rows = [
      ...ours.map((engine) => ourRow(engine, options.version)),
      ...peers.map((peer) => peerRow(peer, expectedLosses)),
    ].flatMap((row) => {
      const time = find(row.title)
      return time === undefined ? [] : [{ ...row, time, ...compared(time, measurements[0]) }]
    })
    return { shape, title, environment, rows, missing: [...missing, ...failures] }
  } finally {
    await Promise.all(peers.map((peer) => peer.close()))
    await disposeAll(ours)
    await workload.dispose()
  }
}

/**
 * How Hourglass stands beside another: ahead where it was the faster one in more than three quarters of the
 * rounds and by its median, behind where it was the slower one in as many.
 *
 * @param ours of the same session, so that the samples are of the same rounds
 */
export function compared(theirs: Measurement, ours: Measurement): Pick<PeerRow, 'timesOurs' | 'standing'> {
  const ratios = theirs.samples.map((sample, round) => sample / ours.samples[round]).sort((a, b) => a - b)
  const lower = quantile(ratios, 0.25)
  const upper = quantile(ratios, 0.75)
  const timesOurs = theirs.median / ours.median
  if (timesOurs > 1 && lower > 1) return { timesOurs, standing: 'ahead' }
  return { timesOurs, standing: timesOurs < 1 && upper < 1 ? 'behind' : 'level' }
}

/**
 * Starts those of `kinds` that can be had, all at once, into `peers` in the order of `kinds`: all that have
 * started are there to be closed whatever happened to another.
 */
export async function startPeers(
  kinds: readonly PeerKind[],
  config: PeerConfig,
  peers: Peer[],
  missing: Missing[],
): Promise<void> {
  const outcomes = await Promise.allSettled(kinds.map((kind) => startPeer(kind, config)))
  for (const outcome of outcomes) if (outcome.status === 'fulfilled') peers.push(outcome.value)
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue
    const error: unknown = outcome.reason
    if (!(error instanceof PeerUnavailableError || error instanceof PeerError)) throw error
    missing.push({ name: peerTitle(kinds[i]), reason: error.message })
  }
}

/**
 * Our engine as it comes and, if that fuses to 256 bits, once more without: as in a browser or on an older
 * Node.
 */
async function startOurs(
  { threads, simd }: PeersOptions,
  shape: Shape,
  { rows }: RowSet,
  expectedLosses: readonly number[],
  missing: Missing[],
): Promise<BenchEngine[]> {
  const engines: BenchEngine[] = []
  const verifiedBatch = Math.min(VERIFIED_BATCH, shape.batchSize)
  for (const kind of new Set<Simd>([simd, '128'])) {
    try {
      const setting = { ...shape, threads, simd: kind }
      engines.push(await verifiedEngine(`--simd ${kind}`, setting, rows, expectedLosses, verifiedBatch))
    } catch (error) {
      if (!(error instanceof DeviceError) || engines.length === 0) throw error
      missing.push({ name: `Hourglass --simd ${kind}`, reason: error.message })
    }
  }
  return engines
}

function ourTitle({ setting }: BenchEngine): string {
  return setting.simd === 'auto' ? 'Hourglass' : `Hourglass --simd ${setting.simd}`
}

type Untimed = Omit<PeerRow, 'time' | 'timesOurs' | 'standing'>

function ourRow(bench: BenchEngine, version: string): Untimed {
  return {
    title: ourTitle(bench),
    isOurs: true,
    version: `${version}, Node ${process.versions.node}`,
    threads: bench.setting.threads,
    instructions: bench.engine.info.arithmetic,
    verified: bench.verified,
  }
}

function peerRow({ title, info, losses }: Peer, expectedLosses: readonly number[]): Untimed {
  const { version, runtime, threads, instructions } = info
  return {
    title,
    isOurs: false,
    version: `${version}, ${runtime}`,
    threads,
    ...(instructions !== undefined && { instructions }),
    // `startPeer` has refused other arithmetic.
    verified: compareLosses(losses, expectedLosses),
  }
}

/** @param batchSize default: the workload's */
export function peerContestant(peer: Peer, batchSize?: number): Contestant {
  return {
    name: peer.title,
    mayFail: true,
    run: async (steps) => (await peer.run(steps, batchSize)).milliseconds,
  }
}
