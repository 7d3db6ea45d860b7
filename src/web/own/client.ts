/** The Data panel's side of its worker. */
import { type EpochRecord, HourglassError } from '../../browser.ts'
import type { PlacedFile } from '../../data/sources/browser.ts'
import { MAX_READING_MS, WorkerCalls } from '../worker-calls.ts'
import type { OwnCalls, OwnNews, StopCall } from './calls.ts'
import type { SourceSummary } from './messages.ts'

/** For each megabyte as well; pictures take the longest. */
const MAX_READING_MS_PER_MB = 1000

/**
 * Data that were read, in a worker of their own: whatever becomes of other data, these and what was learned
 * from them are not touched, and nothing can come of the one that belongs to the other.
 */
export class OwnClient {
  readonly source: SourceSummary
  readonly #worker: WorkerCalls<OwnCalls, OwnNews>

  private constructor(source: SourceSummary, worker: WorkerCalls<OwnCalls, OwnNews>) {
    this.source = source
    this.#worker = worker
  }

  /**
   * @param onEpochs told of epochs as they are done
   * @param signal ends the reading
   * @throws FileError for what is no data, is damaged, too large or too long in the reading
   */
  static async read(
    files: readonly PlacedFile[],
    onEpochs: (records: readonly EpochRecord[]) => void,
    signal: AbortSignal,
  ): Promise<OwnClient> {
    signal.throwIfAborted()
    const worker = new WorkerCalls<OwnCalls, OwnNews>(
      () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'own-data' }),
      'The worker that reads and learns your data failed: choose them again.',
      ({ epochs }) => onEpochs(epochs),
    )
    const end = () => worker.end(new HourglassError('These data are not read any more.'))
    signal.addEventListener('abort', end)
    const megabytes = files.reduce((sum, { file }) => sum + file.size, 0) / 1e6
    const most = MAX_READING_MS + MAX_READING_MS_PER_MB * megabytes
    try {
      const source = await worker.callWithin(most, files[0]?.file.name ?? 'files', 'read', { files })
      return new OwnClient(source, worker)
    } catch (error) {
      end()
      throw error
    } finally {
      signal.removeEventListener('abort', end)
    }
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

  /** Frees the data, and ends training on them at once; what waits for an answer rejects. */
  end(): void {
    this.#worker.end(new HourglassError('Other data have taken the place of these.'))
  }
}
