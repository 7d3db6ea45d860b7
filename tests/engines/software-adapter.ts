/** Lets WebGPU tests run where there is no GPU: on SwiftShader, the software Vulkan driver inside Debian's Chromium. */
import { existsSync, readdirSync } from 'node:fs'

const CHROMIUM_SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
/** Where Linux distributions register Vulkan drivers. */
const DRIVER_FOLDERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d']

/**
 * Names SwiftShader to the Vulkan loader, if it is there, the user named no driver, and none is registered. Must come
 * before the first engine. Child processes inherit it.
 */
export function useSoftwareAdapterIfNoOther(): void {
  const isNamed = process.env.VK_DRIVER_FILES !== undefined || process.env.VK_ICD_FILENAMES !== undefined
  const isRegistered = DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0)
  if (isNamed || isRegistered || !existsSync(CHROMIUM_SWIFTSHADER)) return
  process.env.VK_DRIVER_FILES = CHROMIUM_SWIFTSHADER
}
