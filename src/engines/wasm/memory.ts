/** Shared memories: with room to grow as far as the runtime lets them, and grown. */
import { DeviceError } from '../../errors.ts'

const PAGE_BYTES = 65536
/**
 * Address space that is asked for, in pages: all of 32 bits, or less where that is refused, as by `ulimit -v`
 * or on small devices. What is only reserved takes no memory.
 */
const MAXIMA = [65536, 32768, 16384, 8192, 4096, 2048]

/** How far memories made here may grow, in pages. */
const maxima = new WeakMap<WebAssembly.Memory, number>()

/**
 * A shared memory of one page, which may grow as far as the runtime lets it, or to `most` bytes. Throws
 * DeviceError where it lets none.
 */
export function createMemory(most = Infinity): WebAssembly.Memory {
  const mostPages = Math.min(Math.floor(most / PAGE_BYTES), MAXIMA[0])
  let refused: unknown
  for (const maximum of [mostPages, ...MAXIMA.filter((pages) => pages < mostPages)]) {
    try {
      const memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true })
      maxima.set(memory, maximum)
      return memory
    } catch (cause) {
      // Ask for less.
      refused = cause
    }
  }
  const least = mebibytes(MAXIMA[MAXIMA.length - 1] * PAGE_BYTES)
  throw new DeviceError(
    `expected at least ${least} of address space for WebAssembly, found that the system refuses it; raise its limit (ulimit -v)`,
    { cause: refused },
  )
}

/** Grows the memory so that it holds `bytes`. Throws DeviceError where it cannot. */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES)
  if (missing <= 0) return
  try {
    memory.grow(missing)
  } catch (cause) {
    const limit = mebibytes((maxima.get(memory) ?? MAXIMA[0]) * PAGE_BYTES)
    throw new DeviceError(
      `not enough memory for these sizes: ${mebibytes(bytes)} are needed, WebAssembly could not grow to that (its limit here is ${limit})`,
      { cause },
    )
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}
