/** Which build of the core runs here, and with which register tile. */
import { DeviceError } from '../../errors.ts'
import type { Simd } from '../options.ts'
import { instantiateCore } from './core.ts'
import type { CheckedKernels } from './self-check.ts'
import { fusedAgrees, letOptimize, wideTileIsFaster, withCustomSection } from './self-check.ts'

export interface ModuleChoice {
  readonly module: WebAssembly.Module
  readonly wideTile: boolean
  /** One line for people. */
  readonly arithmetic: string
}

/** Name of a build: `testing` has the exports of assembly/testing.ts as well. */
export type CoreName = 'core' | 'testing'

/**
 * Which build, and which of its kernels must have been checked before the compiler is trusted to fuse them.
 */
export interface CoreUse {
  readonly name?: CoreName
  readonly kernels?: CheckedKernels
}

/** What differs between runtimes. */
export interface Platform {
  /** Bytes of a build of the core by its file name. */
  load(file: string): Promise<Uint8Array<ArrayBuffer>>
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module>
  /**
   * Where the compiler can be asked to fuse 128-bit operations to 256 bits: the core so, and the core never
   * optimized.
   */
  readonly fusing:
    | {
        compileFused(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module
        compileBaseline(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module
      }
    | undefined
}

/** (module (func (drop (f32x4.relaxed_madd x x x)))) with x = (i8x16.splat (i32.const 0)) */
const RELAXED_PROBE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x14, 0x01, 0x12, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd,
  0x85, 0x02, 0x1a, 0x0b,
])

/** Chooses and compiles. Throws DeviceError where `simd` asks for what the runtime has not. */
export async function chooseModule(
  simd: Simd,
  platform: Platform,
  { name = 'core', kernels = 'seed' }: CoreUse = {},
): Promise<ModuleChoice> {
  const relaxed = simd !== 'plain' && WebAssembly.validate(RELAXED_PROBE)
  if (!relaxed && (simd === '128' || simd === '256')) {
    throw new DeviceError(`simd ${simd}: this runtime has no relaxed SIMD; use plain`)
  }
  const { fusing } = platform
  if (simd === '256' && !fusing) {
    throw new DeviceError('simd 256: needs Node 24 or newer on x64, whose V8 can fuse to 256 bits; use 128')
  }
  if (!relaxed) {
    const module = await platform.compile(await platform.load(`${name}.plain.wasm`))
    return { module, wideTile: false, arithmetic: 'SIMD 128-bit, separate multiply and add' }
  }
  const bytes = await platform.load(`${name}.relaxed.wasm`)
  if (fusing && (simd === '256' || simd === 'auto')) {
    const module = fusing.compileFused(bytes)
    // Other bytes than the fused module's: V8 keeps compiled code by its bytes.
    const baseline = fusing.compileBaseline(withCustomSection(bytes, 'baseline'))
    if (await isTrusted(module, baseline, simd, kernels)) {
      return { module, wideTile: true, arithmetic: 'relaxed SIMD fused to 256-bit' }
    }
    if (simd === '256') {
      throw new DeviceError('simd 256: its results differ from the unfused ones here; use 128')
    }
  }
  const module = await platform.compile(withCustomSection(bytes, 'narrow'))
  return { module, wideTile: false, arithmetic: 'relaxed SIMD 128-bit' }
}

/** Same bits as unfused code; and, unless the user insists, quicker. */
async function isTrusted(
  fused: WebAssembly.Module,
  baseline: WebAssembly.Module,
  simd: Simd,
  kernels: CheckedKernels,
): Promise<boolean> {
  await letOptimize(fused, true, kernels)
  if (!(await fusedAgrees(fused, baseline, kernels))) return false
  if (simd === '256') return true
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 64, shared: true })
  return wideTileIsFaster(await instantiateCore(fused, memory), memory)
}
