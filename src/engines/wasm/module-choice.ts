/** Which build of the core runs here, and with which register tile. */
import { DeviceError } from '../../errors.ts'

/** `256`: relaxed multiply-add fused to 256 bits; `128`: relaxed multiply-add; `plain`: SIMD128 without it. */
export type Simd = 'auto' | '256' | '128' | 'plain'

export interface ModuleChoice {
  readonly module: WebAssembly.Module
  readonly wideTile: boolean
  /** One line for people. */
  readonly arithmetic: string
}

export interface ModuleSource {
  /** Bytes of a build of the core by its file name. */
  load(file: string): Promise<Uint8Array<ArrayBuffer>>
  /** Whether the runtime was asked to fuse 128-bit operations to 256 bits. */
  readonly canFuse: boolean
}

/** (module (func (drop (f32x4.relaxed_madd x x x)))) with x = (i8x16.splat (i32.const 0)), by hand. */
const RELAXED_PROBE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x14, 0x01, 0x12, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd,
  0x85, 0x02, 0x1a, 0x0b,
])

/** Chooses and compiles. Throws DeviceError where `simd` asks for what the runtime has not. */
export async function chooseModule(simd: Simd, source: ModuleSource): Promise<ModuleChoice> {
  const relaxed = simd !== 'plain' && WebAssembly.validate(RELAXED_PROBE)
  if (!relaxed && (simd === '128' || simd === '256')) {
    throw new DeviceError(`--simd ${simd}: this runtime has no relaxed SIMD; use --simd plain`)
  }
  if (!relaxed) {
    const module = await WebAssembly.compile(await source.load('core.plain.wasm'))
    return { module, wideTile: false, arithmetic: 'SIMD 128-bit, separate multiply and add' }
  }
  const module = await WebAssembly.compile(await source.load('core.relaxed.wasm'))
  const wideTile = source.canFuse
  return {
    module,
    wideTile,
    arithmetic: wideTile ? 'relaxed SIMD fused to 256-bit' : 'relaxed SIMD 128-bit',
  }
}
