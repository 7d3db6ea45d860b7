/** What `npm run sweep` and `npm run worker` print while they run, and what a sweep writes at its end. */
import { join } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import type { SweepProgress, SweepRecord } from '../src/experiments/sweep.ts'
import { drawSweepFigures } from '../src/experiments/sweep-figures.ts'
import type { SweepRun } from '../src/experiments/sweep-plan.ts'
import { runLabel, sweepCsv, sweepTable } from '../src/experiments/sweep-report.ts'
import { oneImagePerClass } from '../src/experiments/sweep-run.ts'
import { tableToMarkdown } from '../src/experiments/table.ts'
import { formatFollowedLoss } from '../src/figures/theme.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { drawOrNotice } from './figures.ts'
import { printTable } from './print-table.ts'
import { duration, progressBar } from './progress-bar.ts'

export interface SweepReport {
  progress(progress: SweepProgress): void
  record(record: SweepRecord): void
  notice(line: string): void
  clear(): void
}

/**
 * @param runs by whose differences a run is named
 * @param out where runs of an earlier call may be found, which is said
 */
export function sweepReport(
  json: boolean,
  runs: readonly Pick<SweepRun, 'settings'>[],
  out?: string,
): SweepReport {
  const bar = progressBar(process.stderr)
  let hasBegun = false
  return {
    progress({ kept, finished, failed, stopped, share, secondsLeft }) {
      if (!hasBegun && kept > 0 && out !== undefined) {
        console.error(`${out}: ${kept} of ${runs.length} runs found, ${runs.length - kept} to train`)
      }
      hasBegun = true
      const rest = [failed > 0 ? `, ${failed} failed` : '', stopped > 0 ? `, ${stopped} stopped` : '']
      const counts = `${kept + finished + failed} of ${runs.length} runs${rest.join('')}`
      bar.draw(counts, share, Number.isNaN(secondsLeft) ? '' : `${duration(secondsLeft)} left`)
    },
    record(record) {
      bar.clear()
      if (json) console.log(JSON.stringify(record))
      else if (record.status === 'failed') console.error(recordLine(record, runs))
      else console.log(recordLine(record, runs))
    },
    notice(line) {
      bar.clear()
      console.error(line)
    },
    clear: () => bar.clear(),
  }
}

function recordLine(record: SweepRecord, runs: readonly Pick<SweepRun, 'settings'>[]): string {
  const { settings } = record
  const label = runLabel(settings, runs)
  if (record.status === 'failed') return `${label}: failed: ${record.error}`
  const seconds = `${record.seconds.toFixed(1)} s`
  if (record.status === 'stopped') {
    const { testLosses } = record
    const loss = formatFollowedLoss(testLosses[testLosses.length - 1])
    return `${label}: stopped after ${testLosses.length} of ${settings.epochs} epochs, test loss ${loss}, ${seconds}`
  }
  const { reconstruction, activeUnits } = record.measures
  const active = `${activeUnits} of ${settings.bottleneck} units active`
  return `${label}: test MSE ${formatFollowedLoss(reconstruction.mse)}, ${active}, ${seconds}`
}

/** What a sweep writes besides its records, in its folder. */
export const TABLE_FILES = ['sweep.csv', 'sweep.md'] as const

/**
 * Writes table and figures, and prints the table. Returns 1 where a run has failed, which it says.
 *
 * @param isQuiet prints nothing on stdout
 */
export async function writeSweep(
  records: readonly SweepRecord[],
  dataset: Dataset,
  { out, runs, canDraw, isQuiet }: { out: string; runs: number; canDraw: boolean; isQuiet: boolean },
): Promise<number> {
  const table = sweepTable(records)
  const [csv, markdown] = TABLE_FILES.map((name) => join(out, name))
  await writeFileAtomically(csv, sweepCsv(records))
  await writeFileAtomically(markdown, tableToMarkdown(table))
  const draw = () => drawSweepFigures(records, dataset.test, oneImagePerClass(dataset))
  const figures = (canDraw ? await drawOrNotice(draw) : undefined) ?? []
  for (const { name, png } of figures) await writeFileAtomically(join(out, name), png)
  if (!isQuiet) {
    console.log()
    printTable(table)
    const files = ['runs.jsonl', ...TABLE_FILES, ...figures.map(({ name }) => name)]
    console.log(`${out}: ${files.join(', ')}`)
  }
  const failed = records.filter(({ status }) => status === 'failed').length
  if (failed > 0) console.error(`${failed} of ${runs} runs failed; sweep.csv says why`)
  return failed > 0 ? 1 : 0
}
