/** Models from files, whoever wrote them, and the pre-trained one. */
import {
  type Checkpoint,
  codeSize,
  FileError,
  HourglassError,
  isAutoencoder,
  readModel,
  stateOf,
} from '../browser.ts'
import { PRETRAINED_FILE, PRETRAINED_NAME } from './pretrained.ts'
import type { ReadingAnswer, ReadingCall } from './reading-worker.ts'
import type { Model } from './session.ts'
import { RULES } from './settings.ts'

/** Larger than any autoencoder of MNIST's digits that a page could use. */
const MAX_FILE_BYTES = 512e6

/** No honest file of that size takes a tenth of it. */
const MAX_READING_MS = 10_000

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
  const answer = await readApart({ bytes: new Uint8Array(await file.arrayBuffer()), file: file.name })
  if ('problem' in answer) throw new HourglassError(answer.problem)
  const { network, parameters, warnings, checkpoint } = answer
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
async function readApart(call: ReadingCall): Promise<ReadingAnswer> {
  const worker = new Worker(new URL('./reading-worker.ts', import.meta.url), { type: 'module' })
  try {
    return await new Promise<ReadingAnswer>((resolve, reject) => {
      worker.addEventListener('message', (event: MessageEvent<ReadingAnswer>) => resolve(event.data))
      worker.addEventListener('error', () => {
        reject(new FileError(call.file, 'cannot be read: the worker that reads files failed'))
      })
      setTimeout(() => {
        const seconds = MAX_READING_MS / 1000
        reject(
          new FileError(call.file, `expected a file that is read within ${seconds} s, found one that is not`),
        )
      }, MAX_READING_MS)
      worker.postMessage(call, [call.bytes.buffer as ArrayBuffer])
    })
  } finally {
    worker.terminate()
  }
}

export async function loadPretrained(): Promise<Model> {
  const file = PRETRAINED_FILE
  let response: Response
  try {
    response = await fetch(new URL(`./data/${file}`, document.baseURI))
  } catch (error) {
    throw new FileError(file, 'the pre-trained model could not be fetched', { cause: error })
  }
  if (!response.ok) {
    throw new FileError(file, `the pre-trained model could not be fetched: status ${response.status}`)
  }
  const { network, parameters } = readModel(new Uint8Array(await response.arrayBuffer()), file)
  return { network, state: stateOf(parameters), name: `${PRETRAINED_NAME}, pre-trained` }
}
