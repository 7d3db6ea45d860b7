/** Which rows are known to be outliers, and how well a score finds them. Runs in a browser. */
import { columnOf, textsOf } from '../data/features.ts'
import type { Table, Values } from '../data/table.ts'
import { FileError } from '../errors.ts'
import { isSameLabel, judgeLabel, type Separation, separation, UNKNOWN } from '../experiments/outliers.ts'
import { quote } from '../quote.ts'
import type { Scores } from './score.ts'

export interface LabelOptions {
  /** Column of the label, which must be there. */
  readonly label?: string | undefined
  /** Column of the label, if it is there: the one that the model knows. */
  readonly usualLabel?: string | undefined
  /** Label of outliers; default everything but 0. */
  readonly outlier?: string | undefined
}

/** (count) of the rows: 1 outlier, 0 inlier, 255 unknown, where the cell is empty. */
export interface Truth {
  readonly values: Uint8Array
  readonly outliers: number
  readonly inliers: number
  readonly unknown: number
  /** Some of the labels that occur, each once. */
  readonly examples: readonly string[]
}

/**
 * What the labels say of the rows; undefined where there are none. Arrays and pictures say it where their
 * classes are 0 and 1, or `outlier` names one of them.
 *
 * @param kept which row of the data each is, where some were left out
 * @throws FileError for a column, or a class, that is not there
 */
export function truthOf(
  set: Table | Values,
  options: LabelOptions,
  kept?: Uint32Array | undefined,
): Truth | undefined {
  const texts = labelTexts(set, options)
  const { outlier } = options
  if (!texts) {
    if (outlier === undefined) return undefined
    throw new FileError(set.file, `expected labels, ${quote(outlier)} for outliers, found none`)
  }
  if (outlier !== undefined && !texts.some((text) => isSameLabel(text, outlier))) {
    throw new FileError(
      set.file,
      `expected labels of outliers ${quote(outlier)}, found ${listed(examplesOf(texts))}`,
    )
  }
  const values = Uint8Array.from({ length: kept?.length ?? set.count }, (_, i) =>
    judgeLabel(texts[kept ? kept[i] : i], outlier),
  )
  const count = (wanted: number) => values.reduce((sum, value) => sum + Number(value === wanted), 0)
  return {
    values,
    outliers: count(1),
    inliers: count(0),
    unknown: count(UNKNOWN),
    examples: examplesOf(texts),
  }
}

function labelTexts(
  set: Table | Values,
  { label, usualLabel, outlier }: LabelOptions,
): readonly string[] | undefined {
  if (set.kind === 'table') {
    const name = label ?? usualLabel
    if (name === undefined) return undefined
    if (label === undefined && !set.columns.some((column) => column.name === name)) return undefined
    return textsOf(columnOf(set, name))
  }
  const { labels, classes } = set
  if (!labels) {
    if (label === undefined && outlier === undefined) return undefined
    throw new FileError(set.file, 'expected labels beside the rows, found none')
  }
  const texts = Array.from(labels, (value) => classes?.[value] ?? String(value))
  // Those of ten digits say nothing of outliers.
  return outlier !== undefined || texts.every((text) => text === '0' || text === '1') ? texts : undefined
}

function examplesOf(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '').slice(0, 5)
}

/** For people. */
export function listed(labels: readonly string[]): string {
  return labels.map((text) => quote(text, 20)).join(', ')
}

/** How well a score tells outliers from inliers. */
export interface Detection extends Separation {
  /** Share of the rows beyond the threshold that are outliers; null where none is beyond it. */
  readonly precision: number | null
  /** Share of the outliers that are beyond the threshold. */
  readonly recall: number
}

export interface Measured extends Detection {
  readonly outliers: number
  readonly inliers: number
  /** The same of the plain length of the standardised row, where as many rows are beyond the threshold. */
  readonly baseline: Detection
}

/** Undefined where the labels are all of one kind: nothing can be told apart then. */
export function measureScores(scores: Scores, truth: Truth): Measured | undefined {
  const { outliers, inliers, values } = truth
  if (outliers === 0 || inliers === 0) return undefined
  const known = Uint32Array.from(values.keys()).filter((row) => values[row] !== UNKNOWN)
  const flagged = known.reduce((sum, row) => sum + scores.verdicts[row], 0)
  return {
    outliers,
    inliers,
    ...detection(scores.errors, truth, (row) => scores.verdicts[row] === 1),
    baseline: detection(scores.lengths, truth, longest(scores.lengths, known, flagged)),
  }
}

function longest(lengths: Float64Array, known: Uint32Array, count: number): (row: number) => boolean {
  const sorted = [...known].sort((a, b) => lengths[b] - lengths[a] || a - b)
  const chosen = new Set(sorted.slice(0, count))
  return (row) => chosen.has(row)
}

function detection(
  score: Float64Array,
  { values, outliers }: Truth,
  isFlagged: (row: number) => boolean,
): Detection {
  let flagged = 0
  let found = 0
  values.forEach((truth, row) => {
    if (truth === UNKNOWN || !isFlagged(row)) return
    flagged++
    found += truth
  })
  return {
    ...separation(score, values),
    precision: flagged > 0 ? found / flagged : null,
    recall: found / outliers,
  }
}
