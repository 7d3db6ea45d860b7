/**
 * `npm run bench`: how fast this machine trains, kernel by kernel, step by step and beside other libraries.
 */
import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { loadDataset } from '../src/data/node-files.ts'
import { UsageError } from '../src/errors.ts'
import { drawBenchFigure } from '../src/figures/bench-figure.ts'
import { checkWritable, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { openJournal } from './bench/journal.ts'
import { describeMachine } from './bench/machine.ts'
import { PARTS, type Part, runParts } from './bench/parts.ts'
import { type BenchResult, benchFigure, benchMarkdown, benchSections, headText } from './bench/report.ts'
import { DEFAULT_SHAPES, parseShape, shapeText } from './bench/shapes.ts'
import {
  commandLine,
  dataOption,
  engineOptions,
  jsonOption,
  listOf,
  oneOf,
  path,
  positiveNumber,
  runCommand,
} from './cli.ts'

/** Measured unless `--only` says otherwise. */
const STANDARD_PARTS: readonly Part[] = ['kernels', 'step', 'scaling', 'inference']
/** Of MNIST, whose network is the one that is measured. */
const PIXELS = 784

async function parseFlags(args: string[]) {
  const usage =
    'npm run bench -- [flags]\n\nMeasures kernels, training step, scaling and inference; each is verified before it is timed.'
  return await commandLine(usage, args)
    .options({
      only: {
        describe: `parts to measure: ${PARTS.join(', ')}`,
        defaultDescription: STANDARD_PARTS.join(','),
        requiresArg: true,
        coerce: listOf('only', oneOf('only', PARTS)),
      },
      peers: {
        describe: 'measure other libraries too, those that are installed (scripts/peers/README.md)',
        type: 'boolean',
        default: false,
      },
      shapes: {
        describe: 'networks and batches at which peers are measured: inputs-hidden-z@batch, …',
        defaultDescription: DEFAULT_SHAPES.map(shapeText).join(','),
        requiresArg: true,
        coerce: listOf('shapes', parseShape('shapes')),
      },
      process: {
        describe: 'measure the whole training process too, beside PyTorch where python3 has it',
        type: 'boolean',
        default: false,
      },
      quick: {
        describe: 'a few short samples: to see that all works',
        type: 'boolean',
        default: false,
      },
      minutes: {
        describe: 'peers and quality begin nothing new after so many; the same call goes on where it was',
        defaultDescription: 'no end',
        requiresArg: true,
        coerce: positiveNumber('minutes'),
      },
      threads: { ...engineOptions.threads, describe: 'the most worker threads' },
      simd: engineOptions.simd,
      data: dataOption,
      out: {
        describe: 'directory for bench.json, bench.md, bench.png, and bench.jsonl to go on from',
        defaultDescription: 'none is written',
        requiresArg: true,
        coerce: path('out'),
      },
      json: jsonOption,
    } as const)
    .parseAsync()
}

async function main(args: string[]): Promise<undefined> {
  const flags = await parseFlags(args)
  const parts = new Set<Part>(flags.only ?? STANDARD_PARTS)
  if (flags.peers) parts.add('peers')
  if (flags.process) parts.add('process')
  const machine = await describeMachine()
  const dataset = await loadDataset(flags.data)
  const { width, height, count } = dataset.train
  if (width * height !== PIXELS || count < MOST_VERIFIED_IMAGES) {
    throw new UsageError(
      `--data: expected at least ${MOST_VERIFIED_IMAGES} images of ${PIXELS} pixels, found ${count} of ${width * height}`,
    )
  }
  const files = await outputFiles(flags.out)
  const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ')
  const result: BenchResult = { machine, command, isQuick: flags.quick }
  const { threads = availableParallelism(), simd, data, quick, minutes = Number.POSITIVE_INFINITY } = flags
  const endMilliseconds = performance.now() + 60_000 * minutes
  const isOver = () => performance.now() > endMilliseconds
  if (!flags.json) console.log(headText(result))
  const saveNumbers = async () => {
    if (files === undefined) return
    await writeFileAtomically(files.json, `${JSON.stringify(result, null, 1)}\n`)
    await writeFileAtomically(files.markdown, benchMarkdown(result))
  }
  const options = {
    dataset,
    dataDirectory: data,
    threads,
    simd,
    isQuick: quick,
    version: machine.version,
    shapes: flags.shapes ?? DEFAULT_SHAPES,
    journal: await openJournal(files?.journal),
    isOver,
    onPartial: saveNumbers,
  }
  await runParts(parts, options, result, (part) => {
    if (!flags.json) console.log(benchSections(result)[part])
  })
  await saveNumbers()
  const figure = benchFigure(result)
  if (files !== undefined && figure !== undefined) {
    await writeFileAtomically(files.figure, await drawBenchFigure(figure))
  }
  // Its lines are in bench.json, and the next call is to measure anew.
  if (files !== undefined && !isOver()) await rm(files.journal, { force: true })
  if (flags.json) console.log(JSON.stringify(result))
}

/** What the largest minibatch of the scaling part is verified on. */
const MOST_VERIFIED_IMAGES = 4096

/** Checked before anything is measured. */
async function outputFiles(directory: string | undefined) {
  if (directory === undefined) return undefined
  const files = {
    json: join(directory, 'bench.json'),
    markdown: join(directory, 'bench.md'),
    figure: join(directory, 'bench.png'),
    journal: join(directory, 'bench.jsonl'),
  }
  await makeDirectory(directory)
  for (const file of Object.values(files)) await checkWritable(file)
  return files
}

await runCommand(main, { printsResult: true })
