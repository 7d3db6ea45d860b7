/**
 * `npm run anomaly -- --data DIR`: how well autoencoders find the outliers of labelled tables, beside other
 * methods.
 */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeCsv } from '../src/data/sinks/csv.ts'
import { loadSource } from '../src/data/sources/node.ts'
import { sourceFormat } from '../src/data/sources/source.ts'
import type { Table } from '../src/data/table.ts'
import { createEngine } from '../src/engines/create.ts'
import { FileError } from '../src/errors.ts'
import {
  aurocTable,
  type BaselineResult,
  protocolResults,
  readBaselines,
  summarize,
  timeTable,
  trialSheet,
} from '../src/experiments/anomaly-report.ts'
import {
  type LabelledTable,
  labelTable,
  PROTOCOLS,
  runTrial,
  type Trial,
} from '../src/experiments/anomaly-tables.ts'
import { tableToMarkdown } from '../src/experiments/table.ts'
import { drawDotGroups } from '../src/figures/dot-groups.ts'
import { reason } from '../src/files/reason.ts'
import { holdOutputs, makeDirectory, writeFileAtomically } from '../src/files/write.ts'
import { onInterrupt } from '../src/run/interrupt.ts'
import { DEFAULT_SEED } from '../src/training/config.ts'
import {
  commandLine,
  DEFAULT_OUT,
  engineOptions,
  jsonOption,
  listOf,
  oneOf,
  path,
  runCommand,
  seedOption,
  wholeNumber,
} from './cli.ts'
import { drawOrNotice, figuresOrNotice } from './figures.ts'
import { printTable } from './print-table.ts'
import { progressBar } from './progress-bar.ts'

const USAGE = [
  'npm run anomaly -- --data DIR [flags]',
  '',
  'Trains on every labelled table in DIR with the settings that train proposes, and compares how well outliers',
  'are found: by the reconstruction error, by PCA, and by the length of the standardised row.',
].join('\n')

async function parseFlags(args: string[]) {
  return await commandLine(USAGE, args)
    .options({
      data: {
        describe:
          'directory of tables (.csv, .tsv, .parquet); those without the label column are passed over',
        demandOption: '--data: expected a directory of tables, found nothing',
        requiresArg: true,
        coerce: path('data'),
      },
      label: {
        describe: 'column that tells outliers: 0 inlier, anything else outlier',
        default: 'outlier',
        requiresArg: true,
        coerce: String,
      },
      protocols: {
        describe: 'unsupervised: fit and judge all rows; semi-supervised: fit on half of the inliers',
        default: PROTOCOLS.join(),
        requiresArg: true,
        coerce: listOf('protocols', oneOf('protocols', PROTOCOLS)),
      },
      seeds: {
        describe: 'runs of each table and protocol, which differ in their seed alone',
        default: 5,
        requiresArg: true,
        coerce: wholeNumber('seeds', 1, 1000),
      },
      seed: { ...seedOption(DEFAULT_SEED), describe: 'the first of these seeds' },
      baseline: {
        describe:
          'CSV of what other programs found: method, table, protocol, auroc, average_precision, seconds',
        requiresArg: true,
        coerce: path('baseline'),
      },
      out: {
        describe: 'directory of anomaly.csv, .json, .md and .png',
        default: `${DEFAULT_OUT}/anomaly`,
        requiresArg: true,
        coerce: path('out'),
      },
      ...engineOptions,
      json: jsonOption,
    } as const)
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  const tables = await readTables(flags)
  const baselines = flags.baseline === undefined ? [] : readBaselines(await readTable(flags.baseline))
  await makeDirectory(flags.out)
  const [csv, json, markdown] = ['csv', 'json', 'md'].map((kind) => join(flags.out, `anomaly.${kind}`))
  const outputs = await holdOutputs([csv, json, markdown])
  try {
    for (const note of outputs.notes) console.error(note)
    const canDraw = await figuresOrNotice()
    const { trials, exitCode } = await runAll(flags, tables)
    if (exitCode !== undefined) return exitCode
    const summaries = summarize(trials)
    const readSeconds = new Map(tables.map((table) => [table.name, table.readSeconds]))
    const printed = [aurocTable(summaries, baselines), timeTable(summaries, baselines, readSeconds)]
    const summary = {
      data: basename(flags.data),
      seeds: Array.from({ length: flags.seeds }, (_, i) => flags.seed + i),
      baselines,
      tables: summaries.map((one) => ({ ...one, readSeconds: readSeconds.get(one.table) })),
    }
    await writeFileAtomically(csv, await bytesOf(writeCsv(trialSheet(trials))))
    await writeFileAtomically(json, `${JSON.stringify(summary, null, 2)}\n`)
    await writeFileAtomically(markdown, printed.map(tableToMarkdown).join('\n'))
    const png = canDraw && (await drawOrNotice(() => drawFigure(flags, summaries, baselines)))
    if (png) await writeFileAtomically(join(flags.out, 'anomaly.png'), png)
    if (flags.json) console.log(JSON.stringify(summary))
    else {
      for (const table of printed) printTable(table)
      console.log(`${flags.out}: anomaly.csv, .json, .md${png ? ', .png' : ''}`)
    }
    return undefined
  } finally {
    await outputs.release()
  }
}

