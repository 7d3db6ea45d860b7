/**
 * `npm run train` as its users run it: a process of its own, on a small data set, with the reference engine.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Outcome } from './command.ts'
import { runScript } from './command.ts'
import { smallDataset, writeDataset } from './small-data.ts'

/** Of the importing test file, removed at its end. */
export const root = mkdtempSync(join(tmpdir(), 'hourglass-train-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
export const data = writeDataset(join(root, 'data'), smallDataset(53, 11))
let directories = 0

/** A directory of its own for a test's output. */
export function freshDirectory(): string {
  const directory = join(root, `run-${directories++}`)
  mkdirSync(directory)
  return directory
}

export const small = [
  '--data',
  data,
  '--hidden',
  '9',
  '--z',
  '3',
  '--batch-size',
  '8',
  '--device',
  'reference',
]

export function train(cwd: string, ...args: readonly string[]): Promise<Outcome> {
  return runScript('train', args, cwd)
}

export function records(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

export function expectSuccess({ code, stderr }: Outcome): void {
  assert.is(stderr, '')
  assert.is(code, 0)
}
