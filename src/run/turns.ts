/**
 * Long work on the thread that also hears of a stop: it gives the others a turn now and then. Runs in a
 * browser.
 */
import { HourglassError } from '../errors.ts'

/** A page stays responsive, and a stop is heard soon, where no piece of work takes longer. */
const TURN_MS = 30
/** Multiply-adds between two looks at the clock: a millisecond of them. */
const WORK_BETWEEN_LOOKS = 1_000_000

/** Of one piece of work: `if (turns.isDue(work)) await turns.take()` in its loops. */
export class Turns {
  readonly #signal: AbortSignal | undefined
  #work = 0
  #lastMs = performance.now()

  constructor(signal?: AbortSignal) {
    this.#signal = signal
  }

  /** Whether it is time for a turn, after so many more multiply-adds or what takes as long. */
  isDue(work: number): boolean {
    this.#work += work
    if (this.#work < WORK_BETWEEN_LOOKS) return false
    this.#work = 0
    return performance.now() - this.#lastMs > TURN_MS
  }

  /** Lets everything else that waits have its turn. Throws HourglassError once the signal has aborted. */
  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0))
    throwIfAborted(this.#signal)
    this.#lastMs = performance.now()
  }
}

/** Throws HourglassError once the signal has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new HourglassError('interrupted')
}
