/**
 * The whole training step on the GPU, through WebGPU: in browsers and, through Dawn, in Node. Parameters,
 * moments and the training rows lie on the device. Every sum has a fixed order: the same seed on the same
 * adapter gives the same bits.
 */
import type { Network } from '../../model/network.ts'
import { codeSize, inputSize } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import { initialParameters } from '../../random/streams.ts'
import {
  CallGuard,
  checkNetwork,
  checkReconstructs,
  checkRowLosses,
  checkState,
  checkTrainingSet,
  countRows,
} from '../checks.ts'
import type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import { ProgressClock } from '../progress.ts'
import type { GpuProvider } from './device.ts'
import { openGpuDevice } from './device.ts'
import { inferOutputs, inferRowLosses } from './inference.ts'
import { layoutOf } from './layout.ts'
import { DeviceMemory } from './memory.ts'
import { Orders } from './orders.ts'
import type { PassOptions } from './passes.ts'
import { Passes } from './passes.ts'
import type { ShaderSources } from './shaders.ts'
import type { PassTime } from './timing.ts'
import { timePasses } from './timing.ts'
import type { DeviceParts } from './training.ts'
import { trainEpoch } from './training.ts'
import type { ResidentRows } from './training-set.ts'
import { createResidentRows, destroyResidentRows } from './training-set.ts'
import type { Pace } from './windows.ts'

export interface WebgpuOptions extends PassOptions {
  readonly gpu: GpuProvider
  readonly shaders: ShaderSources
  /** What to install or choose where there is no adapter: the end of that error's message. */
  readonly remedy: string
}

/** An engine that also says what it runs on: `--device auto` never takes a software adapter. */
export interface WebgpuEngine extends Engine {
  /** Vendor, architecture and device, as the driver names them. */
  readonly adapterName: string
  /** Whether the adapter computes on the CPU (SwiftShader, llvmpipe). */
  readonly isSoftware: boolean
  /** See timing.ts. Needs a training set. */
  timePasses(batchSize: number, repetitions: number): Promise<readonly PassTime[]>
}

/**
 * Opens a device. Rejects with a UsageError for a network that engines do not compute, with a DeviceError
 * where there is no adapter, or its limits or memory are too small for the network. Passes are compiled when
 * they are first needed.
 */
export async function createWebgpuEngine(network: Network, options: WebgpuOptions): Promise<WebgpuEngine> {
  checkNetwork(network)
  const guard = new CallGuard()
  const gpu = await openGpuDevice(options.gpu, options.remedy, (cause) => guard.fail(cause))
  try {
    const layout = layoutOf(network)
    const passes = new Passes(gpu, options.shaders, network, layout, options)
    const memory = await DeviceMemory.create(network, gpu, layout, passes.bindings)
    const [orders, clock] = [new Orders(), new ProgressClock()]
    return new DeviceEngine(guard, { network, gpu, layout, passes, memory, orders, clock })
  } catch (error) {
    gpu.close()
    throw error
  }
}

class DeviceEngine implements WebgpuEngine {
  readonly info: EngineInfo
  readonly network: Network
  readonly adapterName: string
  readonly isSoftware: boolean
  readonly #guard: CallGuard
  readonly #parts: DeviceParts
  readonly #pace: Pace = { stepMs: undefined }
  #adamSteps = 0
  #set: ResidentRows | undefined

  constructor(guard: CallGuard, parts: DeviceParts) {
    const { adapterName, isSoftware } = parts.gpu
    this.network = parts.network
    this.adapterName = adapterName
    this.isSoftware = isSoftware
    const kind = isSoftware ? ' (software)' : ''
    this.info = {
      device: 'webgpu',
      threads: 1,
      arithmetic: `float32 WGSL on ${adapterName}${kind}`,
      bits: `webgpu, ${adapterName}`,
    }
    this.#guard = guard
    this.#parts = parts
  }

  roomFor(rows: number): Uint8Array {
    return new Uint8Array(rows * inputSize(this.network))
  }

  setTrainingSet(set: TrainingSet): Promise<void> {
    return this.#guard.run(async () => {
      checkTrainingSet(this.network, set)
      if (this.#set) destroyResidentRows(this.#set)
      this.#set = undefined
      const labels = this.network.loss === 'crossEntropy' ? set.labels : undefined
      this.#set = await createResidentRows(this.#parts.gpu, set.rows, inputSize(this.network), labels)
    })
  }

  initialize(seed: number): Promise<void> {
    return this.#guard.run(async () => {
      const parameters = initialParameters(this.network, seed)
      const zeros = new Float32Array(parameters.length)
      this.#write({ parameters, firstMoment: zeros, secondMoment: zeros, steps: 0 })
    })
  }

  writeState(state: ModelState): Promise<void> {
    return this.#guard.run(async () => {
      checkState(this.network, state)
      this.#write(state)
    })
  }

  #write(state: ModelState): void {
    this.#parts.memory.writeSlabs(state)
    this.#adamSteps = state.steps
  }

  readState(): Promise<ModelState> {
    return this.#guard.run(async () => ({
      ...(await this.#parts.memory.readSlabs()),
      steps: this.#adamSteps,
    }))
  }

  trainEpoch(request: EpochRequest): Promise<EpochResult> {
    const onSteps = (steps: number) => {
      this.#adamSteps += steps
    }
    return this.#guard.run(() =>
      trainEpoch(this.#parts, this.#set, request, this.#pace, this.#adamSteps, onSteps),
    )
  }

  timePasses(batchSize: number, repetitions: number): Promise<readonly PassTime[]> {
    return this.#guard.run(async () => {
      if (!this.#set) throw new Error('internal: timePasses needs a training set')
      return timePasses(this.#parts, this.#set, batchSize, repetitions)
    })
  }

  forward(inputs: Inputs): Promise<FloatArray> {
    return this.#guard.run(() => this.#infer(inputs, 0, this.network.layers.length - 1))
  }

  encode(inputs: Inputs): Promise<FloatArray> {
    return this.#guard.run(() => this.#infer(inputs, 0, this.network.codeLayer))
  }

  decode(codes: FloatArray): Promise<FloatArray> {
    const { layers, codeLayer } = this.network
    return this.#guard.run(() => this.#infer(codes, codeLayer + 1, layers.length - 1))
  }

  /**
   * Output of layer `last` for rows that enter layer `first`; the rows themselves where no layer lies
   * between.
   */
  async #infer(rows: Inputs, first: number, last: number): Promise<Float32Array> {
    const width = first === 0 ? inputSize(this.network) : codeSize(this.network)
    countRows(rows, width, first === 0 ? 'inputs' : 'codes')
    if (first > last) return Float32Array.from(rows)
    return inferOutputs(this.#parts, rows, width, first, last)
  }

  rowLosses(inputs: Inputs, labels?: Uint8Array): Promise<Float64Array> {
    return this.#guard.run(async () => {
      checkRowLosses(this.network, inputs, labels)
      const needed = this.network.loss === 'crossEntropy' ? labels : undefined
      return inferRowLosses(this.#parts, inputs, 'losses', needed)
    })
  }

  reconstructionErrors(inputs: Inputs): Promise<Float64Array> {
    return this.#guard.run(async () => {
      checkReconstructs(this.network)
      countRows(inputs, inputSize(this.network), 'inputs')
      return inferRowLosses(this.#parts, inputs, 'squaredErrors', undefined)
    })
  }

  async dispose(): Promise<void> {
    if (this.#guard.closed) return
    this.#guard.close()
    this.#parts.gpu.close()
  }
}
