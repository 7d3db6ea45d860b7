/**
 * What every engine must do, checked against the reference engine (float64) as the oracle. An engine's own
 * test file calls `conformance` and adds only what is special about that engine.
 */
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { CASES } from './conformance/networks.ts'
import { testRefusals } from './conformance/refusals.ts'
import { type ConformanceOptions, type CreateEngine, EngineSuite } from './conformance/suite.ts'
import { testTraining } from './conformance/training.ts'

export function conformance(
  name: string,
  createEngine: CreateEngine,
  options: ConformanceOptions = {},
): void {
  const engines = new EngineSuite(name, createEngine, options)

  const cases = CASES.filter(({ isOneOfMany }) => !(options.isBrief && isOneOfMany))
  for (const { label, network, count, batchSize } of cases) {
    engines.test(`trains and infers like the reference: ${label}`, async () => {
      const engine = await engines.createEngine(network)
      const oracle = createReferenceEngine(network)
      try {
        await engines.compareTraining(engine, oracle, count, batchSize)
        await engines.compareInference(engine, oracle)
      } finally {
        await Promise.all([engine.dispose(), oracle.dispose()])
      }
    })
  }
  testTraining(engines)
  testRefusals(engines)
  engines.test.run()
}
