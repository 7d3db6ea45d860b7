/** The records of a sweep in a file of JSON lines, to which each run adds one as it finishes. */
import { appendFile, readFile } from 'node:fs/promises'
import { checkWritable, writeFileAtomically } from '../src/data/node-files.ts'
import { FileError } from '../src/errors.ts'
import type { SweepRecord, SweepStore } from '../src/experiments/sweep.ts'

/**
 * The store of `path`, which need not exist yet. A last line that was cut off by a crash is dropped: its run is done
 * again. Throws a FileError for any other line that is no record of a sweep, and where the file cannot be written.
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
    .map((line, index) => parseRecord(line, path, index + 1))

  let writing = Promise.resolve()
  return {
    records,
    append(record) {
      // One after the other: two appends at once could interleave.
      const written = writing.then(() => appendFile(path, `${JSON.stringify(record)}\n`))
      writing = written.catch(() => undefined)
      return written.catch((cause: unknown) => {
        throw new FileError(path, `cannot be written: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        })
      })
    },
  }
}

async function readExisting(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new FileError(path, `cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function parseRecord(line: string, path: string, number: number): SweepRecord {
  let record: Partial<SweepRecord>
  try {
    record = JSON.parse(line)
  } catch (cause) {
    throw new FileError(path, `line ${number}: expected JSON, found ${line.slice(0, 40)}`, { cause })
  }
  const isFailure = record?.status === 'failed' && typeof record.error === 'string'
  const isResult = record?.status === 'done' && typeof record.measures === 'object'
  if (typeof record?.id !== 'string' || !(isFailure || isResult)) {
    throw new FileError(path, `line ${number}: expected a record of a sweep, found ${line.slice(0, 40)}`)
  }
  return record as SweepRecord
}
