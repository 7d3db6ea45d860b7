import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { conformance } from '../conformance.ts'

conformance('the WASM engine, threads 3, --simd plain', (network) =>
  createWasmEngine(network, { threads: 3, simd: 'plain' }),
)
