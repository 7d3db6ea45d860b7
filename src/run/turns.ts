/**
 * Long work on the thread that also hears of a stop: it gives the others a turn now and then. Runs in a
 * browser.
 */

import type { StopSignal } from '../engines/stop-signal.ts'
import { HourglassError } from '../errors.ts'

/** A page stays responsive, and a stop is heard soon, where no piece of work takes longer. */
const TURN_MS = 30
/** Multiply-adds between two looks at the clock: a millisecond of them. */
const BLOCK_WORK = 1_000_000

/** Node has a way that does not sleep in between: on a busy machine a sleeper is woken late. */
const nextTurn: (resolve: () => void) => void =
  'setImmediate' in globalThis ? setImmediate : (resolve) => setTimeout(resolve, 0)

/** Of one piece of work, in blocks between which others have their turn. */
export class Turns {
  readonly #signal: StopSignal | undefined
  #lastMs = performance.now()

  constructor(signal?: StopSignal) {
    this.#signal = signal
  }

  /**
   * Calls `block(from, to)` for parts of 0 … count − 1, in order. The loops of a block are its own: V8 makes
   * slower code of those that hold an `await`.
   *
   * @param work multiply-adds of one of `count`, about @throws HourglassError once the signal has aborted
   */
  async run(count: number, work: number, block: (from: number, to: number) => void): Promise<void> {
    const size = Math.max(1, Math.floor(BLOCK_WORK / work))
    for (let from = 0; from < count; from += size) {
      block(from, Math.min(from + size, count))
      if (performance.now() - this.#lastMs > TURN_MS) await this.take()
    }
  }

  /** Lets everything else that waits have its turn. Throws HourglassError once the signal has aborted. */
  async take(): Promise<void> {
    await new Promise<void>((resolve) => nextTurn(resolve))
    throwIfAborted(this.#signal)
    this.#lastMs = performance.now()
  }
}

/** Throws HourglassError once the signal has aborted. */
export function throwIfAborted(signal: StopSignal | undefined): void {
  if (signal?.aborted) throw new HourglassError('interrupted')
}
