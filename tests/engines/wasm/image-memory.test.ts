import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createEngine, prepareEngine } from '../../../src/engines/create.ts'
import type { Engine } from '../../../src/engines/engine.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import type { FloatArray } from '../../../src/model/state.ts'

const test = suite('images read into the memory of the engine')

const COUNT = 50
/** In front of the images of an IDX file. */
const HEADER_BYTES = 16

/** (count, inputs), 60 % zeros. */
function imagesOf(inputs: number): Uint8Array {
  return Uint8Array.from({ length: COUNT * inputs }, (_, i) => ((i * 37) % 5 < 3 ? 0 : (i * 97) % 256))
}

async function trainOneEpoch(engine: Engine, images: Uint8Array): Promise<FloatArray> {
  await engine.setTrainingSet({ rows: images })
  await engine.initialize(3)
  await engine.trainEpoch({ seed: 3, epoch: 1, batchSize: 20, learningRate: 1e-3, weightDecay: 1e-5 })
  return (await engine.readState()).parameters
}

/** Parameters after an epoch on `images`, by an engine that is given them as any others. */
async function expectedOf(inputs: number, images: Uint8Array): Promise<FloatArray> {
  const engine = await createEngine(hourglass({ input: inputs, hidden: 43, bottleneck: 3 }), {
    device: 'cpu',
    threads: 2,
  })
  try {
    return await trainOneEpoch(engine, images)
  } finally {
    await engine.dispose()
  }
}

for (const inputs of [48, 45]) {
  test(`give the same parameters as images that are copied, ${inputs} pixels`, async () => {
    const options = { device: 'cpu', threads: 2 } as const
    const prepared = await prepareEngine(options)
    const room = prepared.allocate(HEADER_BYTES + COUNT * inputs)
    assert.is(room.length, HEADER_BYTES + COUNT * inputs)
    assert.ok(room.buffer instanceof SharedArrayBuffer)
    const images = imagesOf(inputs)
    room.set(images, HEADER_BYTES)
    const engine = await createEngine(hourglass({ input: inputs, hidden: 43, bottleneck: 3 }), {
      ...options,
      prepared,
    })
    try {
      const resident = room.subarray(HEADER_BYTES)
      const expected = await expectedOf(inputs, images)
      assert.equal(await trainOneEpoch(engine, resident), expected)
      assert.equal(room.subarray(HEADER_BYTES), images, 'they stay as they were')
      // Some of them, then others, then the first ones again.
      const some = resident.subarray(0, 30 * inputs)
      assert.equal(await trainOneEpoch(engine, some), await expectedOf(inputs, images.slice(0, 30 * inputs)))
      const others = images.slice().reverse()
      assert.equal(await trainOneEpoch(engine, others), await expectedOf(inputs, others))
      assert.equal(await trainOneEpoch(engine, resident), expected)
    } finally {
      await engine.dispose()
    }
  })
}

test('are not shared where the engine is another', async () => {
  const reference = await prepareEngine({ device: 'reference' })
  assert.ok(reference.allocate(8).buffer instanceof ArrayBuffer)
  assert.is(reference.imageMemory(), undefined)
})

test.run()
