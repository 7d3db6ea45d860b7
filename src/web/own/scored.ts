/** The scored rows of a visitor's data: as a sorted list, in a summary, and as pictures. */
import {
  type Autoencoder,
  type FloatArray,
  type ModelRows,
  measureScores,
  type Scores,
  type Truth,
  truthOf,
} from '../../browser.ts'
import type { Source } from '../../data/table.ts'
import { ratioBins } from '../../figures/bins.ts'
import { selectModelRows } from '../../tools/rows.ts'
import type { ScoredRow, ScoreSummary, SortKey, WorstPictures } from './messages.ts'

/** Pictures of greatest error that are shown beside what the model makes of them. */
const WORST_PICTURES = 8

type SourceSet = Source['train']

export class ScoredRows {
  readonly rows: ModelRows
  readonly scores: Scores
  readonly #set: SourceSet
  /** Name of the column that says what a row is. */
  readonly #label: string | undefined
  /** What it, or the picture's folder, says of each row. */
  readonly #labels: readonly string[] | undefined
  /** Rows as they were sorted last, by what. */
  #order: Uint32Array = new Uint32Array()
  #sortedBy = ''

  constructor(set: SourceSet, rows: ModelRows, scores: Scores, label: string | undefined) {
    this.#set = set
    this.rows = rows
    this.scores = scores
    this.#label = label
    this.#labels = labelsOf(set, rows, label)
  }

  /** Rows `from` and on of the list, sorted; rows of the same key lie as in the data. */
  page(by: SortKey, descending: boolean, from: number, most: number): ScoredRow[] {
    const sortedBy = `${by} ${descending}`
    if (this.#sortedBy !== sortedBy) {
      this.#order = sortedRows(this.scores, this.#labels ?? [], by, descending)
      this.#sortedBy = sortedBy
    }
    return Array.from(this.#order.subarray(from, from + most), (row) => this.#scoredRow(row))
  }

  summary(): Pick<
    ScoreSummary,
    'count' | 'threshold' | 'flagged' | 'bins' | 'isByLabel' | 'hasLabels' | 'measured'
  > {
    const { scores, rows } = this
    const truth = truthOf(this.#set, { usualLabel: this.#label }, rows.kept)
    const measured = truth && measureScores(scores, truth)
    const series = measured && truth ? byKind(scores, truth) : [scores.errors]
    return {
      count: scores.count,
      threshold: scores.threshold,
      flagged: scores.flagged,
      bins: ratioBins(series, scores.threshold),
      isByLabel: series.length > 1,
      hasLabels: this.#labels !== undefined,
      measured,
    }
  }

  /** Of pictures, those of greatest error. */
  async worst(model: Autoencoder): Promise<WorstPictures | undefined> {
    const { rows, scores } = this
    const { picture } = rows
    if (!picture) return undefined
    const values = rows.rows.length / rows.count
    const order = errorOrder(scores.errors).subarray(0, WORST_PICTURES)
    const chosen = selectModelRows(rows, values, order)
    const scale = chosen.rows instanceof Uint8Array ? 1 / 255 : 1
    const outputs = await model.reconstruct(chosen.rows)
    const each = (all: FloatArray) =>
      Array.from(order, (_, i) => Float32Array.from(all.subarray(i * values, (i + 1) * values)))
    return {
      shape: picture,
      names: Array.from(order, (row) => this.#nameOf(row) ?? `row ${this.#numberOf(row)}`),
      originals: each(Float32Array.from(chosen.rows, (value) => value * scale)),
      outputs: each(outputs),
    }
  }

  #scoredRow(row: number): ScoredRow {
    const { scores } = this
    const { most, names, features, shares } = scores.explanation
    return {
      row: this.#numberOf(row),
      name: this.#nameOf(row),
      error: scores.errors[row],
      percentile: scores.percentiles[row],
      isOutlier: scores.verdicts[row] === 1,
      label: this.#labels?.[row],
      reasons: Array.from({ length: most }, (_, place) => ({
        name: names[features[row * most + place]],
        share: shares[row * most + place],
      })),
    }
  }

  /** As in the data, from 1 on. */
  #numberOf(row: number): number {
    return sourceRow(this.rows, row) + 1
  }

  #nameOf(row: number): string | undefined {
    return this.#set.kind === 'values' ? this.#set.names?.[sourceRow(this.rows, row)] : undefined
  }
}

/** Row of the data, from 0, that a scored row was. */
function sourceRow({ kept }: ModelRows, row: number): number {
  return kept ? kept[row] : row
}

function labelsOf(set: SourceSet, rows: ModelRows, label: string | undefined): string[] | undefined {
  const textOf =
    set.kind === 'table'
      ? cellTexts(set.columns.find(({ name }) => name === label)?.values)
      : set.labels && ((row: number) => set.classes?.[set.labels?.[row] ?? 0] ?? String(set.labels?.[row]))
  return textOf && Array.from({ length: rows.count }, (_, i) => textOf(sourceRow(rows, i)))
}

function cellTexts(
  values: Float64Array | readonly string[] | undefined,
): ((row: number) => string) | undefined {
  return values && ((row) => (Number.isNaN(values[row]) ? '' : String(values[row])))
}

function errorOrder(errors: Float64Array): Uint32Array {
  return Uint32Array.from(errors.keys()).sort((a, b) => errors[b] - errors[a] || a - b)
}

function sortedRows(
  scores: Scores,
  labels: readonly string[],
  by: SortKey,
  descending: boolean,
): Uint32Array {
  const sign = descending ? -1 : 1
  const { errors, verdicts, count } = scores
  const rows = Uint32Array.from({ length: count }, (_, i) => i)
  const { compare } = new Intl.Collator('en', { numeric: true })
  const orders: Record<SortKey, (a: number, b: number) => number> = {
    row: (a, b) => a - b,
    error: (a, b) => errors[a] - errors[b],
    verdict: (a, b) => verdicts[a] - verdicts[b],
    label: (a, b) => compare(labels[a] ?? '', labels[b] ?? ''),
  }
  return rows.sort((a, b) => sign * orders[by](a, b) || a - b)
}

/** Errors of inliers and of outliers. */
function byKind({ errors }: Scores, { values }: Truth): Float64Array[] {
  return [0, 1].map((kind) => errors.filter((_, row) => values[row] === kind))
}
