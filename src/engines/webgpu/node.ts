/**
 * The WebGPU engine in Node, through Dawn: the optional package `webgpu`, loaded only when it is asked for.
 */
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DeviceError } from '../../errors.ts'
import type { Network } from '../../model/network.ts'
import type { PassOptions } from './passes.ts'
import type { ShaderName, ShaderSources } from './shaders.ts'
import { SHADER_NAMES } from './shaders.ts'
import type { WebgpuEngine } from './webgpu-engine.ts'
import { createWebgpuEngine } from './webgpu-engine.ts'

const REMEDY =
  'install the driver of the GPU (on Linux also the Vulkan loader, libvulkan1), or use --device cpu; ' +
  'a software driver (SwiftShader, Mesa 25 llvmpipe) can be named in VK_DRIVER_FILES'

/**
 * Dawn's GPU object must outlive its adapters and devices: if it is collected first, the process aborts
 * (webgpu 0.6.2). So it is kept here for the life of the process.
 */
let dawn: GPU | undefined

/**
 * Dawn's `navigator.gpu`, with WebGPU's constants made global. Rejects with a DeviceError where it is not
 * installed.
 */
export async function loadDawn(): Promise<GPU> {
  if (dawn) return dawn
  let module: typeof import('webgpu')
  try {
    module = await import('webgpu')
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const remedy = 'install it with `npm install webgpu@0.6.2`, or use --device cpu'
    throw new DeviceError(`WebGPU: the optional package webgpu cannot be loaded (${why}); ${remedy}`, {
      cause: error,
    })
  }
  // GPUBufferUsage and the other constants, which browsers have globally.
  Object.assign(globalThis, module.globals)
  dawn = module.create([])
  return dawn
}

/**
 * Where Linux systems register Vulkan drivers (the Vulkan loader's search path, without the user's own
 * folders).
 */
const VULKAN_DRIVER_FOLDERS = [
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
]

/**
 * Whether it is worth loading Dawn to look for a GPU that was not asked for: it takes a while, and prints
 * warnings where there is no driver. On Linux, whether a Vulkan driver is registered or named; elsewhere the
 * system brings its own.
 */
export function mayHaveGpu(): boolean {
  if (process.platform !== 'linux') return true
  if (process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES) return true
  return VULKAN_DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0)
}

/** The WGSL files beside this one. */
export async function readShaders(): Promise<ShaderSources> {
  const entries = SHADER_NAMES.map(async (name) => {
    const text = await readFile(new URL(`./shaders/${name}.wgsl`, import.meta.url), 'utf8')
    return [name, text] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as Record<ShaderName, string>
}

/**
 * Opens the adapter that Dawn prefers. Rejects with a DeviceError that says why and what to install where
 * there is none. The driver is chosen from outside, by the Vulkan loader's VK_DRIVER_FILES.
 */
export async function createWebgpuNodeEngine(
  network: Network,
  options: PassOptions = {},
): Promise<WebgpuEngine> {
  const [gpu, shaders] = await Promise.all([loadDawn(), readShaders()])
  return createWebgpuEngine(network, { ...options, gpu, shaders, remedy: REMEDY })
}
