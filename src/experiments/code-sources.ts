/** New codes, from distributions fitted to those of a data set, drawn a part at a time. */

import type { StopSignal } from '../engines/stop-signal.ts'
import { UsageError } from '../errors.ts'
import type { FloatArray } from '../model/state.ts'
import { createRandomSequence } from '../random/sequence.ts'
import { fitMixture, type MixtureSampler, mixtureSampler } from './mixture.ts'

/** Any number of codes takes the memory of those that are drawn at once. */
export interface CodeSource {
  readonly name: string
  /** Codes to draw in all. */
  readonly count: number
  /**
   * The class that each code is drawn for: those of this list in turn; undefined where it is drawn for none.
   */
  readonly classes?: readonly number[]
  /** The next `count` codes, (count, units). */
  draw(count: number): Promise<Float64Array>
}

export interface CodeSourceOptions {
  /** Codes of each source, at least. */
  readonly samples: number
  /**
   * Gaussians of the mixture over all classes, at most: fewer where there is no room for their covariances.
   */
  readonly components: number
  readonly seed: number
  readonly signal?: StopSignal | undefined
}

/** Numbers of all covariance matrices together: 0.5 GB in float64. */
const MAX_COVARIANCES = 2 ** 26
/** The most units of which a Gaussian can be fitted. */
const MAX_UNITS = Math.floor(Math.sqrt(MAX_COVARIANCES))

/** Gaussians that there are codes and room for, to be fitted to so many codes. */
export function mostComponents(codes: number, units: number): number {
  return Math.min(codes, Math.floor(MAX_COVARIANCES / units ** 2))
}

/** Throws UsageError for codes of more units than a Gaussian can be fitted to. */
export function checkUnits(units: number): void {
  if (units > MAX_UNITS) {
    throw new UsageError(`generate: expected a model of at most ${MAX_UNITS} latent units, found ${units}`)
  }
}

/**
 * One Gaussian, a mixture of them, and one for each class, whose codes come class after class in turn, so
 * that any first few of them show all classes. `codes` (n, units), `labels` (n).
 */
export async function codeSources(
  codes: FloatArray,
  labels: Uint8Array,
  units: number,
  options: CodeSourceOptions,
): Promise<CodeSource[]> {
  const { samples, seed, signal } = options
  checkUnits(units)
  const sampler = async (rows: FloatArray, components: number, use: number) => {
    const { mixture } = await fitMixture(rows, units, { components, seed, signal })
    return mixtureSampler(mixture, createRandomSequence(seed, use), signal)
  }
  const components = Math.min(options.components, mostComponents(labels.length, units))
  const classes = [...new Set(labels)].sort((a, b) => a - b)
  const ofClasses: MixtureSampler[] = []
  for (const label of classes) {
    ofClasses.push(await sampler(rowsOf(codes, labels, units, label), 1, 10 + label))
  }
  return [
    { name: 'one Gaussian', count: samples, draw: (await sampler(codes, 1, 3)).draw },
    {
      name: `mixture of ${components} Gaussians`,
      count: samples,
      draw: (await sampler(codes, components, 4)).draw,
    },
    {
      name: 'one Gaussian per digit',
      count: classes.length * Math.ceil(samples / classes.length),
      classes,
      draw: inTurn(ofClasses, units),
    },
  ]
}

/** Row after row from each sampler in turn. */
function inTurn(samplers: readonly MixtureSampler[], units: number): CodeSource['draw'] {
  let next = 0
  return async (count) => {
    const codes = new Float64Array(count * units)
    for (let offset = 0; offset < Math.min(samplers.length, count); offset++) {
      const drawn = await samplers[(next + offset) % samplers.length].draw(
        Math.ceil((count - offset) / samplers.length),
      )
      for (let row = offset, turn = 0; row < count; row += samplers.length, turn++) {
        codes.set(drawn.subarray(turn * units, (turn + 1) * units), row * units)
      }
    }
    next = (next + count) % samplers.length
    return codes
  }
}

function rowsOf(codes: FloatArray, labels: Uint8Array, units: number, label: number): Float64Array {
  const indices = Array.from(labels.keys()).filter((row) => labels[row] === label)
  const rows = new Float64Array(indices.length * units)
  indices.forEach((row, position) => {
    rows.set(codes.subarray(row * units, (row + 1) * units), position * units)
  })
  return rows
}
