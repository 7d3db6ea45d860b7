/**
 * What can go wrong on a real GPU, tried for real, and what `--device auto` chooses: a lost device, memory
 * and devices that run out, two processes at once, a small and a large network. Prints a line for each; exit
 * code 1 where one is not as it should be.
 *
 *   node scripts/gpu/weather.ts
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createEngine } from '../../src/engines/create.ts'
import { measureStepMs } from '../../src/engines/fastest.ts'
import { createWebgpuNodeEngine, readShaders } from '../../src/engines/webgpu/node.ts'
import type { WebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { createWebgpuEngine } from '../../src/engines/webgpu/webgpu-engine.ts'
import { DeviceError } from '../../src/errors.ts'
import type { Network } from '../../src/model/network.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { watchDawn } from './watch-dawn.ts'

const MNIST = hourglass({ input: 784, hidden: 392, bottleneck: 8 })
const TABLE = hourglass({ input: 30, hidden: [64, 32], bottleneck: 8, outputActivation: 'identity' })
const REQUEST = { seed: 1, epoch: 1, batchSize: 256, learningRate: 1e-3, weightDecay: 1e-5 }
/** Rows of a minibatch whose activations take some 2 GB. */
const LARGE_BATCH = 160_000
const MOST_ENGINES = 120
/** Bytes of the buffers that fill a device's memory. */
const LARGEST_FILLER = 2 ** 31
const SMALLEST_FILLER = 2 ** 26
const FREEING_MS = 1000
/** Measurements of each device, of which the least counts. */
const MEASUREMENTS = 3

function report(what: string, isRight: boolean, found: string): void {
  console.log(`${isRight ? 'ok' : 'WRONG'}: ${what}: ${found}`)
  if (!isRight) process.exitCode = 1
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function loseDevice(): Promise<void> {
  const { gpu, opened } = await watchDawn()
  const engine = await createWebgpuEngine(MNIST, { gpu, shaders: await readShaders(), remedy: 'none' })
  await engine.setTrainingSet({ rows: new Uint8Array(60_000 * 784).fill(7) })
  await engine.initialize(1)
  const onProgress = () => opened().destroy()
  const first = await errorOf(engine.trainEpoch({ ...REQUEST, batchSize: 8, onProgress }))
  const second = await errorOf(engine.readState())
  const isRight = first instanceof DeviceError && first === second
  report('a device lost in an epoch ends it and all later calls', isRight, String(first))
  await engine.dispose()
}

/** Takes all memory of a device, in ever smaller buffers, and returns them. */
async function fillMemory(device: GPUDevice): Promise<GPUBuffer[]> {
  const held: GPUBuffer[] = []
  let size = Math.min(device.limits.maxBufferSize, LARGEST_FILLER)
  while (size >= SMALLEST_FILLER) {
    device.pushErrorScope('out-of-memory')
    const buffer = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE })
    if (await device.popErrorScope()) size /= 2
    else held.push(buffer)
  }
  return held
}

async function fillDevice(): Promise<void> {
  const { gpu, opened } = await watchDawn()
  const engine = await createWebgpuEngine(MNIST, { gpu, shaders: await readShaders(), remedy: 'none' })
  const order = new Uint32Array(LARGE_BATCH)
  await engine.setTrainingSet({ rows: new Uint8Array(784) })
  await engine.initialize(1)
  const held = await fillMemory(opened())
  const gigabytes = (held.reduce((sum, { size }) => sum + size, 0) / 1e9).toFixed(1)
  const error = await errorOf(engine.trainEpoch({ ...REQUEST, batchSize: LARGE_BATCH, order }))
  const isRight = error instanceof DeviceError && /out of memory/.test(error.message)
  report(`memory that runs out, ${gigabytes} GB of it taken before`, isRight, String(error))
  for (const buffer of held) buffer.destroy()
  // Drivers get memory back with the next work that is submitted.
  await errorOf(engine.trainEpoch({ ...REQUEST, batchSize: 8, order: order.subarray(0, 64) }))
  await new Promise((resolve) => setTimeout(resolve, FREEING_MS))
  const after = await errorOf(engine.trainEpoch({ ...REQUEST, batchSize: LARGE_BATCH, order }))
  report('the same engine when there is room again', after === undefined, String(after ?? 'it trains'))
  await engine.dispose()
}

async function runOutOfDevices(): Promise<void> {
  const engines: WebgpuEngine[] = []
  const order = new Uint32Array(LARGE_BATCH)
  const train = async () => {
    // A device of its own each, of which drivers give only so many, too.
    const engine = await createWebgpuNodeEngine(MNIST)
    engines.push(engine)
    await engine.setTrainingSet({ rows: new Uint8Array(784) })
    await engine.initialize(1)
    await engine.trainEpoch({ ...REQUEST, batchSize: LARGE_BATCH, order })
  }
  try {
    let error: unknown
    while (error === undefined && engines.length < MOST_ENGINES) error = await errorOf(train())
    const isRight = error instanceof DeviceError && !/\n/.test(error.message)
    report(`devices that run out (${engines.length} engines of 2 GB)`, isRight, String(error))
    await engines.pop()?.dispose()
    const alive = engines.at(-1)
    const after = alive && (await alive.trainEpoch({ ...REQUEST, order: order.subarray(0, 256) }))
    report('an engine beside the one that failed goes on', after?.stepsDone === 1, `${after?.stepsDone} step`)
  } finally {
    for (const engine of engines) await engine.dispose()
  }
  const tooLarge = errorOf(
    createWebgpuNodeEngine(hourglass({ input: 784, hidden: 3_000_000, bottleneck: 8 })),
  )
  report('a network beyond the limits', (await tooLarge) instanceof DeviceError, String(await tooLarge))
}

async function trainTwice(): Promise<void> {
  const program = fileURLToPath(new URL('../../tests/engines/programs/webgpu-train.ts', import.meta.url))
  const run = async () => (await promisify(execFile)(process.execPath, [program])).stdout.trim()
  const [first, second] = await Promise.all([run(), run()])
  report('two processes at once end in the same bits', first !== '' && first === second, first)
}

async function chooseDevice(what: string, network: Network): Promise<void> {
  const times: Record<string, number> = {}
  for (const device of ['cpu', 'webgpu'] as const) {
    const engine = await createEngine(network, { device })
    times[device] = Infinity
    for (let i = 0; i < MEASUREMENTS; i++) {
      times[device] = Math.min(times[device], await measureStepMs(engine))
    }
    await engine.dispose()
  }
  const chosen = await createEngine(network, { device: 'auto' })
  const found = chosen.info.device === 'webgpu' ? 'webgpu' : 'cpu'
  await chosen.dispose()
  const faster = times.webgpu < times.cpu ? 'webgpu' : 'cpu'
  const both = `CPU ${times.cpu.toPrecision(3)} ms a step, GPU ${times.webgpu.toPrecision(3)} ms, took ${found}`
  report(`--device auto, ${what}`, found === faster, both)
}

await loseDevice()
await trainTwice()
await chooseDevice('784-392-8-392-784', MNIST)
await chooseDevice('784-1568-8-1568-784', hourglass({ input: 784, hidden: 1568, bottleneck: 8 }))
await chooseDevice('30-64-32-8-32-64-30', TABLE)
await chooseDevice('6-4-2-4-6', hourglass({ input: 6, hidden: 4, bottleneck: 2 }))
await fillDevice()
await runOutOfDevices()
