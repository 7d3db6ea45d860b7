/** Gzip data, inflated by the runtime. Runs in a browser. */
import { FileError } from '../errors.ts'

/** Handed to the inflater at once: a task on a page's thread then takes a few milliseconds. */
const SLICE_BYTES = 2 ** 16

/** A blob's bytes in slices. */
function slices(blob: Blob): ReadableStream<Uint8Array<ArrayBuffer>> {
  let start = 0
  return new ReadableStream({
    async pull(controller) {
      if (start >= blob.size) {
        controller.close()
        return
      }
      const slice = blob.slice(start, start + SLICE_BYTES)
      start += SLICE_BYTES
      controller.enqueue(new Uint8Array(await slice.arrayBuffer()))
    },
  })
}

/**
 * The content of gzip data, in chunks. Who takes them counts them: a small file may hold any number.
 *
 * @param file its name, for errors
 * @throws FileError for data that is damaged
 */
export async function* gunzip(packed: Blob, file: string): AsyncGenerator<Uint8Array> {
  // Not `for await` of the stream itself, which Safari does not iterate.
  const reader = slices(packed).pipeThrough(new DecompressionStream('gzip')).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } catch (cause) {
    throw new FileError(file, 'expected intact gzip data, found a damaged file', { cause })
  } finally {
    // Where the rest is not wanted any more; a stream that has failed cannot be told.
    await reader.cancel().catch(() => undefined)
  }
}
