/**
 * Data of a visitor's own, from the files to scores: what the Data panel's worker does, in the order of the
 * command line's `train --data`, `score` and `encode`, and to the same numbers. A client of the library, as
 * any program is.
 */
import {
  Autoencoder,
  completeSettings,
  describeSizes,
  type EpochRecord,
  type FloatArray,
  type Measured,
  type ModelRows,
  measureScores,
  networkOf,
  type OwnData,
  parametersSha256,
  propose,
  rowsForModel,
  type Scores,
  type Sheet,
  type StopSignal,
  scoreSheet,
  type TrainingProgress,
  type Truth,
  truthOf,
  UsageError,
  writeSheet,
} from '../../browser.ts'
import { ownData } from '../../data/own-data.ts'
import { columnsOf } from '../../data/sinks/sheet.ts'
import { type PlacedFile, sourceFromFiles } from '../../data/sources/browser.ts'
import type { Source } from '../../data/table.ts'
import { type Bins, ratioBins } from '../../figures/bins.ts'
import type { PictureShape } from '../../model/preprocessing.ts'
import { codeName } from '../../tools/encode.ts'
import { selectModelRows } from '../../tools/rows.ts'
import { DEFAULT_EXPLAIN } from '../../tools/score.ts'

/** What a page can hold beside the browser and its other pages. */
const MEMORY_LIMIT = 2 ** 29
/** Pictures of greatest error that are shown beside what the model makes of them. */
const WORST_PICTURES = 8

export interface ColumnSummary {
  readonly name: string
  readonly kind: 'number' | 'text'
  /** The first cells that are not empty. */
  readonly example: string
}

/** What was read. */
export interface SourceSummary {
  readonly file: string
  readonly description: string
  /** Undefined for arrays and pictures, whose values have no names. */
  readonly columns?: readonly ColumnSummary[] | undefined
}

/** What becomes of the data: flags of `npm run train` of the same names. */
export interface Choice {
  readonly label?: string | undefined
  readonly exclude: readonly string[]
  readonly oneHot: readonly string[]
  readonly missing: 'error' | 'drop' | 'mean'
  /** Share of the rows that is held back and judges. */
  readonly validation?: number | undefined
  readonly seed: number
}

/** The network and the training that are proposed, for people and for the form. */
export interface ProposalSummary {
  readonly sizes: string
  readonly rows: number
  readonly batch: number
  readonly z: number
  readonly epochs: number
  readonly notes: readonly string[]
}

/** What the visitor set otherwise, and the machine. */
export interface Wanted {
  readonly z?: number | undefined
  readonly epochs?: number | undefined
  readonly threads: number
}

export type SortKey = 'row' | 'error' | 'verdict' | 'label'

/** A row of the list of scores. */
export interface ScoredRow {
  /** As in the file of scores: from 1 on; of pictures, the path beside it. */
  readonly row: number
  readonly name?: string | undefined
  readonly error: number
  readonly percentile: number
  readonly isOutlier: boolean
  readonly label?: string | undefined
  /** The columns that contribute most, with their shares of the row's error. */
  readonly reasons: readonly { readonly name: string; readonly share: number }[]
}

/** Pictures of greatest error, and what came out for each. */
export interface WorstPictures {
  readonly shape: PictureShape
  readonly names: readonly string[]
  readonly originals: readonly FloatArray[]
  readonly outputs: readonly FloatArray[]
}

export interface ScoreSummary {
  readonly sizes: string
  readonly epoch: number
  readonly epochs: number
  readonly sha256: string | undefined
  readonly count: number
  readonly threshold: number
  readonly flagged: number
  /** Of the errors: of all rows, or of inliers and outliers, where the label tells them apart. */
  readonly bins: Bins
  readonly isByLabel: boolean
  readonly hasLabels: boolean
  readonly measured?: Measured | undefined
  readonly worst?: WorstPictures | undefined
  readonly notes: readonly string[]
}

/** Files that can be had. */
export type OwnFile = 'scores' | 'codes' | 'safetensors' | 'checkpoint'

interface Trained {
  readonly model: Autoencoder
  readonly data: OwnData
  readonly choice: Choice
  readonly wanted: Wanted
  readonly epochs: number
}

interface Scored {
  readonly rows: ModelRows
  readonly scores: Scores
  readonly labels?: readonly string[] | undefined
  /** Rows as they were sorted last, by what. */
  order: Uint32Array
  sortedBy: string
}

export class OwnSession {
  #source: Source | undefined
  /** What the choice made of the source last. */
  #data: { readonly choice: Choice; readonly data: OwnData } | undefined
  #trained: Trained | undefined
  #scored: Scored | undefined

