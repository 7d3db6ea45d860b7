/** Application 4: the encoder's weights as initial weights of a classifier, against starting from scratch. */
import type { ImageSet } from '../../data/dataset.ts'
import type { Engine } from '../../engines/engine.ts'
import { UsageError } from '../../errors.ts'
import { codeSize, parameterTable } from '../../model/network.ts'
import { classifierOn } from '../../model/recipes.ts'
import { type FloatArray, stateOf } from '../../model/state.ts'
import { createRandomSequence, sampleIndices } from '../../random/sequence.ts'
import { initialParameters } from '../../random/streams.ts'
import { classifierAccuracy, trainClassifier } from '../classification.ts'
import { classCount, selectImages } from '../image-sets.ts'
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

/** A head alone, which is a linear model, bears and needs larger steps: at 1e-3 it is not done after 3,000 of them. */
const HEAD_RATE_FACTOR = 10

/** Numbers of labels for so many training images: as far as there are as many, and all. */
export const USUAL_LABELS: readonly number[] = [100, 1_000, 10_000, 60_000]

export function usualLabels(images: number): number[] {
  return [...USUAL_LABELS.filter((count) => count < images), Math.min(images, 60_000)]
}

/**
 * Test accuracy of the same classifier (encoder, then softmax) from three starts, for several numbers of labels. All
 * three of a seed see the same labelled images in the same order. Throws UsageError for more labels than images.
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
    const encoder = await standardizedEncoder(engine, model, train)
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

/**
 * The encoder's parameters, its last layer scaled so that each code has a standard deviation of 1 over the training
 * images. An autoencoder's codes may be of any size (here some 10), and a softmax head on codes that large starts
 * saturated. ReLU and identity both let a positive factor through, so the codes carry what they carried; those of tanh
 * and sigmoid are of size 1 already.
 */
async function standardizedEncoder(engine: Engine, model: Model, train: ImageSet): Promise<FloatArray> {
  const { network } = engine
  const [weight, bias, head] = parameterTable(network).slice(2 * network.codeLayer)
  const parameters: FloatArray = initialParameters(network, 0)
  parameters.set(model.parameters.subarray(0, head.offset))
  await engine.writeState(stateOf(parameters))
  const { activation } = network.layers[network.codeLayer]
  if (activation !== 'relu' && activation !== 'identity') return parameters.slice(0, head.offset)
  const codes = await engine.encode(train.rows)
  const [units, inputs] = weight.shape
  for (let unit = 0; unit < units; unit++) {
    const { standardDeviation } = spreadOf(Array.from(codes.filter((_, i) => i % units === unit)))
    // A unit that never fires has no spread, and nothing to scale.
    if (!(standardDeviation > 0)) continue
    for (let i = 0; i < inputs; i++) parameters[weight.offset + unit * inputs + i] /= standardDeviation
    parameters[bias.offset + unit] /= standardDeviation
  }
  return parameters.slice(0, head.offset)
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
