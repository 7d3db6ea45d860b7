/** Models from files, whoever wrote them. */
import { type Checkpoint, codeSize, FileError, isAutoencoder, stateOf } from '../browser.ts'
import type { Model } from './model.ts'
import type { ReadingCalls } from './reading-worker.ts'
import { RULES } from './settings.ts'
import { MAX_READING_MS, WorkerCalls } from './worker-calls.ts'

/** Larger than any autoencoder of MNIST's digits that a page could use. */
const MAX_FILE_BYTES = 512e6

interface ReadFile {
  readonly model: Model
  /** Where the file is a checkpoint: its run can go on. */
  readonly checkpoint: Checkpoint | undefined
  readonly warnings: readonly string[]
}

/**
 * A model from a file that somebody gave, and what is odd about it. Throws `FileError`, which begins with the
 * file's name, also for a network that the page cannot show, and for a file that takes too long to read.
 */
export async function readModelFile(file: File): Promise<ReadFile> {
  if (file.size > MAX_FILE_BYTES) {
    const found = `${Math.round(file.size / 1e6)} MB`
    throw new FileError(file.name, `expected weights of at most ${MAX_FILE_BYTES / 1e6} MB, found ${found}`)
  }
  const bytes = new Uint8Array(await file.arrayBuffer())
  const { network, parameters, warnings, checkpoint } = await readApart(bytes, file.name)
  if (!isAutoencoder(network)) {
    throw new FileError(file.name, 'expected an autoencoder, found a classifier')
  }
  const most = RULES.z.max
  if (codeSize(network) > most) {
    const found = `found ${codeSize(network)}`
    throw new FileError(file.name, `expected at most ${most} latent units, as this page can show, ${found}`)
  }
  return { model: { network, state: stateOf(parameters), name: file.name }, warnings, checkpoint }
}

/** Reads in a worker of its own, which ends with the reading, or with the patience for it. */
async function readApart(
  bytes: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<ReadingCalls['read']['answer']> {
  const worker = new WorkerCalls<ReadingCalls>(
    () => new Worker(new URL('./reading-worker.ts', import.meta.url), { type: 'module', name: 'reading' }),
    `${file}: cannot be read: the worker that reads files failed`,
  )
  try {
    return await worker.callWithin(MAX_READING_MS, file, 'read', { bytes, file }, [bytes.buffer])
  } finally {
    worker.end(new FileError(file, 'is not read any more'))
  }
}
