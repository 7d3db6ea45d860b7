/** What an engine keeps on the device, and how passes are bound to it and submitted. */
import type { Network } from '../../model/network.ts'
import type { FloatArray, ModelState } from '../../model/state.ts'
import type { GpuDevice } from './device.ts'
import type { BatchMatrix, Layout } from './layout.ts'
import { packSlab, QUAD, QUAD_BYTES, unpackFloats, unpackSlab } from './layout.ts'
import type { Pass } from './pass.ts'
import { encodePass } from './pass.ts'
import type { StepUniforms } from './step-uniforms.ts'
import { packSteps, STEP_BYTES, STEP_STRIDE_BYTES } from './step-uniforms.ts'
import { LARGEST_WINDOW_STEPS } from './windows.ts'

const SLABS = ['parameters', 'firstMoment', 'secondMoment'] as const
type SlabName = (typeof SLABS)[number]

const SLAB_TITLES: Readonly<Record<SlabName, string>> = {
  parameters: 'the parameters',
  firstMoment: 'the first moment',
  secondMoment: 'the second moment',
}

/** The buffers that change from call to call. */
export interface CallBuffers {
  readonly rows: GPUBuffer
  readonly order: GPUBuffer
  /** Needed under the loss `crossEntropy` only. */
  readonly labels: GPUBuffer | undefined
  readonly losses: GPUBuffer
}

/** Room in the buffer `scratch`. */
export interface ScratchRoom {
  /** Rows of a minibatch. */
  readonly rows: number
  /** Parts of the loss, a quad each. */
  readonly lossParts: number
  /** Quads of the parts of split weight gradients. */
  readonly splitQuads: number
}

interface Scratch extends ScratchRoom {
  readonly buffer: GPUBuffer
}

export class DeviceMemory {
  readonly #network: Network
  readonly #gpu: GpuDevice
  readonly #layout: Layout
  readonly #bindings: GPUBindGroupLayout
  readonly #slabs: Readonly<Record<SlabName, GPUBuffer>>
  /** STEP_STRIDE_BYTES for each step of a window. */
  readonly #steps: GPUBuffer
  #scratch: Scratch | undefined

  private constructor(
    network: Network,
    gpu: GpuDevice,
    layout: Layout,
    bindings: GPUBindGroupLayout,
    slabs: Readonly<Record<SlabName, GPUBuffer>>,
    steps: GPUBuffer,
  ) {
    this.#network = network
    this.#gpu = gpu
    this.#layout = layout
    this.#bindings = bindings
    this.#slabs = slabs
    this.#steps = steps
  }

  /** Rejects with a DeviceError where the network is too large for the device. */
  static async create(
    network: Network,
    gpu: GpuDevice,
    layout: Layout,
    bindings: GPUBindGroupLayout,
  ): Promise<DeviceMemory> {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage
    const slab = (name: SlabName) =>
      gpu.createBuffer(SLAB_TITLES[name], QUAD_BYTES * layout.slabQuads, STORAGE | COPY_DST | COPY_SRC)
    const slabs = {
      parameters: await slab('parameters'),
      firstMoment: await slab('firstMoment'),
      secondMoment: await slab('secondMoment'),
    }
    const bytes = LARGEST_WINDOW_STEPS * STEP_STRIDE_BYTES
    const steps = await gpu.createBuffer('step uniforms', bytes, UNIFORM | COPY_DST)
    return new DeviceMemory(network, gpu, layout, bindings, slabs, steps)
  }

  writeSlabs(state: Omit<ModelState, 'steps'>): void {
    for (const name of SLABS) {
      this.#gpu.upload(this.#slabs[name], packSlab(this.#network, this.#layout, state[name]))
    }
  }

  async readSlabs(): Promise<Record<SlabName, FloatArray>> {
    const read = async (name: SlabName) => {
      const packed = await this.#gpu.download(this.#slabs[name], QUAD * this.#layout.slabQuads)
      return unpackSlab(this.#network, this.#layout, packed)
    }
    return {
      parameters: await read('parameters'),
      firstMoment: await read('firstMoment'),
      secondMoment: await read('secondMoment'),
    }
  }

  /** Makes `scratch` at least so large; what is in it is lost where it grows. */
  async reserve(room: ScratchRoom): Promise<void> {
    const held = this.#scratch ?? { rows: 0, lossParts: 0, splitQuads: 0 }
    const wanted = {
      rows: Math.max(held.rows, room.rows),
      lossParts: Math.max(held.lossParts, room.lossParts),
      splitQuads: Math.max(held.splitQuads, room.splitQuads),
    }
    if (
      this.#scratch &&
      (Object.keys(wanted) as (keyof ScratchRoom)[]).every((key) => wanted[key] === held[key])
    )
      return
    this.#scratch?.buffer.destroy()
    this.#scratch = undefined
    const quads = wanted.rows * this.#layout.rowQuads + wanted.lossParts + wanted.splitQuads
    const what = `the work on ${wanted.rows} rows at once`
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC
    const buffer = await this.#gpu.createBuffer(what, QUAD_BYTES * quads, usage)
    this.#scratch = { ...wanted, buffer }
  }

  /** Where `scratch` holds what, as a step's uniforms say it. */
  places(): Pick<StepUniforms, 'capacity' | 'lossAt' | 'splitAt'> {
    const { rows, lossParts } = this.#reserved()
    const lossAt = rows * this.#layout.rowQuads
    return { capacity: rows, lossAt, splitAt: lossAt + lossParts }
  }

  #reserved(): Scratch {
    if (!this.#scratch) throw new Error('internal: no scratch memory was reserved')
    return this.#scratch
  }

  /** The bindings of every pass, in the order of shaders/step.wgsl. */
  bind({ rows, order, labels, losses }: CallBuffers): GPUBindGroup {
    const { parameters, firstMoment, secondMoment } = this.#slabs
    const { buffer: scratch } = this.#reserved()
    const storage = [rows, order, labels ?? order, scratch, parameters, firstMoment, secondMoment, losses]
    return this.#gpu.device.createBindGroup({
      layout: this.#bindings,
      entries: [
        { binding: 0, resource: { buffer: this.#steps, size: STEP_BYTES } },
        ...storage.map((buffer, i) => ({ binding: i + 1, resource: { buffer } })),
      ],
    })
  }

  /** Records and submits every pass of each step. The queue keeps uploads and submissions in order. */
  submit(
    group: GPUBindGroup,
    passes: readonly Pass[],
    steps: readonly StepUniforms[],
    timestamps?: GPUComputePassTimestampWrites,
  ): void {
    const { device } = this.#gpu
    const commands = device.createCommandEncoder()
    const encoder = commands.beginComputePass(timestamps && { timestampWrites: timestamps })
    steps.forEach(({ rows }, i) => {
      encoder.setBindGroup(0, group, [i * STEP_STRIDE_BYTES])
      for (const pass of passes) {
        encodePass(encoder, pass, rows, device.limits.maxComputeWorkgroupsPerDimension)
      }
    })
    encoder.end()
    this.#gpu.upload(this.#steps, packSteps(steps))
    device.queue.submit([commands.finish()])
  }

  /** The first `rows` rows of a matrix of the minibatch, (rows, width). */
  async readMatrix({ before, quads, width }: BatchMatrix, rows: number): Promise<Float32Array> {
    const { buffer, rows: capacity } = this.#reserved()
    const packed = await this.#gpu.download(buffer, QUAD * rows * quads, QUAD_BYTES * capacity * before)
    return unpackFloats(packed, width)
  }
}
