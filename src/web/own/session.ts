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
  networkOf,
  type OwnData,
  parametersSha256,
  propose,
  rowsForModel,
  type Sheet,
  type StopSignal,
  scoreSheet,
  type TrainingProgress,
  UsageError,
  writeSheet,
} from '../../browser.ts'
import { ownData } from '../../data/own-data.ts'
import { columnsOf } from '../../data/sinks/sheet.ts'
import { type PlacedFile, sourceFromFiles } from '../../data/sources/browser.ts'
import type { Source } from '../../data/table.ts'
import { codeName } from '../../tools/encode.ts'
import { DEFAULT_EXPLAIN } from '../../tools/score.ts'
import type {
  Choice,
  OwnFile,
  ProposalSummary,
  ScoredRow,
  ScoreSummary,
  SortKey,
  SourceSummary,
  Wanted,
} from './messages.ts'
import { ScoredRows } from './scored.ts'

/** What a page can hold beside the browser and its other pages. */
const MEMORY_LIMIT = 2 ** 29

interface Trained {
  readonly model: Autoencoder
  readonly data: OwnData
  readonly choice: Choice
  readonly wanted: Wanted
  readonly epochs: number
}

/** One set of data, and the model that was trained on it last. Other data have a session of their own. */
export class OwnSession {
  readonly #source: Source
  /** What the choice made of the source last. */
  #data: { readonly choice: Choice; readonly data: OwnData } | undefined
  #trained: Trained | undefined
  #scored: ScoredRows | undefined

  private constructor(source: Source) {
    this.#source = source
  }

  /** @throws FileError for what is no data, is damaged or too large */
  static async read(files: readonly PlacedFile[]): Promise<OwnSession> {
    return new OwnSession(await sourceFromFiles(files, { memoryLimit: MEMORY_LIMIT }))
  }

  /** What was read. */
  summary(): SourceSummary {
    const { train, description } = this.#source
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
    return this.#ofScored().page(by, descending, from, most)
  }

  /** The bytes of a file, by the name that it should have. */
  async file(kind: OwnFile): Promise<{ readonly name: string; readonly parts: readonly Uint8Array[] }> {
    const { rows, scores } = this.#ofScored()
    const { model } = this.#ofTrained()
    const stem = this.#source.train.file.replace(/(\.[^.]*?)(\.gz)?$/i, '')
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
    const set = this.#source.train
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
    const scored = new ScoredRows(set, rows, scores, preprocessing?.label)
    this.#scored = scored
    return {
      sizes: describeSizes(model.network),
      epoch,
      epochs,
      sha256: await parametersSha256(await model.parameters()),
      ...scored.summary(),
      worst: await scored.worst(model),
      notes: [...data.notes, ...rows.notes],
    }
  }

  #ofTrained(): Trained {
    if (!this.#trained) throw new UsageError('There is no model of these data yet: train first.')
    return this.#trained
  }

  #ofScored(): ScoredRows {
    if (!this.#scored) throw new UsageError('There are no scores yet: train first.')
    return this.#scored
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
