/** `reconstruct` and `denoise`: what a model makes of rows, as raw rows. Runs in a browser. */
import type { Sheet } from '../data/sinks/sheet.ts'
import type { Inputs } from '../engines/engine.ts'
import { inputSize } from '../model/network.ts'
import { rawRows, unitRows } from '../model/preprocessing.ts'
import type { FloatArray } from '../model/state.ts'
import { imageNoise, STREAM_EVALUATION_NOISE } from '../random/streams.ts'
import type { KeptColumn } from './kept-columns.ts'
import type { ToolHooks, ToolModel } from './model.ts'
import { rawColumns } from './raw-sheet.ts'
import { type ModelRows, networkParts } from './rows.ts'

/** Noise that is added before, to see what becomes of it. */
export interface AddedNoise {
  /** Of Gaussian noise on what the network sees: scaled values, or pixels from 0 to 1. */
  readonly std: number
  readonly seed: number
}

/** How far rows are from those that were given, as the network sees them: mean squared error per value. */
export interface ReconstructionQuality {
  /** Of what came out. */
  readonly error: number
  /** Of the rows with the noise that was added. */
  readonly noisyError?: number | undefined
}

/** Rows of those from `from` to `to`. */
export interface RawPart {
  readonly from: number
  readonly to: number
  /** (to − from, inputs), not scaled. */
  readonly rows: FloatArray
}

export interface Reconstruction {
  /** All rows, some at a time. */
  readonly parts: AsyncIterable<RawPart>
  /** Of all rows; once the parts are through. */
  quality(): ReconstructionQuality
}

export function reconstructRows(
  model: ToolModel,
  rows: ModelRows,
  hooks: ToolHooks = {},
  noise?: AddedNoise | undefined,
): Reconstruction {
  let squares = 0
  let noisySquares = 0
  async function* parts() {
    for await (const { from, to, inputs } of networkParts(model, rows, hooks)) {
      const clean = inputs instanceof Uint8Array ? unitRows(inputs) : inputs
      const given = noise ? withNoise(inputs, clean, from, inputSize(model.engine.network), noise) : inputs
      const outputs = await model.engine.forward(given)
      squares += squaredDistance(outputs, clean)
      if (noise) noisySquares += squaredDistance(given as FloatArray, clean)
      yield { from, to, rows: rawRows(outputs, model.preprocessing ?? {}) }
    }
  }
  return {
    parts: parts(),
    quality: () => ({
      error: squares / rows.rows.length,
      ...(noise && { noisyError: noisySquares / rows.rows.length }),
    }),
  }
}

/**
 * A row of an index gets the same noise whatever rows stand beside it. Rows of bytes are clipped to [0, 1].
 */
function withNoise(
  inputs: Inputs,
  clean: FloatArray,
  from: number,
  width: number,
  { std, seed }: AddedNoise,
): FloatArray {
  const isUnit = inputs instanceof Uint8Array
  const noisy = clean.slice()
  const normals = new Float64Array(width)
  for (let start = 0, row = from; start < noisy.length; start += width, row++) {
    imageNoise(normals, row, 0, seed, STREAM_EVALUATION_NOISE)
    for (let i = 0; i < width; i++) {
      const value = noisy[start + i] + std * normals[i]
      noisy[start + i] = isUnit ? Math.min(1, Math.max(0, value)) : value
    }
  }
  return noisy
}

function squaredDistance(first: FloatArray, second: FloatArray): number {
  let sum = 0
  for (let i = 0; i < first.length; i++) sum += (first[i] - second[i]) ** 2
  return sum
}

/** Raw rows under the names of the model's columns, behind those that are kept. */
export function rawSheet(
  count: number,
  { features, picture }: Pick<ModelRows, 'features' | 'picture'>,
  inputs: number,
  parts: AsyncIterable<RawPart>,
  kept: readonly KeptColumn[] = [],
  oneNumberAnInput = false,
): Sheet {
  const raw = rawColumns({ features, picture }, inputs, oneNumberAnInput)
  async function* cells() {
    for await (const { from, to, rows } of parts) {
      yield [...kept.map((column) => column.cells(from, to)), ...raw.cells(rows)]
    }
  }
  return { count, columns: [...kept, ...raw.columns], parts: cells() }
}
