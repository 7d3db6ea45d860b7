/**
 * What the charts of a sweep show, apart from how they are drawn: error and denoising gain against the
 * setting that varies, or a row for each combination where no number does.
 */

import { MOST_COLOURS, MOST_SERIES, type SpreadChart, type SpreadSeries } from '../figures/spread-chart.ts'
import type { SpreadRows } from '../figures/spread-rows.ts'
import { SETTING_LABELS as LONG_LABELS, type SettingName } from '../run/settings.ts'
import type { SweepResult } from './sweep.ts'
import { SETTING_NAMES } from './sweep-plan.ts'
import { groupBySeed, groupLabel, type SweepGroup, type TradeOffSeries, tradeOff } from './sweep-report.ts'
import { spreadOf } from './table.ts'

/** Curves, in one chart or in several below each other, or rows. */
export type SweepChart =
  | { readonly kind: 'curves'; readonly charts: readonly SpreadChart[] }
  | { readonly kind: 'rows'; readonly chart: SpreadRows }

type Metric = (result: SweepResult) => number

/** Rows of a chart; more are left out, as are series that could not be told apart. */
const MOST_ROWS = 60
/** Charts below each other; node-canvas draws no more than some twenty, and nobody looks at them. */
const MOST_CHARTS = 12
/** From one end of the axis to the other, where equal factors shall look equal. */
const LOGARITHMIC_FROM = 5

/** Test error of every combination. */
export function reconstructionChart(records: readonly SweepResult[]): SweepChart {
  const plan = planOf(records)
  const yTitle = 'test mean squared error per pixel'
  const title = `Reconstruction error ${plan.against}`
  if (plan.axis === undefined) return rowsChart(plan, { title, yTitle, metrics: [{ label: '', of: mse }] })
  const { series, left } = mostTellable(plan, tradeOff(records, mse, plan.axis))
  const subtitle = `${seedsText(records)}${left}`
  const chart = { ...xAxis(plan), title, subtitle, yTitle, series: series.map((one) => toSeries(one)) }
  return { kind: 'curves', charts: [chart] }
}

/** Gain at every noise level, of noisy images clipped or not. */
export function denoisingChart(
  records: readonly SweepResult[],
  sigmas: readonly number[],
  clipped: boolean,
): SweepChart {
  const plan = planOf(records)
  const gain =
    (sigma: number): Metric =>
    ({ measures }) =>
      measures.denoising.find((one) => one.sigma === sigma && one.clipped === clipped)?.gain ?? Number.NaN
  const title = `Denoising ${plan.against}, ${clipped ? 'noisy images clipped to [0, 1]' : 'noise not clipped'}`
  const meaning = 'above 0 the network takes noise away, below it does harm'
  const yTitle = 'PSNR gain over the noisy image (dB)'
  const baseline = 0
  if (plan.axis === undefined) {
    const metrics = sigmas.slice(0, MOST_COLOURS).map((sigma) => ({ label: `σ ${sigma}`, of: gain(sigma) }))
    const left = sigmas.length > MOST_COLOURS ? `, the first ${MOST_COLOURS} of ${sigmas.length} σ` : ''
    const only = sigmas.length === 1 ? `: σ ${sigmas[0]}` : ''
    return rowsChart(plan, { title: `${title}${only}${left}`, meaning, yTitle, metrics, baseline })
  }
  const axis = { ...xAxis(plan), yTitle, baseline }
  const curves = sigmas.map((sigma) => tradeOff(records, gain(sigma), plan.axis))
  if (curves[0].length <= 2) {
    const isFew = sigmas.length <= MOST_COLOURS
    const series = curves.flatMap((ofSigma, colour) =>
      ofSigma.map((one, dash) => ({
        ...toSeries(one, [`σ ${sigmas[colour]}`, one.label].filter(Boolean).join(', ')),
        // Of more noise levels than there are colours every curve has a look of its own.
        ...(isFew && { colour, dash }),
      })),
    )
    const left = series.length > MOST_SERIES ? `; the first ${MOST_SERIES} of ${series.length} curves` : ''
    const subtitle = `${meaning}; ${seedsText(records)}${left}`
    return { kind: 'curves', charts: [{ ...axis, title, subtitle, series: series.slice(0, MOST_SERIES) }] }
  }
  // Colours name the combinations, as they do in the figure of the error: a chart for each noise level.
  const charts = curves.slice(0, MOST_CHARTS).map((ofSigma, index) => {
    const { series, left } = mostTellable(plan, ofSigma)
    return {
      ...axis,
      title: `${title}: ${sigmaText(sigmas, index)}`,
      subtitle: `${meaning}; ${seedsText(records)}${left}`,
      series: series.map((one) => toSeries(one)),
    }
  })
  return { kind: 'curves', charts }
}

