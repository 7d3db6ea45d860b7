/** The WASM engine in Node: the core from a file, workers from Piscina, and V8's 256-bit fusing where it can be had. */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DeviceError, HourglassError } from '../../errors.ts'
import { reason } from '../../files/reason.ts'
import type { Network } from '../../model/network.ts'
import type { Engine } from '../engine.ts'
import { instantiateCore } from './core.ts'
import { createMemory } from './memory.ts'
import type { CoreName, ModuleChoice, Platform, Simd } from './module-choice.ts'
import { chooseModule } from './module-choice.ts'
import { createPiscinaPool } from './node-pool.ts'
import { canFuse, compileBaseline, compileFused, compileUnfused, enableRelaxedSimd } from './node-v8.ts'
import { WasmEngine } from './wasm-engine.ts'

export interface WasmOptions {
  readonly threads: number
  readonly simd: Simd
}

/** The CPU engine on `threads` worker threads. Throws DeviceError where `simd` asks for what the runtime has not. */
export async function createWasmEngine(network: Network, options: WasmOptions): Promise<Engine> {
  const { threads, simd } = options
  const choice = await chooseNodeModule(simd)
  const memory = createMemory()
  const core = await instantiateCore(choice.module, memory)
  const pool = await createPiscinaPool(threads, choice.module, memory)
  return new WasmEngine(network, {
    memory,
    core,
    pool,
    wideTile: choice.wideTile,
    cores: availableParallelism(),
    arithmetic: choice.arithmetic,
  })
}

const choices = new Map<string, Promise<ModuleChoice>>()

/**
 * The build of the core that suits this Node, compiled and checked once in a process. Throws DeviceError where `simd` asks for
 * what the runtime has not.
 */
export function chooseNodeModule(simd: Simd, name: CoreName = 'core'): Promise<ModuleChoice> {
  const key = `${name} ${simd}`
  const known = choices.get(key)
  if (known) return known
  const choice = chooseOnce(simd, name)
  choices.set(key, choice)
  // What was in the way, such as too many open files, may be gone the next time.
  choice.catch(() => choices.delete(key))
  return choice
}

async function chooseOnce(simd: Simd, name: CoreName): Promise<ModuleChoice> {
  if (simd !== 'plain') enableRelaxedSimd()
  let loaded = 'the core'
  try {
    const platform: Platform = {
      load: (file) => {
        const url = new URL(`../../../build/${file}`, import.meta.url)
        loaded = fileURLToPath(url)
        return readFile(url)
      },
      compile: async (bytes) => compileUnfused(bytes),
      fusing: canFuse ? { compileFused, compileBaseline } : undefined,
    }
    return await chooseModule(simd, platform, name)
  } catch (cause) {
    if (cause instanceof HourglassError) throw cause
    const found = cause instanceof WebAssembly.CompileError ? 'a damaged file' : reason(cause)
    throw new DeviceError(
      `${loaded}: expected the compiled core, found: ${found}; install the package again, or run npm run build`,
      { cause },
    )
  }
}
