import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parameterCount } from '../../../src/model/network.ts'
import { hourglass } from '../../../src/model/recipes.ts'
import { engineFromParts } from '../../support/wasm-engine.ts'

const test = suite('a worker that fails')

/** Ends a program that hangs; what it does takes seconds. */
const LIMIT_MS = 120_000
/** What a failed run is promised to take at most. It takes some 20 ms. */
const PROMPTLY_MS = 1000

interface Outcome {
  readonly stepsBefore: number
  readonly stepsSeen: number
  readonly reason: string
  readonly rejectedAfterMs: number
  readonly later: readonly string[]
  readonly disposed: string
}

/** Runs the program to its own end; rejects if it ends with another code than 0, or not at all. */
async function runProgram(failure: 'throws' | 'killed', threads: number): Promise<Outcome> {
  const program = new URL('../programs/wasm-failure.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [program, failure, String(threads)], {
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  return JSON.parse(stdout)
}

function assertFailed(outcome: Outcome, reason: string): void {
  assert.is(outcome.stepsBefore, 1, 'the engine trained before the failure')
  assert.is(outcome.reason, reason)
  assert.ok(outcome.rejectedAfterMs <= PROMPTLY_MS, `rejected after ${outcome.rejectedAfterMs} ms`)
  assert.equal(outcome.later, [reason, reason, reason], 'later calls reject with the first cause')
  assert.match(outcome.disposed, /dispose/)
}

for (const threads of [1, 3]) {
  test(`one of ${threads} throws: the epoch rejects within 1 s with its error, and the process ends`, async () => {
    const outcome = await runProgram('throws', threads)
    assertFailed(outcome, 'TrainingError: a worker thread failed: memory access out of bounds')
  })

  test(`one of ${threads} is killed: the epoch rejects within 1 s, and the process ends`, async () => {
    const outcome = await runProgram('killed', threads)
    assert.ok(outcome.stepsSeen > 0, 'killed before the epoch was under way')
    assertFailed(outcome, 'TrainingError: a worker thread failed: worker exited with code: 1')
  })
}

test('one that dies between two calls is replaced', async () => {
  const network = hourglass({ input: 20, hidden: 9, bottleneck: 3 })
  const { engine, pool } = await engineFromParts(network, { variant: 'plain', threads: 2, wideTile: false })
  try {
    await engine.setTrainingSet({ rows: new Uint8Array(40 * 20).map((_, i) => (i * 97) % 251) })
    await engine.initialize(1)
    const request = { seed: 1, epoch: 1, batchSize: 8, learningRate: 1e-3, weightDecay: 0 }
    await engine.trainEpoch(request)
    await pool.piscina.threads[0].terminate()
    assert.is((await engine.trainEpoch({ ...request, epoch: 2 })).stepsDone, 5)
    assert.is((await engine.readState()).steps, 10)
  } finally {
    await engine.dispose()
  }
})

test('dispose in the middle of an epoch ends the epoch and the threads', async () => {
  const network = hourglass({ input: 784, hidden: 392, bottleneck: 8 })
  const { engine, pool } = await engineFromParts(network, { variant: 'plain', threads: 2, wideTile: false })
  await engine.setTrainingSet({ rows: new Uint8Array(20_000 * 784) })
  await engine.writeState({
    parameters: new Float32Array(parameterCount(network)),
    firstMoment: new Float32Array(parameterCount(network)),
    secondMoment: new Float32Array(parameterCount(network)),
    steps: 0,
  })
  const request = { seed: 1, epoch: 1, batchSize: 16, learningRate: 1e-3, weightDecay: 0 }
  let epoch: Promise<string> | undefined
  await new Promise<void>((resolve) => {
    const onProgress = ({ stepsDone }: { stepsDone: number }) => stepsDone > 0 && resolve()
    epoch = engine.trainEpoch({ ...request, onProgress }).then(
      ({ stepsDone, steps }) => `resolved with ${stepsDone} of ${steps} steps`,
      (error: Error) => `${error.name}: ${error.message}`,
    )
    void epoch.then(() => resolve())
  })
  await engine.dispose()
  assert.match(
    String(await epoch),
    /^UsageError: engine: expected no call to be under way at dispose, found one/,
  )
  assert.is(pool.piscina.threads.length, 0)
})

test.run()
