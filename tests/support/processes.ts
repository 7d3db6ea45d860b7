/** Child processes of tests: run to their end, or until a line, and in process namespaces of their own. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Far above what any of these programs takes on busy cores: it ends hangs. */
const LIMIT_MS = 120_000

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export function runNode(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runProgram(process.execPath, args, env)
}

export function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  limitMs = LIMIT_MS,
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: limitMs, killSignal: 'SIGKILL' } as const
    const child = execFile(program, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}

export interface Started {
  /** What it printed first. */
  readonly line: string
  /** Ends it by SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** Starts a program; resolves at its first line. */
export async function startUntilLine(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Started> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const gone = once(child, 'exit')
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    gone.then(() => ['(ended)']),
  ])) as [string]
  return {
    line,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/**
 * Words in front of a command line that give the process a namespace of its own, in which it has the id 1.
 */
export const OWN_NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'] as const

/** Why there are no namespaces of processes here; undefined where there are. */
export function withoutNamespaces(): string | undefined {
  try {
    const [program, ...flags] = OWN_NAMESPACE
    execFileSync(program, [...flags, 'true'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs unshare and the right to make process namespaces'
  }
}
