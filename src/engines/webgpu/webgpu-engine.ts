/**
 * The whole training step on the GPU, through WebGPU: in browsers and, through Dawn, in Node. Parameters and moments lie
 * on the device in canonical order, the training images as bytes; an epoch is submitted without waiting for the host,
 * and only its losses come back. Every sum has a fixed order: the same seed on the same adapter gives the same bits.
 */
import type { Network } from '../../model/network.ts'
import { inputSize, outputSize, parameterCount } from '../../model/network.ts'
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
  PROGRESS_INTERVAL_MS,
  planEpoch,
} from '../checks.ts'
import type { Engine, EngineInfo, EpochRequest, EpochResult, Inputs, TrainingSet } from '../engine.ts'
import type { GpuDevice, GpuProvider } from './device.ts'
import { openGpuDevice } from './device.ts'
import type { BoundPass, Pass, Passes } from './passes.ts'
import { bindPass, createPasses, encodePass } from './passes.ts'
import type { ProductKernel, ShaderSources } from './shaders.ts'
import type { StepUniforms } from './step-uniforms.ts'
import { packSteps, STEP_STRIDE_BYTES } from './step-uniforms.ts'
import { LARGEST_WINDOW_STEPS, submitInWindows } from './windows.ts'

/** Rows that inference takes at once: bounds the memory for activations, changes no result. */
const INFERENCE_ROWS = 512

export interface WebgpuOptions {
  readonly gpu: GpuProvider
  readonly shaders: ShaderSources
  /** What to install or choose where there is no adapter: the end of that error's message. */
  readonly remedy: string
  /** Default: `matmul-direct` on software adapters, `matmul-tiled` on all others. */
  readonly kernel?: ProductKernel | undefined
}

/** An engine that also says what it runs on: `--device auto` never takes a software adapter. */
export interface WebgpuEngine extends Engine {
  /** Vendor, architecture and device, as the driver names them. */
  readonly adapterName: string
  /** Whether the adapter computes on the CPU (SwiftShader, llvmpipe). */
  readonly isSoftware: boolean
  /**
   * Times each pass of a training step over `batchSize` rows of the training set, alone: so many dispatches of it one after the other,
   * in one submission. Leaves parameters and moments of no use. For benchmarks.
   */
  timePasses(batchSize: number, repetitions: number): Promise<readonly PassTime[]>
}

export interface PassTime {
  readonly name: string
  /** Of one dispatch. */
  readonly milliseconds: number
}

/**
 * Opens a device and compiles the network's passes. Rejects with a DeviceError where there is no adapter, or its limits
 * or memory are too small for the network.
 */
export async function createWebgpuEngine(network: Network, options: WebgpuOptions): Promise<WebgpuEngine> {
  checkNetwork(network)
  const guard = new CallGuard()
  const gpu = await openGpuDevice(options.gpu, options.remedy, (cause) => guard.fail(cause))
  try {
    const kernel = options.kernel ?? (gpu.isSoftware ? 'matmul-direct' : 'matmul-tiled')
    const slabs = await createSlabs(gpu, network)
    const passes = await createPasses(gpu, options.shaders, network, kernel)
    const steps = await gpu.createBuffer(
      'step uniforms',
      LARGEST_WINDOW_STEPS * STEP_STRIDE_BYTES,
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    )
    return new DeviceEngine(network, guard, gpu, passes, slabs, steps)
  } catch (error) {
    gpu.close()
    throw error
  }
}

/** Parameters and moments, (parameterCount) floats each, in canonical order. */
interface Slabs {
  readonly parameters: GPUBuffer
  readonly firstMoment: GPUBuffer
  readonly secondMoment: GPUBuffer
}

async function createSlabs(gpu: GpuDevice, network: Network): Promise<Slabs> {
  const bytes = 4 * parameterCount(network)
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
  return {
    parameters: await gpu.createBuffer('the parameters', bytes, usage),
    firstMoment: await gpu.createBuffer('the first moment', bytes, usage),
    secondMoment: await gpu.createBuffer('the second moment', bytes, usage),
  }
}

/** The training set on the device, bytes as they came. */
interface ResidentSet {
  readonly count: number
  readonly images: GPUBuffer
  readonly labels: GPUBuffer | undefined
}

/** What one minibatch needs, for up to `rows` rows. */
interface Workspace {
  readonly rows: number
  /** [0]: the inputs, (rows, inputs); [l + 1]: the output of layer l, (rows, outputs). */
  readonly activations: readonly GPUBuffer[]
  /** [l]: gradient by the argument of layer l's activation, (rows, outputs). Empty where only inference was asked. */
  readonly gradients: readonly GPUBuffer[]
  readonly lossParts: GPUBuffer | undefined
}

