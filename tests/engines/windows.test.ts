/** How steps reach a GPU's queue: without a GPU. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GpuDevice } from '../../src/engines/webgpu/device.ts'
import { submitInWindows } from '../../src/engines/webgpu/windows.ts'

const test = suite('windows of steps')

interface Log {
  /** Steps of each window. */
  readonly windows: number[]
  /** Windows that were submitted and not complete, at most. */
  ahead: number
  /** What onSubmitted heard, and how many windows were complete then. */
  submitted: readonly [steps: number, complete: number] | undefined
  done: number
}

/**
 * Runs `total` steps, which took `stepMs` when last seen, on a device that takes `windowMs` for a window, by
 * a clock of its own: how busy this machine is decides nothing. Aborts with window `abortAt`.
 */
async function run(total: number, stepMs: number, windowMs: number, abortAt = Infinity): Promise<Log> {
  const log: Log = { windows: [], ahead: 0, submitted: undefined, done: 0 }
  let complete = 0
  let nowMs = 0
  const settle = async (work: Promise<unknown>) => {
    await work
    nowMs += windowMs
    complete++
  }
  const gpu = { settle, device: { queue: { onSubmittedWorkDone: async () => {} } } }
  const controller = new AbortController()
  const submit = (first: number, count: number) => {
    assert.is(
      first,
      log.windows.reduce((sum, steps) => sum + steps, 0),
    )
    log.windows.push(count)
    log.ahead = Math.max(log.ahead, log.windows.length - complete)
    if (log.windows.length === abortAt) controller.abort()
  }
  const onSubmitted = (steps: number) => {
    log.submitted = [steps, complete]
  }
  const onDone = (steps: number) => {
    log.done = steps
  }
  const device = gpu as unknown as GpuDevice
  const clock = performance.now
  performance.now = () => nowMs
  try {
    await submitInWindows(device, { stepMs }, total, submit, onSubmitted, onDone, controller.signal)
  } finally {
    performance.now = clock
  }
  return log
}

test('an epoch begins with a short window, so that the device does not wait for a long one', async () => {
  const { windows, ahead, submitted, done } = await run(1000, 0.01, 1)
  assert.equal(windows, [16, 64, 256, 500, 164])
  assert.is(ahead, 2)
  // The last one is under way.
  assert.equal(submitted, [1000, 4])
  assert.is(done, 1000)
})

test('slow steps go one by one, and an abort leaves out those that were not submitted', async () => {
  const { windows, submitted, done } = await run(10, 60, 60, 3)
  assert.equal(windows, [1, 1, 1])
  assert.equal(submitted, [3, 2])
  assert.is(done, 3)
})

test.run()
