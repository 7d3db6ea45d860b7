/** `npm run worker`: trains the trials that sweeps put on a queue, with all cores, until it is stopped. */
import { rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { openQueue } from '../src/cluster/queue.ts'
import { workOffQueue } from '../src/cluster/queue-worker.ts'
import { createTrialPool, createWorkload } from '../src/cluster/trial-pool.ts'
import type { Workload } from '../src/cluster/workload.ts'
import { bitsHere, dataOfPlan } from '../src/cluster/workload.ts'
import { loadDataset } from '../src/data/node-files.ts'
import { UsageError } from '../src/errors.ts'
import type { SweepData, SweepRun } from '../src/experiments/sweep-plan.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { networkOf } from '../src/run/settings.ts'
import {
  commandLine,
  dataOption,
  endSoon,
  engineOptions,
  jsonOption,
  path,
  positiveNumber,
  runCommand,
} from './cli.ts'
import { jobsOption, shareThreads } from './share-threads.ts'
import { sweepReport } from './sweep-report.ts'

/** How long the end may take. */
const CLOSE_MS = 1000

const USAGE = `npm run worker -- --queue redis://HOST:PORT [flags]

Trains the trials that \`npm run sweep -- --queue\` puts there: docs/cluster.md.`

async function parseFlags(args: string[]) {
  return await commandLine(USAGE, args)
    .options({
      queue: { describe: 'redis://HOST:PORT of the queue', requiresArg: true, type: 'string' },
      drain: {
        describe: 'end when no trial waits or is under way anywhere',
        type: 'boolean',
        default: false,
      },
      lock: {
        describe: 'seconds without a word after which this worker counts as dead and others take its trials',
        default: 30,
        requiresArg: true,
        coerce: positiveNumber('lock'),
      },
      checkpoints: {
        describe:
          'directory of the state of trials that --prune stops; shared by workers, none is trained anew',
        defaultDescription: 'a temporary one',
        requiresArg: true,
        coerce: path('checkpoints'),
      },
      jobs: jobsOption,
      ...engineOptions,
      threads: { ...engineOptions.threads, describe: 'threads in all, shared between the runs side by side' },
      data: dataOption,
      json: jsonOption,
    } as const)
    .parseAsync()
}

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  const { queue, drain, lock, device, simd, json } = flags
  if (queue === undefined) throw new UsageError('--queue: expected redis://HOST:PORT, found none')
  const { jobs, threadsPerRun } = shareThreads(flags)
  const report = sweepReport(json, [])
  const [access, dataset] = await both(openQueue(queue, report.notice), loadDataset(flags.data))
  const engine = { device, simd, threads: threadsPerRun }
  let bits: Promise<string> | undefined
  const workloads = new Map<string, Promise<Workload>>()
  const workloadOf = (data: SweepData, run: SweepRun): Promise<Workload> => {
    const key = JSON.stringify(data)
    bits ??= bitsHere(networkOf(run.settings, data.pixels), engine)
    const known = bits
    const make = async () =>
      createWorkload(await dataOfPlan(data, `the queue at ${access.address}`, dataset, await known), data)
    const workload = workloads.get(key) ?? make()
    workloads.set(key, workload)
    return workload
  }

  const host = hostname()
  const temporary = join(tmpdir(), `hourglass-worker-${process.pid}`)
  const pool = createTrialPool(jobs, { engine, host, checkpoints: flags.checkpoints ?? temporary })
  const interrupt = onInterrupt(() => report.notice('interrupted: giving back what is under way'))
  try {
    report.notice(`${access.address}: ${jobs} ${jobs === 1 ? 'trial' : 'trials'} at a time on ${host}`)
    await workOffQueue({
      access,
      pool,
      jobs,
      lockMs: Math.ceil(1000 * lock),
      host,
      workloadOf,
      signal: interrupt.signal,
      isToDrain: drain,
      onRecord: report.record,
      onNotice: report.notice,
    })
    return interrupt.exitCode()
  } finally {
    interrupt.release()
    await Promise.race([Promise.allSettled([pool.close(), access.close()]), setTimeout(CLOSE_MS)])
    await rm(temporary, { recursive: true, force: true })
    endSoon()
  }
}

/** Both, or the first's failure before the second's. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second])
  return [await first, await second]
}

await runCommand(main)
