/** An epoch on the device, submitted without waiting for the host; only its losses come back. */
import type { Network } from '../../model/network.ts'
import { planEpoch } from '../checks.ts'
import type { EpochRequest, EpochResult } from '../engine.ts'
import type { ProgressClock } from '../progress.ts'
import type { GpuDevice } from './device.ts'
import type { Layout } from './layout.ts'
import type { DeviceMemory } from './memory.ts'
import type { Orders } from './orders.ts'
import type { Passes, TrainingKind, TrainingPasses } from './passes.ts'
import type { StepUniforms } from './step-uniforms.ts'
import type { ResidentRows } from './training-set.ts'
import type { Pace } from './windows.ts'
import { submitInWindows } from './windows.ts'

/** What all calls of an engine share. */
export interface DeviceParts {
  readonly network: Network
  readonly gpu: GpuDevice
  readonly layout: Layout
  readonly passes: Passes
  readonly memory: DeviceMemory
  readonly orders: Orders
  readonly clock: ProgressClock
}

/** The passes of a step, and room for what they leave in `scratch`. */
export async function prepareTraining(
  { passes, memory, layout }: DeviceParts,
  training: TrainingKind,
): Promise<TrainingPasses> {
  const prepared = await passes.training(training)
  const { parts } = prepared.split
  await memory.reserve({
    rows: training.batchSize,
    lossParts: prepared.lossParts(training.batchSize),
    splitQuads: parts > 1 ? parts * layout.slabQuads : 0,
  })
  return prepared
}

/** What a step's uniforms say of a batch of so many rows. */
export function batchUniforms(
  { memory }: DeviceParts,
  { lossParts, split, firstTrained }: TrainingPasses,
  rows: number,
): StepUniforms {
  const { parts: splits, rows: splitRows } = split
  return { ...memory.places(), rows, lossParts: lossParts(rows), splits, splitRows, firstTrained }
}

/** @param adamSteps Adam's steps before this epoch; `onSteps` hears of those that are submitted */
export async function trainEpoch(
  parts: DeviceParts,
  set: ResidentRows | undefined,
  request: EpochRequest,
  pace: Pace,
  adamSteps: number,
  onSteps: (steps: number) => void,
): Promise<EpochResult> {
  const { network, gpu, memory, orders, clock } = parts
  const plan = planEpoch(network, set?.count, request, orders.draw)
  const { order, firstStep, steps, frozenLayers, learningRates } = plan
  const total = steps - firstStep
  if (!set || total === 0) return { batchLosses: new Float64Array(0), stepsDone: steps, steps }

  const { batchSize, seed, epoch, noiseStd = 0, weightDecay, signal, onProgress } = request
  const isNoisy = noiseStd > 0
  const prepared = await prepareTraining(parts, {
    kind: set.kind,
    batchSize: Math.min(batchSize, order.length),
    isNoisy,
    frozenLayers,
  })
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
  const orderBuffer = await gpu.createBuffer('the order', order.byteLength, STORAGE | COPY_DST)
  const losses = await gpu.createBuffer('the losses', 4 * total, STORAGE | COPY_SRC)
  try {
    gpu.upload(orderBuffer, order)
    const group = memory.bind({ rows: set.rows, labels: set.labels, order: orderBuffer, losses })
    let adamStep = adamSteps
    const submit = (first: number, count: number) => {
      const window = Array.from({ length: count }, (_, i): StepUniforms => {
        const orderOffset = (firstStep + first + i) * batchSize
        const rows = Math.min(batchSize, order.length - orderOffset)
        return {
          ...batchUniforms(parts, prepared, rows),
          orderOffset,
          lossIndex: first + i,
          seed,
          epoch,
          noiseStd,
          learningRate: learningRates[firstStep + first + i],
          weightDecay,
          adamStep: ++adamStep,
        }
      })
      memory.submit(group, prepared.passes, window)
      onSteps(count)
    }
    const onDone = (done: number) => {
      if (onProgress && clock.take()) onProgress({ stepsDone: firstStep + done, steps })
    }
    // Read and drawn while the device is busy, not after it.
    let reading: Promise<Float32Array> | undefined
    const onSubmitted = (count: number) => {
      reading = gpu.download(losses, count)
      // Waited for below, unless a step fails first.
      reading.catch(() => {})
      if (!request.order) orders.drawAhead(set.count, seed, epoch + 1)
    }
    const done = await submitInWindows(gpu, pace, total, submit, onSubmitted, onDone, signal)
    const batchLosses = Float64Array.from((await reading) ?? [])
    return { batchLosses, stepsDone: firstStep + done, steps }
  } finally {
    orderBuffer.destroy()
    losses.destroy()
  }
}