function destroyWorkspace(workspace: Workspace): void {
  for (const buffer of [...workspace.activations, ...workspace.gradients]) buffer.destroy()
  workspace.lossParts?.destroy()
}

class DeviceEngine implements WebgpuEngine {
  readonly info: EngineInfo
  readonly network: Network
  readonly adapterName: string
  readonly isSoftware: boolean
  readonly #guard: CallGuard
  readonly #gpu: GpuDevice
  readonly #passes: Passes
  readonly #slabs: Slabs
  /** STEP_STRIDE_BYTES for each step of a window. */
  readonly #stepUniforms: GPUBuffer
  #adamSteps = 0
  #set: ResidentSet | undefined
  #workspace: Workspace | undefined

  constructor(
    network: Network,
    guard: CallGuard,
    gpu: GpuDevice,
    passes: Passes,
    slabs: Slabs,
    stepUniforms: GPUBuffer,
  ) {
    this.network = network
    this.adapterName = gpu.adapterName
    this.isSoftware = gpu.isSoftware
    const kind = gpu.isSoftware ? ' (software)' : ''
    this.info = {
      device: 'webgpu',
      threads: 1,
      arithmetic: `float32 WGSL on ${gpu.adapterName}${kind}`,
      bits: `webgpu, ${gpu.adapterName}`,
    }
    this.#guard = guard
    this.#gpu = gpu
    this.#passes = passes
    this.#slabs = slabs
    this.#stepUniforms = stepUniforms
  }

  roomFor(rows: number): Uint8Array {
    return new Uint8Array(rows * inputSize(this.network))
  }

