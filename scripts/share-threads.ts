/** How runs side by side share the threads of a machine. */
import { availableParallelism } from 'node:os'
import { UsageError } from '../src/errors.ts'
import { wholeNumber } from './cli.ts'

export const jobsOption = {
  describe: 'runs side by side, which share the threads',
  defaultDescription: 'as many as there are threads',
  requiresArg: true,
  coerce: wholeNumber('jobs', 1, 256),
} as const

/**
 * One thread for each of several runs beats several threads for one: runs never wait for each other.
 *
 * @param runs there are no more to share the threads
 */
export function shareThreads(
  flags: { readonly threads?: number | undefined; readonly jobs?: number | undefined },
  runs = Number.POSITIVE_INFINITY,
): { jobs: number; threadsPerRun: number } {
  const threads = flags.threads ?? availableParallelism()
  const jobs = Math.min(flags.jobs ?? threads, runs)
  if (jobs > threads && flags.jobs !== undefined && flags.threads !== undefined) {
    throw new UsageError(`--jobs: expected at most the ${threads} threads to share, found ${flags.jobs}`)
  }
  return { jobs, threadsPerRun: Math.max(1, Math.floor(threads / jobs)) }
}
