/**
 * What ends a run from outside: Ctrl-C, a supervisor's SIGTERM, a terminal that is closed, npm that died. The
 * first asks the work to stop at a good place and save, the next ends it at once. Node only.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/**
 * A stop often comes twice: npm passes on a Ctrl-C that the terminal has already sent to everyone, a closed
 * terminal ends npm too, some supervisors send SIGHUP after SIGTERM. What comes this soon is the same one.
 */
const SAME_STOP_MS = 1000

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** How often a run that npm started looks whether npm is still there. */
const PARENT_CHECK_MS = 250

export type StopCause = (typeof SIGNALS)[number] | 'parent'

export interface Interrupt {
  /** Aborts at the first stop. */
  readonly signal: AbortSignal
  /** 130 after SIGINT, 143 after SIGTERM or where npm died, 129 after SIGHUP; undefined before any. */
  exitCode(): number | undefined
  /** Gives the signals back to Node. Idempotent. */
  release(): void
}

/**
 * Takes the signals until `release`.
 *
 * npm hands SIGTERM on to the shell that it starts scripts with, and not to what runs in it: the shell dies,
 * npm follows, and the script would go on without anybody. So a process that npm started also stops when its
 * parent is gone.
 *
 * @param announce called once, at the first stop
 */
export function onInterrupt(announce: (cause: StopCause) => void): Interrupt {
  const controller = new AbortController()
  let exitCode: number | undefined
  let firstMs = 0
  const stop = (cause: StopCause) => {
    if (exitCode === undefined) {
      exitCode = 128 + constants.signals[cause === 'parent' ? 'SIGTERM' : cause]
      firstMs = performance.now()
      announce(cause)
      controller.abort()
    } else if (cause !== 'parent' && performance.now() - firstMs > SAME_STOP_MS) {
      process.exit(exitCode)
    }
  }
  for (const name of SIGNALS) process.on(name, stop)
  const endWatch = watchParent(() => stop('parent'))
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    release() {
      for (const name of SIGNALS) process.off(name, stop)
      endWatch()
    },
  }
}

/** Processes above this one that npm needs to be there. */
interface Ancestors {
  readonly parent: number
  /** Of the parent, where that is the shell that npm started: npm itself. */
  readonly npm: number | undefined
}

/**
 * Field 4 of /proc/PID/stat, after the name in parentheses (proc(5)); undefined where that cannot be read.
 */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** npm starts scripts by `sh -c SCRIPT`, and some shells become the script, so that npm is the parent. */
function isShell(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === '-c'
  } catch {
    return false
  }
}

function findAncestors(): Ancestors {
  const parent = process.ppid
  return { parent, npm: isShell(parent) ? parentOf(parent) : undefined }
}

const isOfNpm = process.env.npm_lifecycle_event !== undefined && process.platform !== 'win32'
/** When this module was loaded: they may be gone by the time that somebody listens. */
const first = isOfNpm ? findAncestors() : undefined

/**
 * Calls `gone` once, when npm or the shell that it started this process with has ended. Returns what ends the
 * watch.
 */
function watchParent(gone: () => void): () => void {
  if (first === undefined) return () => undefined
  const timer = setInterval(() => {
    const isThere = process.ppid === first.parent
    if (isThere && (first.npm === undefined || parentOf(first.parent) === first.npm)) return
    clearInterval(timer)
    gone()
  }, PARENT_CHECK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
