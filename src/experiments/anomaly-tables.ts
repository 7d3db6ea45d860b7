/**
 * Autoencoders as detectors of outliers, on labelled tables, with the settings that `train` proposes: by two
 * protocols and several seeds, beside two scores that need no training.
 */
import { columnOf, numberColumns, textsOf } from '../data/features.ts'
import { clipped, fitPreprocessing, liveInputs, networkData, ownData } from '../data/own-data.ts'
import type { RowSet } from '../data/rows.ts'
import { type Column, rowNumber, type Table } from '../data/table.ts'
import type { Engine } from '../engines/engine.ts'
import { FileError } from '../errors.ts'
import type { Network } from '../model/network.ts'
import { describeSizes } from '../model/network.ts'
import { usualClip } from '../model/preprocessing.ts'
import { addUnseen } from '../model/unseen.ts'
import { createRandomSequence, sampleIndices } from '../random/sequence.ts'
import { proposeSettings } from '../run/proposal.ts'
import { Run } from '../run/run.ts'
import { completeSettings, DEFAULT_SETTINGS, fitBatch, networkOf, trainingOf } from '../run/settings.ts'
import { judgeLabel, type Separation, separation, squaredLengths, UNKNOWN } from './outliers.ts'
import { principalComponents, project } from './pca.ts'

/**
 * How a table is used.
 *
 * - `unsupervised`: fitted on all rows, outliers among them, and judged on the same rows.
 * - `semi-supervised`: fitted on a random half of the inliers, judged on the other half and all outliers.
 */
