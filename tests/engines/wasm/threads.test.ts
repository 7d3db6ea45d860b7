import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitImages } from '../../../src/data/dataset.ts'
import { loadDataset } from '../../../src/data/node-files.ts'
import type { Engine } from '../../../src/engines/engine.ts'
import type { Simd } from '../../../src/engines/options.ts'
import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { canFuse } from '../../../src/engines/wasm/node-v8.ts'
import type { Network } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import type { FloatArray } from '../../../src/model/state.ts'
import { skipTest } from '../../support/skip.ts'
import { byteSet, describe, floatSet, NETWORKS } from './networks.ts'

const test = suite('bits and threads')

const THREADS = [1, 2, 3, 5]
const BATCH_SIZE = 256
/** Five whole minibatches, and one of 221 images: no whole pair. */
const IMAGES = 5 * BATCH_SIZE + 221

const { train } = await loadDataset()
const { rows: images } = limitImages(train, IMAGES)
const seed = hourglass({ input: 784, hidden: 392, bottleneck: 8 })

function sha256(...arrays: readonly FloatArray[]): string {
  const hash = createHash('sha256')
  for (const array of arrays) hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  return hash.digest('hex')
}

/** SHA-256 of losses, parameters and moments after two epochs from the seed. */
async function trainTwoEpochs(engine: Engine, batchSize: number, noiseStd: number): Promise<string> {
  await engine.initialize(42)
  const losses: FloatArray[] = []
  for (const epoch of [1, 2]) {
    const request = { seed: 42, epoch, batchSize, learningRate: 1e-3, weightDecay: 1e-5, noiseStd }
    losses.push((await engine.trainEpoch(request)).batchLosses)
  }
  const fell = engine.network !== seed || losses[1][0] < losses[0][0]
  assert.ok(fell, `the loss must fall: ${losses[0]}, then ${losses[1]}`)
  const { parameters, firstMoment, secondMoment } = await engine.readState()
  return sha256(...losses, parameters, firstMoment, secondMoment)
}

/** The hashes of two epochs without and with noise, on so many threads. */
async function hashesOf(simd: Simd, threads: number): Promise<string[]> {
  const engine = await createWasmEngine(seed, { threads, simd })
  try {
    assert.is(engine.info.threads, threads)
    const arithmetic = { '256': /256/, '128': /128/, plain: /separate/, auto: /./ }[simd]
    assert.match(engine.info.arithmetic, arithmetic)
    await engine.setTrainingSet({ rows: images })
    const clean = await trainTwoEpochs(engine, BATCH_SIZE, 0)
    const noisy = await trainTwoEpochs(engine, BATCH_SIZE, 0.3)
    return [clean, noisy]
  } finally {
    await engine.dispose()
  }
}

const found = new Map<Simd, string[]>()

for (const simd of ['plain', '128', '256'] as const) {
  const name = `--simd ${simd}: the same SHA-256 on ${THREADS.join(', ')} threads, with and without noise`
  if (simd === '256' && !canFuse) {
    skipTest(test, name, 'this V8 cannot fuse to 256 bits')
    continue
  }
  test(name, async () => {
    const expected = await hashesOf(simd, 1)
    found.set(simd, expected)
    assert.is.not(expected[0], expected[1], 'noise must change the bits')
    for (const threads of THREADS.slice(1)) {
      assert.equal(await hashesOf(simd, threads), expected, `${threads} threads`)
    }
  })
}

if (canFuse) {
  test('--simd 256 gives the bits of --simd 128', () => {
    assert.ok(found.has('128'))
    assert.equal(found.get('256'), found.get('128'))
  })
}

test('--simd plain rounds otherwise than relaxed multiply-add that is fused', () => {
  // Else nothing would show that the two builds were both in use. Where relaxed is not fused they agree.
  if (process.arch === 'x64') assert.is.not(found.get('plain')?.[0], found.get('128')?.[0])
})

