/** The Data panel's side of its worker. */
import type { EpochRecord } from '../../browser.ts'
import type { PlacedFile } from '../../data/sources/browser.ts'
import { MAX_READING_MS, WorkerCalls } from '../worker-calls.ts'
import type { OwnCalls, OwnNews, StopCall } from './calls.ts'

/** For each megabyte as well; pictures take the longest. */
const MAX_READING_MS_PER_MB = 1000

export class OwnClient {
  readonly #worker: WorkerCalls<OwnCalls, OwnNews>

  /** @param onEpochs told of epochs as they are done */
  constructor(onEpochs: (records: readonly EpochRecord[]) => void) {
    this.#worker = new WorkerCalls<OwnCalls, OwnNews>(
      () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'own-data' }),
      'The worker that reads and learns your data failed: choose them again.',
      ({ epochs }) => onEpochs(epochs),
    )
  }

  /** Reads other data. What is too long in the reading ends, and all that there was before with it. */
  read(files: readonly PlacedFile[]): Promise<OwnCalls['read']['answer']> {
    const megabytes = files.reduce((sum, { file }) => sum + file.size, 0) / 1e6
    const most = MAX_READING_MS + MAX_READING_MS_PER_MB * megabytes
    return this.#worker.callWithin(most, files[0].file.name, 'read', { files })
  }

  call<Name extends keyof OwnCalls & string>(
    name: Name,
    ask: OwnCalls[Name]['ask'],
  ): Promise<OwnCalls[Name]['answer']> {
    return this.#worker.call(name, ask)
  }

  /** Training ends with the step under way. */
  stop(): void {
    const stop: StopCall = { name: 'stop' }
    this.#worker.post(stop)
  }
}
