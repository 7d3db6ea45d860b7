import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { conformance } from '../conformance.ts'

conformance('the WASM engine, threads 5, --simd 128', (network) =>
  createWasmEngine(network, { threads: 5, simd: '128' }),
)
