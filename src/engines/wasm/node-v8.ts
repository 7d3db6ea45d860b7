/** What Node lets a program ask of V8 before the core is compiled. */
import { setFlagsFromString } from 'node:v8'

/**
 * V8 fuses neighbouring 128-bit operations to 256 bits on x64 only, and has the flag from the version in Node
 * 24 on.
 */
const FIRST_FUSING_NODE = 24

const nodeMajor = Number(process.versions.node.split('.')[0])

/** Whether this Node's V8 can be asked to fuse. Whether to trust what comes of it is for the self-check. */
export const canFuse =
  process.arch === 'x64' && nodeMajor >= FIRST_FUSING_NODE && !('bun' in process.versions)

/** V8's own: roughly the bytes of code that a function executes before it is optimized. */
const DEFAULT_TIERING_BUDGET = 13_000_000
/** Optimized after a few calls. */
const SMALL_TIERING_BUDGET = 1000
/** Never optimized. */
const ENDLESS_TIERING_BUDGET = 2_000_000_000

/**
 * The core with 256-bit fusing: every function is optimized in the background after a few calls, some
 * milliseconds later. The flag stays on from here, since it counts when a function is optimized.
 *
 * Only flags that V8's background compiler may see change are touched: without `--liftoff` and
 * `--wasm-inlining` all would be optimized at once, but V8 aborts if it is just then optimizing another
 * module, such as the one by which Node reads TypeScript.
 */
export function compileFused(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  setFlagsFromString('--experimental-wasm-revectorize')
  return compileWithBudget(bytes, SMALL_TIERING_BUDGET)
}

/**
 * The core with no fusing: optimized after a few calls like the fused one. Once a fused core is compiled in
 * the same process, what is optimized from then on is fused here too, which changes no bit.
 */
export function compileUnfused(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  return compileWithBudget(bytes, SMALL_TIERING_BUDGET)
}

/** The core as the baseline compiler leaves it: never optimized, so never fused. */
export function compileBaseline(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  return compileWithBudget(bytes, ENDLESS_TIERING_BUDGET)
}

/** A module takes its budget when it is compiled. */
function compileWithBudget(bytes: Uint8Array<ArrayBuffer>, budget: number): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${budget}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${DEFAULT_TIERING_BUDGET}`)
  }
}
