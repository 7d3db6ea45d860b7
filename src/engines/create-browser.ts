/** The one place that knows the engines by name, in a browser. Each is loaded only when it is asked for. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { checkThreads } from './checks.ts'
import type { Engine } from './engine.ts'

export type BrowserDevice = 'auto' | 'cpu' | 'wasm' | 'webgpu' | 'reference'

export interface BrowserEngineOptions {
  /**
   * `cpu` and `wasm` are one engine; `auto` (the default) takes it too, unless a GPU trains this network faster. A software
   * adapter is never taken by `auto`.
   */
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
  const createCpu = async () => {
    const { createWasmBrowserEngine } = await import('./wasm/browser.ts')
    return createWasmBrowserEngine(network, { threads })
  }
  switch (device) {
    case 'auto': {
      if (!(await hasAdapter())) return createCpu()
      const [{ createFastestEngine }, { createWebgpuBrowserEngine }] = await Promise.all([
        import('./fastest.ts'),
        import('./webgpu/browser.ts'),
      ])
      return createFastestEngine(network, createCpu, createWebgpuBrowserEngine)
    }
    case 'cpu':
    case 'wasm':
      return createCpu()
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

/** Whether the browser has a WebGPU adapter at all: without one, nothing more is loaded. */
async function hasAdapter(): Promise<boolean> {
  // Absent in browsers without WebGPU, and on pages that are not secure contexts.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu
  return gpu !== undefined && (await gpu.requestAdapter().catch(() => null)) !== null
}
