/** When `onProgress` is called: some 20 times a second, however long an epoch and its jobs take. */

const INTERVAL_MS = 50

/**
 * The time since an engine reported last. It is the engine's, not an epoch's: epochs may be far shorter than
 * what lies between two reports.
 */
export class ProgressClock {
  #reportedMs = -Infinity

  /** Milliseconds until the next report is due; 0 where it is. */
  get dueInMs(): number {
    return Math.max(0, this.#reportedMs + INTERVAL_MS - performance.now())
  }

  /** Whether a report is due; one that is has to be made. */
  take(): boolean {
    const isDue = this.dueInMs === 0
    if (isDue) this.#reportedMs = performance.now()
    return isDue
  }
}
