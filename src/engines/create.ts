/** The one place that knows the engines by name, in Node. Each is loaded only when it is asked for. */
import { availableParallelism } from 'node:os'
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { checkThreads, MAX_THREADS } from './checks.ts'
import type { Engine } from './engine.ts'
import type { ImageMemory } from './wasm/memory-map.ts'
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
  /** What `prepareEngine` gave for the same options. */
  readonly prepared?: PreparedEngine | undefined
}

/** What can be had of an engine before its network is known: give it to `createEngine`, with the same options otherwise. */
export interface PreparedEngine {
  /**
   * Room for so many bytes of training images, in the engine's own memory where it will compute on the CPU: it need not copy
   * them then, and they must stay as they are while it trains. To be called once.
   */
  readonly allocate: (bytes: number) => Uint8Array
  readonly imageMemory: () => ImageMemory | undefined
}

/**
 * Begins what takes time and needs no network yet, the compiling and checking of the core, so that it is done while data loads.
 * `createEngine` finds it done. What fails here fails there again, and is said there.
 */
export async function prepareEngine({
  device = 'auto',
  simd = 'auto',
}: EngineOptions): Promise<PreparedEngine> {
  const onCpu = device === 'cpu' || device === 'wasm'
  if (onCpu || device === 'auto') {
    import('./wasm/node.ts').then(({ chooseNodeModule }) => chooseNodeModule(simd)).catch(() => undefined)
  }
  // An engine on a GPU would have to copy them out again.
  const canReserve = onCpu || (device === 'auto' && !(await import('./webgpu/node.ts')).mayHaveGpu())
  const memoryMap = canReserve ? await import('./wasm/memory-map.ts') : undefined
  let imageMemory: ImageMemory | undefined
  return {
    allocate(bytes) {
      imageMemory = memoryMap?.reserveImages(bytes)
      return imageMemory?.images ?? new Uint8Array(bytes)
    },
    imageMemory: () => imageMemory,
  }
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
    return createWasmEngine(network, { threads, simd, imageMemory: options.prepared?.imageMemory() })
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
