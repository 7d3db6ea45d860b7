import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitImages } from '../../../src/data/dataset.ts'
import { loadDataset } from '../../../src/data/node-files.ts'
import { createReferenceEngine } from '../../../src/engines/reference/reference-engine.ts'
import { createWasmEngine } from '../../../src/engines/wasm/node.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import type { FloatArray } from '../../../src/model/state.ts'

const test = suite('sizes and minibatches of the WASM engine')

/** Half the distance of 1 and the next float32. */
const U = 2 ** -24

interface Case {
  readonly hidden: number
  readonly bottleneck: number
  readonly images: number
  readonly batchSize: number
  readonly threads: number
}

const CASES: readonly Case[] = [
  { hidden: 392, bottleneck: 8, images: 1, batchSize: 1, threads: 2 },
  { hidden: 392, bottleneck: 8, images: 3, batchSize: 3, threads: 2 },
  { hidden: 64, bottleneck: 128, images: 257, batchSize: 257, threads: 3 },
  { hidden: 24, bottleneck: 5, images: 4096, batchSize: 4096, threads: 2 },
  { hidden: 24, bottleneck: 5, images: 90, batchSize: 100_000, threads: 2 },
  { hidden: 3136, bottleneck: 2, images: 3, batchSize: 3, threads: 3 },
]

const { train } = await loadDataset()

function norm(values: FloatArray): number {
  return Math.hypot(
    ...Array.from({ length: Math.ceil(values.length / 1000) }, (_, i) => {
      return Math.hypot(...values.subarray(i * 1000, (i + 1) * 1000))
    }),
  )
}

/** ‖actual − expected‖ / ‖expected‖ */
function relativeError(actual: FloatArray, expected: FloatArray): number {
  assert.is(actual.length, expected.length)
  return (
    norm(Float64Array.from(expected, (value, i) => actual[i] - value)) / norm(Float64Array.from(expected))
  )
}

function assertAtMost(error: number, bound: number, what: string): void {
  // NaN is not at most anything.
  assert.ok(error <= bound, `${what}: ${error} is not within ${bound}`)
}

/*
 * Rounding errors of a sum of n terms grow as √n where they are of either sign; the longest sums are over the
 * batch, the hidden units and the 784 pixels, one inside the other in four layers there and four back.
 */
for (const { hidden, bottleneck, images: count, batchSize, threads } of CASES) {
  const longest = Math.max(784, hidden, count)
  const tolerance = Math.sqrt(longest) * U
  const label = `784-${hidden}-${bottleneck}, ${count} images by ${batchSize}`
  test(`one step like the reference: ${label}: moments within √${longest} 2^-24`, async () => {
    const network = hourglass({ input: 784, hidden, bottleneck })
    const engine = await createWasmEngine(network, { threads, simd: 'auto' })
    const oracle = createReferenceEngine(network)
    try {
      const { rows: images } = limitImages(train, count)
      const request = { seed: 3, epoch: 1, batchSize, learningRate: 1e-3, weightDecay: 1e-5 }
      for (const each of [engine, oracle]) {
        await each.setTrainingSet({ rows: images })
        await each.initialize(3)
      }
      const actual = await engine.trainEpoch(request)
      const expected = await oracle.trainEpoch(request)
      assert.equal([actual.steps, actual.stepsDone, actual.batchLosses.length], [1, 1, 1])
      assertAtMost(relativeError(actual.batchLosses, expected.batchLosses), 4 * U, 'loss')
      const [state, truth] = [await engine.readState(), await oracle.readState()]
      // After one step the moments are the gradient and its square: here a wrong product shows.
      assertAtMost(relativeError(state.firstMoment, truth.firstMoment), tolerance, 'firstMoment')
      assertAtMost(relativeError(state.secondMoment, truth.secondMoment), 2 * tolerance, 'secondMoment')
      assert.is(state.steps, 1)
      const inputs = images.subarray(0, 784 * Math.min(count, 70))
      const outputs = await engine.forward(inputs)
      assertAtMost(relativeError(outputs, await oracle.forward(inputs)), tolerance, 'forward after the step')
    } finally {
      await Promise.all([engine.dispose(), oracle.dispose()])
    }
  })
}

test('inference in several stages gives what single rows give', async () => {
  const network = hourglass({ input: 784, hidden: 20, bottleneck: 4 })
  const engine = await createWasmEngine(network, { threads: 3, simd: 'auto' })
  try {
    await engine.initialize(9)
    // Above what the engine stages at once (9 MB of inputs and outputs), and no multiple of anything.
    const count = 12_001
    const { rows: images } = limitImages(train, count)
    const codes = await engine.encode(images)
    const errors = await engine.reconstructionErrors(images)
    const outputs = await engine.forward(images)
    assert.equal([codes.length, errors.length, outputs.length], [count * 4, count, count * 784])
    for (const row of [0, 63, 64, 191, 2294, 2295, 2296, 4590, 11_249, 11_250, 11_420, 11_421, 12_000]) {
      const image = images.subarray(row * 784, (row + 1) * 784)
      assert.equal(codes.slice(row * 4, (row + 1) * 4), await engine.encode(image), `code of row ${row}`)
      assert.equal(errors[row], (await engine.reconstructionErrors(image))[0], `error of row ${row}`)
      const output = outputs.subarray(row * 784, (row + 1) * 784)
      assert.equal(
        Buffer.from(output.buffer, output.byteOffset, output.byteLength),
        Buffer.from((await engine.forward(image)).buffer),
        `output of row ${row}`,
      )
    }
  } finally {
    await engine.dispose()
  }
})

test.run()
