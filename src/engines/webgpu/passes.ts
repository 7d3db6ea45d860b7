/** The compute passes of one network: pipelines with the layer's sizes compiled in, and their bindings. */
import { DeviceError } from '../../errors.ts'
import { BETA_1, BETA_2, EPSILON } from '../../model/adam.ts'
import type { Activation, Network } from '../../model/network.ts'
import { parameterTable } from '../../model/network.ts'
import type { GpuDevice } from './device.ts'
import type { PassName, ProductKernel, ShaderSources } from './shaders.ts'
import { passSource } from './shaders.ts'

/** As in shaders/activation.wgsl. A softmax layer leaves its logits, which the passes after it take. */
const ACTIVATION_CODES: Record<Activation, number> = {
  identity: 0,
  relu: 1,
  sigmoid: 2,
  softmax: 0,
  tanh: 3,
}

/** Rows and columns of the result that one thread of a product computes. */
const PRODUCT_BLOCK = 4
/** Columns that one thread of output-squared-error sums. */
const COLUMNS_PER_LOSS_PART = 16

/** Storage bindings of each pass, in order, from binding 1; binding 0 is the step. `w`: read and written. */
const BINDINGS: Record<PassName, string> = {
  gather: 'rrw',
  forward: 'rrw',
  'output-squared-error': 'rrrww',
  'output-cross-entropy': 'rrrww',
  softmax: 'w',
  loss: 'rw',
  'input-gradient': 'rrrw',
  'weight-gradient': 'rrwww',
}

export interface Pass {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  /** Workgroups (x, y) for a batch of so many rows. */
  readonly groups: (rows: number) => readonly [number, number]
}

export interface LayerPasses {
  readonly forward: Pass
  /** Undefined for the first layer: images need no gradient. */
  readonly inputGradient: Pass | undefined
  readonly weightGradient: Pass
}

export interface Passes {
  readonly gather: Pass
  readonly layers: readonly LayerPasses[]
  /** Gradient at the last layer and the parts of the loss. */
  readonly output: Pass
  /** Parts of a row's loss that `output` leaves. */
  readonly lossParts: number
  readonly loss: Pass
  /** After the last layer in inference, where that is a softmax. */
  readonly softmax: Pass | undefined
}

/** The kernel, and the workgroup shape of its products: 16 × 16 threads where the adapter allows. */
interface ProductShape {
  readonly kernel: ProductKernel
  readonly side: number
}

function productShape(gpu: GpuDevice, kernel: ProductKernel): ProductShape {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = gpu.device.limits
  // Two tiles of 16 × (4 · side) floats.
  const fits = (side: number) =>
    side * side <= maxComputeInvocationsPerWorkgroup &&
    2 * 16 * 4 * side * 4 <= maxComputeWorkgroupStorageSize
  return { kernel, side: fits(16) ? 16 : 8 }
}

