/** What the race to a test error found: as text and as numbers for the figure. */
import { tableToMarkdown } from '../../src/experiments/table.ts'
import type { RaceChart } from '../../src/figures/race-chart.ts'
import { peerTitle } from '../peers/peer.ts'
import { shortTitle } from './peers-report.ts'
import type { QualityResult, QualityRun } from './quality.ts'

type Entry = QualityResult['racers'][number]

/** Those with runs, each recipe's together, in the order in which recipes first come. */
export function racedEntries({ racers }: QualityResult): Entry[] {
  const raced = racers.filter(({ runs }) => runs.length > 0)
  return [...Map.groupBy(raced, ({ name }) => name).values()].flat()
}

export function racerTitle({ library }: Entry): string {
  return library === 'hourglass' ? 'Hourglass' : peerTitle(library)
}

/** A seed that failed took for ever: infinite where more than half of them did. */
export function medianSeconds(runs: readonly QualityRun[]): number {
  const sorted = runs.map(({ seconds = Number.POSITIVE_INFINITY }) => seconds).sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
}

/** Heading, what was measured, and the table. */
export function qualityText(result: QualityResult): { title: string; what: string; table: string } {
  const rows = racedEntries(result).map((entry) => {
    const { name, settings, runs } = entry
    const seconds = runs.flatMap((run) => (run.seconds === undefined ? [] : [run.seconds]))
    const units = runs.flatMap(({ activeUnits }) => (activeUnits === undefined ? [] : [activeUnits]))
    return [
      name,
      racerTitle(entry),
      `${seconds.length} of ${runs.length}`,
      ...[medianSeconds(runs), Math.min(...seconds), Math.max(...seconds)].map(time),
      range(runs.map(({ epochs }) => epochs)),
      Math.max(...runs.map(({ testLoss }) => testLoss)).toFixed(5),
      units.length > 0 ? String(Math.min(...units)) : '–',
      settingsText(settings),
    ]
  })
  const columns = [
    'recipe',
    'library',
    'seeds',
    'median s',
    'min',
    'max',
    'epochs',
    'worst error',
    'fewest units',
    'settings',
  ]
  const { target, threads, trainingImages } = result
  return {
    title: `Time to a test error of ${target}`,
    what:
      `z 8, ${trainingImages} training images, ${threads} ${threads === 1 ? 'thread' : 'threads'}; seconds of ` +
      'training steps until the end of the first epoch that is as good; medians count seeds that failed as ' +
      'slowest. Rules: `scripts/bench/quality.ts`.\n',
    table: tableToMarkdown({ columns, rows }),
  }
}

function time(seconds: number): string {
  return Number.isFinite(seconds) ? seconds.toFixed(1) : '–'
}

function range(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return least === most ? String(least) : `${least} to ${most}`
}

function settingsText(settings: object): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

/** Undefined where nobody ran. */
export function qualityChart(result: QualityResult, machine: string): RaceChart | undefined {
  const entries = racedEntries(result)
  if (entries.length === 0) return undefined
  return {
    title: `Seconds to a test error of ${result.target}`,
    subtitle: `z 8, a dot a seed; ${machine}`,
    groups: [...Map.groupBy(entries, ({ name }) => name)].map(([title, raced]) => ({
      title,
      rows: raced.map((entry) => ({
        label: shortTitle(racerTitle(entry)),
        isOurs: entry.library === 'hourglass',
        runs: entry.runs.map(({ seconds, trainedSeconds }) => ({
          seconds: seconds ?? trainedSeconds,
          isThere: seconds !== undefined,
        })),
        median: medianSeconds(entry.runs),
      })),
    })),
  }
}
