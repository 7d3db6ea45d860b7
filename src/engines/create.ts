/** The one place that knows the engines by name, in Node. Each is loaded only when it is asked for. */
import { availableParallelism } from 'node:os'
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { checkThreads, MAX_THREADS } from './checks.ts'
import type { Engine } from './engine.ts'
import type { Simd } from './wasm/module-choice.ts'

export type Device = 'auto' | 'cpu' | 'wasm' | 'webgpu' | 'reference'

export interface EngineOptions {
  /**
   * `cpu` and `wasm` are one engine; `auto` (the default) takes it too, unless a GPU trains this network faster. A
   * software adapter is never taken by `auto`.
   */
  readonly device?: Device | undefined
  /** Worker threads of the CPU engine; default: the available parallelism. */
  readonly threads?: number | undefined
  /** Arithmetic of the CPU engine: 256-bit or 128-bit relaxed multiply-add, or SIMD128 without it. Default `auto`. */
  readonly simd?: Simd | undefined
}

/**
 * Begins what takes time and needs no network yet, the compiling and checking of the core, so that it is done while data
 * loads. `createEngine` finds it done. What fails here fails there again, and is said there.
 */
export function prepareEngine({ device = 'auto', simd = 'auto' }: EngineOptions): void {
  if (device === 'webgpu' || device === 'reference') return
  import('./wasm/node.ts').then(({ chooseNodeModule }) => chooseNodeModule(simd)).catch(() => undefined)
}

const SIMD_CHOICES: readonly Simd[] = ['auto', '256', '128', 'plain']

/** Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other options. */
export async function createEngine(network: Network, options: EngineOptions = {}): Promise<Engine> {
  const { device = 'auto', threads = Math.min(availableParallelism(), MAX_THREADS), simd = 'auto' } = options
  checkThreads(threads)
  if (!SIMD_CHOICES.includes(simd)) {
    throw new UsageError(`simd: expected ${SIMD_CHOICES.join(', ')}, found ${simd}`)
  }
  const createCpu = async () => {
    const { createWasmEngine } = await import('./wasm/node.ts')
    return createWasmEngine(network, { threads, simd })
  }
  switch (device) {
    case 'auto': {
      const { createWebgpuNodeEngine, mayHaveGpu } = await import('./webgpu/node.ts')
      if (!mayHaveGpu()) return createCpu()
      const { createFastestEngine } = await import('./fastest.ts')
      return createFastestEngine(network, createCpu, createWebgpuNodeEngine)
    }
    case 'cpu':
    case 'wasm':
      return createCpu()
    case 'webgpu': {
      const { createWebgpuNodeEngine } = await import('./webgpu/node.ts')
      return createWebgpuNodeEngine(network)
    }
    case 'reference': {
      const { createReferenceEngine } = await import('./reference/reference-engine.ts')
      return createReferenceEngine(network)
    }
    default:
      throw new UsageError(
        `device: expected auto, cpu, wasm, webgpu or reference, found ${device satisfies never}`,
      )
  }
}
