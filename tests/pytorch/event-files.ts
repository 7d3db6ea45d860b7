/**
 * Event files of runs, read by TensorBoard's own reader (event_files.py): one run, one that went on, one that
 * was killed.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { hourglass } from '../../src/model/recipes.ts'
import { EventLog } from '../../src/run/event-log.ts'
import type { EpochRecord } from '../../src/training/history.ts'
import { smallDataset } from '../support/small-data.ts'

/** What event_files.py reads from a directory. */
interface Found {
  readonly scalars: Readonly<Record<string, readonly [step: number, value: number][]>>
  readonly images: Readonly<Record<string, readonly [step: number, width: number, height: number][]>>
  readonly histograms: Readonly<Record<string, readonly [step: number, count: number, buckets: number][]>>
}

const TEST_ROWS = 11
const UNITS = 3

const recordOf = (epoch: number, trainLoss: number): EpochRecord => ({
  ...{ epoch, trainLoss, testLoss: trainLoss / 3, learningRate: 1e-3 / epoch },
  ...{ seconds: 0.5, imagesPerSecond: 106 },
})

/** Writes the events of these epochs as a run does that has done `before` epochs already. */
async function writeEvents(
  directory: string,
  before: number,
  records: readonly EpochRecord[],
): Promise<void> {
  const { test } = smallDataset(1, TEST_ROWS)
  const engine = createReferenceEngine(hourglass({ input: 30, hidden: 9, bottleneck: UNITS }))
  await engine.initialize(1)
  const log = await EventLog.open(directory, before)
  for (const record of records) await log.add(record, { engine, test, picture: test })
  await engine.dispose()
}

/** @returns 1 where the reader finds something else than was written, else 0 */
export async function checkEventFiles(python: string): Promise<number> {
  if (spawnSync(python, ['-c', 'import tensorboard']).status !== 0) {
    console.log(`SKIPPED: event files: ${python} has no tensorboard`)
    return 0
  }
  const root = mkdtempSync(join(tmpdir(), 'hourglass-events-'))
  try {
    const first = [recordOf(1, 0.1), recordOf(2, 0.07), recordOf(3, 0.05)]
    const second = [recordOf(3, 0.04), recordOf(4, 0.03)]
    const [whole, resumed, killed] = ['whole', 'resumed', 'killed'].map((name) => join(root, name))
    await writeEvents(whole, 0, first)
    cpSync(whole, killed, { recursive: true })
    const [name] = readdirSync(killed)
    truncateSync(join(killed, name), readFileSync(join(killed, name)).length - 5)
    cpSync(whole, resumed, { recursive: true })
    // A file of this process and second has the same name: TensorBoard reads the one of the resumed run after
    // it.
    await writeEvents(join(root, 'later'), 2, second)
    const [later] = readdirSync(join(root, 'later'))
    cpSync(join(root, 'later', later), join(resumed, `${later}.later`))
    const faults = [
      ...compare('one run', read(python, whole), first),
      ...compare('a run that went on after epoch 2', read(python, resumed), [
        ...first.slice(0, 2),
        ...second,
      ]),
      ...compare('a run that was killed while it wrote', read(python, killed), first.slice(0, 2)),
    ]
    for (const fault of faults) console.log(`FAIL event files: ${fault}`)
    if (faults.length === 0) console.log("ok   event files: 3 directories in TensorBoard's reader")
    return faults.length > 0 ? 1 : 0
  } finally {
    rmSync(root, { recursive: true })
  }
}

function read(python: string, directory: string): Found | string {
  const script = fileURLToPath(new URL('event_files.py', import.meta.url))
  const { status, stdout, stderr } = spawnSync(python, [script, directory], { encoding: 'utf8' })
  return status === 0 ? (JSON.parse(stdout) as Found) : stderr
}

function compare(what: string, found: Found | string, records: readonly EpochRecord[]): string[] {
  if (typeof found === 'string') return [`${what}: ${found}`]
  const scalars = (value: (record: EpochRecord) => number | undefined) =>
    records.map((record) => [record.epoch, Math.fround(value(record) ?? Number.NaN)])
  const expected = {
    scalars: {
      'loss/train': scalars(({ trainLoss }) => trainLoss),
      'loss/test': scalars(({ testLoss }) => testLoss),
      learning_rate: scalars(({ learningRate }) => learningRate),
      rows_per_second: scalars(({ imagesPerSecond }) => imagesPerSecond),
    },
    // Eight pictures of 6 × 5, and as many below.
    images: { reconstructions: records.map(({ epoch }) => [epoch, 62, 12]) },
    histograms: { codes: records.map(({ epoch }) => [epoch, TEST_ROWS * UNITS, 30]) },
  }
  return Object.entries(expected).flatMap(([kind, wanted]) => {
    const got = JSON.stringify(found[kind as keyof Found])
    return got === JSON.stringify(wanted)
      ? []
      : [`${what}: ${kind}: expected ${JSON.stringify(wanted)}, found ${got}`]
  })
}
