/** Records of one plan from many files, each trial counted once. Runs in a browser. */
import { FileError } from '../errors.ts'
import type { SweepRecord } from '../experiments/sweep.ts'
import type { SweepRun } from '../experiments/sweep-plan.ts'

export interface RecordFile {
  readonly file: string
  readonly records: readonly SweepRecord[]
}

export interface Merged {
  /**
   * One for each run that has any, in the plan's order. A result goes before a stop, and that before a
   * failure.
   */
  readonly records: readonly SweepRecord[]
  /** Those that have none. */
  readonly missing: readonly SweepRun[]
}

const RANK: Readonly<Record<SweepRecord['status'], number>> = { failed: 0, stopped: 1, done: 2 }

/**
 * @throws FileError where a run was trained twice to other weights: its name says that they must be the same
 */
export function mergeRecords(runs: readonly SweepRun[], files: readonly RecordFile[]): Merged {
  const wanted = new Map(runs.map(({ id, settings }) => [id, settings]))
  const best = new Map<string, { record: SweepRecord; file: string }>()
  for (const { file, records } of files) {
    for (const found of records) {
      const settings = wanted.get(found.id)
      if (settings === undefined) continue
      const record = { ...found, settings }
      const before = best.get(record.id)
      if (before) checkSameWeights(before, { record, file })
      // Of two failures the later one counts, as it does in one file.
      const rank = before ? RANK[record.status] - RANK[before.record.status] : 1
      if (rank > 0 || (rank === 0 && record.status !== 'done')) best.set(record.id, { record, file })
    }
  }
  return {
    records: runs.flatMap(({ id }) => best.get(id)?.record ?? []),
    missing: runs.filter(({ id }) => !best.has(id)),
  }
}

function checkSameWeights(
  before: { readonly record: SweepRecord; readonly file: string },
  now: { readonly record: SweepRecord; readonly file: string },
): void {
  if (before.record.status !== 'done' || now.record.status !== 'done') return
  const [first, second] = [before.record.weights, now.record.weights]
  if (first === undefined || second === undefined || first === second) return
  const short = (sha: string) => `${sha.slice(0, 12)}…`
  throw new FileError(
    now.file,
    `expected weights of SHA-256 ${short(first)} for the trial ${short(now.record.id)}, ` +
      `as in ${before.file}, found ${short(second)}`,
  )
}
