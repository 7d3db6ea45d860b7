/** What a caller may ask of an engine: devices by name, arithmetic, threads. */

export const DEVICES = ['auto', 'cpu', 'wasm', 'webgpu', 'reference'] as const
export type Device = (typeof DEVICES)[number]

/**
 * `256`: relaxed multiply-add fused to 256 bits; `128`: relaxed multiply-add; `plain`: SIMD128 without it.
 */
export const SIMD_CHOICES = ['auto', '256', '128', 'plain'] as const
export type Simd = (typeof SIMD_CHOICES)[number]

/** `EngineInfo.bits` of the CPU engine: whether its multiply-add rounds once or twice. */
export const WASM_BITS = {
  fused: 'wasm, fused multiply-add',
  separate: 'wasm, separate multiply and add',
} as const

export interface EngineOptions {
  /**
   * `cpu` and `wasm` are one engine; `auto` (the default) takes it too, unless a GPU trains this network
   * faster. A software adapter is never taken by `auto`.
   */
  readonly device?: Device | undefined
  /**
   * Worker threads of the CPU engine; default: the available parallelism. Always 1 in a page that is not
   * cross-origin isolated.
   */
  readonly threads?: number | undefined
  /**
   * Arithmetic of the CPU engine: 256-bit (in Node) or 128-bit relaxed multiply-add, or SIMD128 without it.
   * Default `auto`.
   */
  readonly simd?: Simd | undefined
  /**
   * Whether flags of V8 may be set, which hold for the whole process: `--experimental-wasm-revectorize`,
   * without which there is no 256-bit arithmetic, and `--wasm-tiering-budget`. Default false. The bits are
   * the same either way. Counts in Node alone.
   */
  readonly v8Flags?: boolean | undefined
}

/** Names of the options, for those who refuse all others. */
export const ENGINE_OPTIONS = [
  'device',
  'threads',
  'simd',
  'v8Flags',
] as const satisfies readonly (keyof EngineOptions)[]
