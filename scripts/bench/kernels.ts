/**
 * The kernels alone, on one core and at the real shapes of a step, beside the fastest that this core
 * multiplies and adds when it touches no memory.
 */

import type { Simd } from '../../src/engines/options.ts'
import { instantiateCore } from '../../src/engines/wasm/core.ts'
import { createMemory } from '../../src/engines/wasm/memory.ts'
import { chooseNodeModule } from '../../src/engines/wasm/node.ts'
import { HourglassError } from '../../src/errors.ts'
import type { Contestant, Effort, Measurement } from './measure.ts'
import { measure, timed } from './measure.ts'
import { Arena, type BenchCore, type PlacedProduct, placeProduct } from './placed-product.ts'
import { cachedTiles, type Method, type Phase, type Product } from './products.ts'

export interface KernelRow {
  readonly layer: string
  readonly phase: Phase
  /** Rows × terms × columns. */
  readonly shape: readonly [number, number, number]
  readonly method: Method
  readonly time: Measurement
  /** Of the multiply-adds that the kernel does, those in the padding of whole tiles included. */
  readonly gflops: number
  /** `gflops` over the register-only limit. */
  readonly shareOfLimit: number
  /** Of the multiply-adds done that are part of the product. */
  readonly usefulGflops: number
  /**
   * Of the product's multiply-adds, those that are skipped because a pair of A is zero or a pair of C not
   * wanted.
   */
  readonly skipped: number
  /** Largest error found before timing, relative to the bound that rounding allows; at most 1. */
  readonly verifiedError: number
}

export interface KernelsResult {
  readonly arithmetic: string
  /** GFLOP/s of multiply-adds on registers alone, one core. */
  readonly limitGflops: number
  readonly limit: Measurement
  readonly rows: readonly KernelRow[]
}

/** Rounds of one call of the register-only loops, and floating-point operations of a round. */
const LIMIT_ROUNDS = 10_000
const LIMITS = [
  { name: 'registerOnlyMultiplyAdd', flopsPerRound: 160 },
  { name: 'registerOnlyMultiplyAdd12', flopsPerRound: 96 },
] as const

/** The core that `simd` chooses, over a memory of its own. */
export interface LoadedCore {
  readonly core: BenchCore
  readonly memory: WebAssembly.Memory
  readonly wide: boolean
  readonly arithmetic: string
}

/** Throws DeviceError where `simd` asks for what the runtime has not. */
export async function loadBenchCore(simd: Simd): Promise<LoadedCore> {
  const { module, wideTile, arithmetic } = await chooseNodeModule(simd, { name: 'testing' })
  const memory = createMemory()
  const core = (await instantiateCore(module, memory)) as BenchCore
  return { core, memory, wide: wideTile, arithmetic }
}

/**
 * Verifies every product, then times all of them and the limit in one session. Throws HourglassError for a
 * wrong kernel.
 */
export async function benchKernels(
  { core, memory, wide, arithmetic }: LoadedCore,
  products: readonly Product[],
  effort: Effort,
): Promise<KernelsResult> {
  const arena = new Arena(memory)
  const placed = [cachedTiles(), ...products].map((product) => placeProduct(core, arena, wide, product))
  const verifiedErrors = placed.map((kernel) => verify(kernel, `${kernel.name}, ${arithmetic}`))
  const limitScratch = arena.reserve(4 * 80)
  const limits = LIMITS.map(
    ({ name }): Contestant =>
      timed(name, (repetitions) => {
        for (let i = 0; i < repetitions; i++) core[name](limitScratch, LIMIT_ROUNDS)
      }),
  )
  const contestants = placed.map(({ name, runInPlace }) =>
    timed(name, (repetitions) => {
      for (let i = 0; i < repetitions; i++) runInPlace()
    }),
  )
  const { measurements } = await measure([...limits, ...contestants], effort)
  const limitsGflops = LIMITS.map(({ flopsPerRound }, i) =>
    gigaPerSecond(LIMIT_ROUNDS * flopsPerRound, measurements[i].median),
  )
  const best = limitsGflops[0] >= limitsGflops[1] ? 0 : 1
  const limitGflops = limitsGflops[best]
  const rows = placed.map((kernel, i): KernelRow => {
    const { product, multiplyAdds, usefulMultiplyAdds } = kernel
    const time = measurements[LIMITS.length + i]
    const gflops = gigaPerSecond(2 * multiplyAdds, time.median)
    return {
      layer: product.layer,
      phase: product.phase,
      shape: [product.rows, product.terms, product.columns],
      method: product.method,
      time,
      gflops,
      shareOfLimit: gflops / limitGflops,
      usefulGflops: gigaPerSecond(2 * usefulMultiplyAdds, time.median),
      skipped: 1 - usefulMultiplyAdds / (product.rows * product.terms * product.columns),
      verifiedError: verifiedErrors[i],
    }
  })
  return { arithmetic, limitGflops, limit: measurements[best], rows }
}

function gigaPerSecond(operations: number, milliseconds: number): number {
  return operations / (milliseconds * 1e6)
}

/**
 * A sum of n products in float32 is off by at most γ Σ |a b| with γ = (n + 1) u / (1 − (n + 1) u) and u =
 * 2⁻²⁴, fused or not (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). Returns the
 * largest error found over its bound.
 */
function verify({ product, compute }: PlacedProduct, what: string): number {
  const { terms, columns, expected } = product
  const found = compute()
  const nu = (terms + 1) * 2 ** -24
  const gamma = nu / (1 - nu)
  let largest = 0
  for (let i = 0; i < found.length; i++) {
    const error = Math.abs(found[i] - expected.sums[i])
    const bound = gamma * expected.magnitudes[i]
    // "Not within" rather than "beyond", so that NaN never passes.
    if (!(error <= bound)) {
      const at = `row ${Math.floor(i / columns)}, column ${i % columns}`
      throw new HourglassError(
        `kernel ${what}: expected ${expected.sums[i]} within ${bound} at ${at}, found ${found[i]}; not timed`,
      )
    }
    if (bound > 0) largest = Math.max(largest, error / bound)
  }
  return largest
}
