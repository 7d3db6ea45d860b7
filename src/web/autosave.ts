/**
 * Keeps the last run in the browser, so that neither a reload nor Back loses it: one checkpoint in IndexedDB.
 * Where site data are blocked nothing is kept, and nothing fails.
 */

/** A run as it was kept. */
export interface KeptRun {
  /** For people. */
  readonly name: string
  readonly epoch: number
  readonly epochs: number
  /** Milliseconds since 1970. */
  readonly keptAt: number
  /** A checkpoint: kept as a blob it need not be copied on the page's thread. */
  readonly file: Blob
}

const DATABASE = 'hourglass'
const STORE = 'runs'
const KEY = 'last'

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
    request.onblocked = () => reject(new Error('another tab holds the store'))
  })
}

async function withStore<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open()
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const request = work(transaction.objectStore(STORE))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = () => reject(transaction.error)
      transaction.onabort = () => reject(transaction.error)
    })
  } finally {
    database.close()
  }
}

/** Keeps a run in place of the one before. Resolves to whether it could. */
export async function keepRun(run: KeptRun): Promise<boolean> {
  try {
    await withStore('readwrite', (store) => store.put(run, KEY))
    return true
  } catch {
    return false
  }
}

/** The run that was kept last; undefined where there is none. */
export async function keptRun(): Promise<KeptRun | undefined> {
  try {
    const kept = (await withStore('readonly', (store) => store.get(KEY))) as KeptRun | undefined
    // Earlier versions of the page kept bytes.
    return kept?.file && kept
  } catch {
    return undefined
  }
}

export async function forgetRun(): Promise<void> {
  try {
    await withStore('readwrite', (store) => store.delete(KEY))
  } catch {
    // What cannot be reached is not kept.
  }
}
