/** The records of a sweep in a file of JSON lines, to which each run adds one as it finishes. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../src/cluster/checkpoint-folder.ts'
import type { RecordFile } from '../src/cluster/merge.ts'
import { isRecordFile } from '../src/cluster/shard.ts'
import { readFileBytes } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import type { SweepRecord, SweepStore } from '../src/experiments/sweep.ts'
import { readSweepRecord } from '../src/experiments/sweep-record.ts'
import { reason } from '../src/files/reason.ts'
import { appendDurably, checkWritable, writeFileAtomically } from '../src/files/write.ts'

/**
 * The store of `path`, which need not exist yet. A last line that was cut off by a crash is dropped: its run
 * is done again. Throws a FileError for any other line that is no record of a sweep, and where the file
 * cannot be written.
 */
export async function openSweepStore(path: string): Promise<SweepStore> {
  await checkWritable(path)
  const text = await readExisting(path)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await writeFileAtomically(path, whole)
  const records = parseRecords(whole, path)
  return { records, append: appender(path, whole) }
}

/**
 * Adds a record after the other, to what the file holds by now. Where someone has removed or changed the file
 * meanwhile, it is written anew, whole.
 *
 * @param text what the file holds
 */
function appender(path: string, text: string): SweepStore['append'] {
  const parts = [text]
  let bytes = Buffer.byteLength(text)
  let last: Promise<void> = Promise.resolve()
  const add = async (line: string) => {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0
    if (size === bytes) await appendDurably(path, line)
    else await writeFileAtomically(path, [...parts, line].join(''))
    parts.push(line)
    bytes += Buffer.byteLength(line)
  }
  // Each waits for the one before.
  return (record) => {
    const added = last.then(() => add(`${JSON.stringify(record)}\n`))
    last = added.catch(() => undefined)
    return added
  }
}

/**
 * The records in a folder: of a sweep, and of shards, which may be adding to theirs. Throws FileError for a
 * folder that is none.
 */
export async function readRecordFiles(folder: string): Promise<RecordFile[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new FileError(folder, `expected a directory of results, found: ${reason(cause)}`, { cause })
  })
  const files: RecordFile[] = []
  for (const name of names.filter(isRecordFile).sort()) {
    const file = join(folder, name)
    const text = await readExisting(file)
    files.push({ file, records: parseRecords(text.slice(0, text.lastIndexOf('\n') + 1), file) })
  }
  return files
}

/** @param text of whole lines */
function parseRecords(text: string, path: string): SweepRecord[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => readSweepRecord(line, path, index + 1))
}

async function readExisting(path: string): Promise<string> {
  return (await exists(path)) ? new TextDecoder().decode(await readFileBytes(path)) : ''
}
