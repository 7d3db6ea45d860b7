import { AfterDispose, disposedDuringCall } from '../engines/checks.ts'
import { UsageError } from '../errors.ts'

/** One call after the other, as engines want it. */
export class CallQueue {
  /** Settles, without an error, when the last call added has. */
  #last: Promise<unknown> = Promise.resolve()
  #reason: Error | undefined
  #isBeginning = false

  /**
   * Runs `work` when all that was added before is done. Rejects with the reason once the queue is closed, and
   * in the engine's words where `dispose` came in the middle of `work`.
   */
  add<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBeginning) {
      return Promise.reject(
        new UsageError('withEngine: expected no call of the model from within, found one'),
      )
    }
    const result = this.#last.then(() => {
      if (this.#reason) throw this.#reason
      return work().catch((error: unknown) => {
        // The queue begins nothing after `dispose`: this call was under way then.
        throw error instanceof AfterDispose ? disposedDuringCall() : error
      })
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  /**
   * For a call that is running: gives the turn to `work`, and to all that is added until it is done. What was
   * waiting goes on waiting for the call itself.
   */
  async interrupt(work: () => Promise<void>): Promise<void> {
    const waiting = this.#last
    this.#last = Promise.resolve()
    try {
      await work()
    } finally {
      // What was added may have added more.
      for (let last: unknown; last !== this.#last; ) {
        last = this.#last
        await last
      }
      this.#last = waiting
    }
  }

  /**
   * Begins `work` for a call that is running. What it adds at once is refused, since it waits for that call;
   * what it adds later cannot be told from what others add.
   */
  begin<T>(work: () => Promise<T>): Promise<T> {
    this.#isBeginning = true
    try {
      return work()
    } finally {
      this.#isBeginning = false
    }
  }

  /** Makes all that has not begun, and all that comes later, reject with the reason; the first one stays. */
  close(reason: Error): void {
    this.#reason ??= reason
  }
}
