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

/** An engine that does what another does: to change single methods of. */
export function delegate(engine: Engine): Engine {
  return {
    info: engine.info,
    network: engine.network,
    roomFor: (count) => engine.roomFor(count),
    setTrainingSet: (set) => engine.setTrainingSet(set),
    initialize: (seed) => engine.initialize(seed),
    writeState: (state) => engine.writeState(state),
    readState: () => engine.readState(),
    trainEpoch: (request) => engine.trainEpoch(request),
    forward: (inputs) => engine.forward(inputs),
    encode: (inputs) => engine.encode(inputs),
    decode: (codes) => engine.decode(codes),
    rowLosses: (inputs, labels) => engine.rowLosses(inputs, labels),
    reconstructionErrors: (inputs) => engine.reconstructionErrors(inputs),
    dispose: () => engine.dispose(),
  }
}
