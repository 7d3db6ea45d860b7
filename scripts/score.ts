/** `npm run score -- -l FILE --data PATH`: how anomalous rows are, in a file, a table and two figures. */
import { basename } from 'node:path'
import { holdsText, sinkFormat } from '../src/data/sinks/sink.ts'
import { UsageError } from '../src/errors.ts'
import { formatNumber, formatPercent } from '../src/experiments/table.ts'
import { formatLoss } from '../src/figures/theme.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { DEFAULT_CONTAMINATION } from '../src/model/error-quantiles.ts'
import { DEFAULT_EXPLAIN, type Scores, scoreRows } from '../src/tools/score.ts'
import {
  type Detection,
  listed,
  type Measured,
  measureScores,
  type Truth,
  truthOf,
} from '../src/tools/score-labels.ts'
import { scoredName, scoreSheet } from '../src/tools/score-sheet.ts'
import { commandLine, nonNegativeNumber, path, runCommand, wholeNumber } from './cli.ts'
import { featureFlags, share } from './data-flags.ts'
import { drawOrNotice, figuresOrNotice } from './figures.ts'
import { namingFlag } from './flag-names.ts'
import {
  checkSheetName,
  outOption,
  rowOptions,
  runTool,
  type ToolJob,
  toolOptions,
  toolRows,
  writeSheetFile,
} from './tool.ts'

async function parseFlags(args: string[]) {
  return await commandLine('npm run score -- -l FILE --data PATH [flags]', args)
    .options({
      ...toolOptions,
      out: outOption('file of the scores: .csv, .npy, .npz or .parquet', 'scores.csv'),
      ...rowOptions,
      contamination: {
        describe: 'share of the training rows that the threshold leaves above it',
        defaultDescription: String(DEFAULT_CONTAMINATION),
        requiresArg: true,
        coerce: share('contamination'),
      },
      threshold: {
        describe: 'error above which a row is an outlier',
        defaultDescription: 'by --contamination',
        requiresArg: true,
        coerce: nonNegativeNumber('threshold'),
      },
      explain: {
        describe: 'features to name for each row, those that contribute most to its error',
        defaultDescription: `${DEFAULT_EXPLAIN}, none of pictures`,
        requiresArg: true,
        coerce: wholeNumber('explain', 0),
      },
      label: {
        ...featureFlags.label,
        describe: 'column that says which rows are outliers, to judge the score by',
        defaultDescription: "the model's, where the data have it",
      },
      outlier: {
        describe: 'its value for outliers',
        defaultDescription: 'everything but 0',
        requiresArg: true,
        coerce: String,
      },
      plot: {
        describe: 'histogram of the errors, .png; the worst rows go to NAME.worst.png; --no-plot for neither',
        defaultDescription: 'beside --out',
        requiresArg: true,
        coerce: (value: string | boolean) => (value === false ? value : path('plot')(value)),
      },
    } as const)
    .parseAsync()
}

type Flags = Awaited<ReturnType<typeof parseFlags>>

interface FigureNames {
  readonly errors: string
  readonly worst: string
}

async function main(args: string[]): Promise<number | undefined> {
  const flags = await parseFlags(args)
  checkSheetName(flags.out)
  if (flags.contamination !== undefined && flags.threshold !== undefined) {
    throw new UsageError('--contamination: expected none beside --threshold, found one')
  }
  const wanted = figureNames(flags)
  const figures = wanted && (await figuresOrNotice()) ? wanted : undefined
  const outputs = [flags.out, ...(figures ? [figures.errors, figures.worst] : [])]
  return runTool('score', flags, outputs, (job) => score(job, flags, figures))
}

function figureNames({ plot, out }: Flags): FigureNames | undefined {
  if (plot === false) return undefined
  if (typeof plot === 'string') {
    if (!/\.png$/i.test(plot)) throw new UsageError(`--plot: expected a .png file, found ${plot}`)
    return { errors: plot, worst: plot.replace(/\.png$/i, '.worst.png') }
  }
  const stem = out.replace(/\.[^.]*$/, '')
  return { errors: `${stem}.errors.png`, worst: `${stem}.worst.png` }
}

