/** WASM engines from their parts: any build of the core, and a pool whose threads the test can reach. */
import { availableParallelism } from 'node:os'
import type { OperandChoice, StepThreads } from '../../src/engines/wasm/algorithms.ts'
import { instantiateCore } from '../../src/engines/wasm/core.ts'
import { createMemory } from '../../src/engines/wasm/memory.ts'
import { createPiscinaPool } from '../../src/engines/wasm/node-pool.ts'
import { WasmEngine } from '../../src/engines/wasm/wasm-engine.ts'
import type { Network } from '../../src/model/network.ts'
import type { CoreVariant } from './core.ts'
import { compileCore } from './core.ts'

export type TestPool = ReturnType<typeof createPiscinaPool>

export interface EngineUnderTest {
  readonly variant: CoreVariant
  readonly threads: number
  readonly wideTile: boolean
  readonly operands?: OperandChoice
  readonly stepThreads?: StepThreads
  /** What the engine gets in place of the pool. */
  readonly wrapPool?: (pool: TestPool) => TestPool
}

export async function engineFromParts(
  network: Network,
  { variant, threads, wideTile, operands, stepThreads, wrapPool = (pool) => pool }: EngineUnderTest,
): Promise<{ readonly engine: WasmEngine; readonly pool: TestPool }> {
  const module = compileCore(variant)
  const memory = createMemory()
  const core = await instantiateCore(module, memory)
  const pool = wrapPool(createPiscinaPool(threads, module, memory))
  const cores = availableParallelism()
  const engine = new WasmEngine(network, {
    memory,
    core,
    pool,
    wideTile,
    cores,
    arithmetic: variant,
    ...(operands && { operands }),
    stepThreads,
  })
  return { engine, pool }
}
