/** What a sweep found: a CSV of its runs, and means with spread over seeds. */
import type { RunSettings, SettingName } from '../run/settings.ts'
import { DEFAULT_SETTINGS, SETTING_LABELS as LABELS, settingText } from '../run/settings.ts'
import { WITHOUT_SSIM } from './metrics.ts'
import type { SweepRecord, SweepResult, SweepStopped } from './sweep.ts'
import { CORE_SETTINGS, SETTING_NAMES } from './sweep-plan.ts'
import { formatSpread, type Spread, spreadOf, type Table } from './table.ts'

/** Runs that differ in their seed alone. */
export interface SweepGroup {
  readonly settings: RunSettings
  readonly results: readonly SweepResult[]
  readonly stopped: readonly SweepStopped[]
}

/** Groups in the order of their first run. Failed runs are in none; a group of them alone is empty. */
export function groupBySeed(records: readonly SweepRecord[]): SweepGroup[] {
  const groups = new Map<string, { settings: RunSettings; results: SweepResult[]; stopped: SweepStopped[] }>()
  for (const record of records) {
    const key = settingsKey(record.settings, ['seed'])
    const group = groups.get(key) ?? { settings: record.settings, results: [], stopped: [] }
    if (record.status === 'done') group.results.push(record)
    if (record.status === 'stopped') group.stopped.push(record)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function settingsKey(settings: RunSettings, without: readonly string[]): string {
  return SETTING_NAMES.filter((name) => !without.includes(name))
    .map((name) => settingText(settings[name]))
    .join(' ')
}

/** Whether the settings differ in one. */
function isVaried(name: SettingName, all: readonly { readonly settings: RunSettings }[]): boolean {
  return new Set(all.map(({ settings }) => settingText(settings[name]))).size > 1
}

const SECONDS = 'seconds'

export interface Metric {
  readonly name: string
  /** Decimals in tables. */
  readonly digits: number
  readonly of: (result: SweepResult) => number
}

/**
 * Every measured number of a run, in table order. `records` say at which noise levels denoising was measured.
 */
function sweepMetrics(records: readonly SweepRecord[]): Metric[] {
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
    { name: SECONDS, digits: 1, of: ({ seconds }) => seconds },
  ]
}

/** One line a run, failed and stopped ones included; every digit kept. RFC 4180 with line feeds. */
export function sweepCsv(records: readonly SweepRecord[]): string {
  const metrics = sweepMetrics(records)
  const names = SETTING_NAMES.filter(
    (name) => isCore(name) || records.some(({ settings }) => isGiven(settings, name)),
  )
  const hasStopped = records.some(({ status }) => status === 'stopped')
  const stoppedAfter = (record: SweepRecord) => (record.status === 'stopped' ? record.testLosses.length : '')
  const header = [
    ...names,
    'status',
    ...(hasStopped ? ['stopped after'] : []),
    'train loss',
    ...metrics.map(({ name }) => name),
    'weights',
    'error',
  ]
  const rows = records.map((record) => {
    const { status, settings } = record
    return [
      ...names.map((name) => settingText(settings[name])),
      status,
      ...(hasStopped ? [stoppedAfter(record)] : []),
      status === 'failed' ? '' : record.trainLoss,
      ...metrics.map(({ name, of }) => {
        if (status === 'done') return of(record)
        return status === 'stopped' && name === SECONDS ? record.seconds : ''
      }),
      status === 'failed' ? '' : (record.weights ?? ''),
      status === 'failed' ? record.error : '',
    ]
  })
  return `${[header, ...rows].map((cells) => cells.map(csvCell).join(',')).join('\n')}\n`
}

function isCore(name: SettingName): boolean {
  return (CORE_SETTINGS as readonly SettingName[]).includes(name)
}

function isGiven(settings: RunSettings, name: SettingName): boolean {
  return settingText(settings[name]) !== settingText(DEFAULT_SETTINGS[name])
}

/** A number that is none is an empty cell. */
function csvCell(value: string | number): string {
  const text = typeof value === 'number' && !Number.isFinite(value) ? '' : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Settings that differ between groups: the columns that a table needs; the bottleneck always. */
export function variedSettings(groups: readonly SweepGroup[]): SettingName[] {
  return SETTING_NAMES.filter((name) => name !== 'seed' && (name === 'bottleneck' || isVaried(name, groups)))
}

/**
 * The settings of a run in which it differs from others of `runs`, and its seed: `z 8, latent relu, seed 2`.
 */
export function runLabel(settings: RunSettings, runs: readonly { readonly settings: RunSettings }[]): string {
  const names = SETTING_NAMES.filter(
    (name) => name === 'bottleneck' || name === 'seed' || isVaried(name, runs),
  )
  return settingsLabel(settings, names)
}

/** The settings by their names: `z 8, latent relu`. */
export function settingsLabel(settings: RunSettings, names: readonly SettingName[]): string {
  return names.map((name) => `${SETTING_LABELS[name]} ${settingText(settings[name])}`).join(', ')
}

/** Mean ± sample standard deviation over seeds, a row for each combination of the other settings. */
export function sweepTable(records: readonly SweepRecord[]): Table {
  const groups = groupBySeed(records)
  const varied = variedSettings(groups)
  const metrics = sweepMetrics(records)
  const hasStopped = groups.some(({ stopped }) => stopped.length > 0)
  return {
    columns: [
      ...varied.map((name) => SETTING_LABELS[name]),
      'seeds',
      ...(hasStopped ? ['stopped after epochs'] : []),
      ...metrics.map(({ name }) => name),
    ],
    rows: groups.map(({ settings, results, stopped }) => [
      ...varied.map((name) => settingText(settings[name])),
      String(results.length),
      ...(hasStopped ? [stopped.map(({ testLosses }) => testLosses.length).join(', ') || '–'] : []),
      ...metrics.map(({ of, digits }) => formatSpread(spreadOf(results.map(of)), digits)),
    ]),
    notes: groups.some(({ results }) => results.some(hasNoSsim)) ? [WITHOUT_SSIM] : [],
    keys: varied.length,
  }
}

function hasNoSsim({ measures }: SweepResult): boolean {
  return measures.reconstruction.ssim === null
}

/** As short as a column wants them. */
export const SETTING_LABELS: Readonly<Record<SettingName, string>> = {
  ...LABELS,
  latentActivation: 'latent',
  outputActivation: 'output',
  batchSize: 'batch',
  learningRate: 'lr',
  noiseStd: 'training noise',
  bottleneck: 'z',
}

/** A curve of one metric over a setting, for groups that agree in everything else. */
export interface TradeOffSeries {
  /** The settings that vary, in words; empty where none but the axis does. */
  readonly label: string
  readonly points: readonly {
    readonly x: number
    readonly spread: Spread
    /** One value a seed. */
    readonly values: readonly number[]
  }[]
}

/** The series of one number over a setting whose values are numbers; labels name the others that vary. */
export function tradeOff(
  records: readonly SweepRecord[],
  metricOf: (result: SweepResult) => number,
  axis: SettingName = 'bottleneck',
): TradeOffSeries[] {
  const groups = groupBySeed(records).filter(({ results }) => results.length > 0)
  const series = new Map<string, { label: string; groups: SweepGroup[] }>()
  for (const group of groups) {
    const key = settingsKey(group.settings, ['seed', axis])
    const one = series.get(key) ?? { label: groupLabel(group, groups, axis), groups: [] }
    one.groups.push(group)
    series.set(key, one)
  }
  return Array.from(series.values(), ({ label, groups: members }) => ({
    label,
    points: members
      .map(({ settings, results }) => {
        const values = results.map(metricOf)
        return { x: Number(settings[axis]), spread: spreadOf(values), values }
      })
      .toSorted((a, b) => a.x - b.x),
  }))
}

/** The settings in which a group differs from others, but one: `latent relu, lr 0.001`. */
export function groupLabel(
  { settings }: SweepGroup,
  groups: readonly SweepGroup[],
  without?: SettingName,
): string {
  const names = SETTING_NAMES.filter((name) => name !== 'seed' && name !== without && isVaried(name, groups))
  return settingsLabel(settings, names)
}
