/** Dawn with its devices at hand, so that a test can break what an engine computes on. */
import type { GpuProvider } from '../../src/engines/webgpu/device.ts'
import { loadDawn } from '../../src/engines/webgpu/node.ts'

export interface WatchedDawn {
  readonly gpu: GpuProvider
  /** The device that was opened last. Throws where none was. */
  readonly opened: () => GPUDevice
}

export async function watchDawn(): Promise<WatchedDawn> {
  const dawn = await loadDawn()
  let device: GPUDevice | undefined
  const gpu: GpuProvider = {
    requestAdapter: async (options) => {
      const adapter = await dawn.requestAdapter(options)
      if (!adapter) return null
      const requestDevice = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = async (descriptor) => {
        device = await requestDevice(descriptor)
        return device
      }
      return adapter
    },
  }
  const opened = () => {
    if (!device) throw new Error('no device was opened')
    return device
  }
  return { gpu, opened }
}
