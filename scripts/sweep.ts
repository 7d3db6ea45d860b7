/**
 * `npm run sweep`: trains every combination of the settings given, here or elsewhere, and draws what it
 * found.
 */
import { rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { checkpointFolder, exists } from '../src/cluster/checkpoint-folder.ts'
import { checkPruning, halving } from '../src/cluster/halving.ts'
import { mergeRecords } from '../src/cluster/merge.ts'
import { openQueue } from '../src/cluster/queue.ts'
import { QueueClient } from '../src/cluster/queue-client.ts'
import type { Shard } from '../src/cluster/shard.ts'
import { parseShard, shardFileName, shardOf } from '../src/cluster/shard.ts'
import type { TrialPlan } from '../src/cluster/trial-plan.ts'
import { readPlan, writePlan } from '../src/cluster/trial-plan.ts'
import { bitsHere, dataOfPlan, identityHere } from '../src/cluster/workload.ts'
import { type Dataset, limitImages } from '../src/data/dataset.ts'
import { loadDataset, readFileText } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import { FileError, UsageError } from '../src/errors.ts'
import { createMeasuringSet } from '../src/experiments/measures.ts'
import type { RunTrainer, SweepOptions, SweepStore } from '../src/experiments/sweep.ts'
import { runSweep } from '../src/experiments/sweep.ts'
import { expandPlan, type SweepPlan, type SweepRun } from '../src/experiments/sweep-plan.ts'
import { createRunTrainer, isOwnFault, oneImagePerClass } from '../src/experiments/sweep-run.ts'
import { holdOutputs, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import type { Interrupt } from '../src/run/interrupt.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { completeSettings, networkOf } from '../src/run/settings.ts'
import { DEFAULT_SEED, DEFAULT_TRAINING } from '../src/training/config.ts'
import {
  commandLine,
  DEFAULT_OUT,
  dataOption,
  EXIT_FAILURE,
  EXIT_USAGE,
  endSoon,
  engineOptions,
  jsonOption,
  listOf,
  path,
  positiveNumber,
  runCommand,
  seedOption,
  wholeNumber,
} from './cli.ts'
import { figuresOrNotice } from './figures.ts'
import { dashed } from './flag-names.ts'
import { listedSettings, nameOfFlag, settingLists } from './setting-flags.ts'
import { jobsOption, shareThreads } from './share-threads.ts'
import type { SweepReport } from './sweep-report.ts'
import { sweepReport, TABLE_FILES, writeSweep } from './sweep-report.ts'
import { openSweepStore, readRecordFiles } from './sweep-store.ts'

const USUAL = { z: '2,4,8,16,32,64', seeds: 3, sigma: '0.1,0.2,0.4', out: `${DEFAULT_OUT}/sweep` } as const

const USAGE = `npm run sweep -- [flags]

Trains every combination of the values given (lists: 2,4,8), draws figures and a table.
--plan, --shard and --merge spread it over array jobs, --queue over workers: docs/cluster.md.`

const { seed: _, ...settingFlags } = settingLists({
  bottleneck: USUAL.z,
  batchSize: `${DEFAULT_TRAINING.batchSize}, or all of fewer`,
})

const parseSigmas = listOf('sigma', positiveNumber('sigma'))

async function parseFlags(args: string[]) {
  return await commandLine(USAGE, args)
    .options(settingFlags)
    .options({
      seeds: {
        describe: 'runs of each combination, which differ in their seed alone',
        defaultDescription: String(USUAL.seeds),
        requiresArg: true,
        coerce: wholeNumber('seeds', 1, 1000),
      },
      seed: {
        describe: 'the first of these seeds',
        defaultDescription: String(DEFAULT_SEED),
        requiresArg: true,
        coerce: seedOption(DEFAULT_SEED).coerce,
      },
      sigma: {
        describe: 'noise levels at which denoising is measured',
        defaultDescription: USUAL.sigma,
        requiresArg: true,
        coerce: parseSigmas,
      },
      prune: {
        describe: 'stop runs that fall behind (asynchronous successive halving)',
        type: 'boolean',
        default: false,
      },
      jobs: jobsOption,
      out: {
        describe: 'directory of the results; a sweep that was interrupted goes on with what it finds there',
        default: USUAL.out,
        requiresArg: true,
        coerce: path('out'),
      },
      plan: {
        describe: 'file of the plan: written, and nothing trained, where it is not there; else trained',
        requiresArg: true,
        coerce: path('plan'),
      },
      shard: {
        describe: 'train part i of n of the plan (i/n); auto, auto/n: as the scheduler says',
        type: 'string',
      },
      merge: {
        describe: 'make the table of the plan from what is in these directories',
        type: 'string',
        array: true,
      },
      queue: {
        describe: 'let workers train it: redis://HOST:PORT of the queue',
        requiresArg: true,
        type: 'string',
      },
      ...engineOptions,
      threads: { ...engineOptions.threads, describe: 'threads in all, shared between the runs side by side' },
      data: dataOption,
      limit: {
        describe: 'training images, the first so many',
        defaultDescription: 'all',
        requiresArg: true,
        coerce: wholeNumber('limit', 1),
      },
      json: jsonOption,
    } as const)
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

/** Flags that a plan has the last word on. */
const PLANNED = [...Object.keys(settingFlags), 'seeds', 'seed', 'sigma', 'limit']

/** Ways of training, of which there is one at a time, and what does not go with each. */
const APART: Readonly<Record<string, readonly string[]>> = {
  merge: ['shard', 'queue', 'prune', 'jobs', 'threads'],
  shard: ['queue', 'prune'],
  queue: ['jobs', 'threads'],
}

function isTyped(flags: Flags, name: string): boolean {
  const value = (flags as Readonly<Record<string, unknown>>)[name]
  return value !== undefined && value !== false
}

/** Throws UsageError for flags of which one would not be heeded. */
function checkTogether(flags: Flags, hasPlan: boolean): void {
  for (const [flag, others] of Object.entries(APART)) {
    const other = isTyped(flags, flag) ? others.find((name) => isTyped(flags, name)) : undefined
    if (other) throw new UsageError(`--${other}: expected no such flag beside --${flag}, found one`)
  }
  for (const flag of ['shard', 'merge'] as const) {
    if (!isTyped(flags, flag) || hasPlan) continue
    if (flags.plan === undefined)
      throw new UsageError(`--${flag}: expected --plan FILE beside it, found none`)
    throw new FileError(flags.plan, 'expected a plan, found no such file: sweep --plan writes it')
  }
  const planned = hasPlan ? PLANNED.find((name) => isTyped(flags, name)) : undefined
  if (planned === undefined) return
  throw new UsageError(
    `${dashed(planned)}: expected no such flag, since ${flags.plan} is there and says it, found one`,
  )
}

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  const hasPlan = flags.plan !== undefined && (await exists(flags.plan))
  checkTogether(flags, hasPlan)
  const shard = flags.shard === undefined ? undefined : parseShard(flags.shard, process.env)
  const whole = await loadDataset(flags.data)
  const sweep = hasPlan ? await storedSweep(flags, String(flags.plan), whole) : await newSweep(flags, whole)
  if (flags.prune) checkPruning(sweep.runs)
  if (flags.plan !== undefined && !hasPlan) return savePlan(flags.plan, sweep)
  if (flags.merge !== undefined) return merge(flags, flags.merge, sweep)
  if (shard !== undefined) return trainShard(flags, sweep, shard)
  return trainAll(flags, sweep)
}

interface Sweep extends TrialPlan {
  readonly dataset: Dataset
}

async function newSweep(flags: Flags, whole: Dataset): Promise<Sweep> {
  const train = flags.limit === undefined ? whole.train : limitImages(whole.train, flags.limit)
  const dataset = { ...whole, train }
  const pixels = train.width * train.height
  const plan = planOf(flags, train.count)
  const network = networkOf(
    completeSettings({ hidden: plan.hidden?.[0], bottleneck: plan.bottleneck?.[0] }),
    pixels,
  )
  const data = {
    name: dataset.name,
    pixels,
    trainingImages: train.count,
    testImages: dataset.test.count,
    sigmas: flags.sigma ?? parseSigmas(USUAL.sigma),
    identity: await identityHere(dataset, await bitsHere(network, flags)),
  }
  return { dataset, data, runs: await expandPlan(plan, data, nameOfFlag) }
}

/** The plan of a file, on the data that are here. Throws UsageError for others than the plan's. */
async function storedSweep(flags: Flags, file: string, whole: Dataset): Promise<Sweep> {
  const plan = await readPlan(await readFileText(file), file)
  const { data, runs } = plan
  // Who merges or asks workers computes nothing.
  const isElsewhere = flags.merge !== undefined || flags.queue !== undefined
  const network = networkOf(runs[0].settings, data.pixels)
  const bits = isElsewhere ? data.identity.bits : await bitsHere(network, flags)
  return { ...plan, dataset: await dataOfPlan(data, file, whole, bits) }
}

async function savePlan(file: string, sweep: Sweep): Promise<number> {
  await writeFileAtomically(file, writePlan(sweep))
  const { length } = sweep.runs
  console.error(`${file}: ${length} ${length === 1 ? 'trial' : 'trials'}; sweep --plan ${file} trains them`)
  return 0
}

/** The default, or one batch of all images, said in a line, where there are fewer. */
function usualBatch(images: number): number {
  const { batchSize } = DEFAULT_TRAINING
  if (images < batchSize)
    console.error(`batch size: ${images}, all training images, in place of ${batchSize}`)
  return Math.min(images, batchSize)
}

function planOf(flags: Flags, images: number): SweepPlan {
  const { seed = DEFAULT_SEED, seeds = USUAL.seeds } = flags
  const lastSeed = seed + seeds - 1
  if (lastSeed >= 2 ** 32) throw new UsageError(`--seed: expected seeds below 4294967296, found ${lastSeed}`)
  const { seed: __, ...listed } = listedSettings(flags)
  return {
    bottleneck: USUAL.z.split(',').map(Number),
    ...listed,
    batchSize: listed.batchSize ?? [usualBatch(images)],
    seed: Array.from({ length: seeds }, (_, index) => seed + index),
  }
}

/** What trains the runs in this process. */
function trainerHere(flags: Flags, sweep: Sweep, threads: number, checkpoints: string): RunTrainer {
  const { dataset, data } = sweep
  return createRunTrainer({
    dataset,
    measuring: createMeasuringSet(dataset.test, data.sigmas, 0),
    createEngine: (network) => createEngine(network, { ...flags, threads }),
    sampleImages: oneImagePerClass(dataset),
    host: hostname(),
    checkpoints: checkpointFolder(checkpoints),
    identity: data.identity,
  })
}

/** Holds files while `work` is done. */
async function holding<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const outputs = await holdOutputs(paths)
  try {
    for (const note of outputs.notes) console.error(note)
    return await work()
  } finally {
    await outputs.release()
  }
}

interface Training {
  readonly runs: readonly SweepRun[]
  readonly store: SweepStore
  readonly report: SweepReport
  readonly interrupt: Interrupt
  readonly options: Omit<SweepOptions, 'signal' | 'onProgress' | 'onRecord'>
}

async function trainRuns({ runs, store, report, interrupt, options }: Training, trainRun: RunTrainer) {
  const records = await runSweep(runs, store, trainRun, {
    ...options,
    signal: interrupt.signal,
    onProgress: report.progress,
    onRecord: report.record,
  })
  report.clear()
  return records
}

/** Here, or on the queue's workers. */
async function trainAll(flags: Flags, sweep: Sweep): Promise<number | undefined> {
  const { out, json } = flags
  const { runs, dataset } = sweep
  await makeDirectory(out)
  const files = ['runs.jsonl', ...TABLE_FILES].map((name) => join(out, name))
  return holding(files, async () => {
    const canDraw = (await figuresOrNotice()) !== undefined
    const store = await openSweepStore(files[0])
    const report = sweepReport(json, runs, out)
    const rest = flags.queue === undefined ? '' : '; the trials stay on the queue'
    const interrupt = onInterrupt(() =>
      report.notice(`interrupted: what is finished is kept${rest}; run it again to go on`),
    )
    const checkpoints = join(out, 'checkpoints')
    const schedule: SweepOptions['schedule'] = flags.prune ? (_, known) => halving(runs, known) : undefined
    const training = { runs, report, interrupt }
    try {
      const trainHere = () => {
        const { jobs, threadsPerRun } = shareThreads(flags, runs.length)
        const trainRun = trainerHere(flags, sweep, threadsPerRun, checkpoints)
        return trainRuns({ ...training, store, options: { jobs, schedule } }, trainRun)
      }
      const trainOn = async (url: string) => {
        const client = await QueueClient.open(await openQueue(url, report.notice), sweep.data)
        try {
          if ((await client.workers()) === 0)
            report.notice('no worker is there yet: npm run worker -- --queue …')
          const collected = {
            ...training,
            store: client.storeOf(store),
            options: { jobs: runs.length, schedule },
          }
          return await trainRuns(collected, client.trainRun)
        } finally {
          await client.close()
          if (interrupt.signal.aborted) endSoon()
        }
      }
      const records = await (flags.queue === undefined ? trainHere() : trainOn(flags.queue))
      if (interrupt.exitCode() !== undefined) return interrupt.exitCode()
      // Nobody goes on from them now.
      await rm(checkpoints, { recursive: true, force: true })
      return await writeSweep(records, dataset, { out, runs: runs.length, canDraw, isQuiet: json })
    } finally {
      interrupt.release()
    }
  })
}

/**
 * Trains one part of the plan; what the other parts' files hold already is not trained again. Returns 2 where
 * trials failed by their own fault, which no other try would mend, and 1 where the machine was at fault.
 */
async function trainShard(flags: Flags, sweep: Sweep, shard: Shard): Promise<number | undefined> {
  const { out, json } = flags
  const runs = shardOf(sweep.runs, shard)
  await makeDirectory(out)
  const file = join(out, shardFileName(shard))
  return holding([file], async () => {
    const others = (await readRecordFiles(out)).filter((other) => other.file !== file)
    const own = await openSweepStore(file)
    const store = { ...own, records: [...others.flatMap(({ records }) => records), ...own.records] }
    const report = sweepReport(json, sweep.runs)
    const interrupt = onInterrupt(() =>
      report.notice('interrupted: what is finished is kept; run it again to go on'),
    )
    const { jobs, threadsPerRun } = shareThreads(flags, Math.max(1, runs.length))
    const trainHere = trainerHere(flags, sweep, threadsPerRun, join(out, 'checkpoints'))
    let isMachineFault = false
    const trainRun: RunTrainer = (run, hooks) =>
      trainHere(run, hooks).catch((error: unknown) => {
        isMachineFault ||= !isOwnFault(error)
        throw error
      })
    try {
      const records = await trainRuns({ runs, store, report, interrupt, options: { jobs } }, trainRun)
      if (interrupt.exitCode() !== undefined) return interrupt.exitCode()
      if (!json) console.log(`${file}: ${records.length} of the ${sweep.runs.length} trials of the plan`)
      const failed = records.filter(({ status }) => status === 'failed').length
      if (failed === 0) return 0
      console.error(`${failed} of ${runs.length} trials failed; ${file} says why`)
      return isMachineFault ? EXIT_FAILURE : EXIT_USAGE
    } finally {
      interrupt.release()
    }
  })
}

/** Table and figures of what shards, or sweeps of the same trials, have left in the folders. */
async function merge(flags: Flags, folders: readonly string[], sweep: Sweep): Promise<number> {
  const { out, json } = flags
  if (folders.length === 0) throw new UsageError('--merge: expected directories of results, found none')
  const { runs, dataset } = sweep
  await makeDirectory(out)
  const files = ['runs.jsonl', ...TABLE_FILES].map((name) => join(out, name))
  return holding(files, async () => {
    const canDraw = (await figuresOrNotice()) !== undefined
    const found = await Promise.all(folders.map((folder) => readRecordFiles(folder)))
    const { records, missing } = mergeRecords(runs, found.flat())
    await writeFileAtomically(files[0], records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    const code = await writeSweep(records, dataset, { out, runs: runs.length, canDraw, isQuiet: json })
    if (missing.length === 0) return code
    const first = 1 + runs.indexOf(missing[0])
    console.error(
      `${missing.length} of ${runs.length} trials have no result, the first of them trial ${first} of ${flags.plan}`,
    )
    return EXIT_FAILURE
  })
}

await runCommand(main)