async function score(job: ToolJob, flags: Flags, figures: FigureNames | undefined) {
  const { model, set, hooks, note } = job
  const { rows, kept } = toolRows(job, flags, flags.label)
  const truth = truthOf(
    set,
    { label: flags.label, usualLabel: model.preprocessing?.label, outlier: flags.outlier },
    rows.kept,
  )
  const explain = flags.explain ?? (rows.picture && !rows.features ? 0 : DEFAULT_EXPLAIN)
  const { contamination, threshold } = flags
  const scores = await scoreRows(model, rows, { contamination, threshold, explain }, hooks).catch((error) => {
    throw namingFlag(error)
  })
  if (scores.measuredBy === 'these rows') {
    note(
      `${model.name}: keeps no errors of its training rows; percentiles${threshold === undefined ? ' and the threshold' : ''} are by the rows given here`,
    )
  }
  const measured = truth && measureScores(scores, truth)
  for (const line of truthNotes(truth, measured, flags)) note(line)
  const format = sinkFormat(flags.out)
  const sheet = scoreSheet(scores, rows, kept, format !== undefined && holdsText(format))
  await writeSheetFile(sheet, kept, flags.out)

  const drawn = figures && (await drawFigures(figures, job, rows, scores, truth))
  return {
    lines: [...thresholdLines(scores), ...(measured ? ['', ...tableLines(measured), ''] : [])],
    record: {
      rows: scores.count,
      threshold: scores.threshold,
      contamination: scores.contamination ?? null,
      measuredBy: scores.measuredBy,
      flagged: scores.flagged,
      meanError: scores.errors.reduce((sum, error) => sum + error, 0) / scores.count,
      ...measured,
    },
    files: [flags.out, ...(drawn ?? [])],
  }
}

async function drawFigures(
  names: FigureNames,
  { model, set }: ToolJob,
  rows: ReturnType<typeof toolRows>['rows'],
  scores: Scores,
  truth: Truth | undefined,
): Promise<string[] | undefined> {
  const { drawScoreHistogram, drawWorstRows } = await import('../src/tools/score-figures.ts')
  const named = { ...model, name: basename(model.name) }
  const nameOf = (row: number) => scoredName(set, rows.kept, row)
  return drawOrNotice(async () => {
    const [errors, worst] = [
      await drawScoreHistogram(named, scores, basename(set.file), truth),
      await drawWorstRows(named, rows, scores, nameOf),
    ]
    await writeFileAtomically(names.errors, errors)
    await writeFileAtomically(names.worst, worst)
    return [names.errors, names.worst]
  })
}

function truthNotes(truth: Truth | undefined, measured: Measured | undefined, { outlier }: Flags): string[] {
  if (!truth) return []
  const notes: string[] = []
  if (truth.unknown > 0)
    notes.push(`Rows without a label, which count for none of the measures: ${truth.unknown}`)
  if (measured) return notes
  const kind = truth.outliers === 0 ? 'inliers' : 'outliers'
  const hint =
    outlier === undefined && truth.outliers > 0
      ? `, as none is 0; --outlier VALUE says which of ${listed(truth.examples)} they are`
      : ''
  return [...notes, `All labelled rows are ${kind}: there is nothing to measure${hint}`]
}

function thresholdLines({ threshold, contamination, measuredBy, flagged, count }: Scores): string[] {
  const of = measuredBy === 'training rows' ? 'the training rows' : 'these rows'
  const why =
    contamination === undefined
      ? 'as given'
      : `the ${Number((100 * (1 - contamination)).toFixed(6))} % quantile of the errors of ${of} (--contamination ${contamination})`
  return [
    `threshold ${formatLoss(threshold)}: ${why}`,
    `outliers  ${flagged.toLocaleString('en-US')} of ${count.toLocaleString('en-US')} rows (${formatPercent(flagged / count)})`,
  ]
}

function tableLines(measured: Measured): string[] {
  const { outliers, inliers, baseline } = measured
  const line = (name: string, cells: readonly string[]) =>
    name.padEnd(34) + cells.map((cell) => cell.padStart(11)).join('')
  const numbers = ({ auroc, averagePrecision, precision, recall }: Detection) =>
    [auroc, averagePrecision, precision, recall].map((value) => formatNumber(value, 4))
  const labelled = `${outliers.toLocaleString('en-US')} outliers, ${inliers.toLocaleString('en-US')} inliers`
  return [
    line(labelled, ['AUROC', 'avg. prec.', 'precision', 'recall']),
    line('reconstruction error', numbers(measured)),
    line('length of the standardised row', numbers(baseline)),
    ...(measured.auroc <= baseline.auroc
      ? ['The network finds them no better than the plain length does, which needs none.']
      : []),
  ]
}

await runCommand(main)
