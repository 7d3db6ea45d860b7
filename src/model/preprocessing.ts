/**
 * How raw rows become what the network sees, and back: part of a model, kept in its file, applied by every
 * command, the library and exported ONNX. Raw rows go in, raw rows come out. Runs in a browser.
 */
import { UsageError } from '../errors.ts'
import type { FloatArray } from './state.ts'

/**
 * A row that is a picture: row-major pixels, channels of a pixel side by side (grey, or red, green, blue).
 */
export interface PictureShape {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/**
 * Characters that a name of a column or a category may have: they stand in files, messages and headers of
 * tables.
 */
export const MOST_NAME_LENGTH = 1000

/** A column of numbers: one input. */
export interface NumberFeature {
  readonly kind: 'number'
  readonly name: string
  /**
   * What stands in for an empty cell: the mean over the training rows. Undefined: an empty cell is an error.
   */
  readonly fill?: number | undefined
}

/** A column of categories: one input each, 1 for the row's own and 0 for the others. */
export interface CategoryFeature {
  readonly kind: 'category'
  readonly name: string
  /** Those of the training rows, in code point order; a row of another has zeros. */
  readonly categories: readonly string[]
}

export type Feature = NumberFeature | CategoryFeature

export const SCALINGS = ['none', 'minmax', 'standard'] as const
export type ScalingKind = (typeof SCALINGS)[number]

/**
 * x ↦ (x − shift) · factor, input by input: `standard` has shift μ and factor 1/σ (σ of the population, as
 * scikit-learn's StandardScaler), `minmax` the minimum and 1/(maximum − minimum), over the training rows. An
 * input that is constant there has factor 0: it is always 0 to the network, and comes back as the constant
 * (`unseen.ts` says what another value there does to a score).
 */
export interface Scaling {
  readonly kind: Exclude<ScalingKind, 'none'>
  /** (inputs) */
  readonly shift: readonly number[]
  /** (inputs) */
  readonly factor: readonly number[]
  /** Training rows that it was fitted on; undefined of those that do not say. */
  readonly rows?: number | undefined
}

/**
 * Standard deviations beyond which values count as if they were so many, in what a network is trained on and
 * judged by: few outliers among the training rows would otherwise be what it learns to rebuild. Scores count
 * them in full.
 */
export const DEFAULT_CLIP = 2.5

export interface Preprocessing {
  /** Columns of the table in the order of the inputs; undefined for rows without names. */
  readonly features?: readonly Feature[] | undefined
  /** Column that says what a row is, left out of the features. */
  readonly label?: string | undefined
  /** What a row is drawn as. */
  readonly picture?: PictureShape | undefined
  /** Undefined: values are taken as they are. */
  readonly scaling?: Scaling | undefined
}

/**
 * Whether the training rows were no bytes, which mean value / 255: columns, or numbers beyond [0, 1] as far
 * as the scaling tells. The standard deviation of numbers in there is at most a half.
 */
export function isOfNumbers({ features, scaling }: Pick<Preprocessing, 'features' | 'scaling'>): boolean {
  if (features || !scaling) return features !== undefined
  const { kind, shift, factor } = scaling
  return shift.some((value, i) => {
    const widest = kind === 'minmax' ? 1 - value : 0.5
    return value < 0 || value > 1 || (factor[i] > 0 && 1 / factor[i] > widest + 1e-6)
  })
}

/**
 * Raw rows (n, inputs) as the network sees them: empty cells (NaN) filled with the means of the training
 * rows, then scaled. Bytes mean value / 255. What needs neither is returned as it is.
 *
 * @throws UsageError for bytes where the model is of other numbers
 */
export function networkRows(
  rows: Uint8Array | Float32Array,
  how: Pick<Preprocessing, 'features' | 'scaling'>,
): Uint8Array | Float32Array
export function networkRows(
  rows: Uint8Array | FloatArray,
  how: Pick<Preprocessing, 'features' | 'scaling'>,
): Uint8Array | FloatArray
export function networkRows(
  rows: Uint8Array | FloatArray,
  { features, scaling }: Pick<Preprocessing, 'features' | 'scaling'>,
): Uint8Array | FloatArray {
  if (rows instanceof Uint8Array) {
    if (isOfNumbers({ features, scaling })) {
      throw new UsageError('rows: expected floats as in training, found bytes, which mean value / 255')
    }
    return scaling === undefined ? rows : scaleRows(unitRows(rows), scaling)
  }
  const filled = features === undefined ? rows : filledRows(rows, features)
  return scaling === undefined ? filled : scaleRows(filled, scaling)
}

/** Raw rows for what the network gives, which is returned as it is where there is no scaling. */
export function rawRows<Rows extends FloatArray>(
  rows: Rows,
  { scaling }: Preprocessing,
): Rows | Float32Array {
  return scaling === undefined ? rows : unscaleRows(rows, scaling)
}

/**
 * What stands in for an empty cell of each input; NaN where nothing does. Undefined where no input has any.
 */
export function inputFills(features: readonly Feature[]): Float64Array | undefined {
  const fills = features.flatMap((feature) =>
    feature.kind === 'number' ? [feature.fill ?? Number.NaN] : feature.categories.map(() => Number.NaN),
  )
  return fills.every((fill) => Number.isNaN(fill)) ? undefined : Float64Array.from(fills)
}

function filledRows(rows: FloatArray, features: readonly Feature[]): FloatArray {
  const fills = inputFills(features)
  if (fills === undefined) return rows
  let filled: FloatArray | undefined
  for (let i = 0; i < rows.length; i++) {
    if (!Number.isNaN(rows[i])) continue
    filled ??= rows.slice()
    filled[i] = fills[i % fills.length]
  }
  return filled ?? rows
}

/** Bytes as the numbers that they stand for. */
export function unitRows(rows: Uint8Array): Float32Array {
  const units = new Float32Array(rows.length)
  for (let i = 0; i < rows.length; i++) units[i] = rows[i] / 255
  return units
}

/** Inputs that a feature makes. */
export function featureSize(feature: Feature): number {
  return feature.kind === 'number' ? 1 : feature.categories.length
}

/** Name of each input: that of its column, with the category behind it: `site=Kiel`. */
export function inputNames(features: readonly Feature[]): string[] {
  return features.flatMap((feature) =>
    feature.kind === 'number'
      ? [feature.name]
      : feature.categories.map((category) => `${feature.name}=${category}`),
  )
}

/** Rows (n, inputs) as the network sees them. Computed in float64, rounded once. */
export function scaleRows(rows: FloatArray, { shift, factor }: Scaling): Float32Array {
  const inputs = shift.length
  const scaled = new Float32Array(rows.length)
  for (let i = 0, column = 0; i < rows.length; i++) {
    scaled[i] = (rows[i] - shift[column]) * factor[column]
    if (++column === inputs) column = 0
  }
  return scaled
}

/** Raw rows (n, inputs) for what the network gives. */
export function unscaleRows(rows: FloatArray, { shift, factor }: Scaling): Float32Array {
  const inputs = shift.length
  const raw = new Float32Array(rows.length)
  for (let i = 0, column = 0; i < rows.length; i++) {
    raw[i] = factor[column] === 0 ? shift[column] : rows[i] / factor[column] + shift[column]
    if (++column === inputs) column = 0
  }
  return raw
}

/** The limit where nobody says: none but for the scaling that has deviations. */
export function usualClip({ scaling }: Preprocessing): number {
  return scaling?.kind === 'standard' ? DEFAULT_CLIP : 0
}
