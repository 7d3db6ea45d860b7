/**
 * The compiled core on the test's own thread, and buffers for its kernels that notice what is written past
 * their ends.
 */
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { CoreExports } from '../../src/engines/wasm/core.ts'
import { instantiateCore } from '../../src/engines/wasm/core.ts'
import { FIRST_ADDRESS } from '../../src/engines/wasm/memory-map.ts'
import type { CoreName } from '../../src/engines/wasm/module-choice.ts'
import { canFuse, compileBaseline, compileFused } from '../../src/engines/wasm/node-v8.ts'
import { letOptimize, withCustomSection } from '../../src/engines/wasm/self-check.ts'

/** Every build of the core: relaxed and plain SIMD, release and debug. */
export const CORE_BUILDS = ['relaxed', 'plain', 'relaxed.debug', 'plain.debug'] as const
export type CoreBuild = (typeof CORE_BUILDS)[number]

const FUSED = 'relaxed, fused to 256 bits'
/** The builds as any runtime compiles them, and the one that this Node fuses, where it can. */
export type CoreVariant = CoreBuild | typeof FUSED
export const CORE_VARIANTS: readonly CoreVariant[] = canFuse ? [...CORE_BUILDS, FUSED] : CORE_BUILDS
if (!canFuse) console.log(`SKIPPED: the core ${FUSED}: this V8 cannot fuse`)

/** The exports that only tests call, besides those of the host. */
export interface KernelExports extends CoreExports {
  beginAdamStep(step: number, learningRate: number, weightDecay: number, t: number): void
  adam(step: number, w: number, g: number, m: number, v: number, count: number): void
  spmmTile(tile: number, c0: number, c1: number, list: number, end: number, b: number): void
  jobBytes(): number
  layerPlanBytes(): number
  operandBytes(): number
  batchPlanBytes(): number
  exp4Array(out: number, x: number, count: number): void
  sigmoid4Array(out: number, x: number, count: number): void
  tanh4Array(out: number, x: number, count: number): void
  log1p4Array(out: number, x: number, count: number): void
  log4Array(out: number, x: number, count: number): void
  sinTurns4Array(out: number, x: number, count: number): void
  cosTurns4Array(out: number, x: number, count: number): void
  extendRowList(operand: number, pair: number, rows: number, column: number): void
  listColumns(
    operand: number,
    pairing: number,
    panel: number,
    segment: number,
    row0: number,
    rows: number,
  ): void
  sampleScratch(): number
  sampledPairs(): number
  sampleProduct(
    wide: number,
    c: number,
    cStride: number,
    pairs: number,
    marks: number,
    markBytes: number,
    a: number,
    aPanelBytes: number,
    b: number,
    bPanelBytes: number,
    terms: number,
    scratch: number,
  ): void
  pairUnits(operand: number, step: number, panel: number, values: number, rows: number, scratch: number): void
  normals16(out: number, words: number, firstPixel: number, image: number, epoch: number, seed: number): void
}

/** An instance of the core, and the memory that its buffers come from. */
export interface TestCore {
  readonly kernels: KernelExports
  readonly memory: WebAssembly.Memory
}

/** `testing` has what only tests call as well; `core` is what is released, and has no debug build. */
export function coreBytes(build: CoreBuild, name: CoreName = 'testing'): Uint8Array<ArrayBuffer> {
  return readFileSync(new URL(`../../build/${name}.${build}.wasm`, import.meta.url))
}

// Once, and before a file registers its first suite: uvu begins when timers run, and would miss suites that
// come after.
const fused = canFuse ? compileFused(coreBytes('relaxed')) : undefined
for (const kernels of ['seed', 'other'] as const) if (fused) await letOptimize(fused, true, kernels)

export function compileCore(variant: CoreVariant): WebAssembly.Module {
  if (variant === FUSED) return fused as WebAssembly.Module
  // Other bytes than the fused module's: V8 keeps compiled code by its bytes.
  return compileBaseline(withCustomSection(coreBytes(variant), variant))
}

export async function loadCore(variant: CoreVariant): Promise<TestCore> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true })
  const module = compileCore(variant)
  const kernels = await instantiateCore(module, memory)
  return { kernels: kernels as KernelExports, memory }
}

/**
 * A quiet NaN on both sides of every buffer: read by mistake it shows in the result, overwritten it shows in
 * `check`.
 */
