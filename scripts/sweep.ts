/** `npm run sweep`: trains every combination of the settings given, and draws what it found. */
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { type Dataset, limitImages } from '../src/data/dataset.ts'
import { loadDataset } from '../src/data/node-files.ts'
import { createEngine } from '../src/engines/create.ts'
import { UsageError } from '../src/errors.ts'
import { createMeasuringSet } from '../src/experiments/measures.ts'
import type { SweepProgress, SweepRecord, SweepStore } from '../src/experiments/sweep.ts'
import { runSweep } from '../src/experiments/sweep.ts'
import { drawSweepFigures } from '../src/experiments/sweep-figures.ts'
import { expandPlan, type SweepPlan, type SweepRun } from '../src/experiments/sweep-plan.ts'
import { runLabel, sweepCsv, sweepTable } from '../src/experiments/sweep-report.ts'
import { createRunTrainer, oneImagePerClass } from '../src/experiments/sweep-run.ts'
import { tableToMarkdown } from '../src/experiments/table.ts'
import { holdOutputs, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { identityOf, type RunIdentity } from '../src/run/identity.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { DEFAULT_SETTINGS, networkOf } from '../src/run/settings.ts'
import { DEFAULT_SEED, DEFAULT_TRAINING } from '../src/training/config.ts'
import {
  commandLine,
  dataOption,
  engineOptions,
  jsonOption,
  listOf,
  path,
  positiveNumber,
  runCommand,
  seedOption,
  wholeNumber,
} from './cli.ts'
import { drawOrNotice, figuresOrNotice } from './figures.ts'
import { duration, progressBar } from './progress-bar.ts'
import { listedSettings, settingLists } from './setting-flags.ts'
import { openSweepStore } from './sweep-store.ts'

const USUAL_BOTTLENECKS = '2,4,8,16,32,64'

const { seed: _, ...settingFlags } = settingLists({
  bottleneck: USUAL_BOTTLENECKS,
  batchSize: `${DEFAULT_TRAINING.batchSize}, or all of fewer`,
})

async function parseFlags(args: string[]) {
  const usage =
    'npm run sweep -- [flags]\n\nTrains every combination of the values given (lists: 2,4,8), draws figures and a table.'
  return await commandLine(usage, args)
    .options(settingFlags)
    .options({
      seeds: {
        describe: 'runs of each combination, which differ in their seed alone',
        default: '3',
        requiresArg: true,
        coerce: wholeNumber('seeds', 1, 1000),
      },
      seed: { ...seedOption(DEFAULT_SEED), describe: 'the first of these seeds' },
      sigma: {
        describe: 'noise levels at which denoising is measured',
        default: '0.1,0.2,0.4',
        requiresArg: true,
        coerce: listOf('sigma', positiveNumber('sigma')),
      },
      jobs: {
        describe: 'runs side by side, the threads shared between them',
        defaultDescription: 'as many as there are threads',
        requiresArg: true,
        coerce: wholeNumber('jobs', 1, 256),
      },
      out: {
        describe: 'directory of the results; a sweep that was interrupted goes on with what it finds there',
        default: 'results/sweep',
        requiresArg: true,
        coerce: path('out'),
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

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  const whole = await loadDataset(flags.data)
  const dataset =
    flags.limit === undefined ? whole : { ...whole, train: limitImages(whole.train, flags.limit) }
  const pixels = dataset.train.width * dataset.train.height
  const runs = await expandPlan(planOf(flags, dataset.train.count), {
    name: dataset.name,
    pixels,
    trainingImages: dataset.train.count,
    testImages: dataset.test.count,
    sigmas: flags.sigma,
    identity: await sweepIdentity(flags, dataset, pixels),
  })
  const { jobs, threadsPerRun } = shareThreads(flags, runs.length)
  await makeDirectory(flags.out)
  const [records, csv, markdown] = ['runs.jsonl', 'sweep.csv', 'sweep.md'].map((name) =>
    join(flags.out, name),
  )
  const outputs = await holdOutputs([records, csv, markdown])
  try {
    for (const note of outputs.notes) console.error(note)
    const canDraw = (await figuresOrNotice()) !== undefined
    const store = await openSweepStore(records)
    return await trainAll(flags, { dataset, runs, store, jobs, threadsPerRun, canDraw, csv, markdown })
  } finally {
    await outputs.release()
  }
}

/** What decides the bits of every run besides its settings. Makes an engine, to see what computes here. */
async function sweepIdentity(flags: Flags, dataset: Dataset, pixels: number): Promise<RunIdentity> {
  const network = networkOf(DEFAULT_SETTINGS, pixels)
  const engine = await createEngine(network, { ...flags, threads: 1 })
  const { bits } = engine.info
  await engine.dispose()
  const identity = await identityOf(dataset, bits)
  if (!identity) throw new Error('internal: data could not be digested')
  return identity
}

interface Sweep {
  readonly dataset: Dataset
  readonly runs: readonly SweepRun[]
  readonly store: SweepStore
  readonly jobs: number
  readonly threadsPerRun: number
  readonly canDraw: boolean
  readonly csv: string
  readonly markdown: string
}

async function trainAll(flags: Flags, sweep: Sweep): Promise<number | undefined> {
  const { dataset, runs, store, jobs, threadsPerRun, canDraw } = sweep
  const report = createReport(flags.json, runs)
  const interrupt = onInterrupt(() =>
    report.notice('interrupted: what is finished is kept; run it again to go on'),
  )
  try {
    const sampleImages = oneImagePerClass(dataset)
    const trainRun = createRunTrainer({
      dataset,
      measuring: createMeasuringSet(dataset.test, flags.sigma, 0),
      createEngine: (network) => createEngine(network, { ...flags, threads: threadsPerRun }),
      sampleImages,
      host: hostname(),
    })
    const records = await runSweep(runs, store, trainRun, {
      jobs,
      signal: interrupt.signal,
      onProgress: report.progress,
      onRecord: report.record,
    })
    report.clear()
    if (interrupt.exitCode() !== undefined) return interrupt.exitCode()

    const table = tableToMarkdown(sweepTable(records))
    await writeFileAtomically(sweep.csv, sweepCsv(records))
    await writeFileAtomically(sweep.markdown, table)
    const draw = () => drawSweepFigures(records, dataset.test, sampleImages)
    const figures = (canDraw ? await drawOrNotice(draw) : undefined) ?? []
    for (const { name, png } of figures) await writeFileAtomically(join(flags.out, name), png)
    const failed = records.filter(({ status }) => status === 'failed').length
    if (!flags.json) {
      console.log(`\n${table}`)
      const files = ['runs.jsonl', 'sweep.csv', 'sweep.md', ...figures.map(({ name }) => name)]
      console.log(`${flags.out}: ${files.join(', ')}`)
    }
    if (failed > 0) console.error(`${failed} of ${runs.length} runs failed; sweep.csv says why`)
    return failed > 0 ? 1 : 0
  } finally {
    interrupt.release()
  }
}

/** The default, or one batch of all images, said in a line, where there are fewer. */
function usualBatch(images: number): number {
  const { batchSize } = DEFAULT_TRAINING
  if (images < batchSize)
    console.error(`batch size: ${images}, all training images, in place of ${batchSize}`)
  return Math.min(images, batchSize)
}

function planOf(flags: Flags, images: number): SweepPlan {
  const lastSeed = flags.seed + flags.seeds - 1
  if (lastSeed >= 2 ** 32) throw new UsageError(`--seed: expected seeds below 4294967296, found ${lastSeed}`)
  const { seed: __, ...listed } = listedSettings(flags)
  return {
    bottleneck: USUAL_BOTTLENECKS.split(',').map(Number),
    ...listed,
    batchSize: listed.batchSize ?? [usualBatch(images)],
    seed: Array.from({ length: flags.seeds }, (_, index) => flags.seed + index),
  }
}

/** One thread for each of several runs beats several threads for one: runs never wait for each other. */
function shareThreads(flags: Flags, runs: number): { jobs: number; threadsPerRun: number } {
  const threads = flags.threads ?? availableParallelism()
  const jobs = Math.min(flags.jobs ?? threads, runs)
  if (jobs > threads && flags.jobs !== undefined && flags.threads !== undefined) {
    throw new UsageError(`--jobs: expected at most the ${threads} threads to share, found ${flags.jobs}`)
  }
  return { jobs, threadsPerRun: Math.max(1, Math.floor(threads / jobs)) }
}

function createReport(json: boolean, runs: readonly SweepRun[]) {
  const bar = progressBar(process.stderr)
  return {
    progress({ kept, finished, failed, share, secondsLeft }: SweepProgress) {
      const counts = `${kept + finished + failed} of ${runs.length} runs${failed > 0 ? `, ${failed} failed` : ''}`
      bar.draw(counts, share, Number.isNaN(secondsLeft) ? '' : `${duration(secondsLeft)} left`)
    },
    record(record: SweepRecord) {
      bar.clear()
      const label = runLabel(record.settings, runs)
      if (json) console.log(JSON.stringify(record))
      else if (record.status === 'failed') console.error(`${label}: failed: ${record.error}`)
      else if (record.status === 'stopped') console.log(`${label}: stopped`)
      else {
        const { reconstruction, activeUnits } = record.measures
        const { seconds, settings } = record
        console.log(
          `${label}: test MSE ${reconstruction.mse.toFixed(5)}, ${activeUnits} of ${settings.bottleneck} units active, ${seconds.toFixed(1)} s`,
        )
      }
    },
    notice(line: string) {
      bar.clear()
      console.error(line)
    },
    clear: () => bar.clear(),
  }
}

await runCommand(main)
