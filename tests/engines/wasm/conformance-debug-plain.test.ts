import { engineFromParts } from '../../support/wasm-engine.ts'
import { conformance } from '../conformance.ts'

conformance('the WASM engine, debug build of plain SIMD, threads 1', async (network) => {
  const { engine } = await engineFromParts(network, { variant: 'plain.debug', threads: 1, wideTile: false })
  return engine
})
