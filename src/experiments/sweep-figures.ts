/** The figures of a sweep. Node only, as all that draws. */
import type { ImageSet } from '../data/dataset.ts'
import { drawImageGrid } from '../figures/image-grid.ts'
import { drawSpreadCharts } from '../figures/spread-chart.ts'
import { drawSpreadRows } from '../figures/spread-rows.ts'
import type { SweepRecord, SweepResult } from './sweep.ts'
import { denoisingChart, reconstructionChart, type SweepChart } from './sweep-charts.ts'
import { groupBySeed, settingsLabel, variedSettings } from './sweep-report.ts'
import { decodeSample } from './sweep-run.ts'

export interface NamedFigure {
  /** File name without folder. */
  readonly name: string
  readonly png: Uint8Array
}

/**
 * Reconstruction error and denoising gain (clipped and not) against what varies, and the same digits through
 * every network.
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
    { name: 'reconstruction.png', png: await drawSweepChart(reconstructionChart(done)) },
    { name: 'contact-sheet.png', png: await drawContactSheet(done, test, sampleImages) },
  ]
  if (sigmas.length === 0) return figures
  return [
    ...figures,
    { name: 'denoising-clipped.png', png: await drawSweepChart(denoisingChart(done, sigmas, true)) },
    { name: 'denoising-unclipped.png', png: await drawSweepChart(denoisingChart(done, sigmas, false)) },
  ]
}

function drawSweepChart(chart: SweepChart): Promise<Uint8Array> {
  if (chart.kind === 'rows') return drawSpreadRows(chart.chart)
  return drawSpreadCharts(chart.charts)
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
    title: `The same test digits through every ${varied.length > 1 ? 'network' : 'bottleneck'}`,
    subtitles: [
      `seed ${groups[0].results[0].settings.seed} of each` +
        (all.length > groups.length ? `; the first ${groups.length} of ${all.length} combinations` : ''),
    ],
    imageWidth: test.width,
    imageHeight: test.height,
    rowLabels: ['original', ...groups.map(({ settings }) => settingsLabel(settings, varied))],
    rows: [
      sampleImages.map((index) => ({ pixels: original(index) })),
      ...groups.map(({ results }) => results[0].samples.map((sample) => ({ pixels: decodeSample(sample) }))),
    ],
  })
}