export const PROTOCOLS = ['unsupervised', 'semi-supervised'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/**
 * What scores rows: the autoencoder's mean squared error; the squared error of a reconstruction from the
 * principal components that hold 90 % of the variance; the length of the standardised row, for which nothing
 * is learned.
 */
export const METHODS = ['autoencoder', 'PCA', 'length'] as const
export type Method = (typeof METHODS)[number]

/** Share of the variance that the components keep. */
const PCA_VARIANCE = 0.9

/** Separates the draw of the halves from other uses of a seed. */
const USE_HALVES = 13

export interface LabelledTable {
  readonly name: string
  readonly table: Table
  /** Column that tells what a row is: 0 an inlier, anything else an outlier. Left out of the features. */
  readonly label: string
  /** (count) 1 for an outlier. */
  readonly outliers: Uint8Array
  /** Seconds that reading the file took. */
  readonly readSeconds: number
}

/** Seconds of wall time. */
export interface TrialSeconds {
  /** Choosing columns, filling cells, scaling, clipping. */
  readonly prepare: number
  /** The engine and its threads. */
  readonly start: number
  readonly train: number
  /** Scores of the rows judged. */
  readonly score: number
}

export interface Trial {
  readonly table: string
  readonly protocol: Protocol
  readonly seed: number
  readonly trainingRows: number
  readonly columns: number
  /** `9 → 64 → 4 → 64 → 9`. */
  readonly network: string
  readonly epochs: number
  readonly batchSize: number
  readonly seconds: TrialSeconds
  readonly found: Readonly<Record<Method, Separation>>
}

/**
 * The labels of a table. Throws FileError where a label is missing, or all rows are of one kind, which leaves
 * nothing to tell apart; and for a single inlier, which cannot be halved.
 */
export function labelTable(table: Table, label: string, name: string, readSeconds = 0): LabelledTable {
  const outliers = Uint8Array.from(textsOf(columnOf(table, label)), (text) => judgeLabel(text))
  const unknown = outliers.indexOf(UNKNOWN)
  if (unknown !== -1) {
    const found = `found none in row ${rowNumber(table, unknown)}`
    throw new FileError(table.file, `expected a label in every row, ${found}`)
  }
  const positives = outliers.reduce((sum, value) => sum + value, 0)
  const inliers = table.count - positives
  if (positives < 1 || inliers < 2) {
    throw new FileError(
      table.file,
      `expected an outlier and two inliers in column ${label}, found ${positives} and ${inliers}`,
    )
  }
  return { name, table, label, outliers, readSeconds }
}

/** Some rows of a table, in the order given. */
function tableRows(table: Table, rows: Uint32Array): Table {
  const chosen = (column: Column): Column =>
    column.kind === 'number'
      ? { ...column, values: Float64Array.from(rows, (row) => column.values[row]) }
      : { ...column, values: Array.from(rows, (row) => column.values[row]) }
  const { blanks: _, ...rest } = table
  return { ...rest, count: rows.length, columns: table.columns.map(chosen) }
}

/** The rows that a protocol fits on and those that it judges. Undefined: all. */
export interface ProtocolRows {
  readonly fit: Uint32Array | undefined
  readonly judge: Uint32Array | undefined
}

/** The halves are drawn by the seed; of an odd number of inliers the half that is judged has one more. */
function protocolRows(outliers: Uint8Array, protocol: Protocol, seed: number): ProtocolRows {
  if (protocol === 'unsupervised') return { fit: undefined, judge: undefined }
  const rows = Uint32Array.from(outliers.keys())
  const inliers = rows.filter((row) => outliers[row] === 0)
  const order = sampleIndices(createRandomSequence(seed, USE_HALVES), inliers.length, inliers.length)
  const shuffled = order.map((index) => inliers[index])
  const half = Math.floor(inliers.length / 2)
  const judged = [...shuffled.subarray(half), ...rows.filter((row) => outliers[row] === 1)]
  return { fit: shuffled.slice(0, half), judge: Uint32Array.from(judged) }
}

export interface TrialOptions {
  readonly createEngine: (network: Network) => Promise<Engine>
  readonly signal?: AbortSignal | undefined
}

/**
 * Trains and judges once, as `train` and `score` do with their defaults.
 *
 * @throws FileError for a table without columns of numbers; what training throws; HourglassError once the
 *   signal aborts
 */
export async function runTrial(
  labelled: LabelledTable,
  protocol: Protocol,
  seed: number,
  { createEngine, signal }: TrialOptions,
): Promise<Trial> {
  const { table, label, outliers } = labelled
  const { fit, judge } = protocolRows(outliers, protocol, seed)
  const times = [performance.now()]
  const lap = () => times.push(performance.now())

  const fitTable = fit ? tableRows(table, fit) : table
  const judged = judge && tableRows(table, judge)
  const source = { train: fitTable, description: '' }
  // Of the whole table: in a shuffled half of it nothing is seen to number the rows.
  const exclude = numberColumns(table).counting.filter((name) => name !== label)
  const raw = ownData(source, { label, exclude }, judged && { train: judged, description: '' })
  const preprocessing = fitPreprocessing(raw, 'standard')
  const { train, test = train } = networkData(raw, preprocessing)
  const data = clipped({ train }, usualClip(preprocessing))
  const live = liveInputs(preprocessing, raw.inputs)
  const proposed = proposeSettings({ inputs: raw.inputs, live, rows: train.count, isUnit: false })
  const given = { ...proposed.network, ...proposed.training, seed }
  const settings = fitBatch(completeSettings(given, DEFAULT_SETTINGS), {}, train.count)
  const network = networkOf(settings, raw.inputs)
  lap()

  const engine = await createEngine(network)
  try {
    lap()
    const run = Run.begin(network, trainingOf(settings))
    await run.train(engine, data, { signal }, { initialize: true })
    signal?.throwIfAborted()
    lap()
    const { rows: judgedRows } = raw.test ?? raw.train
    const errors = addUnseen(await engine.reconstructionErrors(test.rows), judgedRows, preprocessing.scaling)
    lap()
    const truth = judge ? judge.map((row) => outliers[row]) : outliers
    const others = await plainScores(train, test, raw.inputs, signal)
    const seconds = times.slice(1).map((time, i) => (time - times[i]) / 1000)
    const [prepare, start, trained, score] = seconds
    return {
      table: labelled.name,
      protocol,
      seed,
      trainingRows: train.count,
      columns: raw.inputs,
      network: describeSizes(network),
      epochs: settings.epochs,
      batchSize: settings.batchSize,
      seconds: { prepare, start, train: trained, score },
      found: {
        autoencoder: separation(errors, truth),
        PCA: separation(others.PCA, truth),
        length: separation(others.length, truth),
      },
    }
  } finally {
    await engine.dispose()
  }
}

/** The scores that need no training, of standardised rows. */
async function plainScores(
  train: RowSet,
  test: RowSet,
  inputs: number,
  signal: AbortSignal | undefined,
): Promise<Record<Exclude<Method, 'autoencoder'>, Float64Array>> {
  const length = squaredLengths(test.rows, inputs)
  // Of a single row there are no components: what it is compared with is its mean.
  if (train.count < 2) return { PCA: length, length }
  const all = await principalComponents(train.rows, inputs, inputs, signal)
  const needed = PCA_VARIANCE * all.totalVariance
  let held = 0
  let count = 0
  while (count < inputs && held < needed) held += all.variances[count++]
  if (count === 0) return { PCA: length, length }
  const kept = { ...all, count, components: all.components.subarray(0, count * inputs) }
  const codes = await project(kept, test.rows, signal)
  const within = squaredLengths(codes, count)
  const whole = squaredLengths(test.rows, inputs, all.mean)
  // Components are orthonormal: what they do not hold of a row is the rest of its square.
  return { PCA: whole.map((square, row) => Math.max(0, square - within[row])), length }
}
