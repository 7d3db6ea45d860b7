/**
 * From what a file of one's own holds to rows for training: which rows validate, columns and categories, and
 * the scaling, all fitted on the training rows alone. Runs in a browser.
 */
import { FileError, UsageError } from '../errors.ts'
import { WIDEST_LAYER } from '../model/check-network.ts'
import type { Network } from '../model/network.ts'
import {
  type Feature,
  inputNames,
  networkRows,
  type PictureShape,
  type Preprocessing,
  SCALINGS,
  type ScalingKind,
  unitRows,
  usualClip,
} from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { kindOf, quote } from '../quote.ts'
import { STREAM_SPLIT, shuffledOrder } from '../random/streams.ts'
import { type FeatureOptions, fitFeatures, rowsOf, unknownNotes } from './features.ts'
import { checkLimit, type RowSet } from './rows.ts'
import { fitScaling } from './scaling.ts'
import type { Source, Table, Values } from './table.ts'

export interface OwnDataOptions extends FeatureOptions {
  /** Share of the rows that is held back from training and judges it: above 0 and below 1. */
  readonly validation?: number | undefined
  /** Seed of that choice; default 1. */
  readonly seed?: number | undefined
  /** Only the first so many rows are used for training. */
  readonly limit?: number | undefined
}

/** Rows as their source has them. */
export interface RawRows {
  readonly count: number
  /** (count, inputs), row-major: bytes mean value / 255. */
  readonly rows: Uint8Array | FloatArray
  /** (count) class indices. */
  readonly labels?: Uint8Array | undefined
}

/** What the rows beside the training rows are. */
export type Judge = 'test' | 'validation'

/** Raw rows to train on, and all that making others like them takes. */
export interface OwnData {
  readonly train: RawRows
  /** What judges the training: the validation rows or the test set; undefined where there are neither. */
  readonly test?: RawRows | undefined
  readonly judge?: Judge | undefined
  /** Values of a row. */
  readonly inputs: number
  /** Columns of the table; undefined for rows without names. */
  readonly features?: readonly Feature[] | undefined
  readonly label?: string | undefined
  readonly picture?: PictureShape | undefined
  /** How they are scaled where nobody says otherwise. */
  readonly usualScaling: ScalingKind
  /** One line for people. */
  readonly description: string
  /** What the user should know, one line each. */
  readonly notes: readonly string[]
}

/** Preprocessing that is given instead of fitted: that of the run which is gone on with. */
type Fixed = Pick<Preprocessing, 'features' | 'label' | 'picture'>

/**
 * Raw rows of a source.
 *
 * @param test another source whose rows judge the training
 * @param fixed columns, means and categories to use, where they are not to be fitted
 * @throws FileError for a table or array that cannot be used; UsageError for options that cannot be or
 *   contradict each other
 */
export function ownData(
  source: Source,
  options: OwnDataOptions = {},
  test?: Source | undefined,
  fixed?: Fixed | undefined,
): OwnData {
  checkOptions(source, options, test)
  const { train: all } = source
  const ownTest = options.validation === undefined ? (test?.train ?? source.test) : undefined
  const notes: string[] = []
  if (options.validation !== undefined && source.test) {
    notes.push(`${source.test.file}: its test set is not used, as the validation rows judge`)
  }
  if (fixed && (fixed.features !== undefined) !== (all.kind === 'table')) {
    const [expected, found] = fixed.features
      ? ['a table, as its run began with', 'an array or pictures']
      : ['an array or pictures, as its run began with', 'a table']
    throw new FileError(all.file, `expected ${expected}, found ${found}`)
  }
  const split = splitRows(all, options)
  const made = all.kind === 'table' ? ofTable(all, options, split, fixed) : ofValues(all, options, split)
  notes.push(...made.notes)
  const { inputs, train, validation, ...knowledge } = made
  const tested = ownTest && testRows(ownTest, all, made, options)
  if (ownTest?.kind === 'table') notes.push(...unknownNotes(ownTest, made.features ?? []))
  checkSize(all.file, train, inputs)
  return {
    ...knowledge,
    train,
    inputs,
    ...(validation && { test: validation, judge: 'validation' as const }),
    ...(tested && { test: tested, judge: 'test' as const }),
    usualScaling: all.kind === 'table' || !isUnit(train.rows) ? 'standard' : 'none',
    description: source.description,
    notes,
  }
}

