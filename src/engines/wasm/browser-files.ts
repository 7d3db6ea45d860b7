/**
 * The files that the engine is made of in a browser: the core, and the code of its workers. They lie beside
 * this module, and their addresses are written out so that a bundler (Vite, webpack) sees and ships them. The
 * standalone build of the package has another module in this one's place, which holds them itself
 * (scripts/build-standalone.ts).
 */
import { DeviceError } from '../../errors.ts'
import { reason } from '../../files/reason.ts'

/** What to do where they are not found, in one line. */
export const SHIPPED =
  'import hourglass-autoencoder/standalone, which holds all in one file, where a bundler does not ship them'

/** What to do where workers do not start, in one line. */
export const REMEDY = `${SHIPPED}; a Content-Security-Policy must allow worker-src 'self'`

const CORE_URLS: Record<string, URL> = {
  'core.relaxed.wasm': new URL('../../../build/core.relaxed.wasm', import.meta.url),
  'core.plain.wasm': new URL('../../../build/core.plain.wasm', import.meta.url),
}

/** Bytes of a build of the core by its file name. Throws DeviceError where it is not there. */
export async function loadCore(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const fail = (found: string, cause?: unknown) =>
    new DeviceError(`${file}: expected it at ${CORE_URLS[file]}, found ${found}; ${SHIPPED}`, { cause })
  let response: Response
  try {
    response = await fetch(CORE_URLS[file])
  } catch (cause) {
    throw fail(`that it cannot be fetched (${reason(cause)})`, cause)
  }
  if (!response.ok) throw fail(`HTTP ${response.status}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  // Some hosts answer with a page for what they have not.
  if (String(bytes.subarray(0, 4)) !== '0,97,115,109') throw fail('another file in its place')
  return bytes
}

/** A worker of the pool, `browser-worker.ts`. Throws DeviceError where the browser refuses it at once. */
export function startPoolWorker(): Worker {
  return started(() => new Worker(new URL('./browser-worker.ts', import.meta.url), { type: 'module' }))
}

/** The worker that holds a whole engine, `browser-host-worker.ts`. Throws like `startPoolWorker`. */
export function startHostWorker(): Worker {
  return started(() => new Worker(new URL('./browser-host-worker.ts', import.meta.url), { type: 'module' }))
}

/** A page may start no worker from another host's file. */
function started(start: () => Worker): Worker {
  try {
    return start()
  } catch (cause) {
    throw new DeviceError(`expected to start a worker, found: ${reason(cause)}; ${REMEDY}`, { cause })
  }
}
