/** Where the tools put raw rows: a table or an array, one picture of all, or a folder of one for each. */
import { stat } from 'node:fs/promises'
import { type Pictures, pictureFiles, picturePage } from '../src/data/sinks/pictures.ts'
import { holdsText, SINK_NAMES, sinkFormat } from '../src/data/sinks/sink.ts'
import { UsageError } from '../src/errors.ts'
import { checkFolder, writeFolder } from '../src/files/folder.ts'
import { writeFileAtomically } from '../src/files/write.ts'
import { inputSize } from '../src/model/network.ts'
import type { PictureShape } from '../src/model/preprocessing.ts'
import type { FloatArray } from '../src/model/state.ts'
import { quote } from '../src/quote.ts'
import type { KeptColumn } from '../src/tools/kept-columns.ts'
import type { ToolModel } from '../src/tools/model.ts'
import { type RawPart, rawSheet } from '../src/tools/reconstruct.ts'
import type { ModelRows } from '../src/tools/rows.ts'
import { pictureSize } from './data-flags.ts'
import { outOption, writeSheetFile } from './tool.ts'

/** Flags of tools that give raw rows. */
export const rawRowsOptions = {
  out: outOption('file of the rows: .csv, .npy, .npz or .parquet; pictures: .png or a folder'),
  picture: {
    describe: 'size of the pictures that rows are, 28x28',
    defaultDescription: "the model's or the data's; a square",
    requiresArg: true,
    coerce: pictureSize('picture'),
  },
} as const

interface RawRowsFlags {
  readonly out: string
  readonly picture?: { readonly width: number; readonly height: number } | undefined
  readonly 'keep-columns'?: readonly string[] | undefined
}

export interface RawRows {
  readonly count: number
  readonly parts: AsyncIterable<RawPart>
  /** What the rows are, where they were made from data; default: what the model knows. */
  readonly like?: Pick<ModelRows, 'features' | 'picture'> | undefined
  /** Columns to carry over. */
  readonly kept?: readonly KeptColumn[] | undefined
  /** Of each picture in a folder. */
  readonly names?: readonly string[] | undefined
}

/** A place for raw rows that was found good before anything is computed. */
export interface RawRowsPlace {
  /** Files to take at the start. */
  readonly held: readonly string[]
  /** Throws UsageError for pictures that are none. */
  write(model: ToolModel, rows: RawRows): Promise<void>
}

/**
 * The place that the flags name: a table or array, one .png of all, or a folder of one each, which a name
 * without an ending is. Throws UsageError for other endings, and for columns that pictures have no room for;
 * FileError for a folder that is not empty.
 */
export async function rawRowsPlace(flags: RawRowsFlags): Promise<RawRowsPlace> {
  const { out } = flags
  const format = sinkFormat(out)
  if (format !== undefined) {
    const write = (model: ToolModel, { count, parts, like, kept }: RawRows) => {
      const known = like ?? model.preprocessing ?? {}
      const inputs = inputSize(model.engine.network)
      return writeSheetFile(rawSheet(count, known, inputs, parts, kept, !holdsText(format)), kept ?? [], out)
    }
    return { held: [out], write }
  }
  const isPage = /\.png$/i.test(out)
  if (!isPage) await checkPictureFolder(out)
  if (flags['keep-columns'] !== undefined) {
    throw new UsageError('--keep-columns: expected --out of a table or array beside it, found pictures')
  }
  return {
    held: isPage ? [out] : [],
    async write(model, { count, parts, like, names }) {
      const shape = pictureShape(model, like?.picture, flags.picture)
      if (!shape) {
        throw new UsageError(
          `--out: expected a name that ends in ${SINK_NAMES} for rows that are no pictures, found ${quote(out)}`,
        )
      }
      const pictures: Pictures = { count, shape, parts: rowsOfParts(parts), names }
      if (isPage) await writeFileAtomically(out, await picturePage(pictures))
      else await writeFolder(out, pictureFiles(pictures))
    },
  }
}

async function checkPictureFolder(out: string): Promise<void> {
  const isDirectory = () =>
    stat(out).then(
      (found) => found.isDirectory(),
      () => false,
    )
  const isFolder = /[/\\]$/.test(out) || !/[^/\\.]\.[^/\\.]+$/.test(out) || (await isDirectory())
  if (!isFolder) {
    throw new UsageError(`--out: expected ${SINK_NAMES}, .png or a folder, found ${quote(out)}`)
  }
  await checkFolder(out)
}

/**
 * The shape that was asked for, or that of the model, of the data, or of a square of grey pixels; undefined
 * where there is none, or rows are columns of a table. Throws UsageError for one of another number of values.
 */
function pictureShape(
  { engine: { network }, preprocessing }: ToolModel,
  data: PictureShape | undefined,
  asked: RawRowsFlags['picture'],
): PictureShape | undefined {
  const inputs = inputSize(network)
  if (asked) {
    const channels = inputs / (asked.width * asked.height)
    if (channels === 1 || channels === 3) return { ...asked, channels }
    throw new UsageError(
      `--picture: expected a size of ${inputs} pixels, or a third as many in colour, found ${asked.width}x${asked.height}`,
    )
  }
  const known = preprocessing?.picture ?? data
  const side = Math.sqrt(inputs)
  if (known || preprocessing?.features || !Number.isInteger(side)) return known
  return { width: side, height: side, channels: 1 }
}

async function* rowsOfParts(parts: AsyncIterable<RawPart>): AsyncGenerator<FloatArray> {
  for await (const { rows } of parts) yield rows
}
