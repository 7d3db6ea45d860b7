/** Runs a command of scripts/ as its users do: as a process of its own. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Outcome {
  /** undefined where a signal ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly child: ChildProcess
  readonly outcome: Promise<Outcome>
  /** What it has said on stderr so far. */
  said(): string
}

/** Ends a command that hangs: far above what any command of the tests takes on busy cores. */
const LIMIT_MS = 300_000

const COMPILE_CACHE = fileURLToPath(new URL('../../build/compile-cache', import.meta.url))

/**
 * @param script name in scripts/, without `.ts`
 * @param cwd where relative paths of `args` lead
 * @param environment variables besides our own
 */
export function startCommand(
  script: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
  limitMs = LIMIT_MS,
): RunningCommand {
  const file = fileURLToPath(new URL(`../../scripts/${script}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
    // As scripts/start.mjs has it: a start takes half as long.
    env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: COMPILE_CACHE, ...environment },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? undefined, stdout, stderr }))
  })
  return { child, outcome, said: () => stderr }
}

export function runScript(
  script: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return startCommand(script, args, cwd, environment).outcome
}

/** Environment of a command where the package canvas is not installed. */
export const WITHOUT_CANVAS = {
  NODE_OPTIONS: `--import=${new URL('no-canvas.mjs', import.meta.url).href}`,
} as const

/** Resolves when the command has printed so many lines on stdout, or has ended. */
export function stdoutLines({ child, outcome }: RunningCommand, lines: number): Promise<unknown> {
  const seen = new Promise<void>((resolve) => {
    let found = 0
    child.stdout?.on('data', (text: string) => {
      found += text.split('\n').length - 1
      if (found >= lines) resolve()
    })
  })
  return Promise.race([seen, outcome])
}
