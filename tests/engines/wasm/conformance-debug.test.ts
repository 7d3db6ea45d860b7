import { engineFromParts } from '../../support/wasm-engine.ts'
import { conformance } from '../conformance.ts'

conformance('the WASM engine, debug build of relaxed SIMD, threads 2, wide tile', async (network) => {
  const { engine } = await engineFromParts(network, { variant: 'relaxed.debug', threads: 2, wideTile: true })
  return engine
})
