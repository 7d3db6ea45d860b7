/** PyTorch and JAX in the race to a test error: the rules are in `quality.ts`. */
import type { Dataset, ImageSet } from '../../src/data/dataset.ts'
import { initialParameters } from '../../src/random/streams.ts'
import { networkOf, type RunSettings, trainingOf } from '../../src/run/settings.ts'
import { ReduceLROnPlateau } from '../../src/training/plateau.ts'
import { ratesOfEpoch } from '../../src/training/schedule.ts'
import { startParameters } from '../../src/training/start.ts'
import type { Peer, Workload } from '../peers/peer.ts'
import { createWorkload } from '../peers/peer.ts'
import { BATCH_SIZE, referenceLosses, SEED, VERIFIED_STEPS } from './expected.ts'
import { startPeers } from './peers.ts'
import type { QualityPeer, QualityRun, Race } from './quality.ts'

/** Processes that are started when they are first needed, one for each library, network and weight decay. */
export class QualityPeers {
  readonly missing: { name: string; reason: string }[] = []
  readonly #data: Dataset
  readonly #threads: number
  readonly #workloads = new Map<string, Promise<Workload>>()
  readonly #peers = new Map<string, Promise<Peer | undefined>>()

  constructor(data: Dataset, threads: number) {
    this.#data = data
    this.#threads = threads
  }

  /** Undefined where the library cannot be had: `missing` then says why. */
  async race(library: QualityPeer, { target, settings }: Race): Promise<QualityRun | undefined> {
    const key = `${library} ${startOf(settings)}`
    const peer = await remembered(this.#peers, key, () => this.#start(library, settings))
    return peer && runToTarget(peer, this.#data.train, target, settings)
  }

  async close(): Promise<void> {
    for (const peer of this.#peers.values()) await (await peer)?.close()
    for (const workload of this.#workloads.values()) await (await workload).dispose()
  }

  async #start(library: QualityPeer, settings: RunSettings): Promise<Peer | undefined> {
    const workload = await remembered(this.#workloads, startOf(settings), () =>
      workloadOf(this.#data, settings),
    )
    const started: Peer[] = []
    await startPeers([library], { workload, threads: this.#threads }, started, this.missing)
    return started.at(0)
  }
}

function remembered<Value>(
  values: Map<string, Promise<Value>>,
  key: string,
  make: () => Promise<Value>,
): Promise<Value> {
  const value = values.get(key) ?? make()
  values.set(key, value)
  return value
}

/** What a library must be told as it starts. */
function startOf({ latentActivation, weightDecay }: RunSettings): string {
  return `${latentActivation} ${weightDecay}`
}

async function workloadOf({ train, test }: Dataset, settings: RunSettings): Promise<Workload> {
  const { weightDecay } = settings
  const network = networkOf(settings, train.width * train.height)
  return createWorkload({
    network,
    images: train.rows,
    testImages: test.rows,
    parameters: initialParameters(network, SEED),
    batchSize: BATCH_SIZE,
    weightDecay,
    expectedLosses: await referenceLosses(network, train.rows, BATCH_SIZE, VERIFIED_STEPS, weightDecay),
  })
}

/** With the very rates that `train` gives our engines. */
async function runToTarget(
  peer: Peer,
  { count, width, height, rows }: ImageSet,
  target: number,
  settings: RunSettings,
): Promise<QualityRun> {
  const { seed, batchSize, epochs, learningRate } = settings
  const network = networkOf(settings, width * height)
  const parameters = startParameters(network, initialParameters(network, seed), trainingOf(settings), rows)
  await peer.begin({ parameters, batchSize, seed })
  const steps = Math.ceil(count / batchSize)
  const plateau = new ReduceLROnPlateau(learningRate)
  let trainedSeconds = 0
  for (let epoch = 1; ; epoch++) {
    const rates = ratesOfEpoch(trainingOf(settings), epoch, steps, plateau.state.learningRate)
    const { milliseconds, loss, testError } = await peer.trainEpoch(
      typeof rates === 'number' ? rates : Array.from(rates),
    )
    trainedSeconds += milliseconds / 1000
    plateau.step(loss)
    const isThere = testError <= target
    if (!isThere && epoch < epochs) continue
    return {
      seed,
      ...(isThere && { seconds: trainedSeconds }),
      epochs: epoch,
      trainedSeconds,
      testLoss: testError,
    }
  }
}
