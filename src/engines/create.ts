/** Engines in Node. */
import { availableParallelism } from 'node:os'
import type { Network } from '../model/network.ts'
import { MAX_THREADS } from './checks.ts'
import type { EngineMakers } from './devices.ts'
import { createOnDevice } from './devices.ts'
import type { Engine } from './engine.ts'
import type { EngineOptions } from './options.ts'
import { threadsThatPay } from './wasm/algorithms.ts'

export type { Device, EngineOptions } from './options.ts'

let mayFlag = false

/**
 * Lets every engine of this process set flags of V8, unless its own `v8Flags` says otherwise: for programs
 * that have the process to themselves, such as the commands.
 */
export function allowV8Flags(): void {
  mayFlag = true
}

const MAKERS: EngineMakers = {
  async cpu(network, options) {
    const { threads = Math.min(availableParallelism(), MAX_THREADS), simd = 'auto' } = options
    const { createWasmEngine } = await import('./wasm/node.ts')
    const v8Flags = options.v8Flags ?? mayFlag
    return createWasmEngine(network, { threads, simd, v8Flags, stepThreads: threadsThatPay })
  },
  async webgpu(network) {
    const { createWebgpuNodeEngine } = await import('./webgpu/node.ts')
    return createWebgpuNodeEngine(network)
  },
  async mayHaveGpu() {
    const { mayHaveGpu } = await import('./webgpu/node.ts')
    return mayHaveGpu()
  },
}

/**
 * Begins what takes time and needs no network yet, the compiling and checking of the core, so that it is done
 * while data loads. `createEngine` finds it done. What fails here fails there again, and is said there.
 */
export function prepareEngine({ device = 'auto', simd = 'auto', v8Flags = mayFlag }: EngineOptions): void {
  if (device === 'webgpu' || device === 'reference') return
  import('./wasm/node.ts')
    .then(({ chooseNodeModule }) => chooseNodeModule(simd, { v8Flags }))
    .catch(() => undefined)
}

/**
 * Throws a `DeviceError` that says why when the chosen device cannot compute here; a `UsageError` for other
 * options.
 */
export function createEngine(network: Network, options: EngineOptions = {}): Promise<Engine> {
  return createOnDevice(network, options, MAKERS)
}