for (const network of NETWORKS) {
  test(`any number of threads, fused or not, gives one SHA-256: ${describe(network)}`, async () => {
    // Whole minibatches of several shards, and one of no whole pair.
    const sets = { bytes: byteSet(network, 341), floats: floatSet(network, 341) }
    const hashes = new Map<string, string>()
    for (const [simd, counts] of Object.entries({ plain: [1, 3], '128': [1, 5], '256': THREADS })) {
      if (simd === '256' && !canFuse) continue
      for (const threads of counts) {
        const engine = await createWasmEngine(network, { threads, simd: simd as Simd })
        try {
          for (const [kind, set] of Object.entries(sets)) {
            await engine.setTrainingSet(set)
            const trained = await trainTwoEpochs(engine, 200, 0.1)
            const rows = set.rows.subarray(0, 150 * network.layers[0].inputs)
            const outputs = await engine.forward(rows)
            const losses = await engine.rowLosses(rows, set.labels.subarray(0, 150))
            const key = `${kind}, ${simd === 'plain' ? 'plain' : 'relaxed'}`
            const hash = sha256(outputs, losses) + trained
            assert.is(hash, hashes.get(key) ?? hash, `${key}: --simd ${simd}, ${threads} threads`)
            hashes.set(key, hash)
          }
        } finally {
          await engine.dispose()
        }
      }
    }
    assert.is(new Set(hashes.values()).size, hashes.size, 'bytes and floats, fused and unfused rounding')
  })
}

/**
 * Steps so small that workers spend them meeting each other, on more threads than there are cores: races show
 * here first. Noise makes the gathering long beside the rest.
 */
interface TinySteps {
  readonly network: Network
  readonly images: number
  readonly threads: number
  readonly epochs: number
}

const oneLayer: Network = {
  layers: [{ name: 'probe', inputs: 99, outputs: 10, activation: 'softmax' }],
  loss: 'crossEntropy',
  codeLayer: 0,
}

const TINY_STEPS: readonly TinySteps[] = [
  { network: hourglass({ input: 7, hidden: 5, bottleneck: 3 }), images: 10, threads: 5, epochs: 300 },
  { network: hourglass({ input: 100, hidden: 3, bottleneck: 2 }), images: 402, threads: 6, epochs: 40 },
  { network: hourglass({ input: 7, hidden: 40, bottleneck: 3 }), images: 202, threads: 3, epochs: 40 },
  { network: oneLayer, images: 402, threads: 5, epochs: 60 },
]

for (const { network, images: count, threads, epochs } of TINY_STEPS) {
  const steps = epochs * Math.ceil(count / 4)
  const { layers } = network
  const input = layers[0].inputs
  const sizes = [input, ...layers.map(({ outputs }) => outputs)].join('-')
  test(`${steps} tiny steps of ${sizes} on ${threads} threads have the bits of one thread`, async () => {
    const tiny = Uint8Array.from({ length: count * input }, (_, i) => ((i * 37) % 5 < 2 ? 0 : (i * 97) % 256))
    const one = await createWasmEngine(network, { threads: 1, simd: 'auto' })
    const many = await createWasmEngine(network, { threads, simd: 'auto' })
    try {
      for (const engine of [one, many]) {
        await engine.setTrainingSet({
          rows: tiny,
          labels: Uint8Array.from({ length: count }, (_, i) => i % 10),
        })
        await engine.initialize(5)
      }
      for (let epoch = 1; epoch <= epochs; epoch++) {
        const request = { seed: 5, epoch, batchSize: 4, learningRate: 1e-3, weightDecay: 1e-5, noiseStd: 0.3 }
        const hashes: string[] = []
        for (const engine of [one, many]) {
          const { batchLosses } = await engine.trainEpoch(request)
          const { parameters, firstMoment, secondMoment } = await engine.readState()
          hashes.push(sha256(batchLosses, parameters, firstMoment, secondMoment))
        }
        assert.is(hashes[1], hashes[0], `epoch ${epoch}`)
      }
    } finally {
      await Promise.all([one.dispose(), many.dispose()])
    }
  })
}

test.run()
