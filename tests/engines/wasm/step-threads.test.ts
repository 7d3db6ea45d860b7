import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { threadsThatPay } from '../../../src/engines/wasm/algorithms.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import { assertSameBits } from '../../support/core.ts'
import { engineFromParts } from '../../support/wasm-engine.ts'
import { byteSet } from './networks.ts'

const test = suite('threads that a step uses')

const tiny = hourglass({ input: 30, hidden: 64, bottleneck: 5 })
const mnist = hourglass({ input: 784, hidden: 392, bottleneck: 8 })

test('grow with the work of a step, from 1 to all', () => {
  assert.equal(
    [1, 8, 50, 4096].map((batch) => threadsThatPay(tiny, batch, 8)),
    [1, 1, 2, 8],
  )
  assert.equal(
    [1, 32, 256].map((batch) => threadsThatPay(mnist, batch, 16)),
    [6, 13, 16],
  )
  assert.is(threadsThatPay(mnist, 256, 1), 1)
})

test('are the only ones that train, and change no bit', async () => {
  const bits: Uint32Array[] = []
  for (const [stepThreads, expected] of [
    [undefined, 3],
    [threadsThatPay, 1],
  ] as const) {
    let started = 0
    const { engine } = await engineFromParts(tiny, {
      variant: 'relaxed',
      threads: 3,
      wideTile: false,
      ...(stepThreads && { stepThreads }),
      wrapPool: (pool) => ({
        ...pool,
        run: (task) => {
          if (task.kind === 'train') started++
          return pool.run(task)
        },
      }),
    })
    try {
      await engine.setTrainingSet(byteSet(tiny, 40))
      await engine.initialize(1)
      await engine.trainEpoch({ seed: 1, epoch: 1, batchSize: 8, learningRate: 1e-3, weightDecay: 0 })
      assert.is(started, expected)
      const { parameters } = await engine.readState()
      bits.push(new Uint32Array(Float32Array.from(parameters).buffer))
    } finally {
      await engine.dispose()
    }
  }
  assertSameBits(bits[1], bits[0], 'parameters')
})

test.run()