async function readTables({ data, label }: Flags): Promise<LabelledTable[]> {
  const names = await readdir(data).catch((cause: unknown) => {
    throw new FileError(data, `cannot be read: ${reason(cause)}`, { cause })
  })
  const tables: LabelledTable[] = []
  for (const name of names.sort()) {
    if (!['csv', 'parquet'].includes(sourceFormat(name) ?? '')) continue
    const start = performance.now()
    const table = await readTable(join(data, name))
    const seconds = (performance.now() - start) / 1000
    if (!table.columns.some((column) => column.name === label)) {
      console.error(`${join(data, name)}: passed over, as it has no column ${label}`)
      continue
    }
    tables.push(labelTable(table, label, name.replace(/(\.\w+)(\.gz)?$/, ''), seconds))
  }
  if (tables.length === 0) {
    throw new FileError(data, `expected tables with a column ${label} in it, found none`)
  }
  return tables
}

async function readTable(file: string): Promise<Table> {
  const { train } = await loadSource(file)
  if (train.kind !== 'table') throw new FileError(file, 'expected a table, found an array or pictures')
  return train
}

/** One after the other, so that each has the machine for itself and its seconds count. */
async function runAll(flags: Flags, tables: readonly LabelledTable[]) {
  const trials: Trial[] = []
  const bar = progressBar(process.stderr)
  const interrupt = onInterrupt(() => bar.clear())
  const { signal } = interrupt
  const all = flags.protocols.length * tables.length * flags.seeds
  try {
    for (const protocol of flags.protocols) {
      for (const table of tables) {
        for (let i = 0; i < flags.seeds; i++) {
          bar.draw('anomaly', trials.length / all, `${table.name}, ${protocol}`)
          const makeEngine = {
            createEngine: (network: Parameters<typeof createEngine>[0]) => createEngine(network, flags),
          }
          trials.push(await runTrial(table, protocol, flags.seed + i, { ...makeEngine, signal }))
        }
      }
    }
    return { trials, exitCode: interrupt.exitCode() }
  } catch (error) {
    // What an abort interrupted did not fail.
    if (interrupt.exitCode() !== undefined) return { trials, exitCode: interrupt.exitCode() }
    throw error
  } finally {
    bar.clear()
    interrupt.release()
  }
}

function drawFigure(
  { protocols, seeds }: Flags,
  summaries: ReturnType<typeof summarize>,
  baselines: readonly BaselineResult[],
): Promise<Uint8Array> {
  const charts = protocols.map((protocol) => {
    const { tables, methods } = protocolResults(summaries, baselines, protocol)
    return {
      title: `Outliers found, ${protocol}`,
      subtitle: `mean over ${seeds} seeds; 0.5 is chance, 1 finds all first`,
      yTitle: 'AUROC',
      groups: tables,
      series: methods.map(({ name, auroc }) => ({ name, values: auroc })),
    }
  })
  return drawDotGroups(charts)
}

async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const part of parts) chunks.push(part)
  return Buffer.concat(chunks)
}

await runCommand(main)
