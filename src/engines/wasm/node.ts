/** The WASM engine in Node: the core from a file, workers from Piscina, and V8's 256-bit fusing where it can be had. */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { Network } from '../../model/network.ts'
import type { Engine } from '../engine.ts'
import type { WorkerPool } from './core.ts'
import { instantiateCore } from './core.ts'
import { createMemory, FIRST_ADDRESS, type ImageMemory } from './memory-map.ts'
import type { ModuleChoice, Simd } from './module-choice.ts'
import { chooseModule } from './module-choice.ts'
import { canFuse, compileBaseline, compileFused, compileUnfused, enableRelaxedSimd } from './node-v8.ts'
import { WasmEngine } from './wasm-engine.ts'

export interface WasmOptions {
  readonly threads: number
  readonly simd: Simd
  /** Memory that training images were read into. */
  readonly imageMemory?: ImageMemory | undefined
}

/** The CPU engine on `threads` worker threads. Throws DeviceError where `simd` asks for what the runtime has not. */
export async function createWasmEngine(network: Network, options: WasmOptions): Promise<Engine> {
  const { threads, simd, imageMemory } = options
  const choice = await chooseNodeModule(simd)
  const memory = imageMemory?.memory ?? createMemory(FIRST_ADDRESS)
  const core = await instantiateCore(choice.module, memory)
  const pool = createPiscinaPool(threads, choice.module, memory)
  return new WasmEngine(network, {
    memory,
    images: imageMemory?.images,
    core,
    pool,
    wideTile: choice.wideTile,
    cores: availableParallelism(),
    arithmetic: choice.arithmetic,
  })
}

const choices = new Map<Simd, Promise<ModuleChoice>>()

/**
 * The build of the core that suits this Node, compiled and checked once in a process. Throws DeviceError where `simd` asks for
 * what the runtime has not.
 */
export function chooseNodeModule(simd: Simd): Promise<ModuleChoice> {
  const known = choices.get(simd)
  if (known) return known
  const choice = chooseOnce(simd)
  choices.set(simd, choice)
  return choice
}

async function chooseOnce(simd: Simd): Promise<ModuleChoice> {
  if (simd !== 'plain') enableRelaxedSimd()
  return chooseModule(simd, {
    load: (file) => readFile(new URL(`../../../build/${file}`, import.meta.url)),
    compile: async (bytes) => compileUnfused(bytes),
    fusing: canFuse ? { compileFused, compileBaseline } : undefined,
  })
}

/** `size` threads that each hold an instance of the core over `memory`; tests reach the threads through `piscina`. */
export function createPiscinaPool(
  size: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): WorkerPool & { readonly piscina: Piscina } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const piscina = new Piscina({
    filename: new URL(`./node-worker.${extension}`, import.meta.url).href,
    minThreads: size,
    maxThreads: size,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    workerData: { module, memory },
  })
  let closing: Promise<void> | undefined
  return {
    size,
    piscina,
    run: (task) => piscina.run(task),
    close: () => {
      closing ??= piscina.destroy()
      return closing
    },
  }
}
