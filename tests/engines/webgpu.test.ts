/**
 * The WebGPU engine in Node: what is special about a GPU. The shared suite is in webgpu-conformance.test.ts.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { watchDawn } from '../../scripts/gpu/watch-dawn.ts'
import type { EpochRequest } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import type { GpuProvider } from '../../src/engines/webgpu/device.ts'
import { createWebgpuNodeEngine, readShaders } from '../../src/engines/webgpu/node.ts'
import type { PassOptions } from '../../src/engines/webgpu/passes.ts'
import type { WebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { createWebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { DeviceError, UsageError } from '../../src/errors.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { imageNoise, shuffledOrder } from '../../src/random/streams.ts'
import { rejection } from '../support/rejection.ts'
import { assertWithin, FLOAT32_TOLERANCE } from './conformance/assertions.ts'
import { missingAdapter, useSoftwareAdapterIfNoOther } from './software-adapter.ts'

useSoftwareAdapterIfNoOther()

const SMALL = hourglass({ input: 12, hidden: 7, bottleneck: 2 })
const REQUEST: EpochRequest = { seed: 1, epoch: 1, batchSize: 6, learningRate: 1e-3, weightDecay: 0 }

/** Bytes in which each pixel differs from its neighbours and from the same pixel of other images. */
function fingerprintImages(count: number, inputs: number): Uint8Array {
  return Uint8Array.from({ length: count * inputs }, (_, i) => (i * 37 + Math.floor(i / inputs) * 11) % 256)
}

function assertDeviceError(error: Error, pattern: RegExp): void {
  assert.instance(error, DeviceError)
  assert.match(error.message, pattern)
  assert.not.match(error.message, /\n/, 'one line')
}

/** An engine on the real adapter, with the device at hand so that a test can break it. */
async function openWithDevice(network: Network): Promise<{ engine: WebgpuEngine; device: GPUDevice }> {
  const { gpu, opened } = await watchDawn()
  const engine = await createWebgpuEngine(network, { gpu, shaders: await readShaders(), remedy: 'none' })
  return { engine, device: opened() }
}

/** Runs programs/webgpu-train.ts to its own end; what it printed, and how it ended. */
function runProgram(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: unknown; stdout: string }> {
  const program = fileURLToPath(new URL('./programs/webgpu-train.ts', import.meta.url))
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      // Ends a hang; far above what it takes.
      timeout: 60_000,
    })
    let stdout = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.on('error', fail)
    child.on('close', (code, signal) => settle({ code: code ?? signal, stdout: stdout.trim() }))
  })
}

const errors = suite('WebGPU without a device')

errors('no adapter is a DeviceError that says what to install', async () => {
  const gpu: GpuProvider = { requestAdapter: async () => null }
  const options = { gpu, shaders: await readShaders(), remedy: 'install something' }
  assertDeviceError(await rejection(createWebgpuEngine(SMALL, options)), /no adapter.*install something/)
})

