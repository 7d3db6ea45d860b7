/** The pool of worker threads in Node: Piscina, with every failure of a thread in the promise of a call. */
import { Piscina, type TaskQueue } from 'piscina'
import { DeviceError, HourglassError } from '../../errors.ts'
import { disposedDuringCall } from '../checks.ts'
import type { WorkerPool, WorkerTask } from './core.ts'
import type { Meeting, ThreadData } from './node-worker.ts'

/**
 * `size` threads that each hold an instance of the core over `memory`; tests reach the threads through
 * `piscina`. They start at once, while the core is still being chosen, and the first task waits for all of
 * them: meanwhile the host reads its data. Where the system does not start so many, or there is no module,
 * that task and all later ones reject, the former with a DeviceError, and no thread is left running.
 */
export function createPiscinaPool(
  size: number,
  module: WebAssembly.Module | Promise<WebAssembly.Module>,
  memory: WebAssembly.Memory,
): WorkerPool & { readonly piscina: Piscina } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const queue = new Queue()
  const data: ThreadData = { memory, module: undefined }
  const piscina = new Piscina({
    filename: new URL(`./node-worker.${extension}`, import.meta.url).href,
    // Threads start in `run` alone: Piscina starts others in handlers of events, where no call hears of their
    // failure.
    minThreads: 0,
    maxThreads: size,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    taskQueue: queue,
    workerData: data,
  })
  const calls = new PoolCalls(piscina, queue)
  const ready = start(calls, size, module, data)
  // It is said by the task that meets it.
  ready.catch(() => undefined)
  return {
    size,
    piscina,
    run: async (task: WorkerTask) => {
      await ready
      return calls.run(task)
    },
    close: () => calls.close(),
  }
}

/** Resolves when each of `size` threads has the core. Ends all of them, and rejects, where one has not. */
async function start(
  calls: PoolCalls,
  size: number,
  module: WebAssembly.Module | Promise<WebAssembly.Module>,
  data: ThreadData,
): Promise<void> {
  try {
    const [chosen] = await Promise.all([module, meet(calls, { size })])
    // For a thread that takes the place of one that dies.
    data.module = chosen
    await meet(calls, { size, module: chosen })
  } catch (cause) {
    await calls.close()
    throw cause instanceof HourglassError ? cause : startError(size, cause)
  }
}

/** One task for each of `size` threads, which wait for each other in it. */
async function meet(calls: PoolCalls, task: Omit<Meeting, 'meeting'>): Promise<void> {
  const meeting = new Int32Array(new SharedArrayBuffer(4))
  await Promise.all(Array.from({ length: task.size }, () => calls.run({ ...task, meeting })))
}

type Task = Parameters<TaskQueue['push']>[0]

/** Tasks that wait for a thread, in order. */
class Queue implements TaskQueue {
  readonly #tasks: Task[] = []

  get size(): number {
    return this.#tasks.length
  }

  shift(): Task | null {
    return this.#tasks.shift() ?? null
  }

  push(task: Task): void {
    this.#tasks.push(task)
  }

  remove(task: Task): void {
    const index = this.#tasks.indexOf(task)
    if (index >= 0) this.#tasks.splice(index, 1)
  }

  /** Takes back the task that was pushed last. */
  pop(): void {
    this.#tasks.pop()
  }
}

/** Tasks under way, and their common end. */
class PoolCalls {
  readonly #piscina: Piscina
  readonly #queue: Queue
  readonly #waiting = new Set<(reason: Error) => void>()
  #failure: Error | undefined
  #closing: Promise<void> | undefined
  #alive: NodeJS.Timeout | undefined

  constructor(piscina: Piscina, queue: Queue) {
    this.#piscina = piscina
    this.#queue = queue
    // A thread that could not start, or failed without a task: whoever waits may wait for it.
    piscina.on('error', (error: Error) => this.#fail(startError(piscina.maxThreads, error)))
  }

  run(task: WorkerTask | Meeting): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting.delete(reject)
        if (this.#waiting.size === 0) clearInterval(this.#alive)
      }
      // A thread that is starting does not keep the process alive, and the task that it will get must.
      if (this.#waiting.size === 0) this.#alive = setInterval(() => undefined, 2 ** 30)
      this.#waiting.add(reject)
      this.#start(task).then(resolve, reject).finally(settle)
    })
  }

  async #start(task: WorkerTask | Meeting): Promise<void> {
    let running: Promise<void>
    try {
      running = this.#piscina.run(task)
    } catch (error) {
      // No thread could be started for the task, which is queued by now: its promise, which nobody has, must
      // not fail.
      this.#queue.pop()
      throw startError(this.#piscina.maxThreads, error)
    }
    return running
  }

  close(): Promise<void> {
    this.#fail(disposedDuringCall())
    this.#closing ??= this.#piscina.destroy()
    return this.#closing
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const reject of this.#waiting) reject(this.#failure)
  }
}

/** What to do about a thread that does not start, by the system's own word for it. */
const REMEDIES = {
  EMFILE: 'raise the limit of open files (ulimit -n)',
  EAGAIN: 'raise the limit of processes (ulimit -u, or pids.max of the container)',
  ENOMEM: 'give it more memory',
  ERR_WORKER_OUT_OF_MEMORY: 'give it more memory, or address space (ulimit -v)',
} as const

function startError(size: number, cause: unknown): DeviceError {
  const text =
    cause instanceof Error ? `${'code' in cause ? cause.code : ''} ${cause.message}` : String(cause)
  const code = (Object.keys(REMEDIES) as (keyof typeof REMEDIES)[]).find((name) => text.includes(name))
  const found = code ?? (cause instanceof Error ? cause.message : text).split('\n')[0]
  const remedy = code === undefined ? '' : `: use fewer, or ${REMEDIES[code]}`
  return new DeviceError(
    `expected to start ${size} worker threads, found that they do not start (${found})${remedy}`,
    { cause },
  )
}
