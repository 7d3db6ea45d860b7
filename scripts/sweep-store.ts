/** The records of a sweep in a file of JSON lines, to which each run adds one as it finishes. */
import { access } from 'node:fs/promises'
import { readFileBytes } from '../src/data/node-files.ts'
import type { SweepStore } from '../src/experiments/sweep.ts'
import { readSweepRecord } from '../src/experiments/sweep-record.ts'
import { appendDurably, checkWritable, writeFileAtomically } from '../src/files/write.ts'

/**
 * The store of `path`, which need not exist yet. A last line that was cut off by a crash is dropped: its run
 * is done again. Throws a FileError for any other line that is no record of a sweep, and where the file
 * cannot be written.
 */
export async function openSweepStore(path: string): Promise<SweepStore> {
  await checkWritable(path)
  const text = await readExisting(path)
  const end = text.lastIndexOf('\n') + 1
  const whole = text.slice(0, end)
  if (end < text.length) await writeFileAtomically(path, whole)
  const records = whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => readSweepRecord(line, path, index + 1))
  // Each waits for the one before.
  return { records, append: (record) => appendDurably(path, `${JSON.stringify(record)}\n`) }
}

async function readExisting(path: string): Promise<string> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  return exists ? new TextDecoder().decode(await readFileBytes(path)) : ''
}
