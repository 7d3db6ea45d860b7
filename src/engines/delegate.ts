/** An engine that does what another does: to change single methods of. */
import type { Engine } from './engine.ts'

/** Passes every call on to `engine`, which stays the one that computes and that `dispose` ends. */
export function delegate(engine: Engine): Engine {
  return {
    info: engine.info,
    network: engine.network,
    roomFor: (rows) => engine.roomFor(rows),
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