/** Fits the scaling to the training rows. @throws UsageError for a scaling that there is not */
export function fitPreprocessing(
  data: Pick<OwnData, 'train' | 'inputs' | 'features' | 'label' | 'picture'>,
  scale: ScalingKind,
): Preprocessing {
  if (!SCALINGS.includes(scale)) {
    throw new UsageError(`scale: expected ${SCALINGS.join(' or ')}, found ${kindOf(scale)}`)
  }
  const { features, label, picture, inputs } = data
  const filled = networkRows(data.train.rows, { features })
  const numbers = filled instanceof Uint8Array ? unitRows(filled) : filled
  const names = features && inputNames(features)
  const scaling = scale === 'none' ? undefined : fitScaling(numbers, inputs, scale, names)
  return {
    ...(features && { features }),
    ...(label !== undefined && { label }),
    ...(picture && { picture }),
    ...(scaling && { scaling }),
  }
}

/**
 * The limit that is asked for, else the usual one.
 *
 * @throws UsageError for one beside a scaling that has no deviations
 */
export function chosenClip(preprocessing: Preprocessing, clip?: number | undefined): number {
  if (clip === undefined) return usualClip(preprocessing)
  const kind = preprocessing.scaling?.kind ?? 'none'
  if (kind !== 'standard') throw new UsageError(`clip: expected standard scaling beside it, found ${kind}`)
  return clip
}

/** Values beyond ±most as ±most, and as they are where it is 0. */
export function clipped(
  { train, test }: { readonly train: RowSet; readonly test?: RowSet | undefined },
  most: number,
): { readonly train: RowSet; readonly test?: RowSet } {
  const clip = (set: RowSet): RowSet => {
    if (most === 0 || set.rows instanceof Uint8Array) return set
    const rows = set.rows.slice()
    for (let i = 0; i < rows.length; i++) rows[i] = Math.min(most, Math.max(-most, rows[i]))
    return { ...set, rows }
  }
  return { train: clip(train), ...(test && { test: clip(test) }) }
}

/**
 * Rows that judge, as the loss takes them: scaled by `minmax` they may lie beyond the training rows. bce is
 * not defined there, so that it takes such values as 0 or 1; a squared error takes them as they are.
 *
 * @returns the rows, and how many values were taken so
 */
export function judgingRows(
  set: RowSet,
  { scaling }: Preprocessing,
  { loss }: Network,
): { readonly set: RowSet; readonly beyond: number } {
  const { rows } = set
  if (loss !== 'bce' || scaling?.kind !== 'minmax' || rows instanceof Uint8Array) return { set, beyond: 0 }
  const beyond = rows.filter((value) => value < 0 || value > 1).length
  return { set: { ...set, rows: rows.map((value) => Math.min(1, Math.max(0, value))) }, beyond }
}

/** Inputs that are not constant over the training rows, as far as the scaling tells. */
export function liveInputs({ scaling }: Preprocessing, inputs: number): number {
  return scaling ? scaling.factor.filter((factor) => factor > 0).length : inputs
}

/** The rows as the network sees them. */
export function networkData(
  { train, test }: Pick<OwnData, 'train' | 'test'>,
  preprocessing: Preprocessing,
): { readonly train: RowSet; readonly test?: RowSet } {
  const scaled = (set: RawRows): RowSet => {
    const rows = networkRows(set.rows, preprocessing)
    return { ...set, rows: rows instanceof Float64Array ? new Float32Array(rows) : rows }
  }
  return { train: scaled(train), ...(test && { test: scaled(test) }) }
}

/** Whether all values lie in [0, 1], which is what a sigmoid can give. */
export function isUnit(rows: Uint8Array | FloatArray): boolean {
  return rows instanceof Uint8Array || rows.every((value) => value >= 0 && value <= 1)
}

function checkOptions(source: Source, options: OwnDataOptions, test: Source | undefined): void {
  const { validation, limit } = options
  const { count, kind, file } = source.train
  if (validation !== undefined) checkValidation(validation, test)
  if (limit !== undefined) checkLimit(limit, count)
  if (kind === 'table') return
  const { columns, exclude, label, oneHot, missing } = options
  const [named] =
    Object.entries({ columns, exclude, label, oneHot }).find(([, value]) => value !== undefined) ?? []
  if (named !== undefined) {
    throw new UsageError(`${named}: expected a table with named columns, found ${quote(file)} without names`)
  }
  if (missing === 'mean') {
    throw new UsageError(
      `missing: expected error or drop for ${quote(file)} without named columns, found mean`,
    )
  }
}

