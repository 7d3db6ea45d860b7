/**
 * A real minibatch under a trained network, for the kernels: which pixels and hidden units are zero decides
 * their work.
 */
import type { ImageSet } from '../../src/data/dataset.ts'
import { createEngine } from '../../src/engines/create.ts'
import type { Simd } from '../../src/engines/options.ts'
import { byteRowBytes } from '../../src/engines/wasm/packing.ts'
import { ROWS } from '../../src/engines/wasm/plan.ts'
import type { Network } from '../../src/model/network.ts'
import { shuffledOrder } from '../../src/random/streams.ts'
import { networkOf, STANDARD } from './engines.ts'
import { BATCH_SIZE, learningRate, SEED, weightDecay } from './expected.ts'
import type { LoadedCore } from './kernels.ts'
import { Arena } from './placed-product.ts'
import { type Product, stepProducts } from './products.ts'

/** The products of the step that follows `steps` steps of training, over the first images of the set. */
export async function trainedProducts(
  set: ImageSet,
  steps: number,
  threads: number,
  simd: Simd,
  core: LoadedCore,
): Promise<Product[]> {
  const network = networkOf(STANDARD)
  const parameters = await trainedParameters(network, set, steps, threads, simd)
  const images = new Float32Array(BATCH_SIZE * network.layers[0].inputs)
  arrangedBatch(core, set.rows, network.layers[0].inputs).forEach((image, row) => {
    const { inputs } = network.layers[0]
    const pixels = set.rows.subarray(image * inputs, (image + 1) * inputs)
    images.set(
      Float32Array.from(pixels, (byte) => byte / 255),
      row * inputs,
    )
  })
  return stepProducts(network, parameters, images)
}

async function trainedParameters(
  network: Network,
  set: ImageSet,
  steps: number,
  threads: number,
  simd: Simd,
): Promise<Float32Array> {
  const engine = await createEngine(network, { device: 'cpu', threads, simd })
  try {
    await engine.setTrainingSet({ rows: set.rows })
    await engine.initialize(SEED)
    const order = shuffledOrder(set.count, SEED, 1).subarray(0, steps * BATCH_SIZE)
    const request = { seed: SEED, epoch: 1, batchSize: BATCH_SIZE, learningRate, weightDecay, order }
    await engine.trainEpoch(request)
    const { parameters } = await engine.readState()
    return Float32Array.from(parameters)
  } finally {
    await engine.dispose()
  }
}

/** The first images in the order that training puts them in within a minibatch, (BATCH_SIZE). */
function arrangedBatch({ core, memory }: LoadedCore, images: Uint8Array, inputs: number): Uint32Array {
  const arena = new Arena(memory)
  const stride = byteRowBytes(inputs)
  const bytes = arena.reserve(BATCH_SIZE * stride)
  for (let image = 0; image < BATCH_SIZE; image++) {
    const pixels = images.subarray(image * inputs, (image + 1) * inputs)
    new Uint8Array(memory.buffer, bytes + image * stride, inputs).set(pixels)
  }
  const signatures = arena.reserve(BATCH_SIZE * BigUint64Array.BYTES_PER_ELEMENT)
  const scratch = arena.reserve(BATCH_SIZE * BigUint64Array.BYTES_PER_ELEMENT)
  const order = arena.words(Uint32Array.from({ length: BATCH_SIZE }, (_, image) => image))
  core.signRows(signatures, bytes, BATCH_SIZE, ROWS.bytes, inputs, stride)
  core.arrangeBatches(order, BATCH_SIZE, BATCH_SIZE, signatures, scratch)
  return new Uint32Array(memory.buffer, order, BATCH_SIZE).slice()
}
