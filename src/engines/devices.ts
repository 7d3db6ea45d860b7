/** The devices by name, and which engine each means: once for Node and browsers, which differ in how they make them. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { checkThreads } from './checks.ts'
import type { Engine } from './engine.ts'
import type { Simd } from './wasm/module-choice.ts'
import type { WebgpuEngine } from './webgpu/webgpu-engine.ts'

export const DEVICES = ['auto', 'cpu', 'wasm', 'webgpu', 'reference'] as const
export type Device = (typeof DEVICES)[number]

export const SIMD_CHOICES: readonly Simd[] = ['auto', '256', '128', 'plain']

/** `EngineInfo.bits` of the CPU engine: whether its multiply-add rounds once or twice. */
export const WASM_BITS = {
  fused: 'wasm, fused multiply-add',
  separate: 'wasm, separate multiply and add',
} as const

export interface EngineOptions {
  /**
   * `cpu` and `wasm` are one engine; `auto` (the default) takes it too, unless a GPU trains this network faster. A
   * software adapter is never taken by `auto`.
   */
  readonly device?: Device | undefined
  /**
   * Worker threads of the CPU engine; default: the available parallelism. Always 1 in a page that is not cross-origin
   * isolated.
   */
  readonly threads?: number | undefined
  /**
   * Arithmetic of the CPU engine: 256-bit (in Node) or 128-bit relaxed multiply-add, or SIMD128 without it. Default
   * `auto`.
   */
  readonly simd?: Simd | undefined
  /**
   * Whether flags of V8 may be set, which hold for the whole process: `--experimental-wasm-revectorize`, without which
   * there is no 256-bit arithmetic, and `--wasm-tiering-budget`. Default false. The bits are the same either way. Counts
   * in Node alone.
   */
  readonly v8Flags?: boolean | undefined
}

/** Names of the options, for those who refuse all others. */
export const ENGINE_OPTIONS = [
  'device',
  'threads',
  'simd',
  'v8Flags',
] as const satisfies readonly (keyof EngineOptions)[]

/** How a runtime makes the engines; each loads its code only when it is called. */
export interface EngineMakers {
  cpu(network: Network, options: EngineOptions): Promise<Engine>
  webgpu(network: Network): Promise<WebgpuEngine>
  /** Whether there may be a GPU at all: without one, `auto` loads nothing more. */
  mayHaveGpu(): Promise<boolean>
}

/** Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other options. */
export async function createOnDevice(
  network: Network,
  options: EngineOptions,
  makers: EngineMakers,
): Promise<Engine> {
  const { device = 'auto', threads, simd = 'auto', v8Flags = false } = options
  if (typeof v8Flags !== 'boolean') {
    throw new UsageError(`v8Flags: expected true or false, found ${String(v8Flags)}`)
  }
  if (threads !== undefined) checkThreads(threads)
  if (!SIMD_CHOICES.includes(simd)) {
    throw new UsageError(`simd: expected ${SIMD_CHOICES.join(', ')}, found ${simd}`)
  }
  switch (device) {
    case 'auto': {
      const createCpu = () => makers.cpu(network, options)
      if (!(await makers.mayHaveGpu())) return createCpu()
      const { createFastestEngine } = await import('./fastest.ts')
      return createFastestEngine(network, createCpu, makers.webgpu)
    }
    case 'cpu':
    case 'wasm':
      return makers.cpu(network, options)
    case 'webgpu':
      return makers.webgpu(network)
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
