/**
 * The WASM engine in a browser: Web Workers over one memory where the page is cross-origin isolated, else one
 * worker.
 */
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import { checkNetwork } from '../checks.ts'
import type { Engine } from '../engine.ts'
import type { Simd } from '../options.ts'
import { threadsThatPay } from './algorithms.ts'
import { loadCore } from './browser-files.ts'
import { createWebWorkerPool } from './browser-pool.ts'
import { instantiateCore } from './core.ts'
import { HostedEngine } from './hosted-engine.ts'
import { createMemory } from './memory.ts'
import { chooseModule } from './module-choice.ts'
import { createOrClose } from './wasm-engine.ts'

/** A page's policy may forbid it. Rejects with a DeviceError. */
function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  return WebAssembly.compile(bytes).catch((cause) => {
    const remedy = "a Content-Security-Policy must allow script-src 'wasm-unsafe-eval'"
    throw new DeviceError(`expected to compile the core, found: ${cause.message}; ${remedy}`, { cause })
  })
}

export interface WasmBrowserOptions {
  /** Workers; default: the browser's hardwareConcurrency. Without cross-origin isolation always 1. */
  readonly threads?: number | undefined
  readonly simd?: Simd | undefined
}

/**
 * The CPU engine. Throws UsageError for a network that no engine computes, DeviceError for what the browser
 * has not.
 */
export async function createWasmBrowserEngine(
  network: Network,
  { threads = navigator.hardwareConcurrency, simd = 'auto' }: WasmBrowserOptions = {},
): Promise<Engine> {
  checkNetwork(network)
  const choice = await chooseModule(simd, {
    load: loadCore,
    compile,
    // A page cannot set V8's flags.
    fusing: undefined,
  })
  if (!crossOriginIsolated) return HostedEngine.create(network, choice)
  const { module, wideTile, arithmetic } = choice
  const memory = createMemory()
  const core = await instantiateCore(module, memory)
  const pool = await createWebWorkerPool(threads, module, memory)
  const cores = navigator.hardwareConcurrency
  return createOrClose(network, pool, {
    memory,
    core,
    wideTile,
    cores,
    arithmetic,
    stepThreads: threadsThatPay,
  })
}
