/** How an epoch's steps reach the queue: in windows of many steps, without the host waiting for each. */

import type { StopSignal } from '../stop-signal.ts'
import type { GpuDevice } from './device.ts'

/**
 * What a window should take: short enough for a prompt abort and a live progress, long enough to hide the
 * host.
 */
const WINDOW_MS = 50
export const LARGEST_WINDOW_STEPS = 512
/**
 * Steps of an epoch's first window, so that the device begins soon; and how many times as many the next one
 * may have: the host records that in the time that the device takes for the one before.
 */
const FIRST_WINDOW_STEPS = 16
const WINDOW_GROWTH = 4

/**
 * What one step took when last seen, kept from epoch to epoch: an epoch then begins with windows of the right
 * size.
 */
export interface Pace {
  stepMs: number | undefined
}

/**
 * Submits steps 0 … total − 1 in order, at most two windows ahead of the device. `submit` records and submits
 * `count` steps from `first` on; `onSubmitted` hears how many were, when no more will be, and `onDone` how
 * many are complete. Resolves, when all that was submitted is complete, with that number of steps: fewer than
 * `total` only after `signal` aborted.
 */
export async function submitInWindows(
  gpu: GpuDevice,
  pace: Pace,
  total: number,
  submit: (first: number, count: number) => void,
  onSubmitted: (steps: number) => void,
  onDone: (steps: number) => void,
  signal: StopSignal | undefined,
): Promise<number> {
  // Two windows at least, so that the device computes one while the host records the other.
  const largest = Math.min(LARGEST_WINDOW_STEPS, Math.ceil(total / 2))
  const fitting = (stepMs: number) => Math.min(largest, Math.max(1, Math.round(WINDOW_MS / stepMs)))
  let mostSteps = FIRST_WINDOW_STEPS
  let windowSteps = pace.stepMs === undefined ? 1 : fitting(pace.stepMs)
  let submitted = 0
  let completed = 0
  let completedAtMs = performance.now()
  const pending: { end: number; done: Promise<unknown> }[] = []

  const complete = async () => {
    const oldest = pending.shift()
    if (!oldest) return
    await gpu.settle(oldest.done)
    const nowMs = performance.now()
    pace.stepMs = (nowMs - completedAtMs) / (oldest.end - completed)
    windowSteps = Math.min(2 * windowSteps, fitting(pace.stepMs))
    completed = oldest.end
    completedAtMs = nowMs
    onDone(completed)
  }

  while (submitted < total && !signal?.aborted) {
    const count = Math.min(windowSteps, mostSteps, total - submitted)
    mostSteps *= WINDOW_GROWTH
    submit(submitted, count)
    submitted += count
    const done = gpu.device.queue.onSubmittedWorkDone()
    // Waited for below, unless an older window fails first.
    done.catch(() => {})
    pending.push({ end: submitted, done })
    if (pending.length === 2) await complete()
  }
  onSubmitted(submitted)
  while (pending.length) await complete()
  return submitted
}
