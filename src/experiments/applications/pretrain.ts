/** Application 4: the encoder's weights as initial weights of a classifier, against starting from scratch. */
import { UsageError } from '../../errors.ts'
import { codeSize } from '../../model/network.ts'
import { classifierOn } from '../../model/recipes.ts'
import { type FloatArray, stateOf } from '../../model/state.ts'
import { createRandomSequence, sampleIndices } from '../../random/sequence.ts'
import { initialParameters } from '../../random/streams.ts'
import { classifierAccuracy, trainClassifier } from '../classification.ts'
import { classCount, selectImages } from '../image-sets.ts'
import { HEAD_RATE_FACTOR, standardizedEncoder } from '../pretrained.ts'
import { formatSpread, type Spread, spreadOf, type Table } from '../table.ts'
import { type ApplicationContext, type Model, stopIfAborted, withEngine } from './application.ts'

export interface PretrainOptions {
  /** Numbers of labelled training images; default `usualLabels`. */
  readonly labels?: readonly number[]
  /** Runs of each, which differ in the labelled images, the head's initial weights and the shuffles. */
  readonly seeds?: number
  /** Updates of each run, the same for all. */
  readonly steps?: number
  readonly batchSize?: number
  /** Of the whole classifier; a head on a frozen encoder takes ten times as much. */
  readonly learningRate?: number
}

export type Start = 'from scratch' | 'encoder, fine-tuned' | 'encoder, frozen'

export interface PretrainCell {
  readonly start: Start
  readonly labels: number
  /** Test accuracy of each seed, in [0, 1]. */
  readonly accuracies: readonly number[]
  readonly spread: Spread
}

export interface PretrainResult {
  readonly cells: readonly PretrainCell[]
  readonly steps: number
  readonly batchSize: number
  readonly learningRate: number
  readonly bottleneck: number
}

export const STARTS: readonly Start[] = ['from scratch', 'encoder, fine-tuned', 'encoder, frozen']

/** Numbers of labels for so many training images: as far as there are as many, and all. */
export const USUAL_LABELS: readonly number[] = [100, 1_000, 10_000, 60_000]

export function usualLabels(images: number): number[] {
  return [...USUAL_LABELS.filter((count) => count < images), Math.min(images, 60_000)]
}

/**
 * Test accuracy of the same classifier (encoder, then softmax) from three starts, for several numbers of
 * labels. All three of a seed see the same labelled images in the same order. Throws UsageError for more
 * labels than images.
 */
export async function pretraining(
  context: ApplicationContext,
  model: Model,
  options: PretrainOptions = {},
): Promise<PretrainResult> {
  const { train, test } = context.dataset
  const { labels = usualLabels(train.count), seeds = 3 } = options
  const { steps = 3000, batchSize = 128, learningRate = 1e-3 } = options
  for (const count of labels) {
    if (!Number.isInteger(count) || count < 1 || count > train.count) {
      throw new UsageError(`labels: expected whole numbers from 1 to ${train.count}, found ${count}`)
    }
  }
  const network = classifierOn(model.network, classCount(train.labels))

  const cells = await withEngine(context, network, async (engine) => {
    const encoder = await standardizedEncoder(engine, model.parameters, train.rows)
    const made: PretrainCell[] = []
    for (const count of labels) {
      for (const start of STARTS) {
        const accuracies: number[] = []
        for (let index = 0; index < seeds; index++) {
          const seed = context.seed + index
          const done = (made.length + index / seeds) / (labels.length * STARTS.length)
          context.onProgress?.(`${count} labels, ${start}`, done)
          const labelled = sampleIndices(createRandomSequence(seed, 20), train.count, count)
          const parameters: FloatArray = initialParameters(network, seed)
          if (start !== 'from scratch') parameters.set(encoder)
          await engine.writeState(stateOf(parameters))
          const isFrozen = start === 'encoder, frozen'
          await trainClassifier(engine, selectImages(train, labelled), {
            seed,
            steps,
            batchSize,
            learningRate: isFrozen ? HEAD_RATE_FACTOR * learningRate : learningRate,
            frozenLayers: isFrozen ? network.codeLayer + 1 : 0,
            signal: context.signal,
          })
          stopIfAborted(context)
          accuracies.push(await classifierAccuracy(engine, test))
        }
        made.push({ start, labels: count, accuracies, spread: spreadOf(accuracies) })
      }
    }
    return made
  })
  return { cells, steps, batchSize, learningRate, bottleneck: codeSize(model.network) }
}

export function pretrainTable({ cells }: PretrainResult): Table {
  const counts = [...new Set(cells.map(({ labels }) => labels))]
  const percent = (spread: Spread) => ({
    ...spread,
    mean: 100 * spread.mean,
    standardDeviation: 100 * spread.standardDeviation,
  })
  return {
    columns: ['labels', ...STARTS.map((start) => `${start} (% right)`)],
    rows: counts.map((count) => [
      String(count),
      ...STARTS.map((start) => {
        const cell = cells.find((other) => other.labels === count && other.start === start)
        return cell ? formatSpread(percent(cell.spread), 2) : '–'
      }),
    ]),
  }
}
