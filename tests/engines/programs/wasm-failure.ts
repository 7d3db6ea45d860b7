/**
 * Lets a worker of the WASM engine fail in the middle of an epoch, and says in one line of JSON what the
 * engine made of it. Then it must end by itself.
 *
 *   node wasm-failure.ts throws|killed THREADS
 */
import { hourglass } from '../../../src/model/recipes.ts'
import { CORE_BUILDS } from '../../support/core.ts'
import type { TestPool } from '../../support/wasm-engine.ts'
import { engineFromParts } from '../../support/wasm-engine.ts'

/** An epoch of many seconds, so that what ends it is the failure. */
const IMAGES = 40_000
const BATCH_SIZE = 16
/** An address from which no job can be read: the worker that gets it traps. */
const NO_ADDRESS = 0xffff_fff0

const [failure, threadCount] = process.argv.slice(2)
const threads = Number(threadCount)
let failing = false
let failedAt = 0

function failingPool(pool: TestPool): TestPool {
  return {
    ...pool,
    run: async (task) => {
      if (!failing || failure !== 'throws' || task.worker !== threads - 1) return pool.run(task)
      await new Promise((resolve) => setTimeout(resolve, 100))
      failedAt = performance.now()
      return pool.run({ ...task, job: NO_ADDRESS })
    },
  }
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'resolved',
    (error: Error) => `${error.name}: ${error.message}`,
  )
}

const network = hourglass({ input: 784, hidden: 392, bottleneck: 8 })
const { engine, pool } = await engineFromParts(network, {
  variant: CORE_BUILDS[0],
  threads,
  wideTile: false,
  wrapPool: failingPool,
})
await engine.setTrainingSet({ rows: new Uint8Array(IMAGES * 784).map((_, i) => (i * 97) % 251) })
await engine.initialize(1)
const request = { seed: 1, epoch: 1, batchSize: BATCH_SIZE, learningRate: 1e-3, weightDecay: 0 }
const before = await engine.trainEpoch({ ...request, order: Uint32Array.of(0, 1, 2) })

failing = true
let stepsSeen = 0
const kill = async (stepsDone: number) => {
  if (stepsDone === 0 || failedAt > 0) return
  stepsSeen = stepsDone
  failedAt = performance.now()
  await pool.piscina.threads[threads - 1].terminate()
}
const onProgress = ({ stepsDone }: { stepsDone: number }) => {
  if (failure === 'killed') void kill(stepsDone)
}
const reason = await reasonOf(engine.trainEpoch({ ...request, onProgress }))
const rejectedAfterMs = performance.now() - failedAt
const later = [
  await reasonOf(engine.trainEpoch(request)),
  await reasonOf(engine.forward(new Uint8Array(784))),
  await reasonOf(engine.readState()),
]
await engine.dispose()
await engine.dispose()
const disposed = await reasonOf(engine.readState())
console.log(
  JSON.stringify({ stepsBefore: before.stepsDone, stepsSeen, reason, rejectedAfterMs, later, disposed }),
)
