/** `score`: how anomalous rows are, by how well a model rebuilds them. Runs in a browser. */
import { fitScaling } from '../data/scaling.ts'
import { UsageError } from '../errors.ts'
import { squaredLengths } from '../experiments/outliers.ts'
import { DEFAULT_CONTAMINATION, ErrorQuantiles } from '../model/error-quantiles.ts'
import { inputSize } from '../model/network.ts'
import { featureSize, type Scaling, scaleRows, unitRows } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { addUnseen, eachUnseen } from '../model/unseen.ts'
import { checkAmount } from '../training/config.ts'
import { checkAutoencoder, type ToolHooks, type ToolModel } from './model.ts'
import { type ModelRows, namesOfInputs, networkParts } from './rows.ts'

export interface ScoreOptions {
  /**
   * Share, above 0 and below 1, of the training rows that are above the threshold. Default
   * `DEFAULT_CONTAMINATION`.
   */
  readonly contamination?: number | undefined
  /** Error above which a row is an outlier, in place of `contamination`. */
  readonly threshold?: number | undefined
  /** Features to name for each row, those that contribute most to its error; default 3. */
  readonly explain?: number | undefined
}

export const DEFAULT_EXPLAIN = 3

export interface Scores {
  readonly count: number
  /** (count) mean squared error per value, as the network sees it. */
  readonly errors: Float64Array
  /** (count) per cent of the training rows, or of these, whose error is no greater. */
  readonly percentiles: Float64Array
  /** A row with a greater error is taken for an outlier. */
  readonly threshold: number
  /** The share that the threshold was made of; undefined where it was given. */
  readonly contamination?: number | undefined
  /** (count) 1 where the error is above the threshold, else 0. */
  readonly verdicts: Uint8Array
  /** Rows above the threshold. */
  readonly flagged: number
  /** Whose errors the percentiles are of: the training rows', which the model keeps, or these rows' own. */
  readonly measuredBy: 'training rows' | 'these rows'
  readonly explanation: Explanation
  /**
   * (count) Euclidean length of the standardised row: what a score without a network makes of it.
   * Standardised by the model's own scaling where that is `standard`, else over these rows.
   */
  readonly lengths: Float64Array
}

/** The features that contribute most to the error of each row, the greatest first. */
export interface Explanation {
  /** Features that are named for each row. */
  readonly most: number
  /** Names that `features` are places in. */
  readonly names: readonly string[]
  /** (count, most) */
  readonly features: Uint32Array
  /** (count, most) share of the row's squared error, in [0, 1]; 0 of a row without any. */
  readonly shares: Float32Array
}

/** Inputs that belong to one feature: all categories of a column. */
export interface InputGroups {
  readonly names: readonly string[]
  /** (inputs) which of the names. */
  readonly of: Uint32Array
}

/** The features that inputs belong to: columns of a table, else each input alone. */
export function inputGroups(rows: Pick<ModelRows, 'features' | 'picture'>, inputs: number): InputGroups {
  const { features } = rows
  if (!features)
    return { names: namesOfInputs(rows, inputs), of: Uint32Array.from({ length: inputs }, (_, i) => i) }
  return {
    names: features.map(({ name }) => name),
    of: Uint32Array.from(features.flatMap((feature, i) => new Array<number>(featureSize(feature)).fill(i))),
  }
}

/**
 * Scores rows.
 *
 * @throws UsageError for options that cannot be; FileError for a classifier, and for errors that are not
 *   finite
 */
export async function scoreRows(
  model: ToolModel,
  rows: ModelRows,
  options: ScoreOptions = {},
  hooks: ToolHooks = {},
): Promise<Scores> {
  checkOptions(options)
  checkAutoencoder(model)
  const { engine, trainingErrors, preprocessing: { scaling } = {} } = model
  const inputs = inputSize(engine.network)
  const groups = inputGroups(rows, inputs)
  const most = Math.min(options.explain ?? DEFAULT_EXPLAIN, groups.names.length)
  const errors = new Float64Array(rows.count)
  const features = new Uint32Array(rows.count * most)
  const shares = new Float32Array(rows.count * most)
  const lengths = new RowLengths(model, rows, inputs)
  for await (const { from, raw, inputs: seen } of networkParts(model, rows, hooks)) {
    errors.set(addUnseen(await engine.reconstructionErrors(seen), raw, scaling), from)
    lengths.add(from, raw)
    if (most === 0) continue
    const contributions = squaredErrors(await engine.forward(seen), { raw, seen, scaling }, groups)
    explain(contributions, groups.names.length, most, {
      features: features.subarray(from * most),
      shares: shares.subarray(from * most),
    })
  }
  const bad = errors.findIndex((error) => !Number.isFinite(error))
  if (bad !== -1) {
    throw new UsageError(
      `${model.name}: the error of row ${bad + 1} is ${errors[bad]}: no score can be made of it`,
    )
  }
  const known = trainingErrors ?? ErrorQuantiles.exact(errors)
  const contamination =
    options.threshold === undefined ? (options.contamination ?? DEFAULT_CONTAMINATION) : undefined
  const threshold = options.threshold ?? known.threshold(contamination)
  const verdicts = Uint8Array.from(errors, (error) => Number(error > threshold))
  return {
    count: rows.count,
    errors,
    percentiles: Float64Array.from(errors, (error) => known.percentileOf(error)),
    threshold,
    contamination,
    verdicts,
    flagged: verdicts.reduce((sum, verdict) => sum + verdict, 0),
    measuredBy: trainingErrors ? 'training rows' : 'these rows',
    explanation: { most, names: groups.names, features, shares },
    lengths: lengths.values,
  }
}

