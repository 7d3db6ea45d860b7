/** Whether this machine can train the trials of a plan, and what it trains them on. Node only. */
import type { Dataset } from '../data/dataset.ts'
import { limitImages } from '../data/dataset.ts'
import type { EngineOptions } from '../engines/create.ts'
import { createEngine } from '../engines/create.ts'
import { UsageError } from '../errors.ts'
import type { MeasuringSet } from '../experiments/measures.ts'
import type { SweepData } from '../experiments/sweep-plan.ts'
import type { Network } from '../model/network.ts'
import type { RunIdentity } from '../run/identity.ts'
import { differenceOf, identityOf } from '../run/identity.ts'

/** What trials of one plan are trained on and judged by. Its arrays lie in shared memory. */
export interface Workload {
  readonly dataset: Dataset
  readonly measuring: MeasuringSet
  readonly sampleImages: readonly number[]
  readonly identity: RunIdentity
}

/** `EngineInfo.bits` of what computes here. Makes an engine of one thread, to see. */
export async function bitsHere(network: Network, options: EngineOptions): Promise<string> {
  const engine = await createEngine(network, { ...options, threads: 1 })
  const { bits } = engine.info
  await engine.dispose()
  return bits
}

/** The identity of runs on these data. */
export async function identityHere(dataset: Dataset, bits: string): Promise<RunIdentity> {
  const identity = await identityOf(dataset, bits)
  if (!identity) throw new Error('internal: data could not be digested')
  return identity
}

/** Which flag sets what differs. */
const FLAGS: Readonly<Record<string, string>> = { bits: '--simd, --device', computation: 'this version' }

/**
 * The data set with as many training images as the plan says.
 *
 * @param plan how messages call it: a file, or the queue
 * @throws UsageError where data, arithmetic or code are others than the plan's: its trials would end in other
 *   numbers
 */
export async function dataOfPlan(
  data: SweepData,
  plan: string,
  dataset: Dataset,
  bits: string,
): Promise<Dataset> {
  const { trainingImages, identity } = data
  const { count } = dataset.train
  if (count < trainingImages) {
    throw new UsageError(
      `--data: expected at least ${trainingImages} training images as in ${plan}, found ${count}`,
    )
  }
  const used = { ...dataset, name: data.name, train: limitImages(dataset.train, trainingImages) }
  const difference = differenceOf(identity, await identityHere(used, bits))
  if (difference) {
    const { key, what, stored, now } = difference
    const flag = FLAGS[key] ?? '--data'
    throw new UsageError(`${flag}: expected ${what} ${stored} as in ${plan}, found ${now}`)
  }
  return used
}
