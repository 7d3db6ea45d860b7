/** The one place that knows the engines by name, in a browser. Each is loaded only when it is asked for. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { checkThreads } from './checks.ts'
import type { Engine } from './engine.ts'

export type BrowserDevice = 'auto' | 'cpu' | 'wasm' | 'webgpu' | 'reference'

export interface BrowserEngineOptions {
  /** `cpu` and `wasm` are one engine; `auto` takes it too. Default `auto`. */
  readonly device?: BrowserDevice | undefined
  /** Web Workers of the CPU engine; default: the available parallelism. Without cross-origin isolation always 1. */
  readonly threads?: number | undefined
}

/** Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other options. */
export async function createBrowserEngine(
  network: Network,
  options: BrowserEngineOptions = {},
): Promise<Engine> {
  const { device = 'auto', threads } = options
  if (threads !== undefined) checkThreads(threads)
  switch (device) {
    case 'auto':
    case 'cpu':
    case 'wasm': {
      const { createWasmBrowserEngine } = await import('./wasm/browser.ts')
      return createWasmBrowserEngine(network, { threads })
    }
    case 'reference': {
      const { createReferenceEngine } = await import('./reference/reference-engine.ts')
      return createReferenceEngine(network)
    }
    case 'webgpu': {
      const { createWebgpuBrowserEngine } = await import('./webgpu/browser.ts')
      return createWebgpuBrowserEngine(network)
    }
    default:
      throw new UsageError(
        `device: expected auto, cpu, wasm, webgpu or reference, found ${device satisfies never}`,
      )
  }
}