function checkOptions({ contamination, threshold, explain }: ScoreOptions): void {
  if (contamination !== undefined && threshold !== undefined) {
    throw new UsageError('contamination: expected none beside a threshold, found one')
  }
  if (contamination !== undefined && !(contamination > 0 && contamination < 1)) {
    throw new UsageError(`contamination: expected a share above 0 and below 1, found ${contamination}`)
  }
  if (threshold !== undefined) checkAmount('threshold', threshold)
  if (explain !== undefined && !(Number.isInteger(explain) && explain >= 0)) {
    throw new UsageError(`explain: expected a whole number of at least 0, found ${explain}`)
  }
}

/** Rows (n, inputs) that were rebuilt. */
export interface Rebuilt {
  readonly raw: Uint8Array | FloatArray
  /** As the network saw them. */
  readonly seen: Uint8Array | FloatArray
  readonly scaling: Scaling | undefined
}

/** (n, features) squared error of each feature: the sum over its inputs. */
export function squaredErrors(
  outputs: FloatArray,
  { raw, seen, scaling }: Rebuilt,
  { names, of }: InputGroups,
): Float64Array {
  const scale = seen instanceof Uint8Array ? 1 / 255 : 1
  const inputs = of.length
  const features = names.length
  const sums = new Float64Array((seen.length / inputs) * features)
  for (let start = 0, to = 0; start < seen.length; start += inputs, to += features) {
    for (let i = 0; i < inputs; i++) sums[to + of[i]] += (outputs[start + i] - scale * seen[start + i]) ** 2
  }
  eachUnseen(raw, scaling, (row, input, square) => {
    sums[row * features + of[input]] += square
  })
  return sums
}

function explain(
  contributions: Float64Array,
  features: number,
  most: number,
  out: { readonly features: Uint32Array; readonly shares: Float32Array },
): void {
  for (let start = 0, to = 0; start < contributions.length; start += features, to += most) {
    const row = contributions.subarray(start, start + features)
    let total = 0
    for (const value of row) total += value
    for (let place = 0; place < most; place++) {
      let best = -1
      for (let i = 0; i < features; i++) if (best === -1 || row[i] > row[best]) best = i
      out.features[to + place] = best
      out.shares[to + place] = total > 0 ? Math.max(0, row[best]) / total : 0
      // Below all others from now on.
      row[best] = -1
    }
  }
}

/** The Euclidean length of each row, standardised. */
class RowLengths {
  readonly values: Float64Array
  readonly #inputs: number
  readonly #own: Scaling | undefined
  readonly #scale: (rows: Uint8Array | FloatArray) => FloatArray

  constructor({ preprocessing = {} }: ToolModel, { rows, count }: ModelRows, inputs: number) {
    this.values = new Float64Array(count)
    this.#inputs = inputs
    const numbers = (raw: Uint8Array | FloatArray) => (raw instanceof Uint8Array ? unitRows(raw) : raw)
    this.#own = preprocessing.scaling?.kind === 'standard' ? preprocessing.scaling : undefined
    const scaling = this.#own ?? fitScaling(numbers(rows), inputs, 'standard')
    this.#scale = (raw) => (scaling ? scaleRows(numbers(raw), scaling) : numbers(raw))
  }

  add(from: number, raw: Uint8Array | FloatArray): void {
    const squares = squaredLengths(this.#scale(raw), this.#inputs)
    eachUnseen(raw, this.#own, (row, _, square) => {
      squares[row] += square
    })
    this.values.set(squares.map(Math.sqrt), from)
  }
}