/** Which rows do what. */
interface Split {
  /** (count of the source) 1: training, 2: validation, 0: neither. */
  readonly role: Uint8Array
  /** Training rows in the source's order; undefined: all. */
  readonly train: Uint32Array | undefined
}

const TRAINS = 1
const VALIDATES = 2

function splitRows({ count: all, file }: Table | Values, options: OwnDataOptions): Split {
  const { validation, seed = 1, limit: count = all } = options
  const role = new Uint8Array(all)
  role.fill(TRAINS, 0, count)
  if (validation === undefined) {
    return { role, train: count === all ? undefined : Uint32Array.from({ length: count }, (_, i) => i) }
  }
  if (count < 2) {
    throw new FileError(file, 'expected at least two rows, to hold some back for validation, found one')
  }
  for (const row of drawValidation(count, validation, seed)) role[row] = VALIDATES
  const train = Uint32Array.from(role.keys()).filter((row) => role[row] === TRAINS)
  return { role, train }
}

/** Rows of at least two that validate, in no order: at least one, and not all. */
function drawValidation(count: number, share: number, seed: number): Uint32Array {
  const held = Math.min(count - 1, Math.max(1, Math.round(share * count)))
  return shuffledOrder(count, seed, 0, STREAM_SPLIT).subarray(0, held)
}

/** The same choice from rows that are read already. Throws UsageError for a share that cannot be. */
export function holdBack(
  set: RawRows,
  inputs: number,
  validation: number,
  seed: number,
): { readonly train: RawRows; readonly test: RawRows } {
  checkShare(validation)
  const { count } = set
  if (count < 2) throw new UsageError(`validation: expected at least two rows, found ${count}`)
  const held = new Set(drawValidation(count, validation, seed))
  const chosen = (isHeld: boolean) =>
    selectRows(
      set,
      inputs,
      Uint32Array.from({ length: count }, (_, row) => row).filter((row) => held.has(row) === isHeld),
    )
  return { train: chosen(false), test: chosen(true) }
}

/** Throws UsageError for a share of the rows that cannot be held back, or for one beside a test set. */
export function checkValidation(validation: number, test: object | undefined): void {
  checkShare(validation)
  if (test) throw new UsageError('validation: expected none beside a test set, found one')
}

function checkShare(validation: number): void {
  if (typeof validation === 'number' && validation > 0 && validation < 1) return
  throw new UsageError(`validation: expected a share above 0 and below 1, found ${kindOf(validation)}`)
}

interface Made extends Fixed {
  readonly inputs: number
  readonly train: RawRows
  readonly validation: RawRows | undefined
  readonly notes: readonly string[]
}

function ofTable(table: Table, options: OwnDataOptions, split: Split, fixed: Fixed | undefined): Made {
  const fitted = fixed?.features
    ? { features: fixed.features, notes: [] }
    : fitFeatures(table, options, split.train, options.limit)
  const { features } = fitted
  const label = fixed ? fixed.label : options.label
  const inputs = inputNames(features).length
  const made = rowsOfTable(table, features, options)
  return {
    features,
    ...(label !== undefined && { label }),
    inputs,
    ...shared(made, made.kept, inputs, split),
    notes: [...fitted.notes, ...droppedNote(table, made, options), ...unknownNotes(table, features)],
  }
}

function rowsOfTable(table: Table, features: readonly Feature[], { missing }: OwnDataOptions) {
  return rowsOf(table, features, missing === 'drop' ? 'drop' : 'error', missing)
}

function ofValues(values: Values, options: OwnDataOptions, split: Split): Made {
  const inputs = values.rows.length / values.count
  const { kept, ...whole } = wholeRows(values, inputs, options)
  return {
    ...(values.picture && { picture: values.picture }),
    inputs,
    ...shared(whole, kept, inputs, split),
    notes: droppedNote(values, { ...whole, kept }, options),
  }
}

/** Rows without a missing value. */
export function wholeRows(
  values: Values,
  inputs: number,
  { missing = 'error' }: OwnDataOptions,
): RawRows & { readonly kept: Uint32Array | undefined } {
  const { count, rows, labels, file } = values
  const whole = { count, rows, ...(labels && { labels }), kept: undefined as Uint32Array | undefined }
  if (rows instanceof Uint8Array) return whole
  const isMissing = (value: number) => Number.isNaN(value)
  const at = rows.findIndex(isMissing)
  let kept: Uint32Array | undefined
  if (at !== -1) {
    const place = `row ${Math.floor(at / inputs) + 1}, value ${(at % inputs) + 1}`
    if (missing !== 'drop') {
      throw new FileError(
        file,
        `expected numbers, found a missing one (NaN) in ${place}; --missing drop, or { missing: 'drop' }, leaves such rows out`,
      )
    }
    kept = Uint32Array.from({ length: count }, (_, row) => row).filter(
      (row) => !rows.subarray(row * inputs, (row + 1) * inputs).some(isMissing),
    )
    if (kept.length === 0) throw new FileError(file, 'expected a row without a missing value, found none')
  }
  checkFinite(file, rows, inputs)
  return kept ? { ...selectRows(whole, inputs, kept), kept } : whole
}

