/**
 * The page's side of an engine that lives in a worker (`browser-host-worker.ts`): the Engine interface over
 * messages.
 */
import { DeviceError, TrainingError, UsageError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import { inputSize } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import { CallGuard, disposedDuringCall } from '../checks.ts'
import type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import { REMEDY, startHostWorker } from './browser-files.ts'
import type { ModuleChoice } from './module-choice.ts'

type PlainMethod =
  | 'setTrainingSet'
  | 'initialize'
  | 'writeState'
  | 'readState'
  | 'forward'
  | 'encode'
  | 'decode'
  | 'rowLosses'
  | 'reconstructionErrors'

/** A request without what cannot be cloned. */
type PlainRequest = Omit<EpochRequest, 'signal' | 'onProgress'>

export type HostCall =
  | { readonly id: number; readonly method: 'create'; readonly args: readonly [Network, ModuleChoice] }
  | { readonly id: number; readonly method: 'trainEpoch'; readonly args: readonly [PlainRequest] }
  | { readonly id: number; readonly method: PlainMethod; readonly args: readonly unknown[] }
  | { readonly abort: true }

export type HostAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  | { readonly id: number; readonly progress: { stepsDone: number; steps: number } }

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
  readonly onProgress: EpochRequest['onProgress']
}

const ERROR_CLASSES: Record<string, new (message: string) => Error> = {
  DeviceError,
  TrainingError,
  UsageError,
}

export class HostedEngine implements Engine {
  readonly network: Network
  readonly #worker: Worker
  readonly #guard = new CallGuard()
  readonly #waiting = new Map<number, Waiting>()
  #info: EngineInfo | undefined
  #nextId = 0

  private constructor(network: Network) {
    this.network = network
    this.#worker = startHostWorker()
    this.#worker.addEventListener('message', (event: MessageEvent<HostAnswer>) => this.#receive(event.data))
    this.#worker.addEventListener('error', (event) => {
      // What fails to start has no message.
      this.#failAll(
        event.message
          ? new TrainingError(`the worker failed: ${event.message}`)
          : new DeviceError(`expected the engine's worker to start, found that it does not; ${REMEDY}`),
      )
    })
  }

  /** Starts the worker and the engine in it. */
  static async create(network: Network, choice: ModuleChoice): Promise<HostedEngine> {
    const engine = new HostedEngine(network)
    try {
      engine.#info = (await engine.#ask('create', [network, choice])) as EngineInfo
      return engine
    } catch (error) {
      engine.#worker.terminate()
      throw error
    }
  }

  get info(): EngineInfo {
    return this.#info as EngineInfo
  }

  // The engine's memory lies with the worker: rows are copied on their way to it.
  roomFor(rows: number): Uint8Array {
    return new Uint8Array(rows * inputSize(this.network))
  }

  setTrainingSet(set: TrainingSet): Promise<void> {
    return this.#call('setTrainingSet', [set])
  }

  initialize(seed: number): Promise<void> {
    return this.#call('initialize', [seed])
  }

  writeState(state: ModelState): Promise<void> {
    return this.#call('writeState', [state])
  }

  readState(): Promise<ModelState> {
    return this.#call('readState', [])
  }

  trainEpoch({ signal, onProgress, ...request }: EpochRequest): Promise<EpochResult> {
    return this.#guard.run(async () => {
      const abort = () => this.#worker.postMessage({ abort: true } satisfies HostCall)
      signal?.addEventListener('abort', abort)
      let thrown: { readonly error: unknown } | undefined
      const report: EpochRequest['onProgress'] = (progress) => {
        if (thrown) return
        try {
          onProgress?.(progress)
        } catch (error) {
          thrown = { error }
          abort()
        }
      }
      try {
        const answer = this.#ask('trainEpoch', [request], report)
        if (signal?.aborted) abort()
        const result = (await answer) as EpochResult
        if (thrown) throw thrown.error
        return result
      } finally {
        signal?.removeEventListener('abort', abort)
      }
    })
  }

  forward(inputs: Inputs): Promise<FloatArray> {
    return this.#call('forward', [inputs])
  }

  encode(inputs: Inputs): Promise<FloatArray> {
    return this.#call('encode', [inputs])
  }

  decode(codes: FloatArray): Promise<FloatArray> {
    return this.#call('decode', [codes])
  }

  rowLosses(inputs: Inputs, labels?: Uint8Array): Promise<Float64Array> {
    return this.#call('rowLosses', [inputs, labels])
  }

  reconstructionErrors(inputs: Inputs): Promise<Float64Array> {
    return this.#call('reconstructionErrors', [inputs])
  }

  async dispose(): Promise<void> {
    if (this.#guard.closed) return
    this.#guard.close()
    this.#worker.terminate()
    this.#failAll(disposedDuringCall())
  }

  #call<T>(method: PlainMethod, args: readonly unknown[]): Promise<T> {
    return this.#guard.run(() => this.#ask(method, args) as Promise<T>)
  }

  #ask(
    method: HostCall extends infer Call ? (Call extends { method: infer Method } ? Method : never) : never,
    args: readonly unknown[],
    onProgress?: EpochRequest['onProgress'],
  ): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress })
      this.#worker.postMessage({ id, method, args } as HostCall)
    })
  }

  #receive(answer: HostAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    if (!waiting) return
    if ('progress' in answer) {
      waiting.onProgress?.(answer.progress)
      return
    }
    this.#waiting.delete(answer.id)
    if ('error' in answer) {
      const { name, message } = answer.error
      waiting.reject(new (ERROR_CLASSES[name] ?? Error)(message))
    } else {
      waiting.resolve(answer.result)
    }
  }

  #failAll(cause: Error): void {
    this.#guard.fail(cause)
    for (const { reject } of this.#waiting.values()) reject(cause)
    this.#waiting.clear()
  }
}
