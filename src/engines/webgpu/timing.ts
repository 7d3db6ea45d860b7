/** What each pass of a training step takes: for benchmarks. */
import type { Pass } from './pass.ts'
import { batchUniforms, type DeviceParts, prepareTraining } from './training.ts'
import type { ResidentRows } from './training-set.ts'

export interface PassTime {
  readonly name: string
  /** Of one dispatch. */
  readonly milliseconds: number
  /** Floating-point operations of its products; 0 where it has none. */
  readonly flops: number
}

/**
 * Times each pass alone, over `batchSize` rows of the training set: so many dispatches of it one after the
 * other, in one submission. By the device's own clock where it has timestamps, else by the host's. Leaves
 * parameters and moments of no use.
 */
export async function timePasses(
  parts: DeviceParts,
  set: ResidentRows,
  batchSize: number,
  repetitions: number,
): Promise<readonly PassTime[]> {
  const { gpu, memory } = parts
  const training = { kind: set.kind, batchSize, isNoisy: false, frozenLayers: 0 } as const
  const prepared = await prepareTraining(parts, training)
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
  const order = await gpu.createBuffer('the order', 4 * batchSize, STORAGE | COPY_DST)
  const losses = await gpu.createBuffer('the losses', 4, STORAGE | COPY_SRC)
  const clock = await createClock(parts)
  try {
    gpu.upload(
      order,
      Uint32Array.from({ length: batchSize }, (_, i) => i % set.count),
    )
    const group = memory.bind({ rows: set.rows, labels: set.labels, order, losses })
    const step = { ...batchUniforms(parts, prepared, batchSize), learningRate: 1e-3 }
    const times: PassTime[] = []
    for (const pass of prepared.passes) {
      const run = (count: number) =>
        clock.time((timestamps) => memory.submit(group, Array<Pass>(count).fill(pass), [step], timestamps))
      await run(1)
      const milliseconds = (await run(repetitions)) / repetitions
      times.push({ name: pass.name, milliseconds, flops: pass.rowFlops * batchSize })
    }
    return times
  } finally {
    order.destroy()
    losses.destroy()
    clock.destroy()
  }
}

interface Clock {
  /** Milliseconds that what `submit` submits takes. */
  time(submit: (timestamps: GPUComputePassTimestampWrites | undefined) => void): Promise<number>
  destroy(): void
}

async function createClock({ gpu }: DeviceParts): Promise<Clock> {
  const { device } = gpu
  if (!device.features.has('timestamp-query')) {
    return {
      time: async (submit) => {
        const startMs = performance.now()
        submit(undefined)
        await gpu.settle(device.queue.onSubmittedWorkDone())
        return performance.now() - startMs
      },
      destroy: () => {},
    }
  }
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 })
  const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage
  const results = await gpu.createBuffer('timestamps', 16, QUERY_RESOLVE | COPY_SRC)
  return {
    time: async (submit) => {
      submit({ querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 })
      const commands = device.createCommandEncoder()
      commands.resolveQuerySet(querySet, 0, 2, results, 0)
      device.queue.submit([commands.finish()])
      const words = await gpu.download(results, 4)
      const [begin, end] = new BigUint64Array(words.buffer)
      return Number(end - begin) / 1e6
    },
    destroy: () => {
      querySet.destroy()
      results.destroy()
    },
  }
}
