/** Compute pipelines, compiled as they are asked for, each once. All have the same bindings. */
import type { GpuDevice } from './device.ts'
import type { Pass } from './pass.ts'
import type { Piece, ShaderSources } from './shaders.ts'
import { moduleSource } from './shaders.ts'

/**
 * Storage bindings in order, from binding 1, as in shaders/step.wgsl; binding 0 is the step. `w`: read and
 * written.
 */
const BINDINGS = 'rrrwwwww'

export class Pipelines {
  readonly bindings: GPUBindGroupLayout
  readonly #gpu: GpuDevice
  readonly #sources: ShaderSources
  readonly #layout: GPUPipelineLayout
  readonly #compiled = new Map<string, Promise<GPUComputePipeline>>()

  constructor(gpu: GpuDevice, sources: ShaderSources) {
    this.#gpu = gpu
    this.#sources = sources
    const visibility = GPUShaderStage.COMPUTE
    const storage = Array.from(BINDINGS, (use, i): GPUBindGroupLayoutEntry => {
      return { binding: i + 1, visibility, buffer: { type: use === 'w' ? 'storage' : 'read-only-storage' } }
    })
    const step: GPUBindGroupLayoutEntry = { binding: 0, visibility, buffer: { hasDynamicOffset: true } }
    this.bindings = gpu.device.createBindGroupLayout({ entries: [step, ...storage] })
    this.#layout = gpu.device.createPipelineLayout({ bindGroupLayouts: [this.bindings] })
  }

  /** A pass of these pieces, behind `step.wgsl`. */
  async compile(
    name: string,
    pieces: readonly Piece[],
    groups: Pass['groups'],
    rowFlops: number,
  ): Promise<Pass> {
    const code = moduleSource(this.#sources, [['step'], ...pieces])
    let pipeline = this.#compiled.get(code)
    if (!pipeline) {
      const { device } = this.#gpu
      const module = device.createShaderModule({ label: name, code })
      pipeline = this.#gpu.settle(
        device.createComputePipelineAsync({ label: name, layout: this.#layout, compute: { module } }),
      )
      this.#compiled.set(code, pipeline)
    }
    return { name, pipeline: await pipeline, groups, rowFlops }
  }
}
