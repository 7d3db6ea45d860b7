import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Engine } from '../../src/engines/engine.ts'
import { createFastestEngine, measureStepMs } from '../../src/engines/fastest.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import type { WebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { DeviceError } from '../../src/errors.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'

const NETWORK = hourglass({ input: 4, hidden: 3, bottleneck: 1 })

/**
 * Two kinds of engines that compute alike and are told apart by `info.device`; `alive` counts the undisposed.
 */
function makeKinds(isSoftware = false) {
  const made: string[] = []
  const alive = new Set<Engine>()
  const make = (device: 'wasm' | 'webgpu') => {
    const engine = createReferenceEngine(NETWORK)
    const named: WebgpuEngine = {
      ...engine,
      info: { ...engine.info, device },
      adapterName: 'fake',
      isSoftware,
      timePasses: async () => [],
      dispose: async () => {
        alive.delete(named)
        await engine.dispose()
      },
    }
    made.push(device)
    alive.add(named)
    return named
  }
  return { made, alive, cpu: async () => make('wasm'), gpu: async () => make('webgpu') }
}

function stepMs(cpuMs: number, gpuMs: number) {
  return async (engine: Engine) => (engine.info.device === 'wasm' ? cpuMs : gpuMs)
}

for (const [cpuMs, gpuMs, expected] of [
  [2, 1, 'webgpu'],
  [1, 2, 'wasm'],
  [1, Number.NaN, 'wasm'],
] as const) {
  test(`takes ${expected} for ${cpuMs} ms on the CPU and ${gpuMs} ms on the GPU`, async () => {
    const kinds = makeKinds()
    const engine = await createFastestEngine(NETWORK, kinds.cpu, kinds.gpu, stepMs(cpuMs, gpuMs))
    assert.is(engine.info.device, expected)
    assert.equal([...kinds.alive], [engine])
    assert.is(kinds.made.length, 3, 'a fresh engine after measuring both')
  })
}

test('never takes a software adapter, and does not measure it', async () => {
  const kinds = makeKinds(true)
  const engine = await createFastestEngine(NETWORK, kinds.cpu, kinds.gpu, stepMs(2, 1))
  assert.is(engine.info.device, 'wasm')
  assert.equal(kinds.made, ['webgpu', 'wasm'])
  assert.equal([...kinds.alive], [engine])
})

test('takes the CPU where there is no GPU, or it fails', async () => {
  const kinds = makeKinds()
  const none = async (_network: Network): Promise<WebgpuEngine> => {
    throw new DeviceError('no adapter')
  }
  assert.is((await createFastestEngine(NETWORK, kinds.cpu, none, stepMs(2, 1))).info.device, 'wasm')

  const failing = async (engine: Engine): Promise<number> => {
    if (engine.info.device === 'webgpu') throw new DeviceError('lost')
    return 1
  }
  assert.is((await createFastestEngine(NETWORK, kinds.cpu, kinds.gpu, failing)).info.device, 'wasm')
})

test('a defect of ours is not taken for a missing GPU', async () => {
  const kinds = makeKinds()
  const broken = async (): Promise<WebgpuEngine> => {
    throw new TypeError('internal')
  }
  try {
    await createFastestEngine(NETWORK, kinds.cpu, broken, stepMs(2, 1))
    assert.unreachable('expected a rejection')
  } catch (error) {
    assert.instance(error, TypeError)
  }
})

test('measures a step of an engine', async () => {
  const engine = createReferenceEngine(NETWORK)
  const ms = await measureStepMs(engine)
  assert.ok(ms > 0 && ms < Infinity, String(ms))
  // One epoch of 16 steps to warm up, and one to eight that are timed.
  const { steps } = await engine.readState()
  assert.ok(steps % 16 === 0 && steps >= 32 && steps <= 144, `${steps} steps`)
  await engine.dispose()
})

test.run()