/** Compiles every pass of the network. */
export async function createPasses(
  gpu: GpuDevice,
  sources: ShaderSources,
  network: Network,
  kernel: ProductKernel,
): Promise<Passes> {
  const { device } = gpu
  const largest = productShape(gpu, kernel)
  const table = parameterTable(network)
  const layouts = new Map<string, GPUBindGroupLayout>()
  const modules = new Map<PassName, GPUShaderModule>()

  function layoutOf(bindings: string): GPUBindGroupLayout {
    const known = layouts.get(bindings)
    if (known) return known
    const visibility = GPUShaderStage.COMPUTE
    const storage = Array.from(bindings, (use, i): GPUBindGroupLayoutEntry => {
      return { binding: i + 1, visibility, buffer: { type: use === 'w' ? 'storage' : 'read-only-storage' } }
    })
    const step: GPUBindGroupLayoutEntry = { binding: 0, visibility, buffer: { hasDynamicOffset: true } }
    const layout = device.createBindGroupLayout({ entries: [step, ...storage] })
    layouts.set(bindings, layout)
    return layout
  }

  function moduleOf(name: PassName): GPUShaderModule {
    const known = modules.get(name)
    if (known) return known
    const module = device.createShaderModule({ label: name, code: passSource(sources, name, kernel) })
    modules.set(name, module)
    return module
  }

  async function compile(
    name: PassName,
    constants: Record<string, number>,
    groups: Pass['groups'],
  ): Promise<Pass> {
    const layout = layoutOf(BINDINGS[name])
    const work = device.createComputePipelineAsync({
      label: name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: moduleOf(name), constants },
    })
    return { pipeline: await gpu.settle(work), layout, groups }
  }

  /** A product whose result is (rows, columns); one of the two may be the batch. */
  function compileProduct(
    name: PassName,
    constants: Record<string, number>,
    shape: (batch: number) => readonly [rows: number, columns: number],
  ): Promise<Pass> {
    // Narrow results (the bottleneck) would leave most of a wide workgroup idle.
    const side = Math.min(...shape(largest.side * PRODUCT_BLOCK)) <= 32 ? 8 : largest.side
    const tile = PRODUCT_BLOCK * side
    const all = { ...constants, WORKGROUP_COLUMNS: side, WORKGROUP_ROWS: side }
    return compile(name, all, (batch) => {
      const [rows, columns] = shape(batch)
      return [Math.ceil(columns / tile), Math.ceil(rows / tile)]
    })
  }

  const adam = {
    BETA1: BETA_1,
    BETA2: BETA_2,
    ONE_MINUS_BETA1: 1 - BETA_1,
    ONE_MINUS_BETA2: 1 - BETA_2,
    EPSILON,
  }

  async function compileLayer(index: number): Promise<LayerPasses> {
    const { inputs, outputs, activation } = network.layers[index]
    const sizes = { INPUTS: inputs, OUTPUTS: outputs, WEIGHT_OFFSET: table[2 * index].offset }
    const offsets = { ...sizes, BIAS_OFFSET: table[2 * index + 1].offset }
    const activations = { ...offsets, ACTIVATION: ACTIVATION_CODES[activation] }
    const [forward, weightGradient, inputGradient] = await Promise.all([
      compileProduct('forward', activations, (batch) => [batch, outputs]),
      compileProduct('weight-gradient', { ...offsets, ...adam }, () => [outputs, inputs + 1]),
      index === 0
        ? undefined
        : compileProduct(
            'input-gradient',
            { ...sizes, ACTIVATION: ACTIVATION_CODES[network.layers[index - 1].activation] },
            (batch) => [batch, inputs],
          ),
    ])
    return { forward, weightGradient, inputGradient }
  }

  const { inputs } = network.layers[0]
  const { outputs, activation } = network.layers[network.layers.length - 1]
  const isSquared = network.loss === 'mse'
  const lossParts = isSquared ? Math.ceil(outputs / COLUMNS_PER_LOSS_PART) : 1
  const tiled = (columns: number) => (rows: number) =>
    [Math.ceil(columns / 16), Math.ceil(rows / 16)] as const
  const byRow = (rows: number) => [Math.ceil(rows / 64), 1] as const
  const [gather, output, loss, softmax, ...layers] = await Promise.all([
    compile('gather', { INPUTS: inputs }, tiled(Math.ceil(inputs / 4))),
    isSquared
      ? compile(
          'output-squared-error',
          { OUTPUTS: outputs, ACTIVATION: ACTIVATION_CODES[activation], PARTS: lossParts },
          tiled(lossParts),
        )
      : compile('output-cross-entropy', { OUTPUTS: outputs }, byRow),
    compile('loss', { PARTS: lossParts }, () => [1, 1]),
    activation === 'softmax' ? compile('softmax', { OUTPUTS: outputs }, byRow) : undefined,
    ...network.layers.map((_, index) => compileLayer(index)),
  ])
  return { gather, layers, output, lossParts, loss, softmax }
}

/** A pass with its buffers: what is left to say is how many rows, and where the step's uniforms are. */
export interface BoundPass {
  /** What it does, for people. */
  readonly name: string
  readonly pass: Pass
  readonly group: GPUBindGroup
}

/** Binds the step's uniforms and the storage buffers, in the order of the pass's bindings. */
export function bindPass(
  device: GPUDevice,
  name: string,
  pass: Pass,
  steps: GPUBuffer,
  stepBytes: number,
  buffers: readonly GPUBuffer[],
): BoundPass {
  const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: steps, size: stepBytes } }]
  buffers.forEach((buffer, i) => {
    entries.push({ binding: i + 1, resource: { buffer } })
  })
  return { name, pass, group: device.createBindGroup({ layout: pass.layout, entries }) }
}

/** Records one pass over `rows` rows. Throws a DeviceError where that is more than the adapter dispatches. */
export function encodePass(
  encoder: GPUComputePassEncoder,
  { pass, group }: BoundPass,
  rows: number,
  stepOffset: number,
  maxWorkgroups: number,
): void {
  const [x, y] = pass.groups(rows)
  if (Math.max(x, y) > maxWorkgroups) {
    throw new DeviceError(
      `WebGPU: ${pass.pipeline.label} over ${rows} rows needs ${Math.max(x, y)} workgroups, more than the ` +
        `maxComputeWorkgroupsPerDimension of the adapter, ${maxWorkgroups}; choose a smaller batch`,
    )
  }
  encoder.setPipeline(pass.pipeline)
  encoder.setBindGroup(0, group, [stepOffset])
  encoder.dispatchWorkgroups(x, y)
}