  /** @throws FileError for what is no data, is damaged or too large */
  async read(files: readonly PlacedFile[]): Promise<SourceSummary> {
    const source = await sourceFromFiles(files, { memoryLimit: MEMORY_LIMIT })
    await this.#forget()
    this.#source = source
    const { train, description } = source
    return {
      file: train.file,
      description,
      ...(train.kind === 'table' && {
        columns: train.columns.map(({ name, kind, values }) => ({ name, kind, example: exampleOf(values) })),
      }),
    }
  }

  /** @throws FileError and UsageError for a choice that the data do not allow */
  propose(choice: Choice): ProposalSummary {
    const data = this.#chosen(choice)
    const { model, training } = propose(data)
    return {
      sizes: describeSizes(networkOf(completeSettings(model), model.input)),
      rows: data.train.count,
      batch: training.batchSize,
      z: model.bottleneck,
      epochs: training.epochs,
      notes: data.notes,
    }
  }

  /**
   * Trains, and scores all rows. Asked again for the same choice, it goes on where it was stopped.
   *
   * @param onEpoch told of every epoch
   */
  async train(
    choice: Choice,
    wanted: Wanted,
    onEpoch: (record: EpochRecord) => void,
    signal: StopSignal,
  ): Promise<ScoreSummary> {
    const trained = await this.#begun(choice, wanted)
    this.#trained = trained
    this.#scored = undefined
    const { model, data, epochs } = trained
    const { training } = propose(data)
    try {
      const progress = await model.train(data, { ...training, epochs, seed: choice.seed, signal, onEpoch })
      return await this.#score(trained, progress)
    } catch (error) {
      // A model that failed cannot go on.
      this.#trained = undefined
      await model.dispose()
      throw error
    }
  }

  /** Rows `from` and on of the list, sorted; rows of the same key lie as in the data. */
  page(by: SortKey, descending: boolean, from: number, most: number): ScoredRow[] {
    const scored = this.#ofScored()
    const sortedBy = `${by} ${descending}`
    if (scored.sortedBy !== sortedBy) {
      scored.order = sortedRows(scored, by, descending)
      scored.sortedBy = sortedBy
    }
    return Array.from(scored.order.subarray(from, from + most), (row) => this.#scoredRow(scored, row))
  }

  /** The bytes of a file, by the name that it should have. */
  async file(kind: OwnFile): Promise<{ readonly name: string; readonly parts: readonly Uint8Array[] }> {
    const { rows, scores } = this.#ofScored()
    const { model } = this.#ofTrained()
    const stem = (this.#source?.train.file ?? 'data').replace(/(\.[^.]*?)(\.gz)?$/i, '')
    switch (kind) {
      case 'scores':
        return csvFile(`${stem}.scores.csv`, scoreSheet(scores, rows, [], true))
      case 'codes':
        return csvFile(`${stem}.codes.csv`, codeSheet(rows.count, await model.encode(rows.rows)))
      case 'safetensors':
        return { name: `${stem}.safetensors`, parts: [await model.toBytes('safetensors')] }
      case 'checkpoint':
        return { name: `${stem}.checkpoint.safetensors`, parts: [await model.toCheckpoint()] }
    }
  }

  #chosen(choice: Choice): OwnData {
    if (!this.#source) throw new UsageError('There are no data yet.')
    if (this.#data && isSame(this.#data.choice, choice)) return this.#data.data
    const { label, exclude, oneHot, missing, validation, seed } = choice
    const isTable = this.#source.train.kind === 'table'
    const ofTable = isTable ? { label, exclude, oneHot, missing } : { missing: arrayRule(missing) }
    const data = ownData(this.#source, { ...ofTable, validation, seed })
    this.#data = { choice, data }
    return data
  }

  async #begun(choice: Choice, wanted: Wanted): Promise<Trained> {
    const before = this.#trained
    const data = this.#chosen(choice)
    if (before && isSame([before.choice, before.wanted], [choice, wanted])) return before
    await before?.model.dispose()
    this.#trained = undefined
    const { model: network, training } = propose(data)
    const model = await Autoencoder.create({
      ...network,
      bottleneck: wanted.z ?? network.bottleneck,
      seed: choice.seed,
      device: 'wasm',
      threads: wanted.threads,
    })
    return { model, data, choice, wanted, epochs: wanted.epochs ?? training.epochs }
  }

  async #score(trained: Trained, { epoch }: TrainingProgress): Promise<ScoreSummary> {
    const { model, choice, epochs, data } = trained
    const set = this.#ofSource().train
    const { preprocessing } = model
    const rows = await model.withEngine(async (engine) =>
      rowsForModel(
        set,
        { engine, preprocessing, name: 'this model' },
        { missing: choice.missing === 'drop' ? 'drop' : undefined, label: preprocessing?.label },
      ),
    )
    const explain = rows.picture && !rows.features ? 0 : DEFAULT_EXPLAIN
    const scores = await model.score(rows.rows, { explain })
    const truth = truthOf(set, { usualLabel: preprocessing?.label }, rows.kept)
    const labels = this.#labels(rows, preprocessing?.label)
    this.#scored = { rows, scores, labels, order: new Uint32Array(), sortedBy: '' }
    const measured = truth && measureScores(scores, truth)
    const series = measured && truth ? byKind(scores, truth) : [scores.errors]
    return {
      sizes: describeSizes(model.network),
      epoch,
      epochs,
      sha256: await parametersSha256(await model.parameters()),
      count: scores.count,
      threshold: scores.threshold,
      flagged: scores.flagged,
      bins: ratioBins(series, scores.threshold),
      isByLabel: series.length > 1,
      hasLabels: labels !== undefined,
      measured,
      worst: await this.#worst(model, rows, scores),
      notes: [...data.notes, ...rows.notes],
    }
  }

  /** What the label's column, or the picture's folder, says of each scored row. */
  #labels({ count, kept }: ModelRows, label: string | undefined): readonly string[] | undefined {
    const set = this.#ofSource().train
    const textOf =
      set.kind === 'table'
        ? cellTexts(set.columns.find(({ name }) => name === label)?.values)
        : set.labels && ((row: number) => set.classes?.[set.labels?.[row] ?? 0] ?? String(set.labels?.[row]))
    return textOf && Array.from({ length: count }, (_, i) => textOf(kept ? kept[i] : i))
  }

  async #worst(model: Autoencoder, rows: ModelRows, scores: Scores): Promise<WorstPictures | undefined> {
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
      names: Array.from(order, (row) => this.#nameOf(rows, row) ?? `row ${this.#rowOf(rows, row)}`),
      originals: each(Float32Array.from(chosen.rows, (value) => value * scale)),
      outputs: each(outputs),
    }
  }

