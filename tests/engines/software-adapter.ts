/**
 * Lets WebGPU tests run where there is no GPU: on SwiftShader, the software Vulkan driver inside Debian's
 * Chromium.
 */
import { existsSync } from 'node:fs'
import { createWebgpuNodeEngine, mayHaveGpu } from '../../src/engines/webgpu/node.ts'
import { DeviceError } from '../../src/errors.ts'
import { hourglass } from '../../src/model/recipes.ts'

const CHROMIUM_SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'

/**
 * Names SwiftShader to the Vulkan loader, if it is there, the user named no driver, and none is registered.
 * Must come before the first engine. Child processes inherit it.
 */
export function useSoftwareAdapterIfNoOther(): void {
  if (mayHaveGpu() || !existsSync(CHROMIUM_SWIFTSHADER)) return
  process.env.VK_DRIVER_FILES = CHROMIUM_SWIFTSHADER
}

/** Why WebGPU cannot be had here, or undefined. */
export async function missingAdapter(): Promise<string | undefined> {
  try {
    await (await createWebgpuNodeEngine(hourglass({ input: 12, hidden: 7, bottleneck: 2 }))).dispose()
    return undefined
  } catch (error) {
    if (error instanceof DeviceError) return error.message
    throw error
  }
}

/** Whether the adapter computes on the CPU. There must be one. */
export async function isSoftwareAdapter(): Promise<boolean> {
  const engine = await createWebgpuNodeEngine(hourglass({ input: 12, hidden: 7, bottleneck: 2 }))
  await engine.dispose()
  return engine.isSoftware
}
