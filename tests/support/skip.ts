/** Skipping a test is loud: tests/run.ts repeats every reason, and fails a file that skips without one. */
import type { Test } from 'uvu'

/**
 * Counts test `name` as skipped and prints why. Call it at the top level of a test file, in place of
 * `test(name, …)`.
 */
export function skipTest(test: Test, name: string, reason: string): void {
  console.log(`SKIPPED: ${name}: ${reason}`)
  test.skip()
}
