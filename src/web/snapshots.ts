/** Looking at a model while it trains, without changing a bit of what it learns. */
import type { Engine, EpochRequest, EpochResult } from '../browser.ts'
import { shuffledOrder } from '../browser.ts'
import { delegate } from '../engines/delegate.ts'
import { nextTask } from './dom.ts'

/** Told at every stop. `batchLosses` are those of the steps since the stop before. */
export interface Snapshot {
  readonly epoch: number
  readonly stepsDone: number
  readonly steps: number
  readonly batchLosses: Float64Array
}

/**
 * An engine whose epochs stop between two steps every `intervalMs`, await `onSnapshot` (in which the engine
 * is idle and may be read) and go on. The parts are together, bit for bit, the epoch in one go.
 */
export function withSnapshots(
  engine: Engine,
  intervalMs: number,
  onSnapshot: (snapshot: Snapshot) => Promise<void>,
): Engine {
  let rowCount = 0
  return {
    ...delegate(engine),
    setTrainingSet: async (set) => {
      rowCount = set.rows.length / engine.network.layers[0].inputs
      await engine.setTrainingSet(set)
      await nextTask()
    },
    initialize: async (seed) => {
      await engine.initialize(seed)
      await nextTask()
    },
    // The order is drawn once for the epoch rather than by the engine for every part of it.
    trainEpoch: async (request) => {
      const order = request.order ?? shuffledOrder(rowCount, request.seed, request.epoch)
      await nextTask()
      return trainInParts(engine, { ...request, order }, intervalMs, onSnapshot)
    },
  }
}

async function trainInParts(
  engine: Engine,
  request: EpochRequest,
  intervalMs: number,
  onSnapshot: (snapshot: Snapshot) => Promise<void>,
): Promise<EpochResult> {
  const losses: number[] = []
  let firstStep = request.firstStep ?? 0
  for (;;) {
    const { batchLosses, stepsDone, steps } = await trainPart(engine, { ...request, firstStep }, intervalMs)
    for (const loss of batchLosses) losses.push(loss)
    await onSnapshot({ epoch: request.epoch, stepsDone, steps, batchLosses })
    if (stepsDone === steps || request.signal?.aborted) {
      return { batchLosses: Float64Array.from(losses), stepsDone, steps }
    }
    firstStep = stepsDone
  }
}

/** Trains until the epoch is done, the time is over or the caller's signal aborts. */
async function trainPart(engine: Engine, request: EpochRequest, intervalMs: number): Promise<EpochResult> {
  const stop = new AbortController()
  const abort = () => stop.abort()
  if (request.signal?.aborted) abort()
  request.signal?.addEventListener('abort', abort)
  const timer = setTimeout(abort, intervalMs)
  try {
    return await engine.trainEpoch({ ...request, signal: stop.signal })
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', abort)
  }
}
