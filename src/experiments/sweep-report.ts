/** What a sweep found: a CSV of its runs, and means with spread over seeds. */
import { WITHOUT_SSIM } from './metrics.ts'
import type { SweepRecord, SweepResult } from './sweep.ts'
import { SETTING_NAMES, type SweepSettings } from './sweep-plan.ts'
import { formatSpread, type Spread, spreadOf, type Table } from './table.ts'

/** Runs that differ in their seed alone. */
export interface SweepGroup {
  readonly settings: SweepSettings
  readonly results: readonly SweepResult[]
}

/** Groups in the order of their first run. Failed runs are left out. */
export function groupBySeed(records: readonly SweepRecord[]): SweepGroup[] {
  const groups = new Map<string, { settings: SweepSettings; results: SweepResult[] }>()
  for (const record of records) {
    if (record.status !== 'done') continue
    const key = settingsKey(record.settings, ['seed'])
    const group = groups.get(key) ?? { settings: record.settings, results: [] }
    group.results.push(record)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function settingsKey(settings: SweepSettings, without: readonly string[]): string {
  return SETTING_NAMES.filter((name) => !without.includes(name))
    .map((name) => settings[name])
    .join(' ')
}

export interface Metric {
  readonly name: string
  /** Decimals in tables. */
  readonly digits: number
  readonly of: (result: SweepResult) => number
}

/** Every measured number of a run, in table order. `records` say at which noise levels denoising was measured. */
export function sweepMetrics(records: readonly SweepRecord[]): Metric[] {
  const measured = records.find((record) => record.status === 'done')
  const denoising = (measured?.measures.denoising ?? []).map(({ sigma, clipped }, index) => ({
    name: `gain σ ${sigma} ${clipped ? 'clipped' : 'unclipped'} (dB)`,
    digits: 2,
    of: ({ measures }: SweepResult) => measures.denoising[index].gain,
  }))
  return [
    { name: 'test MSE', digits: 5, of: ({ measures }) => measures.reconstruction.mse },
    { name: 'PSNR (dB)', digits: 2, of: ({ measures }) => measures.reconstruction.psnr },
    { name: 'SSIM', digits: 4, of: ({ measures }) => measures.reconstruction.ssim ?? Number.NaN },
    ...denoising,
    { name: 'active units', digits: 1, of: ({ measures }) => measures.activeUnits },
    { name: 'seconds', digits: 1, of: ({ seconds }) => seconds },
  ]
}

/** One line a run, failed ones included; every digit kept. RFC 4180 with line feeds. */
export function sweepCsv(records: readonly SweepRecord[]): string {
  const metrics = sweepMetrics(records)
  const header = [...SETTING_NAMES, 'status', 'train loss', ...metrics.map(({ name }) => name), 'error']
  const rows = records.map((record) => {
    const settings = SETTING_NAMES.map((name) => record.settings[name])
    if (record.status === 'failed') {
      return [...settings, record.status, '', ...metrics.map(() => ''), record.error]
    }
    return [...settings, record.status, record.trainLoss, ...metrics.map((metric) => metric.of(record)), '']
  })
  return `${[header, ...rows].map((cells) => cells.map(csvCell).join(',')).join('\n')}\n`
}

/** A number that is none is an empty cell. */
function csvCell(value: string | number): string {
  const text = typeof value === 'number' && !Number.isFinite(value) ? '' : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Settings that differ between groups: the columns that a table needs; the bottleneck always. */
export function variedSettings(groups: readonly SweepGroup[]): (keyof SweepSettings)[] {
  return SETTING_NAMES.filter(
    (name) =>
      name !== 'seed' &&
      (name === 'bottleneck' || new Set(groups.map(({ settings }) => settings[name])).size > 1),
  )
}

/** The settings of a run in which it differs from others of `runs`, and its seed: `z 8, latent relu, seed 2`. */
export function runLabel(settings: SweepSettings, runs: readonly { settings: SweepSettings }[]): string {
  const names = SETTING_NAMES.filter(
    (name) =>
      name === 'bottleneck' || name === 'seed' || new Set(runs.map((run) => run.settings[name])).size > 1,
  )
  return names.map((name) => `${SETTING_LABELS[name]} ${settings[name]}`).join(', ')
}

/** Mean ± sample standard deviation over seeds, a row for each combination of the other settings. */
export function sweepTable(records: readonly SweepRecord[]): Table {
  const groups = groupBySeed(records)
  const varied = variedSettings(groups)
  const metrics = sweepMetrics(records)
  return {
    columns: [...varied.map((name) => SETTING_LABELS[name]), 'seeds', ...metrics.map(({ name }) => name)],
    rows: groups.map(({ settings, results }) => [
      ...varied.map((name) => String(settings[name])),
      String(results.length),
      ...metrics.map(({ of, digits }) => formatSpread(spreadOf(results.map(of)), digits)),
    ]),
    notes: groups.some(({ results }) => results.some(hasNoSsim)) ? [WITHOUT_SSIM] : [],
  }
}

function hasNoSsim({ measures }: SweepResult): boolean {
  return measures.reconstruction.ssim === null
}

export const SETTING_LABELS: Readonly<Record<keyof SweepSettings, string>> = {
  latentActivation: 'latent',
  hidden: 'hidden',
  batchSize: 'batch',
  learningRate: 'lr',
  weightDecay: 'weight decay',
  noiseStd: 'training noise',
  epochs: 'epochs',
  bottleneck: 'z',
  seed: 'seed',
}

/** A curve of one metric over the bottleneck, for groups that agree in everything else. */
export interface TradeOffSeries {
  readonly label: string
  readonly points: readonly {
    readonly bottleneck: number
    readonly spread: Spread
    /** One value a seed. */
    readonly values: readonly number[]
  }[]
}

/** The series of one number over z; labels name the settings that vary. */
export function tradeOff(
  records: readonly SweepRecord[],
  metricOf: (result: SweepResult) => number,
): TradeOffSeries[] {
  const groups = groupBySeed(records)
  const varied = variedSettings(groups).filter((name) => name !== 'bottleneck')
  const series = new Map<string, { label: string; groups: SweepGroup[] }>()
  for (const group of groups) {
    const key = settingsKey(group.settings, ['seed', 'bottleneck'])
    const label = varied.map((name) => `${SETTING_LABELS[name]} ${group.settings[name]}`).join(', ')
    const one = series.get(key) ?? { label, groups: [] }
    one.groups.push(group)
    series.set(key, one)
  }
  return Array.from(series.values(), ({ label, groups: members }) => ({
    label,
    points: members
      .toSorted((a, b) => a.settings.bottleneck - b.settings.bottleneck)
      .map(({ settings, results }) => {
        const values = results.map(metricOf)
        return { bottleneck: settings.bottleneck, spread: spreadOf(values), values }
      }),
  }))
}
