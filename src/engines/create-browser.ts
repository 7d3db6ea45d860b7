/** Engines in a browser. */
import type { Network } from '../model/network.ts'
import type { EngineMakers } from './devices.ts'
import { createOnDevice } from './devices.ts'
import type { Engine } from './engine.ts'
import type { EngineOptions } from './options.ts'

export type { Device, EngineOptions } from './options.ts'

const MAKERS: EngineMakers = {
  async cpu(network, { threads, simd }) {
    const { createWasmBrowserEngine } = await import('./wasm/browser.ts')
    return createWasmBrowserEngine(network, { threads, simd })
  },
  async webgpu(network) {
    const { createWebgpuBrowserEngine } = await import('./webgpu/browser.ts')
    return createWebgpuBrowserEngine(network)
  },
  async mayHaveGpu() {
    // Absent in browsers without WebGPU, and on pages that are not secure contexts.
    const gpu = (navigator as { readonly gpu?: GPU }).gpu
    return gpu !== undefined && (await gpu.requestAdapter().catch(() => null)) !== null
  },
}

/**
 * Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other
 * options.
 */
export function createBrowserEngine(network: Network, options: EngineOptions = {}): Promise<Engine> {
  return createOnDevice(network, options, MAKERS)
}