/** The training and the validation rows. */
function shared(made: RawRows, kept: Uint32Array | undefined, inputs: number, { role, train }: Split) {
  const validates = role.includes(VALIDATES)
  if (train === undefined) return { train: plain(made), validation: undefined }
  const chosen = (wanted: number) => {
    const rows: number[] = []
    for (let i = 0; i < made.count; i++) if (role[kept ? kept[i] : i] === wanted) rows.push(i)
    return selectRows(made, inputs, Uint32Array.from(rows))
  }
  return { train: chosen(TRAINS), validation: validates ? chosen(VALIDATES) : undefined }
}

function plain({ count, rows, labels }: RawRows): RawRows {
  return { count, rows, ...(labels && { labels }) }
}

function emptyLike(rows: RawRows['rows'], length: number): RawRows['rows'] {
  if (rows instanceof Uint8Array) return new Uint8Array(length)
  return rows instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)
}

/** A copy of some rows of a set. */
export function selectRows({ rows, labels }: RawRows, inputs: number, chosen: Uint32Array): RawRows {
  const selected = emptyLike(rows, chosen.length * inputs)
  chosen.forEach((row, i) => {
    selected.set(rows.subarray(row * inputs, (row + 1) * inputs), i * inputs)
  })
  return {
    count: chosen.length,
    rows: selected,
    ...(labels && { labels: Uint8Array.from(chosen, (row) => labels[row]) }),
  }
}

function testRows(test: Table | Values, train: Table | Values, made: Made, options: OwnDataOptions): RawRows {
  if (test.kind !== train.kind) {
    const kinds = { table: 'a table', values: 'an array or pictures' }
    throw new FileError(
      test.file,
      `expected ${kinds[train.kind]} as ${train.file}, found ${kinds[test.kind]}`,
    )
  }
  if (test.kind === 'table') {
    const rows = plain(rowsOfTable(test, made.features ?? [], options))
    if (rows.count === 0) throw new FileError(test.file, 'expected a row without an empty cell, found none')
    return rows
  }
  const inputs = test.rows.length / test.count
  if (inputs !== made.inputs) {
    throw new FileError(
      test.file,
      `expected rows of ${made.inputs} values as in ${train.file}, found ${inputs}`,
    )
  }
  if (test.rows instanceof Uint8Array !== made.train.rows instanceof Uint8Array) {
    const kind = (rows: Uint8Array | FloatArray) => (rows instanceof Uint8Array ? 'bytes' : 'floats')
    throw new FileError(
      test.file,
      `expected ${kind(made.train.rows)} as in ${train.file}, found ${kind(test.rows)}`,
    )
  }
  return plain(wholeRows(test, inputs, options))
}

function droppedNote(
  { count: all, file }: Table | Values,
  { kept }: { readonly kept?: Uint32Array | undefined },
  { limit = all }: OwnDataOptions,
): string[] {
  const dropped = kept === undefined ? 0 : limit - kept.filter((row) => row < limit).length
  if (dropped === 0) return []
  const rows = dropped === 1 ? 'row with an empty cell is' : 'rows with an empty cell are'
  return [`${file}: ${dropped} ${rows} left out, of ${limit}`]
}

function checkSize(file: string, { count }: RawRows, inputs: number): void {
  if (count < 1) throw new FileError(file, 'expected a row without an empty cell to train on, found none')
  if (inputs > WIDEST_LAYER) {
    throw new FileError(file, `expected rows of at most ${WIDEST_LAYER} values, found ${inputs}`)
  }
}

function checkFinite(file: string, rows: FloatArray, inputs: number): void {
  const at = rows.findIndex((value) => value === Infinity || value === -Infinity)
  if (at === -1) return
  const place = `row ${Math.floor(at / inputs) + 1}, value ${(at % inputs) + 1}`
  throw new FileError(file, `${place}: expected a finite number, found ${rows[at]}`)
}
