import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { conformance } from '../conformance.ts'

conformance('the WASM engine, threads 2, --simd auto', (network) =>
  createWasmEngine(network, { threads: 2, simd: 'auto' }),
)
