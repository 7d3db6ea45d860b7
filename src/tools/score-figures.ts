/** The figures of scores: errors with the threshold, and the worst rows. Node only, as all that draws. */
import { drawHeatMap } from '../figures/heat-map.ts'
import { drawHistogram, type HistogramSeries } from '../figures/histogram.ts'
import { drawImageGrid, type ImageCell } from '../figures/image-grid.ts'
import { formatLoss } from '../figures/theme.ts'
import { inputSize } from '../model/network.ts'
import { networkRows, rawRows, unitRows } from '../model/preprocessing.ts'
import type { ToolModel } from './model.ts'
import { type ModelRows, selectModelRows } from './rows.ts'
import { inputGroups, type Scores, squaredErrors } from './score.ts'
import type { Truth } from './score-labels.ts'

const WORST_ROWS = 15
const WORST_PICTURES = 10
const MOST_COLUMNS = 16

/** Errors of the rows, outliers apart where they are known, with the threshold. */
export function drawScoreHistogram(
  model: ToolModel,
  scores: Scores,
  data: string,
  truth?: Truth | undefined,
): Promise<Uint8Array> {
  const { errors, threshold, flagged, count } = scores
  const where = (wanted: number) => errors.filter((_, row) => truth?.values[row] === wanted)
  const isKnown = truth !== undefined && truth.outliers > 0 && truth.inliers > 0
  const named = (what: string, values: Float64Array): HistogramSeries => ({
    label: `${what} (${values.length.toLocaleString('en-US')})`,
    values,
  })
  return drawHistogram({
    title: 'Reconstruction errors and the threshold',
    subtitle:
      `${data} by ${model.name}: ${flagged.toLocaleString('en-US')} of ${count.toLocaleString('en-US')} ` +
      `rows are above ${formatLoss(threshold)}`,
    xTitle: 'mean squared error per value',
    series: isKnown ? [named('inliers', where(0)), named('outliers', where(1))] : [named('rows', errors)],
    of: isKnown ? 'rows of each kind' : 'rows',
    threshold: { value: threshold, label: `threshold ${formatLoss(threshold)}` },
  })
}

/**
 * The rows of greatest error: pictures above their reconstructions, or the share of each feature as shades.
 */
export async function drawWorstRows(
  model: ToolModel,
  rows: ModelRows,
  scores: Scores,
  rowNames: (row: number) => string,
): Promise<Uint8Array> {
  const { picture } = rows
  const order = Array.from(scores.errors.keys()).sort((a, b) => scores.errors[b] - scores.errors[a] || a - b)
  const worst = Uint32Array.from(order.slice(0, picture ? WORST_PICTURES : WORST_ROWS))
  const inputs = inputSize(model.engine.network)
  const chosen = selectModelRows(rows, inputs, worst)
  const seen = networkRows(chosen.rows, model.preprocessing ?? {})
  const rebuilt = { raw: chosen.rows, seen, scaling: model.preprocessing?.scaling }
  const outputs = await model.engine.forward(seen)
  const names = Array.from(worst, (row) => `${rowNames(row)}: ${formatLoss(scores.errors[row])}`)
  if (picture) {
    const { width, height, channels } = picture
    const originals = chosen.rows instanceof Uint8Array ? unitRows(chosen.rows) : chosen.rows
    const pictures = rawRows(outputs, model.preprocessing ?? {})
    const cells = (values: typeof originals, captions: boolean): ImageCell[] =>
      Array.from(worst, (row, i) => ({
        pixels: values.slice(i * inputs, (i + 1) * inputs),
        ...(captions && { captions: [rowNames(row), formatLoss(scores.errors[row])] }),
      }))
    return drawImageGrid({
      title: 'The pictures of greatest error',
      subtitles: ['each above its reconstruction, with the mean squared error per value'],
      imageWidth: width,
      imageHeight: height,
      channels,
      rows: [cells(originals, false), cells(pictures, true)],
    })
  }
  return drawContributions(
    squaredErrors(outputs, rebuilt, inputGroups(rows, inputs)),
    inputGroups(rows, inputs).names,
    names,
  )
}

/** The columns that matter most, and the others together. */
function drawContributions(
  contributions: Float64Array,
  names: readonly string[],
  rowNames: readonly string[],
): Promise<Uint8Array> {
  const features = names.length
  const count = rowNames.length
  const shareOf = (row: number, feature: number) => {
    const all = contributions.subarray(row * features, (row + 1) * features)
    const total = all.reduce((sum, value) => sum + value, 0)
    return total > 0 ? all[feature] / total : 0
  }
  const total = (feature: number) =>
    Array.from({ length: count }, (_, row) => shareOf(row, feature)).reduce((sum, share) => sum + share, 0)
  const totals = names.map((_, feature) => total(feature))
  const order = Array.from(names.keys()).sort((a, b) => totals[b] - totals[a] || a - b)
  const shown = features > MOST_COLUMNS ? order.slice(0, MOST_COLUMNS - 1) : order
  const others = order.slice(shown.length)
  const values = Array.from({ length: count }, (_, row) => [
    ...shown.map((feature) => shareOf(row, feature)),
    ...(others.length > 0 ? [others.reduce((sum, feature) => sum + shareOf(row, feature), 0)] : []),
  ])
  return drawHeatMap({
    title: 'What makes the errors of the worst rows',
    subtitles: ["share of each feature in the row's squared error, in per cent; beside the row its error"],
    rowNames,
    columnNames: [
      ...shown.map((feature) => names[feature]),
      ...(others.length > 0 ? [`${others.length} others`] : []),
    ],
    values: values.flat(),
    cellText: (share) => (share >= 0.005 ? (100 * share).toFixed(0) : ''),
  })
}
