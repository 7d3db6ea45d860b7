/** What engines may differ in, and how they refuse. */
import * as assert from 'uvu/assert'
import type { ModelState } from '../../../src/model/state.ts'

export interface Tolerance {
  /** Of a batch's loss, relative. */
  readonly loss: number
  /** Of a parameter after a few steps at learning rate 1e-3, absolute; parameters are about 0.1 to 0.5. */
  readonly parameters: number
  /** Of the moments, relative to the largest of the slab. */
  readonly moments: number
  /** Of outputs and codes, relative to the larger of 1 and the largest output. */
  readonly outputs: number
}

/**
 * Float32 sums of up to 100 terms in any order against float64: an error of √100 · 2⁻²⁴ ≈ 6e-7 a product,
 * carried through four layers and a dozen steps. Adam divides the first moment's error by √v ≈ 0.01 before
 * the learning rate.
 */
export const FLOAT32_TOLERANCE: Tolerance = { loss: 5e-6, parameters: 5e-6, moments: 1e-5, outputs: 5e-6 }

/** Fails for NaN as well: says what is not within, rather than what is beyond. */
export function assertWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  what: string,
): void {
  assert.is(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= absolute)) {
      assert.unreachable(`${what}[${i}]: ${actual[i]} is not within ${absolute} of ${expected[i]}`)
    }
  }
}

export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

export function assertSameBits(actual: ModelState, expected: ModelState, what: string): void {
  for (const slab of ['parameters', 'firstMoment', 'secondMoment'] as const) {
    assertWithin(actual[slab], expected[slab], 0, `${what}: ${slab}`)
  }
  assert.is(actual.steps, expected.steps, `${what}: steps`)
}

/** The error that `work` ends in: every refusal is one of a name and a text, the same on every engine. */
async function rejectionOf(work: () => Promise<unknown>, what: string): Promise<Error> {
  let outcome: unknown
  try {
    await work()
  } catch (error) {
    outcome = error
  }
  assert.instance(outcome, Error, `${what}: expected a rejection with an Error, found ${outcome}`)
  return outcome as Error
}

export async function assertRefuses(work: () => Promise<unknown>, message: string): Promise<void> {
  const error = await rejectionOf(work, message)
  assert.equal([error.name, error.message], ['UsageError', message])
}

export async function assertInternal(work: () => Promise<unknown>, message: string): Promise<void> {
  assert.is((await rejectionOf(work, message)).message, `internal: ${message}`)
}