/** `σ 0.2`; with how many are drawn of more. */
function sigmaText(sigmas: readonly number[], index: number): string {
  const left = sigmas.length > MOST_CHARTS ? ` (the first ${MOST_CHARTS} of ${sigmas.length} are drawn)` : ''
  return `σ ${sigmas[index]}${left}`
}

const mse: Metric = ({ measures }) => measures.reconstruction.mse

/** What varies in a sweep, and what its axis is. */
interface ChartPlan {
  readonly records: readonly SweepResult[]
  readonly groups: readonly SweepGroup[]
  /** Undefined where what varies is no number. */
  readonly axis: SettingName | undefined
  /** `against the bottleneck`. */
  readonly against: string
}

/** The bottleneck where it varies or nothing does, else the number with most values. */
function planOf(records: readonly SweepResult[]): ChartPlan {
  const groups = groupBySeed(records)
  const counts = SETTING_NAMES.filter((name) => name !== 'seed').map((name) => {
    const values = groups.map(({ settings }) => settings[name])
    const isNumber = values.every((value) => typeof value === 'number')
    return { name, isNumber, count: new Set(values.map(String)).size }
  })
  const varied = counts.filter(({ count }) => count > 1)
  const isBottleneck = varied.length === 0 || varied.some(({ name }) => name === 'bottleneck')
  const numbers = varied.filter(({ isNumber }) => isNumber).toSorted((a, b) => b.count - a.count)
  const axis = isBottleneck ? 'bottleneck' : numbers[0]?.name
  const names = isBottleneck ? 'the bottleneck' : varied.map(({ name }) => LONG_LABELS[name]).join(' and ')
  return {
    records,
    groups,
    axis,
    against: `against ${axis === undefined || isBottleneck ? names : LONG_LABELS[axis]}`,
  }
}

function xAxis({ groups, axis = 'bottleneck' }: ChartPlan): Pick<SpreadChart, 'xTitle' | 'xScale'> {
  const name = axis === 'bottleneck' ? 'latent units z' : LONG_LABELS[axis]
  const values = groups.map(({ settings }) => Number(settings[axis]))
  const isWide = Math.min(...values) * LOGARITHMIC_FROM <= Math.max(...values)
  const isLogarithmic = axis === 'bottleneck' || (Math.min(...values) > 0 && isWide)
  return {
    xTitle: isLogarithmic ? `${name}, log scale` : name,
    xScale: isLogarithmic ? 'logarithmic' : 'linear',
  }
}

/** As many series as can be told apart: those of least error, in their order. */
function mostTellable(
  { records, axis }: ChartPlan,
  series: readonly TradeOffSeries[],
): { series: readonly TradeOffSeries[]; left: string } {
  if (series.length <= MOST_SERIES) return { series, left: '' }
  const leastErrors = tradeOff(records, mse, axis).map(({ points }) =>
    Math.min(...points.map(({ spread }) => (Number.isFinite(spread.mean) ? spread.mean : Infinity))),
  )
  const best = new Set(
    leastErrors
      .map((error, index) => ({ error, index }))
      .toSorted((a, b) => a.error - b.error)
      .slice(0, MOST_SERIES)
      .map(({ index }) => index),
  )
  return {
    series: series.filter((_, index) => best.has(index)),
    left: `; the ${MOST_SERIES} of least error, of ${series.length} curves`,
  }
}

function rowsChart(
  { records, groups: all }: ChartPlan,
  chart: {
    readonly title: string
    readonly meaning?: string
    readonly yTitle: string
    readonly metrics: readonly { readonly label: string; readonly of: Metric }[]
    readonly baseline?: number
  },
): SweepChart {
  const groups = all.slice(0, MOST_ROWS)
  const left = all.length > groups.length ? `the first ${groups.length} of ${all.length} combinations` : ''
  return {
    kind: 'rows',
    chart: {
      title: chart.title,
      subtitle: [chart.meaning, seedsText(records), left].filter(Boolean).join('; '),
      xTitle: chart.yTitle,
      rows: groups.map((group) => groupLabel(group, all)),
      series: chart.metrics.map(({ label, of }) => ({
        label,
        marks: groups.map(({ results }) => markOf(results.map(of))),
      })),
      ...(chart.baseline === undefined ? {} : { baseline: chart.baseline }),
    },
  }
}

function markOf(values: readonly number[]) {
  const { mean, standardDeviation } = spreadOf(values)
  return { mean, standardDeviation, values: values.length > 1 ? values : [] }
}

function toSeries({ label, points }: TradeOffSeries, name = label): SpreadSeries {
  return { label: name, points: points.map(({ x, values }) => ({ x, ...markOf(values) })) }
}

function seedsText(records: readonly SweepResult[]): string {
  const seeds = new Set(records.map(({ settings }) => settings.seed)).size
  return seeds > 1 ? `mean ± standard deviation over ${seeds} seeds; small dots: single runs` : 'one seed'
}
