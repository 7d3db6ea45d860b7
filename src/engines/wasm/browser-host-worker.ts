/**
 * Where a page is not cross-origin isolated, memory cannot be shared: this worker holds the whole engine, one
 * thread of the same core, and the page speaks to it by messages (`hosted-engine.ts`).
 */
import type { Network } from '../../model/network.ts'
import type { EpochRequest } from '../engine.ts'
import { instantiateCore, runTask } from './core.ts'
import type { HostAnswer, HostCall } from './hosted-engine.ts'
import { createMemory } from './memory.ts'
import type { ModuleChoice } from './module-choice.ts'
import { turnsNowAndThen } from './turns.ts'
import { WasmEngine } from './wasm-engine.ts'

/** Between jobs the worker hears a stop, and reports progress, when it is time. */
const STEPS_PER_JOB = 4

async function createHosted(network: Network, choice: ModuleChoice): Promise<WasmEngine> {
  const { module, wideTile, arithmetic } = choice
  const memory = createMemory()
  const core = await instantiateCore(module, memory)
  const takeTurn = turnsNowAndThen()
  return new WasmEngine(network, {
    memory,
    core,
    pool: {
      size: 1,
      run: async (task) => {
        await takeTurn()
        runTask(core, task)
      },
      close: async () => {},
    },
    wideTile,
    cores: 1,
    arithmetic,
    stepsPerJob: STEPS_PER_JOB,
  })
}

let engine: WasmEngine | undefined
let controller = new AbortController()

function answer(message: HostAnswer): void {
  postMessage(message)
}

async function call({ id, method, args }: Extract<HostCall, { id: number }>): Promise<unknown> {
  if (method === 'create') {
    engine = await createHosted(...args)
    return engine.info
  }
  if (!engine) throw new Error('internal: a call came before create')
  if (method === 'trainEpoch') {
    controller = new AbortController()
    const request: EpochRequest = {
      ...args[0],
      signal: controller.signal,
      onProgress: (progress) => answer({ id, progress }),
    }
    return engine.trainEpoch(request)
  }
  // Every other method takes cloneable arguments and gives a cloneable result.
  return (engine[method] as (...values: readonly unknown[]) => Promise<unknown>).apply(engine, [...args])
}

addEventListener('message', (event: MessageEvent<HostCall>) => {
  const message = event.data
  if (!('id' in message)) {
    controller.abort()
    return
  }
  const { id } = message
  call(message).then(
    (result) => answer({ id, result }),
    (error: unknown) => {
      const { name, message: text } = error instanceof Error ? error : new Error(String(error))
      answer({ id, error: { name, message: text } })
    },
  )
})
