/**
 * Application 3: new digits, decoded from samples of a distribution fitted to the codes; and how good they
 * are.
 */
import type { ImageSet } from '../../data/dataset.ts'
import type { Engine } from '../../engines/engine.ts'
import { MOST_CLASSES } from '../../model/check-network.ts'
import { codeSize, inputSize } from '../../model/network.ts'
import { classifier } from '../../model/recipes.ts'
import type { FloatArray } from '../../model/state.ts'
import { Turns } from '../../run/turns.ts'
import { classifierAccuracy, classify, trainClassifier } from '../classification.ts'
import { allowedCodes } from '../code-range.ts'
import { type CodeSource, checkUnits, codeSources } from '../code-sources.ts'
import { unitImages } from '../evaluation.ts'
import { classCount } from '../image-sets.ts'
import { nearestNeighbours } from '../knn.ts'
import { formatPercent, type Table } from '../table.ts'
import { type ApplicationContext, type Model, stopIfAborted, withEngine, withModel } from './application.ts'

export interface GenerateOptions {
  /** Images drawn from each distribution. */
  readonly samples?: number
  /** Components of the mixture over all classes. */
  readonly components?: number
  /** Updates of the classifier that judges the images. */
  readonly judgeSteps?: number
  /** Images whose nearest training image is looked for, at most 200. */
  readonly nearestSearches?: number
}

export interface Judgement {
  /** What the images are. */
  readonly name: string
  /** Mean of the judge's highest probability. */
  readonly meanConfidence: number
  /** Share of images with a confidence of at least 0.9. */
  readonly confidentShare: number
  /** Share that the judge puts in the class they were drawn for; undefined where they were drawn for none. */
  readonly accuracy?: number
  /**
   * Number of classes in use: e to the entropy of the judge's class frequencies. 10 where all are equally
   * frequent.
   */
  readonly effectiveClasses: number
  /** Mean over images of the root mean squared difference per pixel to the nearest training image. */
  readonly nearestDistance: number
}

export interface GeneratedImages {
  readonly name: string
  /** The first of them, (n, pixels), in [0, 1]. */
  readonly images: FloatArray
  /** Index of the nearest training image of each that was searched for. */
  readonly nearest: Uint32Array
}

export interface GenerateResult {
  readonly judgements: readonly Judgement[]
  readonly generated: readonly GeneratedImages[]
  /** The judge's share of right answers on the test set. */
  readonly judgeAccuracy: number
}

const JUDGE = { hidden: 392, bottleneck: 128, batchSize: 256, learningRate: 1e-3 } as const

/** Images of a set that is judged, at most so many values at once: 16 MB in float32. */
const VALUES_AT_ONCE = 2 ** 22
/** Images of each set that are kept, for figures and for the searches of their nearest. */
const KEPT = 200

/** A set of images that come a part at a time. */
interface ImageSource {
  readonly name: string
  readonly count: number
  /** Class of an image by its index; undefined where there is none. */
  readonly labelOf?: (index: number) => number
  /** The next `count` images after the first `start`, (count, pixels). */
  next(start: number, count: number): Promise<FloatArray>
}

/** Draws, decodes and judges. Any number of samples takes the same memory. */
export async function generateDigits(
  context: ApplicationContext,
  model: Model,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  const { samples = 1000, components = 30, judgeSteps = 2000, nearestSearches = KEPT } = options
  const { dataset, onProgress, seed, signal } = context
  const input = inputSize(model.network)
  const units = codeSize(model.network)
  checkUnits(units)
  const { rows, labels } = dataset.train
  const network = classifier({ input, ...JUDGE, classes: classCount(labels) })
  return withModel(context, model, async (engine) => {
    onProgress?.('fitting the codes', 0)
    const codes = await engine.encode(rows)
    const sources = await codeSources(codes, labels, units, { samples, components, seed, signal })

    onProgress?.('training the judge', 0.3)
    return withEngine(context, network, async (judge) => {
      await judge.initialize(seed)
      await trainClassifier(judge, dataset.train, { ...JUDGE, seed, steps: judgeSteps, signal })
      stopIfAborted(context)
      const judgeAccuracy = await classifierAccuracy(judge, dataset.test)
      const trainImages = unitImages(rows)
      const judgements: Judgement[] = []
      const generated: GeneratedImages[] = []
      const sets = imageSources(engine, sources, dataset.test, samples)
      for (const [index, set] of sets.entries()) {
        const report = (share: number) =>
          onProgress?.(`judging: ${set.name}`, 0.6 + (0.4 * (index + share)) / sets.length)
        const { first, ...judged } = await judgeSource(context, judge, set, input, report)
        const searched = first.subarray(0, nearestSearches * input)
        const found = await nearestNeighbours(searched, trainImages, input, 1, signal)
        generated.push({ name: set.name, images: first, nearest: found.indices })
        const distances = found.squaredDistances.map((distance) => Math.sqrt(distance / input))
        judgements.push({ name: set.name, ...judged, nearestDistance: mean(distances) })
      }
      return { judgements, generated, judgeAccuracy }
    })
  })
}

