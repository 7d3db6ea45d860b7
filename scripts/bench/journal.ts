/**
 * Finished measurements as lines of JSON, so that a benchmark that was stopped goes on with the next one. A
 * line counts only for the very same key; lines of others stay.
 */
import { appendFile, readFile } from 'node:fs/promises'

export interface Journal {
  /** What was measured under this key; undefined where nothing was. */
  find<Value>(key: object): Value | undefined
  add(key: object, value: object): Promise<void>
}

interface Line {
  readonly key: object
  readonly value: object
}

/** A journal that keeps nothing, where `file` is undefined. Throws for a file that cannot be read. */
export async function openJournal(file: string | undefined): Promise<Journal> {
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(emptyIfMissing)
  const lines = text.split('\n').flatMap(parseLine)
  const values = new Map(lines.map(({ key, value }) => [JSON.stringify(key), value]))
  return {
    find: <Value>(key: object) => values.get(JSON.stringify(key)) as Value | undefined,
    async add(key, value) {
      values.set(JSON.stringify(key), value)
      if (file !== undefined) await appendFile(file, `${JSON.stringify({ key, value })}\n`)
    },
  }
}

function emptyIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}

/** Nothing for a line that was cut as the process ended: it is measured again. */
function parseLine(text: string): Line[] {
  try {
    return [JSON.parse(text) as Line]
  } catch {
    return []
  }
}
