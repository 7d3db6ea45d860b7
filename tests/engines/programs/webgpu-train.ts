/**
 * A process of its own for webgpu.test.ts: trains a small network, prints its losses and ends by itself.
 * Prints the message of a HourglassError instead where there is one. With `keep` the engine is not disposed.
 */
import { createWebgpuNodeEngine } from '../../../src/engines/webgpu/node.ts'
import { HourglassError } from '../../../src/errors.ts'
import { hourglass } from '../../../src/model/recipes.ts'

try {
  const engine = await createWebgpuNodeEngine(hourglass({ input: 12, hidden: 7, bottleneck: 2 }))
  await engine.setTrainingSet({ rows: Uint8Array.from({ length: 20 * 12 }, (_, i) => (i * 37) % 256) })
  await engine.initialize(1)
  const request = { seed: 1, epoch: 1, batchSize: 6, learningRate: 1e-3, weightDecay: 0 }
  const { batchLosses } = await engine.trainEpoch(request)
  console.log(batchLosses.join(' '))
  if (!process.argv.includes('keep')) await engine.dispose()
} catch (error) {
  if (!(error instanceof HourglassError)) throw error
  console.log(error.message)
}
