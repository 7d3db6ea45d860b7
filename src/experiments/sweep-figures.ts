/** The figures of a sweep. Node only, as all that draws. */
import type { ImageSet } from '../data/dataset.ts'
import { drawImageGrid } from '../figures/image-grid.ts'
import { drawSpreadChart, type SpreadSeries } from '../figures/spread-chart.ts'
import type { SweepRecord, SweepResult } from './sweep.ts'
import { groupBySeed, SETTING_LABELS, type TradeOffSeries, tradeOff, variedSettings } from './sweep-report.ts'
import { decodeSample } from './sweep-run.ts'

export interface NamedFigure {
  /** File name without folder. */
  readonly name: string
  readonly png: Uint8Array
}

/**
 * Reconstruction error against z, denoising gain against z (clipped and not), and the same digits at every z.
 *
 * @param sampleImages the test images whose reconstructions the records hold, in that order
 */
export async function drawSweepFigures(
  records: readonly SweepRecord[],
  test: ImageSet,
  sampleImages: readonly number[],
): Promise<NamedFigure[]> {
  const done = records.filter((record): record is SweepResult => record.status === 'done')
  if (done.length === 0) return []
  const sigmas = [...new Set(done[0].measures.denoising.map(({ sigma }) => sigma))]
  const figures = [
    { name: 'reconstruction.png', png: await drawReconstruction(done) },
    { name: 'contact-sheet.png', png: await drawContactSheet(done, test, sampleImages) },
  ]
  if (sigmas.length === 0) return figures
  return [
    ...figures,
    { name: 'denoising-clipped.png', png: await drawDenoising(done, sigmas, true) },
    { name: 'denoising-unclipped.png', png: await drawDenoising(done, sigmas, false) },
  ]
}

const X_AXIS = { xTitle: 'latent units z, log scale', xScale: 'logarithmic' } as const

function seedsText(records: readonly SweepResult[]): string {
  const seeds = new Set(records.map(({ settings }) => settings.seed)).size
  return seeds > 1 ? `mean ± standard deviation over ${seeds} seeds; small dots: single runs` : 'one seed'
}

function drawReconstruction(records: readonly SweepResult[]): Promise<Uint8Array> {
  const series = tradeOff(records, ({ measures }) => measures.reconstruction.mse)
  return drawSpreadChart({
    ...X_AXIS,
    title: 'Reconstruction error against the bottleneck',
    subtitle: seedsText(records),
    yTitle: 'test mean squared error per pixel',
    series: series.map((one) => toSeries(one)),
  })
}

function drawDenoising(
  records: readonly SweepResult[],
  sigmas: readonly number[],
  clipped: boolean,
): Promise<Uint8Array> {
  const series = sigmas.flatMap((sigma, colour) =>
    tradeOff(records, ({ measures }) => {
      const measure = measures.denoising.find((one) => one.sigma === sigma && one.clipped === clipped)
      return measure?.gain ?? Number.NaN
    }).map((one, index) => ({
      ...toSeries(one, `σ ${sigma}${one.label === '' ? '' : `, ${one.label}`}`),
      colour,
      isDashed: index % 2 === 1,
    })),
  )
  return drawSpreadChart({
    ...X_AXIS,
    title: `Denoising against the bottleneck, ${clipped ? 'noisy images clipped to [0, 1]' : 'noise not clipped'}`,
    subtitle: `above 0 the network takes noise away, below it does harm; ${seedsText(records)}`,
    yTitle: 'PSNR gain over the noisy image (dB)',
    baseline: 0,
    series,
  })
}

function toSeries({ label, points }: TradeOffSeries, name = label): SpreadSeries {
  return {
    label: name,
    points: points.map(({ bottleneck, spread, values }) => ({
      x: bottleneck,
      mean: spread.mean,
      standardDeviation: spread.standardDeviation,
      values: values.length > 1 ? values : [],
    })),
  }
}

/** More would make a picture that nothing draws and nobody looks at. */
const MAX_SHEET_ROWS = 60

/** The originals, then a row for every combination: its first seed's reconstructions. */
function drawContactSheet(
  records: readonly SweepResult[],
  test: ImageSet,
  sampleImages: readonly number[],
): Promise<Uint8Array> {
  const all = groupBySeed(records)
  const groups = all.slice(0, MAX_SHEET_ROWS)
  const varied = variedSettings(all)
  const pixels = test.width * test.height
  const original = (index: number) => test.rows.subarray(index * pixels, (index + 1) * pixels)
  return drawImageGrid({
    title: 'The same test digits through every bottleneck',
    subtitles: [
      `seed ${groups[0].results[0].settings.seed} of each` +
        (all.length > groups.length ? `; the first ${groups.length} of ${all.length} combinations` : ''),
    ],
    imageWidth: test.width,
    imageHeight: test.height,
    rowLabels: [
      'original',
      ...groups.map(({ settings }) =>
        varied.map((name) => `${SETTING_LABELS[name]} ${settings[name]}`).join(', '),
      ),
    ],
    rows: [
      sampleImages.map((index) => ({ pixels: original(index) })),
      ...groups.map(({ results }) => results[0].samples.map((sample) => ({ pixels: decodeSample(sample) }))),
    ],
  })
}
