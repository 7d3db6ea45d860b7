/** `--device auto`: the CPU or the GPU, whichever trains this network faster here. */
import { DeviceError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import type { Engine } from './engine.ts'
import type { WebgpuEngine } from './webgpu/webgpu-engine.ts'

/** The seed's batch size, and enough steps for a GPU's queue to fill. */
const MEASURED_BATCH = 256
const MEASURED_STEPS = 16
/** What the epochs take together of which the quickest counts. */
const ENOUGH_MS = 100
/** Of MNIST's pixels so many sixteenths are zero (81 %); an engine may skip those. */
const ZERO_SIXTEENTHS = 13

/**
 * Milliseconds of a training step on images as full of zeros as MNIST's: the quickest of the short epochs of
 * a tenth of a second, after one to warm up. Few are not enough: of steps of 0.2 ms the first epochs take
 * twice as long, on either device.
 */
export async function measureStepMs(engine: Engine): Promise<number> {
  const count = MEASURED_BATCH * MEASURED_STEPS
  const images = new Uint8Array(count * engine.network.layers[0].inputs)
  for (let i = 0; i < images.length; i++) {
    // Knuth's multiplicative hash; its high bits are the good ones.
    const hash = Math.imul(i + 1, 2654435761) >>> 16
    images[i] = hash % 16 < ZERO_SIXTEENTHS ? 0 : hash >>> 8
  }
  await engine.setTrainingSet({ rows: images, labels: new Uint8Array(count) })
  await engine.initialize(0)
  const request = { seed: 0, batchSize: MEASURED_BATCH, learningRate: 1e-3, weightDecay: 0 }
  await engine.trainEpoch({ ...request, epoch: 1 })
  const beginMs = performance.now()
  let endMs = beginMs
  let fastestMs = Infinity
  for (let epoch = 2; endMs - beginMs < ENOUGH_MS; epoch++) {
    const startMs = performance.now()
    await engine.trainEpoch({ ...request, epoch })
    endMs = performance.now()
    fastestMs = Math.min(fastestMs, endMs - startMs)
  }
  return fastestMs / MEASURED_STEPS
}

/**
 * Measures a few steps on both and returns a fresh engine of the faster kind. Takes the CPU without measuring
 * where there is no GPU or the adapter is software; also where the GPU fails while it is measured.
 */
export async function createFastestEngine(
  network: Network,
  createCpu: (network: Network) => Promise<Engine>,
  createGpu: (network: Network) => Promise<WebgpuEngine>,
  measure: (engine: Engine) => Promise<number> = measureStepMs,
): Promise<Engine> {
  const gpuMs = await measureGpu(network, createGpu, measure)
  if (gpuMs === Infinity) return createCpu(network)
  const cpu = await createCpu(network)
  const cpuMs = await measure(cpu).finally(() => cpu.dispose())
  // Fresh, so that no state of the measurement is left in it.
  return gpuMs < cpuMs ? createGpu(network) : createCpu(network)
}

/** Infinity where there is no GPU that could be the faster one. */
async function measureGpu(
  network: Network,
  createGpu: (network: Network) => Promise<WebgpuEngine>,
  measure: (engine: Engine) => Promise<number>,
): Promise<number> {
  try {
    const gpu = await createGpu(network)
    try {
      return gpu.isSoftware ? Infinity : await measure(gpu)
    } finally {
      await gpu.dispose()
    }
  } catch (error) {
    if (error instanceof DeviceError) return Infinity
    throw error
  }
}
