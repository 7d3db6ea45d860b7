/** Which engine each device means: once for Node and browsers, which differ in how they make them. */
import { UsageError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { kindOf } from '../quote.ts'
import { checkThreads } from './checks.ts'
import type { Engine } from './engine.ts'
import { type EngineOptions, SIMD_CHOICES } from './options.ts'
import type { WebgpuEngine } from './webgpu/webgpu-engine.ts'

/** How a runtime makes the engines; each loads its code only when it is called. */
export interface EngineMakers {
  cpu(network: Network, options: EngineOptions): Promise<Engine>
  webgpu(network: Network): Promise<WebgpuEngine>
  /** Whether there may be a GPU at all: without one, `auto` loads nothing more. */
  mayHaveGpu(): Promise<boolean>
}

/**
 * Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other
 * options.
 */
export async function createOnDevice(
  network: Network,
  options: EngineOptions,
  makers: EngineMakers,
): Promise<Engine> {
  const { device = 'auto', threads, simd = 'auto', v8Flags = false } = options
  if (typeof v8Flags !== 'boolean') {
    throw new UsageError(`v8Flags: expected true or false, found ${kindOf(v8Flags)}`)
  }
  if (threads !== undefined) checkThreads(threads)
  if (!SIMD_CHOICES.includes(simd)) {
    throw new UsageError(`simd: expected ${SIMD_CHOICES.join(', ')}, found ${kindOf(simd)}`)
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
        `device: expected auto, cpu, wasm, webgpu or reference, found ${kindOf(device satisfies never)}`,
      )
  }
}
