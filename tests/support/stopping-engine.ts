import { delegate } from '../../src/engines/delegate.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { shuffledOrder } from '../../src/random/streams.ts'

/** An engine whose epoch `epoch`, over so many rows, ends after `steps` steps, as a signal would end it. */
export function stoppingEngine(
  engine: Engine,
  rows: number,
  epoch: number,
  steps: number,
  controller: AbortController,
): Engine {
  return {
    ...delegate(engine),
    async trainEpoch(request) {
      if (request.epoch !== epoch) return engine.trainEpoch(request)
      const order = shuffledOrder(rows, request.seed, epoch).slice(0, steps * request.batchSize)
      const { learningRate: rate } = request
      const learningRate = typeof rate === 'number' ? rate : rate.subarray(0, steps)
      const { batchLosses } = await engine.trainEpoch({ ...request, order, learningRate })
      controller.abort()
      return { batchLosses, stepsDone: steps, steps: Math.ceil(rows / request.batchSize) }
    },
  }
}