errors('a process without any driver says so and ends', async () => {
  const nowhere = { VK_DRIVER_FILES: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' }
  const { code, stdout } = await runProgram([], nowhere)
  assert.is(code, 0)
  // Not a Vulkan machine at all (macOS, Windows): the variables name no driver there, and training succeeds.
  if (process.platform === 'linux') assert.match(stdout, /^WebGPU: no adapter: .*--device cpu/)
})

const test = suite('the WebGPU engine')

test('says what it runs on', async () => {
  const engine = await createWebgpuNodeEngine(SMALL)
  assert.is(engine.info.device, 'webgpu')
  assert.match(engine.info.arithmetic, engine.adapterName)
  assert.is(/software/.test(engine.info.arithmetic), engine.isSoftware)
  await engine.dispose()
})

test('noise is that of the random streams, pixel by pixel', async () => {
  const pixels = 783
  const network: Network = {
    layers: [{ name: 'fc1', inputs: pixels, outputs: pixels, activation: 'sigmoid' }],
    loss: 'mse',
    codeLayer: 0,
  }
  const engine = await createWebgpuNodeEngine(network)
  const images = fingerprintImages(3, pixels)
  await engine.setTrainingSet({ rows: images })
  await engine.initialize(5)
  // After one step on one image from zero moments, m = (1 − β₁) dz xᵀ, and its bias's m = (1 − β₁) dz: x is a
  // quotient.
  const noiseStd = 0.3
  await engine.trainEpoch({ ...REQUEST, seed: 77, epoch: 9, order: Uint32Array.of(2), noiseStd })
  const { firstMoment } = await engine.readState()
  const noise = new Float64Array(pixels)
  imageNoise(noise, 2, 9, 77)
  const expected = noise.map((value, i) => {
    return Math.min(Math.max(images[2 * pixels + i] / 255 + noiseStd * value, 0), 1)
  })
  const unit = 400
  const row = firstMoment.subarray(unit * pixels, (unit + 1) * pixels)
  const x = row.map((value) => value / firstMoment[pixels * pixels + unit])
  // A quotient of two rounded products, and noise of up to 5 σ in float32.
  assertWithin(x, expected, 1e-6, 'input')
  await engine.dispose()
})

/** Trains two steps on `rows` rows beside the reference, and compares losses and moments. */
async function trainsLikeReference(network: Network, rows: number, batchSize: number, options: PassOptions) {
  const engine = await createWebgpuNodeEngine(network, options)
  const oracle = createReferenceEngine(network)
  for (const each of [engine, oracle]) {
    await each.setTrainingSet({ rows: fingerprintImages(rows, network.layers[0].inputs) })
    await each.initialize(3)
  }
  const request = { ...REQUEST, batchSize, weightDecay: 0.01 }
  const actual = await engine.trainEpoch(request)
  const expected = await oracle.trainEpoch(request)
  assertWithin(actual.batchLosses, expected.batchLosses, FLOAT32_TOLERANCE.loss, 'batchLosses')
  const [state, wanted] = [await engine.readState(), await oracle.readState()]
  for (const slab of ['firstMoment', 'secondMoment'] as const) {
    const most = Math.max(...Array.from(wanted[slab], Math.abs))
    assertWithin(state[slab], wanted[slab], FLOAT32_TOLERANCE.moments * most, slab)
  }
  await Promise.all([engine.dispose(), oracle.dispose()])
}

for (const kernel of ['tiled64', 'tiled32'] as const) {
  // One layer: software adapters take seconds to compile each pass of these. 131 columns with the bias are
  // three tiles of 64 and five of 32, and 75 and 5 rows are beyond a tile and within one.
  test(`products in ${kernel} train like the reference`, () => {
    const network: Network = {
      layers: [{ name: 'fc1', inputs: 130, outputs: 130, activation: 'identity' }],
      loss: 'mse',
      codeLayer: 0,
    }
    return trainsLikeReference(network, 80, 75, { kernel })
  })
}

for (const middle of [1, 3, 4, 32]) {
  test(`layers around a narrow one of ${middle}, in one pass, train like the reference`, () => {
    const network = hourglass({
      input: 19,
      hidden: 18,
      bottleneck: middle,
      activation: 'tanh',
      latentActivation: 'sigmoid',
    })
    return trainsLikeReference(network, 12, 7, { kernel: 'direct', chains: true })
  })
}

test('weight gradients split over the rows train like the reference', () =>
  // Four parts of a batch of 1100 rows; then a batch of 40, which leaves all but the first empty.
  trainsLikeReference(hourglass({ input: 9, hidden: 6, bottleneck: 2 }), 1140, 1100, {}))

test('with all layers frozen a large batch still has its loss, and nothing else changes', async () => {
  const engine = await createWebgpuNodeEngine(SMALL)
  const oracle = createReferenceEngine(SMALL)
  for (const each of [engine, oracle]) {
    await each.setTrainingSet({ rows: fingerprintImages(700, 12) })
    await each.initialize(4)
  }
  const before = await engine.readState()
  const request = { ...REQUEST, batchSize: 600, frozenLayers: 4 }
  const actual = await engine.trainEpoch(request)
  const expected = await oracle.trainEpoch(request)
  assertWithin(actual.batchLosses, expected.batchLosses, FLOAT32_TOLERANCE.loss, 'batchLosses')
  assertWithin((await engine.readState()).parameters, before.parameters, 0, 'parameters')
  await Promise.all([engine.dispose(), oracle.dispose()])
})

test('inference in several chunks gives each row what it gets alone', async () => {
  const engine = await createWebgpuNodeEngine(SMALL)
  await engine.initialize(2)
  const images = fingerprintImages(1025, 12)
  const all = await engine.forward(images)
  assert.is(all.length, images.length)
  for (const row of [0, 511, 512, 1024]) {
    const alone = await engine.forward(images.subarray(row * 12, (row + 1) * 12))
    assertWithin(all.subarray(row * 12, (row + 1) * 12), alone, 0, `row ${row}`)
  }
  await engine.dispose()
})

test('an order drawn ahead is taken for its own epoch, seed and rows alone', async () => {
  const engine = await createWebgpuNodeEngine(SMALL)
  const losses = async (rows: number, plans: readonly (readonly [number, number])[], isGiven: boolean) => {
    await engine.setTrainingSet({ rows: fingerprintImages(rows, 12) })
    await engine.initialize(2)
    const all: number[] = []
    for (const [seed, epoch] of plans) {
      const given = isGiven ? { order: shuffledOrder(rows, seed, epoch) } : {}
      all.push(...(await engine.trainEpoch({ ...REQUEST, seed, epoch, ...given })).batchLosses)
    }
    return all
  }
  const plans = [
    [1, 1],
    [1, 2],
    [2, 3],
    [2, 5],
    [2, 5],
  ] as const
  // At the end of the first run an order over more rows is drawn for the second.
  const found = [await losses(40, plans, false), await losses(30, [[2, 6]], false)]
  const wanted = [await losses(40, plans, true), await losses(30, [[2, 6]], true)]
  assert.equal(found, wanted)
  await engine.dispose()
})

test('takes arrays in shared memory, and the caller may change them afterwards', async () => {
  const engine = await createWebgpuNodeEngine(SMALL)
  const images = fingerprintImages(21, 12)
  const run = async (share: (bytes: Uint8Array) => Uint8Array) => {
    const given = share(images)
    await engine.setTrainingSet({ rows: given })
    given.fill(255)
    await engine.initialize(2)
    await engine.trainEpoch(REQUEST)
    return (await engine.readState()).parameters
  }
  const plain = await run((bytes) => bytes.slice())
  const shared = await run((bytes) => {
    const view = new Uint8Array(new SharedArrayBuffer(bytes.length + 1), 1)
    view.set(bytes)
    return view
  })
  assertWithin(shared, plain, 0, 'parameters')
  await engine.dispose()
})

test('times every pass of a step, for benchmarks', async () => {
  const engine = await createWebgpuNodeEngine(SMALL, { kernel: 'direct' })
  try {
    await engine.setTrainingSet({ rows: fingerprintImages(3, 12) })
    const passes = await engine.timePasses(5, 2)
    assert.equal(
      passes.map(({ name, flops }) => [name, flops / 5]),
      [
        ['forward fc1', 2 * 12 * 7],
        ['forward fc2', 2 * 7 * 2],
        ['forward fc3', 2 * 2 * 7],
        ['forward fc4 and loss', 2 * 7 * 12],
        ['input gradient fc4', 2 * 7 * 12],
        ['input gradient fc3', 2 * 2 * 7],
        ['input gradient fc2', 2 * 7 * 2],
        ['weight gradient and Adam fc1', 2 * 12 * 7],
        ['weight gradient and Adam fc2', 2 * 7 * 2],
        ['weight gradient and Adam fc3', 2 * 2 * 7],
        ['weight gradient and Adam fc4', 2 * 7 * 12],
      ],
    )
    // 0 where the device's clock is coarser than a pass.
    for (const { name, milliseconds } of passes) assert.ok(milliseconds >= 0, `${name}: ${milliseconds}`)
  } finally {
    await engine.dispose()
  }
})

test('a device lost during an epoch rejects it and every later call with the cause', async () => {
  const { engine, device } = await openWithDevice(SMALL)
  await engine.setTrainingSet({ rows: fingerprintImages(3000, 12) })
  await engine.initialize(1)
  const onProgress = () => device.destroy()
  const first = await rejection(engine.trainEpoch({ ...REQUEST, batchSize: 1, onProgress }))
  assertDeviceError(first, /the device was lost/)
  assert.is(await rejection(engine.readState()), first)
  assert.is(await rejection(engine.initialize(1)), first)
  await engine.dispose()
})

test('dispose in the middle of an epoch ends the epoch, and says so', async () => {
  const { engine } = await openWithDevice(SMALL)
  await engine.setTrainingSet({ rows: fingerprintImages(3000, 12) })
  await engine.initialize(1)
  const onProgress = () => void engine.dispose()
  const error = await rejection(engine.trainEpoch({ ...REQUEST, batchSize: 1, onProgress }), UsageError)
  assert.match(error.message, /^engine: expected no call to be under way at dispose, found one/)
})

test('memory that the driver refuses is a DeviceError with what was needed', async () => {
  const { engine, device } = await openWithDevice(SMALL)
  const popErrorScope = device.popErrorScope.bind(device)
  // Drivers cannot be made to run out on demand: this answers as one that did.
  device.popErrorScope = async () => {
    await popErrorScope()
    return { message: 'no memory left' }
  }
  const error = await rejection(engine.setTrainingSet({ rows: fingerprintImages(10, 12) }))
  assertDeviceError(error, /out of memory: the training rows needs 120 bytes .*no memory left/)
  device.popErrorScope = popErrorScope
  await engine.setTrainingSet({ rows: fingerprintImages(10, 12) })
  await engine.dispose()
})

test('sizes beyond the limits are a DeviceError with limit, needed and found', async () => {
  const huge = hourglass({ input: 784, hidden: 3_000_000, bottleneck: 8 })
  const error = await rejection(createWebgpuNodeEngine(huge))
  assertDeviceError(error, /the parameters needs \d{11} bytes.*max(StorageBufferBinding|Buffer)Size.*\d/)
})

test('processes end by themselves, two at once give the same bits', async () => {
  const [first, second, kept] = await Promise.all([runProgram([]), runProgram([]), runProgram(['keep'])])
  assert.is(first.code, 0)
  assert.match(first.stdout, /^0\.\d+( 0\.\d+){3}$/)
  assert.equal(second, first)
  assert.equal(kept, first)
})

const missing = await missingAdapter()
// All runs are asked for at once: uvu starts with those it knows when the first one's turn comes.
errors.run()
if (missing === undefined) {
  test.run()
} else {
  console.log(`SKIPPED: the WebGPU engine: ${missing}`)
  const skipped = suite('the WebGPU engine (skipped)')
  skipped.skip(missing, () => {})
  skipped.run()
}
