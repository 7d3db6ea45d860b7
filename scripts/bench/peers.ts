/** Our engine and every installed peer on the same data, sizes and arithmetic, interleaved in one session. */
import type { ImageSet } from '../../src/data/dataset.ts'
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
  type Workload,
} from '../peers/peer.ts'
import type { BenchEngine } from './engines.ts'
import { disposeAll, networkOf, STANDARD, trainingContestant, verifiedEngine } from './engines.ts'
import { compareLosses, SEED, type Verification } from './expected.ts'
import { mayExceedAvx2 } from './machine.ts'
import type { Contestant, Effort, Measurement } from './measure.ts'
import { measure } from './measure.ts'

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
  readonly verified: Verification
}

/** One interleaved session. */
export interface PeerSession {
  /** What sets the session apart, for example how its environment was set. */
  readonly title: string
  readonly environment: Readonly<Record<string, string>>
  readonly rows: readonly PeerRow[]
}

export interface PeersResult {
  readonly sessions: readonly PeerSession[]
  /** Peers that were not measured, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
}

const PYTHON_PEERS: readonly PeerKind[] = ['pytorch', 'pytorch-fused', 'jax', 'tensorflow']

export interface PeersOptions {
  readonly set: ImageSet
  readonly threads: number
  readonly simd: Simd
  readonly expectedLosses: readonly number[]
  readonly effort: Effort
  readonly version: string
}

/**
 * All peers as they come; then, where the machine may have wider vectors than AVX2, the native ones once more
 * with AVX2 alone, which is as wide as WebAssembly gets.
 */
export async function benchPeers(options: PeersOptions): Promise<PeersResult> {
  const network = networkOf(STANDARD)
  const workload = await createWorkload({
    network,
    images: options.set.rows,
    parameters: initialParameters(network, SEED),
    batchSize: STANDARD.batchSize,
    expectedLosses: options.expectedLosses,
  })
  const missing: { name: string; reason: string }[] = []
  try {
    const sessions = [await runSession(options, workload, 'as they come', PEER_KINDS, {}, missing)]
    const installed = PYTHON_PEERS.filter((kind) => !missing.some(({ name }) => name === peerTitle(kind)))
    if (installed.length > 0 && (await mayExceedAvx2())) {
      sessions.push(
        await runSession(
          options,
          workload,
          'native peers with AVX2 alone',
          installed,
          AVX2_ENVIRONMENT,
          missing,
        ),
      )
    }
    return { sessions, missing }
  } finally {
    await workload.dispose()
  }
}

async function runSession(
  options: PeersOptions,
  workload: Workload,
  title: string,
  kinds: readonly PeerKind[],
  environment: Readonly<Record<string, string>>,
  missing: { name: string; reason: string }[],
): Promise<PeerSession> {
  const { set, effort } = options
  const ours: BenchEngine[] = []
  const peers: Peer[] = []
  try {
    ours.push(...(await startOurs(options, missing)))
    await startPeers(kinds, { workload, threads: options.threads, seed: SEED, environment }, peers, missing)
    const contestants = [
      ...ours.map((engine) => trainingContestant(ourTitle(engine), engine, set.count)),
      ...peers.map((peer) => peerContestant(peer)),
    ]
    const { measurements, failures } = await measure(contestants, effort)
    missing.push(...failures)
    const find = (name: string) => measurements.find((measurement) => measurement.name === name)
    const rows = [
      ...ours.map((engine) => ourRow(engine, options.version)),
      ...peers.map((peer) => peerRow(peer, options.expectedLosses)),
    ].flatMap((row) => {
      const time = find(row.title)
      return time === undefined ? [] : [{ ...row, time, timesOurs: time.median / measurements[0].median }]
    })
    return { title, environment, rows }
  } finally {
    await Promise.all(peers.map((peer) => peer.close()))
    await disposeAll(ours)
  }
}

/**
 * Starts those of `kinds` that can be had, into `peers` one by one, so that they can be closed whatever
 * happens to the next.
 */
export async function startPeers(
  kinds: readonly PeerKind[],
  config: PeerConfig,
  peers: Peer[],
  missing: { name: string; reason: string }[],
): Promise<void> {
  for (const kind of kinds) {
    try {
      peers.push(await startPeer(kind, config))
    } catch (error) {
      if (!(error instanceof PeerUnavailableError || error instanceof PeerError)) throw error
      missing.push({ name: peerTitle(kind), reason: error.message })
    }
  }
}

/**
 * Our engine as it comes and, if that fuses to 256 bits, once more without: as in a browser or on an older
 * Node.
 */
async function startOurs(
  { set, threads, simd, expectedLosses }: PeersOptions,
  missing: { name: string; reason: string }[],
): Promise<BenchEngine[]> {
  const engines: BenchEngine[] = []
  for (const kind of new Set<Simd>([simd, '128'])) {
    try {
      const setting = { ...STANDARD, threads, simd: kind }
      engines.push(await verifiedEngine(`--simd ${kind}`, setting, set.rows, expectedLosses))
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

type Untimed = Omit<PeerRow, 'time' | 'timesOurs'>

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