  #scoredRow({ rows, scores, labels }: Scored, row: number): ScoredRow {
    const { most, names, features, shares } = scores.explanation
    return {
      row: this.#rowOf(rows, row),
      name: this.#nameOf(rows, row),
      error: scores.errors[row],
      percentile: scores.percentiles[row],
      isOutlier: scores.verdicts[row] === 1,
      label: labels?.[row],
      reasons: Array.from({ length: most }, (_, place) => ({
        name: names[features[row * most + place]],
        share: shares[row * most + place],
      })),
    }
  }

  #rowOf({ kept }: ModelRows, row: number): number {
    return (kept ? kept[row] : row) + 1
  }

  #nameOf({ kept }: ModelRows, row: number): string | undefined {
    const set = this.#ofSource().train
    return set.kind === 'values' ? set.names?.[kept ? kept[row] : row] : undefined
  }

  #ofSource(): Source {
    if (!this.#source) throw new UsageError('There are no data yet.')
    return this.#source
  }

  #ofTrained(): Trained {
    if (!this.#trained) throw new UsageError('There is no model of these data yet: train first.')
    return this.#trained
  }

  #ofScored(): Scored {
    if (!this.#scored) throw new UsageError('There are no scores yet: train first.')
    return this.#scored
  }

  /** Other data have come: what was learned from those before is of no use. */
  async #forget(): Promise<void> {
    await this.#trained?.model.dispose()
    this.#trained = undefined
    this.#scored = undefined
    this.#data = undefined
  }
}

/** Arrays have no names to keep means by. */
function arrayRule(missing: Choice['missing']): 'error' | 'drop' {
  return missing === 'drop' ? 'drop' : 'error'
}

function isSame(first: unknown, second: unknown): boolean {
  return JSON.stringify(first) === JSON.stringify(second)
}

const EXAMPLES = 2
/** Of a cell, in an example. */
const MOST_CHARACTERS = 16

function exampleOf(values: Float64Array | readonly string[]): string {
  const found: string[] = []
  for (let row = 0; row < values.length && found.length < EXAMPLES; row++) {
    const value = values[row]
    if (value === '' || Number.isNaN(value)) continue
    const text = String(value)
    found.push(text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text)
  }
  return found.join(', ')
}

function cellTexts(
  values: Float64Array | readonly string[] | undefined,
): ((row: number) => string) | undefined {
  return values && ((row) => (Number.isNaN(values[row]) ? '' : String(values[row])))
}

function errorOrder(errors: Float64Array): Uint32Array {
  return Uint32Array.from(errors.keys()).sort((a, b) => errors[b] - errors[a] || a - b)
}

function sortedRows({ scores, labels = [] }: Scored, by: SortKey, descending: boolean): Uint32Array {
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

function codeSheet(count: number, codes: FloatArray): Sheet {
  const units = codes.length / count
  return {
    count,
    columns: Array.from({ length: units }, (_, i) => ({ name: codeName(i), kind: 'float32' as const })),
    parts: (async function* () {
      yield columnsOf(codes, units)
    })(),
  }
}

async function csvFile(name: string, sheet: Sheet) {
  const parts: Uint8Array[] = []
  for await (const part of writeSheet(sheet, name)) parts.push(part)
  return { name, parts }
}
