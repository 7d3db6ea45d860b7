/**
 * `generate`: new rows, decoded from samples of a mixture of Gaussians fitted to the codes of others. Runs in
 * a browser.
 */
import { UsageError } from '../errors.ts'
import { allowedCodes } from '../experiments/code-range.ts'
import { checkUnits } from '../experiments/code-sources.ts'
import { fitMixture, mixtureSampler } from '../experiments/mixture.ts'
import { codeSize } from '../model/network.ts'
import { rawRows } from '../model/preprocessing.ts'
import { createRandomSequence } from '../random/sequence.ts'
import { checkAutoencoder, type ToolHooks, type ToolModel } from './model.ts'
import type { RawPart } from './reconstruct.ts'
import { type ModelRows, networkParts } from './rows.ts'

export interface GenerateOptions {
  /** Rows to make. */
  readonly count: number
  /** Seed of the fit and of the samples, an integer in [0, 2³²); default 0. */
  readonly seed?: number | undefined
  /** Gaussians of the mixture; default one for each 20 rows, at most 30. */
  readonly components?: number | undefined
}

const MOST_COMPONENTS = 30
const ROWS_A_COMPONENT = 20
const ROWS_AT_ONCE = 4096
/** Stream of the samples, apart from that of the fit. */
const USE_SAMPLES = 4

export interface Generated {
  readonly components: number
  /** Mean natural log-likelihood of the codes under the mixture. */
  readonly meanLogLikelihood: number
  /** Raw rows, some at a time. */
  readonly parts: AsyncGenerator<RawPart>
}

/** Throws FileError for a classifier; UsageError for counts that cannot be, and for too many latent units. */
export async function generateRows(
  model: ToolModel,
  rows: ModelRows,
  { count, seed = 0, components = usualComponents(rows.count) }: GenerateOptions,
  hooks: ToolHooks = {},
): Promise<Generated> {
  checkAutoencoder(model)
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`count: expected a whole number of at least 1, found ${count}`)
  }
  const { engine, preprocessing = {} } = model
  const { layers, codeLayer } = engine.network
  const units = codeSize(engine.network)
  checkUnits(units)
  const codes = new Float32Array(rows.count * units)
  for await (const { from, inputs } of networkParts(model, rows, hooks)) {
    codes.set(await engine.encode(inputs), from * units)
  }
  const { signal, onProgress } = hooks
  const { mixture, meanLogLikelihood } = await fitMixture(codes, units, { components, seed, signal })
  const sampler = await mixtureSampler(mixture, createRandomSequence(seed, USE_SAMPLES), signal)
  async function* parts() {
    for (let from = 0; from < count; from += ROWS_AT_ONCE) {
      const to = Math.min(count, from + ROWS_AT_ONCE)
      const drawn = allowedCodes(await sampler.draw(to - from), layers[codeLayer].activation)
      yield { from, to, rows: rawRows(await engine.decode(drawn), preprocessing) }
      onProgress?.(to / count)
    }
  }
  return { components, meanLogLikelihood, parts: parts() }
}

function usualComponents(rows: number): number {
  return Math.max(1, Math.min(MOST_COMPONENTS, Math.floor(rows / ROWS_A_COMPONENT)))
}