/** The samples, decoded; and as yardsticks the first test images, as they are and reconstructed. */
function imageSources(
  engine: Engine,
  sources: readonly CodeSource[],
  test: ImageSet,
  samples: number,
): ImageSource[] {
  const { layers, codeLayer } = engine.network
  const { activation } = layers[codeLayer]
  const pixels = inputSize(engine.network)
  const count = Math.min(samples, test.count)
  const rowsOf = (start: number, rows: number) => test.rows.subarray(start * pixels, (start + rows) * pixels)
  const labelOf = (index: number) => test.labels[index]
  return [
    ...sources.map(({ name, count, classes, draw }) => ({
      name,
      count,
      ...(classes && { labelOf: (index: number) => classes[index % classes.length] }),
      next: async (_start: number, rows: number) => engine.decode(allowedCodes(await draw(rows), activation)),
    })),
    {
      name: 'test images, reconstructed',
      count,
      labelOf,
      next: (start: number, rows: number) => engine.forward(rowsOf(start, rows)),
    },
    {
      name: 'test images',
      count,
      labelOf,
      next: async (start: number, rows: number) => unitImages(rowsOf(start, rows)),
    },
  ]
}

interface JudgedSource extends Omit<Judgement, 'name' | 'nearestDistance'> {
  /** The first images, for figures and searches. */
  readonly first: FloatArray
}

async function judgeSource(
  context: ApplicationContext,
  judge: Engine,
  { count, labelOf, next }: ImageSource,
  pixels: number,
  report: (share: number) => void,
): Promise<JudgedSource> {
  const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / pixels))
  const turns = new Turns(context.signal)
  const kept: FloatArray[] = []
  let confidenceSum = 0
  let confident = 0
  let right = 0
  const frequencies = new Float64Array(MOST_CLASSES)
  for (let start = 0; start < count; start += atOnce) {
    report(start / count)
    const rows = Math.min(atOnce, count - start)
    const images = await next(start, rows)
    if (start < KEPT) kept.push(images.slice(0, (KEPT - start) * pixels))
    const { predictions, confidences } = await classify(judge, images)
    for (let row = 0; row < rows; row++) {
      confidenceSum += confidences[row]
      if (confidences[row] >= 0.9) confident++
      if (predictions[row] === labelOf?.(start + row)) right++
      frequencies[predictions[row]]++
    }
    await turns.take()
  }
  return {
    first: concatenate(kept),
    meanConfidence: confidenceSum / count,
    confidentShare: confident / count,
    ...(labelOf && { accuracy: right / count }),
    effectiveClasses: effectiveClasses(frequencies, count),
  }
}

function concatenate(parts: readonly FloatArray[]): FloatArray {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const all = parts[0] instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)
  let filled = 0
  for (const part of parts) {
    all.set(part, filled)
    filled += part.length
  }
  return all
}

function effectiveClasses(frequencies: Float64Array, total: number): number {
  let entropy = 0
  for (const count of frequencies) {
    const share = count / total
    if (share > 0) entropy -= share * Math.log(share)
  }
  return Math.exp(entropy)
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function generateTable({ judgements }: GenerateResult): Table {
  return {
    columns: [
      'images',
      'mean confidence',
      'confident (≥ 0.9)',
      'as intended',
      'effective classes',
      'RMS distance to nearest training image',
    ],
    rows: judgements.map((judgement) => [
      judgement.name,
      judgement.meanConfidence.toFixed(4),
      formatPercent(judgement.confidentShare),
      judgement.accuracy === undefined ? '–' : formatPercent(judgement.accuracy),
      judgement.effectiveClasses.toFixed(2),
      judgement.nearestDistance.toFixed(4),
    ]),
  }
}
