/** What Node lets a program ask of V8 before the core is compiled. Flags are put back as soon as the module is compiled. */
import { setFlagsFromString } from 'node:v8'

/** V8 fuses neighbouring 128-bit operations to 256 bits on x64 only, and has the flag from the version in Node 24 on. */
const FIRST_FUSING_NODE = 24
/** From here on relaxed SIMD needs no flag. */
const FIRST_RELAXED_NODE = 22

const nodeMajor = Number(process.versions.node.split('.')[0])

/** Whether this Node's V8 can be asked to fuse. Whether to trust what comes of it is for the self-check. */
export const canFuse = process.arch === 'x64' && nodeMajor >= FIRST_FUSING_NODE

/** Switches on relaxed SIMD where Node has it behind a flag. */
export function enableRelaxedSimd(): void {
  if (nodeMajor < FIRST_RELAXED_NODE) setFlagsFromString('--experimental-wasm-relaxed-simd')
}

/**
 * Compiles with the optimizing compiler alone and at once, so that every thread runs the final code from its first call (some
 * 30 ms), and with 256-bit fusing where asked for. Older Nodes compile as they always do.
 */
export function compileOptimized(bytes: Uint8Array<ArrayBuffer>, fuse: boolean): WebAssembly.Module {
  if (!canFuse) return new WebAssembly.Module(bytes)
  // Without the baseline compiler there is no call feedback for inlining to use; V8 aborts unless it is off too.
  const flags = ['liftoff', 'wasm-inlining', 'wasm-lazy-compilation']
  for (const flag of flags) setFlagsFromString(`--no-${flag}`)
  if (fuse) setFlagsFromString('--experimental-wasm-revectorize')
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    for (const flag of flags) setFlagsFromString(`--${flag}`)
    if (fuse) setFlagsFromString('--no-experimental-wasm-revectorize')
  }
}
