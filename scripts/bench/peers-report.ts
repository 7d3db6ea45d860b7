/** What the sessions with other libraries found: as text and as numbers for the figure. */
import { type Table, tableToMarkdown } from '../../src/experiments/table.ts'
import type { StandingChart } from '../../src/figures/standing-chart.ts'
import type { Measurement } from './measure.ts'
import type { PeerRow, PeerSession, PeersResult } from './peers.ts'
import { shapeTitle } from './shapes.ts'

/** How numbers are written, as in the whole report. */
export interface Formats {
  readonly timeColumns: readonly string[]
  readonly timeCells: (time: Measurement) => string[]
  readonly times: (ratio: number) => string
}

const WHAT =
  'Adam with coupled weight decay: the same rows, common start and arithmetic, interleaved in a session for each ' +
  'shape. `times ours` is relative to the first row of the same session. Hourglass is ahead of a library where ' +
  'it was the faster one in more than three quarters of the rounds, behind where it was the slower one in as ' +
  'many, and level with it otherwise.\n'

/** Parts of the section: an overview of all sessions, then each of them. */
export function peersTexts({ sessions }: PeersResult, formats: Formats): string[] {
  const overviews = [...Map.groupBy(sessions, ({ title }) => title)].map(
    ([title, those]) => `Overview: ${title}\n\n${tableToMarkdown(overview(those, formats))}`,
  )
  return [WHAT, ...overviews, ...sessions.map((session) => sessionText(session, formats))]
}

/** Of all sessions, each reason once. */
export function missingPeers({ sessions }: PeersResult): PeerSession['missing'] {
  const all = sessions.flatMap(({ missing }) => missing)
  return [...new Map(all.map((one) => [`${one.name} ${one.reason}`, one])).values()]
}

/** A row for each shape, a column for each library: times ours, and how Hourglass stands. */
function overview(sessions: readonly PeerSession[], { times }: Formats): Table {
  const titles = [...new Set(sessions.flatMap(({ rows }) => othersOf(rows).map(({ title }) => title)))]
  return {
    columns: ['shape', 'Hourglass, ms', ...titles],
    rows: sessions.map(({ shape, rows }) => [
      shapeTitle(shape),
      rows[0].time.median.toPrecision(3),
      ...titles.map((title) => {
        const row = rows.find((one) => one.title === title)
        return row ? `${times(row.timesOurs)} ${row.standing}` : '–'
      }),
    ]),
  }
}

const othersOf = (rows: readonly PeerRow[]) => rows.filter(({ isOurs }) => !isOurs)

function sessionText(session: PeerSession, { timeColumns, timeCells, times }: Formats): string {
  const { shape, title, environment, rows } = session
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const table: Table = {
    columns: ['library', 'version', 'threads', 'instructions', 'ms a step', ...timeColumns, 'times ours'],
    rows: rows.map((row) => [
      row.title,
      row.version,
      String(row.threads),
      row.instructions ?? 'not told',
      ...timeCells(row.time),
      times(row.timesOurs),
    ]),
  }
  const how = variables.length > 0 ? ` (\`${variables.join(' ')}\`)` : ''
  return `${shapeTitle(shape)}: ${title}${how}\n\n${tableToMarkdown(table)}`
}

/** One for each way of setting up the peers, with the libraries that were measured at every shape. */
export function standingCharts({ sessions }: PeersResult, machine: string): StandingChart[] {
  return [...Map.groupBy(sessions, ({ title }) => title)].map(([title, those]) => {
    const isEverywhere = (name: string) => those.every(({ rows }) => rows.some((row) => row.title === name))
    return {
      title: title[0].toUpperCase() + title.slice(1),
      subtitle: machine,
      groups: those.map(({ shape, rows }) => ({
        title: shapeTitle(shape),
        rows: othersOf(rows)
          .filter((row) => isEverywhere(row.title))
          .map((row) => ({ label: shortTitle(row.title), times: row.timesOurs, standing: row.standing })),
      })),
    }
  })
}

/** `PyTorch, fused Adam` for `PyTorch (eager, fused Adam)`. */
export function shortTitle(title: string): string {
  const [name, how = ''] = title.split(/ \(|\)/)
  const more = how.split(', ').slice(1)
  return [name, ...more].join(', ')
}
