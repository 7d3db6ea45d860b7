/**
 * What a comparison on labelled tables found: means over seeds, beside what other programs found on the same
 * tables.
 */
import { columnOf } from '../data/features.ts'
import type { Sheet } from '../data/sinks/sheet.ts'
import type { Table as DataTable } from '../data/table.ts'
import { FileError } from '../errors.ts'
import { quote } from '../quote.ts'
import {
  METHODS,
  type Method,
  PROTOCOLS,
  type Protocol,
  type Trial,
  type TrialSeconds,
} from './anomaly-tables.ts'
import type { Separation } from './outliers.ts'
import { formatNumber, formatSpread, type Spread, spreadOf, type Table } from './table.ts'

/** What another program found on one table by one protocol. */
export interface BaselineResult {
  readonly method: string
  readonly table: string
  readonly protocol: Protocol
  readonly auroc: number
  /** NaN where it is not known. */
  readonly averagePrecision: number
  /** Of fitting; NaN where they are not known. */
  readonly seconds: number
}

/** One table by one protocol, over the seeds. */
export interface TableSummary {
  readonly table: string
  readonly protocol: Protocol
  readonly trainingRows: number
  readonly columns: number
  readonly network: string
  readonly epochs: number
  readonly batchSize: number
  readonly found: Readonly<Record<Method, { readonly auroc: Spread; readonly averagePrecision: Spread }>>
  /** Medians over the seeds. */
  readonly seconds: TrialSeconds
}