const FENCE_WORD = 0x7fc0f00d
const FENCE_WORDS = 16
/** Another NaN that outputs begin with, so that what was not written is not mistaken for a zero. */
const POISON_WORD = 0x7fc0dead
/** The kernels want addresses that are multiples of 16. */
const ALIGNMENT_BYTES = 16

type Values = Float32Array | Uint32Array

interface Placed {
  readonly address: number
  readonly words: number
  /** What an input must still hold at the end; undefined for outputs. */
  readonly kept: Uint32Array | undefined
}

function bitsOf(values: Values): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length).slice()
}

/** Buffers for one call of a kernel. Place inputs and outputs, call the kernel, `check`, then read. */
export class FencedBuffers {
  readonly #memory: WebAssembly.Memory
  readonly #placed: Placed[] = []
  #next = FIRST_ADDRESS

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
  }

  /** Address of a copy of `values`, which the kernel may only read. */
  input(values: Values): number {
    const address = this.#place(values.length, bitsOf(values))
    this.#words(address, values.length).set(bitsOf(values))
    return address
  }

  /** Address of `count` words that the kernel may read and write, and that begin as `values`. */
  inOut(values: Values): number {
    const address = this.#place(values.length, undefined)
    this.#words(address, values.length).set(bitsOf(values))
    return address
  }

  /** Address of `count` poisoned words that the kernel writes. */
  output(count: number): number {
    const address = this.#place(count, undefined)
    this.#words(address, count).fill(POISON_WORD)
    return address
  }

  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, count).slice()
  }

  /** A copy of the words, for comparisons to the bit. */
  bits(address: number, count: number): Uint32Array {
    return this.#words(address, count).slice()
  }

  /** Fails where a fence was overwritten or an input changed. */
  check(what: string): void {
    this.#placed.forEach(({ address, words, kept }, index) => {
      const name = `${what}: buffer ${index}`
      const before = this.#words(address - FENCE_WORDS * 4, FENCE_WORDS)
      const after = this.#words(address + words * 4, FENCE_WORDS)
      for (let i = 0; i < FENCE_WORDS; i++) {
        if (before[i] !== FENCE_WORD)
          assert.unreachable(`${name}: written ${FENCE_WORDS - i} words before it`)
        if (after[i] !== FENCE_WORD) assert.unreachable(`${name}: written ${i + 1} words past its ${words}`)
      }
      if (kept) assertSameBits(this.#words(address, words), kept, `${name}, an input`)
    })
  }

  #place(words: number, kept: Uint32Array | undefined): number {
    const address = Math.ceil((this.#next + FENCE_WORDS * 4) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    const end = address + (words + FENCE_WORDS) * 4
    const missing = Math.ceil((end - this.#memory.buffer.byteLength) / 65536)
    if (missing > 0) this.#memory.grow(missing)
    this.#words(address - FENCE_WORDS * 4, FENCE_WORDS).fill(FENCE_WORD)
    this.#words(address + words * 4, FENCE_WORDS).fill(FENCE_WORD)
    this.#placed.push({ address, words, kept })
    this.#next = end
    return address
  }

  #words(address: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, address, count)
  }
}

/** Fails for the first word that differs, naming both. */
export function assertSameBits(actual: Uint32Array, expected: Uint32Array, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] !== expected[i]) {
      assert.unreachable(
        `${what}[${i}]: bits ${actual[i].toString(16)}, expected ${expected[i].toString(16)}`,
      )
    }
  }
}

/**
 * Uniform numbers in [0, 1), multiples of 2⁻²⁴, from a seed that repeats them: Wellons' `lowbias32` of a
 * counter.
 */
export function uniforms(seed: number): () => number {
  let counter = Math.imul(seed, 0x9e3779b9) >>> 0
  return () => {
    let h = ++counter >>> 0
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
    return ((h ^ (h >>> 16)) >>> 8) / 2 ** 24
  }
}

/** Signed numbers of very different sizes, so that sums cancel: ±2ᵉ · u with e in −4 … 3. */
export function signedValues(count: number, seed: number): Float32Array {
  const next = uniforms(seed)
  return Float32Array.from(
    { length: count },
    () => (next() < 0.5 ? -1 : 1) * 2 ** Math.floor(8 * next() - 4) * next(),
  )
}
