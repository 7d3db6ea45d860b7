/**
 * How much address space the shared memory may reserve in Node, so that the threads find theirs under a limit
 * (`ulimit -v`).
 */
import { readFile } from 'node:fs/promises'
import { DeviceError } from '../../errors.ts'

/**
 * What a thread reserves for its heap, its code and its stack: 0.9 GB with Node 26. Where it finds no more,
 * V8 ends the process.
 */
const THREAD_BYTES = 2 ** 30
/** What the main thread may still reserve: data sets, results, and V8's own heap as it grows. */
const SPARE_BYTES = 2 ** 29
/** With less no network of any use can be computed. */
const LEAST_BYTES = 2 ** 26

/**
 * Bytes that are left for the shared memory beside `threads` threads; Infinity where there is no limit, or
 * none is known.
 */
export async function sharedAddressSpace(threads: number): Promise<number> {
  // Other systems have no such file; macOS and Windows know no such limit.
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const limit = Number(/^Max address space\s+(\d+)/m.exec(limits)?.[1] ?? Infinity)
  if (limit === Infinity) return Infinity
  const status = await readFile('/proc/self/status', 'utf8')
  const used = 1024 * Number(/^VmSize:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
  return leftOf(limit, used, threads)
}

/** What `used` bytes and the threads leave of the limit. Throws DeviceError where that is too little. */
export function leftOf(limit: number, used: number, threads: number): number {
  const left = limit - used - threads * THREAD_BYTES - SPARE_BYTES
  if (left >= LEAST_BYTES) return left
  const [expected, found] = [limit - left + LEAST_BYTES - used, limit - used].map(
    (bytes) => `${Math.max(0, Math.floor(bytes / 2 ** 20))} MiB`,
  )
  throw new DeviceError(
    `address space: expected ${expected} for ${threads} worker threads, found ${found} left under its limit; use fewer, or raise the limit (ulimit -v)`,
  )
}
