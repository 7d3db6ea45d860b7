/**
 * One GPU device: opening it, memory on it, and what can go wrong with it, each as one clear `DeviceError`.
 * Runs in browsers and, through Dawn, in Node.
 */
import { DeviceError } from '../../errors.ts'
import { disposedDuringCall } from '../checks.ts'
import { QUAD_BYTES } from './layout.ts'

/** What the engine needs of `navigator.gpu`, or of Dawn's GPU object. */
export type GpuProvider = Pick<GPU, 'requestAdapter'>

/** Bytes copied into the queue at once: bounds the memory that a large upload takes twice. */
const UPLOAD_CHUNK_BYTES = 16 * 2 ** 20

/** Adapters that compute on the CPU, where the driver does not say so itself. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|basic render/i

export class GpuDevice {
  readonly device: GPUDevice
  /** For people: vendor, architecture and device as the driver names them. */
  readonly adapterName: string
  /** Whether the adapter computes on the CPU. */
  readonly isSoftware: boolean
  #failure: Error | undefined
  readonly #lost: Promise<never>

  /** `onFailure` is called once, with the cause, when the device can no longer compute. */
  constructor(device: GPUDevice, info: GPUAdapterInfo, onFailure: (cause: Error) => void) {
    this.device = device
    const names = [info.vendor, info.architecture, info.device, info.description]
    this.adapterName = [...new Set(names.filter((name) => name))].join(' ') || 'unnamed adapter'
    this.isSoftware = info.isFallbackAdapter || SOFTWARE_ADAPTER.test(this.adapterName)
    const fail = (cause: Error) => {
      if (this.#failure) return
      this.#failure = cause
      onFailure(cause)
    }
    this.#lost = device.lost.then(({ reason, message }) => {
      const cause = new DeviceError(`WebGPU: the device was lost (${reason}): ${oneLine(message)}`)
      fail(cause)
      throw cause
    })
    // Handled by whoever waits at that time; nobody may be.
    this.#lost.catch(() => {})
    device.addEventListener('uncapturederror', ({ error }) => {
      const text = oneLine(error.message)
      const isMemory = error.constructor.name === 'GPUOutOfMemoryError'
      fail(
        isMemory ? new DeviceError(`WebGPU: out of memory: ${text}`) : new Error(`internal: WebGPU: ${text}`),
      )
    })
  }

  /** Waits for work on the device; rejects with the device's failure if it fails first. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let value: T
    try {
      value = await Promise.race([work, this.#lost])
    } catch (error) {
      // A loss also rejects the work itself, perhaps before `device.lost` settles; let that cause come
      // through.
      await new Promise((resolve) => setTimeout(resolve, 0))
      throw this.#failure ?? error
    }
    if (this.#failure) throw this.#failure
    return value
  }

  /**
   * Zero-filled memory, of a quad at least. Rejects with a DeviceError where a limit or the memory is too
   * small.
   */
  async createBuffer(what: string, bytes: number, usage: GPUBufferUsageFlags): Promise<GPUBuffer> {
    const size = Math.max(QUAD_BYTES, Math.ceil(bytes / 4) * 4)
    const limits = ['maxBufferSize'] as ('maxBufferSize' | 'maxStorageBufferBindingSize')[]
    if (usage & GPUBufferUsage.STORAGE) limits.push('maxStorageBufferBindingSize')
    for (const limit of limits) {
      const found = this.device.limits[limit]
      if (size > found) {
        throw new DeviceError(
          `WebGPU: ${what} needs ${size} bytes, more than the ${limit} of ${this.adapterName}, ${found}; ` +
            'choose smaller sizes or another device',
        )
      }
    }
    this.device.pushErrorScope('out-of-memory')
    const buffer = this.device.createBuffer({ label: what, size, usage })
    const problem = await this.settle(this.device.popErrorScope())
    if (problem) {
      throw new DeviceError(
        `WebGPU: out of memory: ${what} needs ${size} bytes on ${this.adapterName}: ${oneLine(problem.message)}`,
      )
    }
    return buffer
  }

  /**
   * Writes to a buffer, from byte `offset` on (a multiple of 4). Always from a copy that no other thread can
   * see: Dawn in Node crashes on views of shared memory (webgpu 0.6.2), and on 1 to 3 bytes beyond a multiple
   * of 4 WebGPU itself refuses.
   */
  upload(buffer: GPUBuffer, values: Uint8Array | Uint32Array | Float32Array, offset = 0): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    for (let start = 0; start < bytes.length; start += UPLOAD_CHUNK_BYTES) {
      const part = bytes.subarray(start, start + UPLOAD_CHUNK_BYTES)
      const copy = new Uint8Array(Math.ceil(part.length / 4) * 4)
      copy.set(part)
      this.device.queue.writeBuffer(buffer, offset + start, copy)
    }
  }

  /** Reads `count` floats of a buffer, from byte `offset` on, after everything that was submitted before. */
  async download(buffer: GPUBuffer, count: number, offset = 0): Promise<Float32Array> {
    if (count === 0) return new Float32Array(0)
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ
    const staging = await this.createBuffer('a result', 4 * count, usage)
    try {
      const encoder = this.device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, 4 * count)
      this.device.queue.submit([encoder.finish()])
      await this.settle(staging.mapAsync(GPUMapMode.READ))
      return new Float32Array(staging.getMappedRange(0, 4 * count)).slice()
    } finally {
      staging.destroy()
    }
  }

  /** What waits is rejected: it was under way at `dispose`. */
  close(): void {
    this.#failure ??= disposedDuringCall()
    this.device.destroy()
  }
}

/**
 * Opens the adapter with the largest buffers it offers. `remedy` ends the message where there is no adapter:
 * what to install or to choose instead.
 */
export async function openGpuDevice(
  gpu: GpuProvider,
  remedy: string,
  onFailure: (cause: Error) => void,
): Promise<GpuDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new DeviceError(`WebGPU: no adapter: no usable GPU driver was found; ${remedy}`)
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  try {
    const device = await adapter.requestDevice({
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      // For benchmarks.
      requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    })
    return new GpuDevice(device, adapter.info, onFailure)
  } catch (error) {
    const why = oneLine(error instanceof Error ? error.message : String(error))
    throw new DeviceError(`WebGPU: the adapter gave no device: ${why}; ${remedy}`, { cause: error })
  }
}

/** Drivers write paragraphs; the first line says what matters. */
function oneLine(message: string): string {
  return message.trim().split('\n')[0] || 'the driver gave no reason'
}
