/** Reads a bomb in a process of its own, whose memory is then its alone. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BOMBS, type Bomb } from './bombs.ts'

export interface Explosion {
  /** Of the file. */
  readonly bytes: number
  /** As `judge` tells it, or, after a `!`, what went wrong. */
  readonly outcome: string
  /** Of processor time. */
  readonly seconds: number
  /** Most bytes that the process had, Node's own included. */
  readonly memory: number
}

/** What a file of so many bytes may take of memory, Node's own included. */
export function memoryLimit(fileBytes: number): number {
  return 8 * fileBytes + 300e6
}

/** Whether reading ended with anything else than the file read or a FileError. */
export function isForeign(outcome: string): boolean {
  return outcome.startsWith('!')
}

/** Far beyond what any may take: it ends hangs. */
const TIMEOUT_MS = 240_000

export function explode(bomb: Bomb): Explosion {
  const directory = mkdtempSync(join(tmpdir(), 'hourglass-bomb-'))
  try {
    const file = join(directory, 'bomb')
    const bytes = bomb.make()
    writeFileSync(file, bytes)
    const script = fileURLToPath(new URL('read-bomb.ts', import.meta.url))
    const args = ['--max-old-space-size=16384', script, String(BOMBS.indexOf(bomb)), file]
    const { stdout, stderr, signal } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    })
    const line = stdout.split('\n').find((text) => text.startsWith('{'))
    if (line !== undefined) return JSON.parse(line) as Explosion
    const outcome = `!ended with ${signal ?? stderr.slice(-2000)}`
    return { bytes: bytes.length, outcome, seconds: 0, memory: 0 }
  } finally {
    rmSync(directory, { recursive: true })
  }
}
