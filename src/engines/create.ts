/** The one place that knows the engines by name, in Node. Each is loaded only when it is asked for. */
import { availableParallelism } from 'node:os'
import type { Network } from '../model/network.ts'
import type { Engine } from './engine.ts'
import type { Simd } from './wasm/module-choice.ts'

export type Device = 'auto' | 'cpu' | 'wasm' | 'webgpu' | 'reference'

export interface EngineOptions {
  /** `cpu` and `wasm` are one engine; `auto` takes it too. Default `auto`. */
  readonly device?: Device | undefined
  /** Worker threads of the CPU engine; default: the available parallelism. */
  readonly threads?: number | undefined
  /** Arithmetic of the CPU engine: 256-bit or 128-bit relaxed multiply-add, or SIMD128 without it. Default `auto`. */
  readonly simd?: Simd | undefined
}

/** Throws a `DeviceError` that says why when the chosen device cannot compute here. */
export async function createEngine(network: Network, options: EngineOptions = {}): Promise<Engine> {
  const { device = 'auto', threads = availableParallelism(), simd = 'auto' } = options
  switch (device) {
    case 'auto':
    case 'cpu':
    case 'wasm': {
      const { createWasmEngine } = await import('./wasm/node.ts')
      return createWasmEngine(network, { threads, simd })
    }
    case 'webgpu': {
      const { createWebgpuNodeEngine } = await import('./webgpu/node.ts')
      return createWebgpuNodeEngine(network)
    }
    case 'reference': {
      const { createReferenceEngine } = await import('./reference/reference-engine.ts')
      return createReferenceEngine(network)
    }
    default:
      throw new Error(`internal: unknown device ${device satisfies never}`)
  }
}
