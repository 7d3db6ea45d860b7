/** The Data panel's side of its worker. */
import { type EpochRecord, FileError, HourglassError } from '../../browser.ts'
import type { PlacedFile } from '../../data/sources/browser.ts'
import type { OwnAnswer, OwnCallName, OwnCalls, OwnMessage } from './calls.ts'

/** What reading may take: no honest file takes a tenth of it. */
const MAX_READING_MS = 10_000
/** The same for each megabyte; pictures take the longest. */
const MAX_READING_MS_PER_MB = 1000

interface Waiting {
  resolve(answer: OwnCalls[OwnCallName]['answer']): void
  reject(error: Error): void
}

/**
 * Calls are answered in any order, and one that fails rejects with a `HourglassError` for what is the user's
 * to mend.
 */
export class OwnClient {
  readonly #onEpochs: (records: readonly EpochRecord[]) => void
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 1

  /** @param onEpochs told of epochs as they are done */
  constructor(onEpochs: (records: readonly EpochRecord[]) => void) {
    this.#onEpochs = onEpochs
  }

  /** Reads other data. What is too long in the reading ends, and all that there was before with it. */
  async read(files: readonly PlacedFile[]): Promise<OwnCalls['read']['answer']> {
    const megabytes = files.reduce((sum, { file }) => sum + file.size, 0) / 1e6
    const most = MAX_READING_MS + MAX_READING_MS_PER_MB * megabytes
    const timer = setTimeout(() => {
      const expected = `expected data that are read within ${Math.round(most / 1000)} s`
      this.end(new FileError(files[0].file.name, `${expected}, found some that are not`))
    }, most)
    try {
      return await this.call('read', { files })
    } finally {
      clearTimeout(timer)
    }
  }

  call<Name extends OwnCallName>(name: Name, ask: OwnCalls[Name]['ask']): Promise<OwnCalls[Name]['answer']> {
    const id = this.#nextId++
    return new Promise<OwnCalls[OwnCallName]['answer']>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#post({ id, name, ...ask } as OwnMessage)
    }) as Promise<OwnCalls[Name]['answer']>
  }

  /** Training ends with the step under way. */
  stop(): void {
    this.#post({ name: 'stop' })
  }

  /** Ends the worker, its threads and all that it holds; what waits for it rejects. */
  end(why: Error): void {
    this.#worker?.terminate()
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(why)
    this.#waiting.clear()
  }

  #post(message: OwnMessage): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message)
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'own-data' })
    worker.addEventListener('message', ({ data }: MessageEvent<OwnAnswer>) => this.#take(data))
    worker.addEventListener('error', () => {
      this.end(new HourglassError('The worker that reads and learns your data failed: choose them again.'))
    })
    return worker
  }

  #take(answer: OwnAnswer): void {
    if ('epochs' in answer) {
      this.#onEpochs(answer.epochs)
      return
    }
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('answer' in answer) waiting?.resolve(answer.answer)
    else waiting?.reject(answer.isOurs ? new Error(answer.problem) : new HourglassError(answer.problem))
  }
}