/** In the order of the first trial of each. */
export function summarize(trials: readonly Trial[]): TableSummary[] {
  const groups = Map.groupBy(trials, ({ table, protocol }) => `${protocol} ${table}`)
  return [...groups.values()].map((group) => {
    const [{ table, protocol, trainingRows, columns, network, epochs, batchSize }] = group
    const spread = (method: Method, of: (one: Separation) => number) =>
      spreadOf(group.map(({ found }) => of(found[method])))
    const methods = METHODS.map((method) => [
      method,
      {
        auroc: spread(method, (one) => one.auroc),
        averagePrecision: spread(method, (one) => one.averagePrecision),
      },
    ])
    const time = (part: keyof TrialSeconds) => median(group.map(({ seconds }) => seconds[part]))
    return {
      table,
      protocol,
      trainingRows,
      columns,
      network,
      epochs,
      batchSize,
      found: Object.fromEntries(methods) as TableSummary['found'],
      seconds: {
        prepare: time('prepare'),
        start: time('start'),
        train: time('train'),
        score: time('score'),
      },
    }
  })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/**
 * Results of other programs from a table with the columns `method`, `table`, `protocol`, `auroc` and, if
 * known, `average_precision` and `seconds`. Throws FileError that names the row and what it was expected to
 * be.
 */
export function readBaselines(file: DataTable): BaselineResult[] {
  const texts = (name: string) =>
    Array.from(columnOf(file, name).values as ArrayLike<number | string>, (value) => String(value))
  const numbers = (name: string, isNeeded: boolean) => {
    if (!isNeeded && !file.columns.some((column) => column.name === name)) return undefined
    const column = columnOf(file, name)
    if (column.kind === 'number') return column.values
    const row = column.values.findIndex((text) => text !== '' && Number.isNaN(Number(text)))
    const found = `${quote(column.values[Math.max(row, 0)])} in row ${Math.max(row, 0) + file.firstRow}`
    throw new FileError(file.file, `column ${name}: expected numbers, found ${found}`)
  }
  const [methods, tables, protocols] = ['method', 'table', 'protocol'].map(texts)
  const aurocs = numbers('auroc', true)
  const precisions = numbers('average_precision', false)
  const seconds = numbers('seconds', false)
  return methods.map((method, row) => {
    const protocol = PROTOCOLS.find((name) => name === protocols[row])
    const auroc = aurocs?.[row] ?? Number.NaN
    if (protocol === undefined) {
      const found = `${quote(protocols[row])} in row ${row + file.firstRow}`
      throw new FileError(file.file, `column protocol: expected ${PROTOCOLS.join(' or ')}, found ${found}`)
    }
    if (!(auroc >= 0 && auroc <= 1)) {
      const found = `${auroc} in row ${row + file.firstRow}`
      throw new FileError(file.file, `column auroc: expected a number from 0 to 1, found ${found}`)
    }
    return {
      method,
      table: tables[row],
      protocol,
      auroc,
      averagePrecision: precisions?.[row] ?? Number.NaN,
      seconds: seconds?.[row] ?? Number.NaN,
    }
  })
}

/**
 * What a figure or a table shows of a protocol: the AUROC of each method on each table, NaN where it is not
 * known.
 */
export interface ProtocolResults {
  readonly protocol: Protocol
  readonly tables: readonly string[]
  readonly methods: readonly { readonly name: string; readonly auroc: readonly number[] }[]
}

export function protocolResults(
  summaries: readonly TableSummary[],
  baselines: readonly BaselineResult[],
  protocol: Protocol,
): ProtocolResults {
  const own = summaries.filter((one) => one.protocol === protocol)
  const others = [...new Set(baselines.map(({ method }) => method))]
  const baseline = (method: string, table: string) =>
    baselines.find((one) => one.method === method && one.table === table && one.protocol === protocol)
  return {
    protocol,
    tables: own.map(({ table }) => table),
    methods: [
      ...METHODS.map((name) => ({ name, auroc: own.map(({ found }) => found[name].auroc.mean) })),
      ...others.map((name) => ({
        name,
        auroc: own.map(({ table }) => baseline(name, table)?.auroc ?? Number.NaN),
      })),
    ],
  }
}

/**
 * AUROC of each method, a line for each table and protocol, then the means over the tables that all methods
 * know.
 */
export function aurocTable(summaries: readonly TableSummary[], baselines: readonly BaselineResult[]): Table {
  const used = PROTOCOLS.filter((protocol) => summaries.some((one) => one.protocol === protocol))
  const results = used.map((protocol) => protocolResults(summaries, baselines, protocol))
  const names = results[0]?.methods.map(({ name }) => name) ?? []
  const rows = results.flatMap(({ protocol, tables, methods }) => {
    const shared = tables.map((_, i) => methods.every(({ auroc }) => Number.isFinite(auroc[i])))
    const count = shared.filter(Boolean).length
    const means = methods.map(({ auroc }) => {
      const known = auroc.filter((_, i) => shared[i])
      return count > 0 ? spreadOf(known).mean : Number.NaN
    })
    const lines = tables.map((table, i) => {
      const summary = summaries.find((one) => one.table === table && one.protocol === protocol)
      const cells = methods.map(({ name, auroc }) => {
        const spread = summary?.found[name as Method]?.auroc
        return spread ? formatSpread(spread, 3) : formatNumber(auroc[i], 3)
      })
      return [table, protocol, ...cells]
    })
    return [...lines, [`mean of ${count}`, protocol, ...means.map((mean) => formatNumber(mean, 3))]]
  })
  return { columns: ['AUROC', 'protocol', ...names], rows, keys: 2 }
}

/**
 * Seconds and settings, a line for each table and protocol; with a ratio for each baseline that tells its
 * seconds.
 */
export function timeTable(
  summaries: readonly TableSummary[],
  baselines: readonly BaselineResult[],
  readSeconds: ReadonlyMap<string, number>,
): Table {
  const timed = [...new Set(baselines.filter(({ seconds }) => seconds > 0).map(({ method }) => method))]
  const rows = summaries.map((one) => {
    const { table, protocol, trainingRows, network, epochs, batchSize, seconds } = one
    const read = readSeconds.get(table) ?? Number.NaN
    const others = timed.map((method) => {
      const found = baselines.find(
        (other) => other.method === method && other.table === table && other.protocol === protocol,
      )
      return found?.seconds ?? Number.NaN
    })
    return [
      table,
      protocol,
      String(trainingRows),
      network,
      `${epochs} × ${batchSize}`,
      ...[read, seconds.prepare, seconds.start, seconds.train, seconds.score].map((time) =>
        formatNumber(time, 3),
      ),
      ...others.map(
        (time) =>
          `${formatNumber(time, 2)}${time > 0 ? ` (${formatNumber(time / seconds.train, 1)} ×)` : ''}`,
      ),
    ]
  })
  const parts = ['read', 'prepare', 'start', 'train', 'score'].map((part) => `${part} (s)`)
  return {
    columns: [
      'table',
      'protocol',
      'rows',
      'network',
      'epochs × batch',
      ...parts,
      ...timed.map((name) => `${name} (s)`),
    ],
    rows,
    keys: 2,
    notes: ['Medians over the seeds. In brackets: its seconds of fitting over those of training here.'],
  }
}

/** One line a trial and method, every digit kept. */
export function trialSheet(trials: readonly Trial[]): Sheet {
  const lines = trials.flatMap((trial) =>
    METHODS.map((method) => ({ ...trial, method, ...trial.found[method] })),
  )
  type Line = (typeof lines)[number]
  const text = (name: string, of: (line: Line) => string) => ({
    column: { name, kind: 'text' as const },
    cells: lines.map(of),
  })
  const number = (name: string, of: (line: Line) => number) => ({
    column: { name, kind: 'float64' as const },
    cells: Float64Array.from(lines, of),
  })
  const columns = [
    text('table', ({ table }) => table),
    text('protocol', ({ protocol }) => protocol),
    number('seed', ({ seed }) => seed),
    text('method', ({ method }) => method),
    number('auroc', ({ auroc }) => auroc),
    number('average_precision', ({ averagePrecision }) => averagePrecision),
    ...(['prepare', 'start', 'train', 'score'] as const).map((part) =>
      number(`${part}_seconds`, ({ method, seconds }) =>
        method === 'autoencoder' ? seconds[part] : Number.NaN,
      ),
    ),
  ]
  return {
    count: lines.length,
    columns: columns.map(({ column }) => column),
    parts: (async function* () {
      yield columns.map(({ cells }) => cells)
    })(),
  }
}
