/** V8 features that a program can switch on before the core is compiled. */
import { setFlagsFromString } from 'node:v8'
import type { Simd } from './module-choice.ts'

/** V8 fuses neighbouring 128-bit operations on x64 only, and knows the flag from the version in Node 24 on. */
const FIRST_FUSING_NODE = 24

/**
 * Switches on relaxed SIMD where Node has it behind a flag (before 22), and 256-bit fusing where it may be wanted. Returns
 * whether fusing can be hoped for; whether to trust it is decided by a self-check.
 */
export function enableV8Features(simd: Simd): boolean {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 22 && simd !== 'plain') setFlagsFromString('--experimental-wasm-relaxed-simd')
  const canFuse = process.arch === 'x64' && major >= FIRST_FUSING_NODE
  if (canFuse && (simd === 'auto' || simd === '256')) {
    setFlagsFromString('--experimental-wasm-revectorize')
    return true
  }
  return false
}