  setTrainingSet(set: TrainingSet): Promise<void> {
    return this.#guard.run(async () => {
      const count = checkTrainingSet(this.network, set)
      if (!(set.rows instanceof Uint8Array)) throw new Error('internal: float rows are to come')
      this.#set?.images.destroy()
      this.#set?.labels?.destroy()
      this.#set = undefined
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
      const images = await this.#gpu.createBuffer('the training images', set.rows.length, usage)
      this.#gpu.upload(images, set.rows)
      let labels: GPUBuffer | undefined
      if (set.labels && this.network.loss === 'crossEntropy') {
        labels = await this.#gpu.createBuffer('the training labels', set.labels.length, usage)
        this.#gpu.upload(labels, set.labels)
      }
      this.#set = { count, images, labels }
    })
  }

  initialize(seed: number): Promise<void> {
    return this.#guard.run(async () => {
      const parameters = initialParameters(this.network, seed)
      const zeros = new Float32Array(parameters.length)
      this.#writeSlabs({ parameters, firstMoment: zeros, secondMoment: zeros, steps: 0 })
    })
  }

  writeState(state: ModelState): Promise<void> {
    return this.#guard.run(async () => {
      checkState(this.network, state)
      this.#writeSlabs(state)
    })
  }

  #writeSlabs(state: ModelState): void {
    for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
      this.#gpu.upload(this.#slabs[slab], Float32Array.from(state[slab]))
    }
    this.#adamSteps = state.steps
  }

  readState(): Promise<ModelState> {
    return this.#guard.run(async () => {
      const count = parameterCount(this.network)
      return {
        parameters: await this.#gpu.download(this.#slabs.parameters, count),
        firstMoment: await this.#gpu.download(this.#slabs.firstMoment, count),
        secondMoment: await this.#gpu.download(this.#slabs.secondMoment, count),
        steps: this.#adamSteps,
      }
    })
  }

  trainEpoch(request: EpochRequest): Promise<EpochResult> {
    return this.#guard.run(() => this.#trainEpoch(request))
  }

  async #trainEpoch(request: EpochRequest): Promise<EpochResult> {
    const { order, firstStep, steps, frozenLayers } = planEpoch(this.network, this.#set?.count, request)
    const total = steps - firstStep
    if (total === 0) return { batchLosses: new Float64Array(0), stepsDone: steps, steps }

    const gpu = this.#gpu
    const { batchSize, seed, epoch, noiseStd = 0, learningRate, weightDecay, signal, onProgress } = request
    const workspace = await this.#reserve(Math.min(batchSize, order.length), true)
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
    const orderBuffer = await gpu.createBuffer('the order', order.byteLength, STORAGE | COPY_DST)
    const losses = await gpu.createBuffer('the losses', 4 * total, STORAGE | COPY_SRC)
    try {
      gpu.upload(orderBuffer, order)
      const passes = this.#bindTraining(
        this.#set as ResidentSet,
        workspace,
        orderBuffer,
        losses,
        frozenLayers,
      )
      const submit = (first: number, count: number) => {
        const window = Array.from({ length: count }, (_, i): StepUniforms => {
          const orderOffset = (firstStep + first + i) * batchSize
          return {
            rows: Math.min(batchSize, order.length - orderOffset),
            orderOffset,
            lossIndex: first + i,
            seed,
            epoch,
            noiseStd,
            learningRate,
            weightDecay,
            adamStep: this.#adamSteps + i + 1,
          }
        })
        this.#submit(passes, window)
        this.#adamSteps += count
      }
      let reportedMs = -Infinity
      const onDone = (done: number) => {
        if (!onProgress || performance.now() - reportedMs < PROGRESS_INTERVAL_MS) return
        reportedMs = performance.now()
        onProgress({ stepsDone: firstStep + done, steps })
      }
      const done = await submitInWindows(gpu, total, submit, onDone, signal)
      const batchLosses = Float64Array.from(await gpu.download(losses, done))
      return { batchLosses, stepsDone: firstStep + done, steps }
    } finally {
      orderBuffer.destroy()
      losses.destroy()
    }
  }

  /** The passes of one step, in the order in which they run. */
  #bindTraining(
    set: ResidentSet,
    { activations, gradients, lossParts }: Workspace,
    order: GPUBuffer,
    losses: GPUBuffer,
    frozenLayers: number,
  ): BoundPass[] {
    const { parameters, firstMoment, secondMoment } = this.#slabs
    const { gather, layers, output, loss } = this.#passes
    const last = layers.length - 1
    const parts = lossParts as GPUBuffer
    const bound = [this.#bind('gather', gather, set.images, order, activations[0])]
    layers.forEach(({ forward }, l) => {
      const name = `forward ${this.network.layers[l].name}`
      bound.push(this.#bind(name, forward, parameters, activations[l], activations[l + 1]))
    })
    const targets = set.labels ?? set.images
    const outputs = activations[last + 1]
    bound.push(this.#bind('gradient at the output', output, outputs, targets, order, gradients[last], parts))
    bound.push(this.#bind('loss', loss, parts, losses))
    for (let l = last; l >= frozenLayers; l--) {
      const { inputGradient, weightGradient } = layers[l]
      const { name } = this.network.layers[l]
      if (inputGradient && l > frozenLayers) {
        const buffers = [parameters, gradients[l], activations[l], gradients[l - 1]]
        bound.push(this.#bind(`input gradient ${name}`, inputGradient, ...buffers))
      }
      const buffers = [gradients[l], activations[l], parameters, firstMoment, secondMoment]
      bound.push(this.#bind(`weight gradient and Adam ${name}`, weightGradient, ...buffers))
    }
    return bound
  }

  #bind(name: string, pass: Pass, ...buffers: GPUBuffer[]): BoundPass {
    return bindPass(this.#gpu.device, name, pass, this.#stepUniforms, STEP_STRIDE_BYTES, buffers)
  }

  /** Records and submits every pass of each step. The queue keeps uploads and submissions in order. */
  #submit(passes: readonly BoundPass[], steps: readonly StepUniforms[]): void {
    const { device } = this.#gpu
    const commands = device.createCommandEncoder()
    const encoder = commands.beginComputePass()
    steps.forEach(({ rows }, i) => {
      for (const pass of passes) {
        encodePass(encoder, pass, rows, i * STEP_STRIDE_BYTES, device.limits.maxComputeWorkgroupsPerDimension)
      }
    })
    encoder.end()
    this.#gpu.upload(this.#stepUniforms, packSteps(steps))
    device.queue.submit([commands.finish()])
  }

  timePasses(batchSize: number, repetitions: number): Promise<readonly PassTime[]> {
    return this.#guard.run(async () => {
      const set = this.#set
      if (!set) throw new Error('internal: timePasses needs a training set')
      const { queue } = this.#gpu.device
      const workspace = await this.#reserve(batchSize, true)
      const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
      const order = await this.#gpu.createBuffer('the order', 4 * batchSize, STORAGE | COPY_DST)
      const losses = await this.#gpu.createBuffer('the losses', 4, STORAGE | COPY_SRC)
      const step = {
        rows: batchSize,
        orderOffset: 0,
        lossIndex: 0,
        seed: 0,
        epoch: 1,
        noiseStd: 0,
        learningRate: 1e-3,
        weightDecay: 0,
        adamStep: 1,
      }
      const times: PassTime[] = []
      try {
        this.#gpu.upload(
          order,
          Uint32Array.from({ length: batchSize }, (_, i) => i % set.count),
        )
        for (const pass of this.#bindTraining(set, workspace, order, losses, 0)) {
          const run = async (count: number) => {
            this.#submit(Array<BoundPass>(count).fill(pass), [step])
            await this.#gpu.settle(queue.onSubmittedWorkDone())
          }
          await run(1)
          const startMs = performance.now()
          await run(repetitions)
          times.push({ name: pass.name, milliseconds: (performance.now() - startMs) / repetitions })
        }
        return times
      } finally {
        order.destroy()
        losses.destroy()
      }
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

  async rowLosses(inputs: Inputs, labels?: Uint8Array): Promise<Float64Array> {
    checkRowLosses(this.network, inputs, labels)
    if (this.network.loss === 'bce') throw new Error('internal: bce is to come')
    if (!labels || this.network.loss === 'mse') return this.reconstructionErrors(inputs)
    const probabilities = await this.forward(inputs)
    const classes = outputSize(this.network)
    return Float64Array.from(labels, (label, row) => -Math.log(probabilities[row * classes + label]))
  }

  reconstructionErrors(inputs: Inputs): Promise<Float64Array> {
    return this.#guard.run(async () => {
      const { layers } = this.network
      checkReconstructs(this.network)
      const outputs = await this.#infer(inputs, 0, layers.length - 1)
      const width = layers[0].inputs
      const scale = inputs instanceof Uint8Array ? 255 : 1
      const errors = new Float64Array(inputs.length / width)
      for (let i = 0; i < inputs.length; i++) {
        errors[Math.floor(i / width)] += (outputs[i] - inputs[i] / scale) ** 2 / width
      }
      return errors
    })
  }

  /** Output of layer `last` for rows that enter layer `first`; the rows themselves where no layer lies between. */
  async #infer(rows: Inputs, first: number, last: number): Promise<Float32Array> {
    const { layers } = this.network
    const width = first === 0 ? layers[0].inputs : layers[first - 1].outputs
    const n = countRows(rows, width, first === 0 ? 'inputs' : 'codes')
    if (first > last || n === 0) return toFloat32(rows)

    const { activations } = await this.#reserve(Math.min(n, INFERENCE_ROWS), false)
    const passes = this.#passes.layers
      .slice(first, last + 1)
      .map(({ forward }, i) =>
        this.#bind(
          `forward ${layers[first + i].name}`,
          forward,
          this.#slabs.parameters,
          activations[first + i],
          activations[first + i + 1],
        ),
      )
    if (this.#passes.softmax && last === layers.length - 1) {
      passes.push(this.#bind('softmax', this.#passes.softmax, activations[last + 1]))
    }
    const { outputs } = layers[last]
    const result = new Float32Array(n * outputs)
    for (let row = 0; row < n; row += INFERENCE_ROWS) {
      const count = Math.min(INFERENCE_ROWS, n - row)
      this.#gpu.upload(activations[first], toFloat32(rows.subarray(row * width, (row + count) * width)))
      this.#submit(passes, [{ rows: count }])
      result.set(await this.#gpu.download(activations[last + 1], count * outputs), row * outputs)
    }
    return result
  }

  /** A workspace for at least so many rows; the one at hand where it is large enough. */
  async #reserve(rows: number, forTraining: boolean): Promise<Workspace> {
    const held = this.#workspace
    const trains = forTraining || held?.lossParts !== undefined
    if (held && held.rows >= rows && (held.lossParts || !forTraining)) return held
    const capacity = Math.max(rows, held?.rows ?? 0)
    if (held) destroyWorkspace(held)
    this.#workspace = undefined

    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage
    const { layers } = this.network
    const activations: GPUBuffer[] = []
    const gradients: GPUBuffer[] = []
    let lossParts: GPUBuffer | undefined
    try {
      for (const width of [layers[0].inputs, ...layers.map((layer) => layer.outputs)]) {
        const usage = STORAGE | COPY_DST | COPY_SRC
        activations.push(await this.#gpu.createBuffer(`${capacity} rows`, 4 * capacity * width, usage))
      }
      for (const { outputs } of trains ? layers : []) {
        gradients.push(
          await this.#gpu.createBuffer(`gradients of ${capacity} rows`, 4 * capacity * outputs, STORAGE),
        )
      }
      if (trains) {
        const bytes = 4 * capacity * this.#passes.lossParts
        lossParts = await this.#gpu.createBuffer(`losses of ${capacity} rows`, bytes, STORAGE)
      }
    } catch (error) {
      destroyWorkspace({ rows: capacity, activations, gradients, lossParts })
      throw error
    }
    this.#workspace = { rows: capacity, activations, gradients, lossParts }
    return this.#workspace
  }

  async dispose(): Promise<void> {
    if (this.#guard.closed) return
    this.#guard.close()
    this.#gpu.close()
  }
}

/** A copy of the rows as the network sees them: bytes mean value / 255. */
function toFloat32(rows: Inputs): Float32Array {
  return Float32Array.from(rows, rows instanceof Uint8Array ? (byte) => byte / 255 : undefined)
}
