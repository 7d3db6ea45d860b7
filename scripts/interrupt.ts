/** Ctrl-C: the first asks the work to stop at a good place, the next stops it at once. */
import { constants } from 'node:os'

/** npm passes a Ctrl-C on that the terminal has already sent to everyone: what comes this soon is the same one. */
const SAME_KEYSTROKE_MS = 1000

export interface Interrupt {
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** 130 after SIGINT, 143 after SIGTERM; undefined before either. */
  exitCode(): number | undefined
  /** Gives the signals back to Node. */
  release(): void
}

/** @param announce called once, when the first signal comes */
export function onInterrupt(announce: () => void): Interrupt {
  const controller = new AbortController()
  let exitCode: number | undefined
  let firstMs = 0
  const handle = (name: NodeJS.Signals) => {
    if (exitCode === undefined) {
      exitCode = 128 + constants.signals[name]
      firstMs = performance.now()
      announce()
      controller.abort()
    } else if (performance.now() - firstMs > SAME_KEYSTROKE_MS) {
      process.exit(exitCode)
    }
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    release() {
      process.off('SIGINT', handle)
      process.off('SIGTERM', handle)
    },
  }
}
