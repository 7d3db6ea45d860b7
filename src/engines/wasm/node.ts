/**
 * The WASM engine in Node: the core from a file, workers from Piscina, and V8's 256-bit fusing where it can
 * be had.
 */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DeviceError, HourglassError } from '../../errors.ts'
import { WHERE_BUNDLED } from '../../files/bundled.ts'
import { reason } from '../../files/reason.ts'
import type { Network } from '../../model/network.ts'
import { checkNetwork } from '../checks.ts'
import type { Engine } from '../engine.ts'
import type { Simd } from '../options.ts'
import type { StepThreads } from './algorithms.ts'
import { instantiateCore } from './core.ts'
import { ensureCore } from './core-files.ts'
import { createMemory } from './memory.ts'
import type { CoreName, CoreUse, ModuleChoice, Platform } from './module-choice.ts'
import { chooseModule } from './module-choice.ts'
import { sharedAddressSpace } from './node-address-space.ts'
import { canFuse, compileBaseline, compileFused, compileUnfused } from './node-v8.ts'
import { kernelsOf } from './self-check.ts'
import { createOrClose } from './wasm-engine.ts'

export interface WasmOptions {
  readonly threads: number
  readonly simd: Simd
  /**
   * Whether V8's flags may be set for the process. Here it is, unless said otherwise: `createEngine` asks.
   */
  readonly v8Flags?: boolean | undefined
  /** How many of the threads a training step uses; default all. Changes no bit. */
  readonly stepThreads?: StepThreads | undefined
}

/**
 * The CPU engine on `threads` worker threads. Throws UsageError for a network that no engine computes,
 * DeviceError where `simd` asks for what the runtime has not or there is not enough of it for the network; no
 * thread is left then. Threads that cannot start are a DeviceError of the first call that needs them.
 */
export async function createWasmEngine(network: Network, options: WasmOptions): Promise<Engine> {
  checkNetwork(network)
  const { threads, simd, v8Flags, stepThreads } = options
  const choosing = chooseNodeModule(simd, { network, v8Flags })
  // It is awaited below, if nothing fails before.
  choosing.catch(() => undefined)
  const memory = createMemory(await sharedAddressSpace(threads))
  const { createPiscinaPool } = await import('./node-pool.ts')
  const module = choosing.then((choice) => choice.module)
  const pool = createPiscinaPool(threads, module, memory)
  const others = async () => {
    const { module, wideTile, arithmetic } = await choosing
    const core = await instantiateCore(module, memory)
    return { memory, core, wideTile, cores: availableParallelism(), arithmetic, stepThreads }
  }
  return createOrClose(network, pool, others())
}

const choices = new Map<string, Promise<ModuleChoice>>()

/**
 * The build of the core that suits this Node, compiled and checked once in a process; for `network` also what
 * is not checked without one. Throws DeviceError where `simd` asks for what the runtime has not.
 */
export async function chooseNodeModule(
  simd: Simd,
  { name = 'core', network, v8Flags = true }: NodeModuleUse = {},
): Promise<ModuleChoice> {
  if (simd === '256' && canFuse && !v8Flags) {
    throw new DeviceError(
      'simd 256: needs --experimental-wasm-revectorize, a flag of V8 that holds for the whole process: allow it by v8Flags: true, or use 128',
    )
  }
  const choice = await chooseChecked(simd, { name, v8Flags })
  if (!network || !choice.wideTile || kernelsOf(network) === 'seed') return choice
  return chooseChecked(simd, { name, kernels: kernelsOf(network), v8Flags })
}

interface NodeModuleUse {
  readonly name?: CoreName
  readonly network?: Network
  /** As in `WasmOptions`. */
  readonly v8Flags?: boolean | undefined
}

type CheckedUse = CoreUse & { readonly v8Flags: boolean }

function chooseChecked(simd: Simd, use: CheckedUse): Promise<ModuleChoice> {
  const key = `${simd} ${use.name} ${use.kernels} ${use.v8Flags}`
  const known = choices.get(key)
  if (known) return known
  const choice = chooseOnce(simd, use)
  choices.set(key, choice)
  // What was in the way, such as too many open files, may be gone the next time.
  choice.catch(() => choices.delete(key))
  return choice
}

async function chooseOnce(simd: Simd, { v8Flags, ...use }: CheckedUse): Promise<ModuleChoice> {
  let loaded = 'the core'
  try {
    const platform: Platform = {
      async load(file) {
        const url = new URL(`../../../build/${file}`, import.meta.url)
        loaded = fileURLToPath(url)
        await ensureCore(file)
        return readFile(url)
      },
      compile: v8Flags ? async (bytes) => compileUnfused(bytes) : (bytes) => WebAssembly.compile(bytes),
      fusing: canFuse && v8Flags ? { compileFused, compileBaseline } : undefined,
    }
    return await chooseModule(simd, platform, use)
  } catch (cause) {
    if (cause instanceof HourglassError) throw cause
    const found = cause instanceof WebAssembly.CompileError ? 'a damaged file' : reason(cause)
    throw new DeviceError(
      `${loaded}: expected the compiled core, found: ${found}; install the package again, or run npm run build; ${WHERE_BUNDLED}`,
      { cause },
    )
  }
}
