/**
 * Seconds of PyOD's AutoEncoder and of Hourglass on labelled tables, in turn on the same cores, and how well
 * each finds the outliers:
 *
 *   PYTHON=… node scripts/start.mjs peers/pyod [--label outlier] [--rounds 3] [--out FILE.md] TABLE.csv …
 *
 * In each round either program fits each table once, in a process of its own. The table holds medians. A run
 * of each goes before, which fills the caches of compiled code; start.mjs tells the processes where Node's
 * is.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from '../../src/experiments/anomaly-report.ts'
import { type Table, tableToMarkdown } from '../../src/experiments/table.ts'

interface Fit {
  readonly version: string
  readonly rows: number
  readonly epochs: number
  readonly batchSize: number
  readonly start: number
  readonly read: number
  /** Of the first run in a process, where there are two. */
  readonly firstTrain?: number
  readonly train: number
  readonly score: number
  readonly auroc: number
}

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const PROGRAMS = {
  Hourglass: [process.execPath, program('hourglass-fit.ts')],
  PyOD: [process.env.PYTHON ?? 'python3', program('pyod-fit.py')],
} as const
const NAMES = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]

/** What one process found, and the seconds from its start to its end. */
function fit(name: keyof typeof PROGRAMS, file: string, label: string, seed: number): Fit {
  const [command, script] = PROGRAMS[name]
  const args = [script, file, label, String(seed), String(Date.now() / 1000)]
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name}, ${file}: ${stderr}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Fit
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      label: { type: 'string', default: 'outlier' },
      rounds: { type: 'string', default: '3' },
      out: { type: 'string' },
    },
  })
  const found = new Map<string, Fit[]>()
  const fitsOf = (name: string, file: string) => found.get(`${name} ${file}`) ?? []
  for (const name of NAMES) fit(name, positionals[0], values.label, 1)
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const file of positionals) {
      for (const name of NAMES) {
        const one = fit(name, file, values.label, round)
        found.set(`${name} ${file}`, [...fitsOf(name, file), one])
        console.error(`${round} ${name} ${basename(file)}: ${one.train.toFixed(3)} s`)
      }
    }
  }
  const text = tableToMarkdown(report(positionals, fitsOf))
  console.log(text)
  if (values.out !== undefined) writeFileSync(values.out, text)
}

function report(files: readonly string[], fitsOf: (name: string, file: string) => readonly Fit[]): Table {
  const of = (name: string, file: string, value: (fit: Fit) => number) =>
    median(fitsOf(name, file).map(value))
  const seconds = (value: number) => value.toFixed(value < 1 ? 3 : 2)
  const rows = files.flatMap((file) =>
    NAMES.map((name) => {
      const number = (value: (fit: Fit) => number) => of(name, file, value)
      const [one] = fitsOf(name, file)
      return [
        basename(file, '.csv'),
        name,
        String(one.rows),
        `${one.epochs} × ${one.batchSize}`,
        ...[number((fit) => fit.start), number((fit) => fit.read)].map(seconds),
        one.firstTrain === undefined ? '–' : seconds(number((fit) => fit.firstTrain ?? 0)),
        ...[number((fit) => fit.train), number((fit) => fit.score)].map(seconds),
        name === 'PyOD' ? '–' : times(file, fitsOf, (fit) => fit.train),
        name === 'PyOD' ? '–' : times(file, fitsOf, total),
        number((fit) => fit.auroc).toFixed(3),
      ]
    }),
  )
  const columns = [
    ...['table', 'program', 'rows', 'epochs × batch', 'start (s)', 'read (s)', 'first train (s)'],
    ...['train (s)', 'score (s)', 'train', 'all', 'AUROC'],
  ]
  return {
    columns,
    rows,
    notes: [...new Set(files.flatMap((file) => NAMES.map((name) => fitsOf(name, file)[0].version)))],
  }
}

/** Until scores are there, in a new process. */
function total({ start, read, firstTrain, train, score }: Fit): number {
  return start + read + (firstTrain ?? train) + score
}

/** How many times as long PyOD takes: the median of the rounds' ratios, the least and the greatest. */
function times(
  file: string,
  fitsOf: (name: string, file: string) => readonly Fit[],
  value: (fit: Fit) => number,
): string {
  const others = fitsOf('PyOD', file)
  const ratios = fitsOf('Hourglass', file).map((fit, round) => value(others[round]) / value(fit))
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  return `${median(ratios).toFixed(1)} × (${least.toFixed(1)}–${most.toFixed(1)})`
}

main()
