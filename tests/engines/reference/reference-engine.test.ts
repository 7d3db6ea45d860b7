import { createReferenceEngine } from '../../../src/engines/reference/reference-engine.ts'
import { conformance } from '../conformance.ts'

/** Against itself nothing may differ at all. */
conformance('the reference engine', async (network) => createReferenceEngine(network), {
  tolerance: { loss: 0, parameters: 0, moments: 0, outputs: 0 },
})
