/** Application 2: the reconstruction error as an anomaly score. */
import type { ImageSet } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { createRandomSequence, type RandomSequence, sampleIndices } from '../../random/sequence.ts'
import { train } from '../../training/trainer.ts'
import { indicesWhere, selectImages } from '../image-sets.ts'
import { type RocCurve, rocCurve } from '../roc.ts'
import type { Table } from '../table.ts'
import {
  type ApplicationContext,
  type Model,
  stopIfAborted,
  trainingSettings,
  withEngine,
  withModel,
} from './application.ts'

export interface AnomalyOptions {
  /** Epochs of each of the trainings without one class. */
  readonly epochs?: number
  /** More images that are no digits, such as Fashion-MNIST's test set. Of the data set's size. */
  readonly others?: readonly { readonly name: string; readonly set: ImageSet }[]
}

export interface AnomalyComparison {
  /** The left-out class, or what the inputs are. */
  readonly name: string
  readonly roc: RocCurve
  /** Mean squared error per pixel of the anomalies. */
  readonly meanError: number
}

export interface AnomalyResult {
  /** One for each class: a model trained without it must find it among the test images. */
  readonly leftOut: readonly AnomalyComparison[]
  /** Inputs that are no digits against the test images, scored by the given model. */
  readonly offDistribution: readonly AnomalyComparison[]
  /** Mean squared error per pixel of each test image under the given model. */
  readonly testErrors: Float64Array
  /** Errors of each kind of off-distribution input, for histograms. */
  readonly offErrors: readonly { readonly name: string; readonly errors: Float64Array }[]
  /** Test images of the largest errors, worst first. */
  readonly mostAnomalous: readonly {
    readonly index: number
    readonly label: number
    readonly error: number
  }[]
  /** The given model's reconstructions of those, (count, pixels). */
  readonly reconstructions: Float32Array | Float64Array
  readonly epochs: number
}

/** Most anomalous test images that are kept. */
const SHOWN = 20

export async function anomalyDetection(
  context: ApplicationContext,
  model: Model,
  options: AnomalyOptions = {},
): Promise<AnomalyResult> {
  const { epochs = 10, others = [] } = options
  const { onProgress } = context
  const { test, train } = context.dataset
  checkClasses(train, test)
  const kinds = [...offDistributionSets(test, createRandomSequence(context.seed)), ...others]
  const judged = await withModel(context, model, async (engine) => {
    const testErrors = await engine.reconstructionErrors(test.rows)
    const offErrors: { name: string; errors: Float64Array }[] = []
    for (const { name, set } of kinds) {
      offErrors.push({ name, errors: await engine.reconstructionErrors(set.rows) })
    }
    const worst = Array.from(testErrors.keys())
      .sort((a, b) => testErrors[b] - testErrors[a])
      .slice(0, SHOWN)
    return {
      testErrors,
      offErrors,
      mostAnomalous: worst.map((index) => ({ index, label: test.labels[index], error: testErrors[index] })),
      reconstructions: await engine.forward(selectImages(test, worst).rows),
    }
  })
  const classes = [...new Set(test.labels)].sort((a, b) => a - b)
  const leftOut: AnomalyComparison[] = []
  for (const label of classes) {
    const report = (share: number) =>
      onProgress?.(`without ${label}`, (leftOut.length + share) / classes.length)
    leftOut.push(await leaveOneOut(context, model, label, epochs, report))
  }
  return {
    ...judged,
    leftOut,
    offDistribution: judged.offErrors.map(({ name, errors }) => compare(name, judged.testErrors, errors)),
    epochs,
  }
}

/** Throws UsageError where leaving a class out leaves nothing to train on or to compare with. */
function checkClasses(train: ImageSet, test: ImageSet): void {
  for (const [name, { labels }] of Object.entries({ training: train, test })) {
    const [first] = labels
    if (labels.some((label) => label !== first)) continue
    throw new UsageError(
      `anomaly: expected ${name} images of at least two classes, found those of ${first} alone`,
    )
  }
}

/** Trains the model's network without one class, and scores the whole test set by it. */
async function leaveOneOut(
  context: ApplicationContext,
  model: Model,
  label: number,
  epochs: number,
  report: (share: number) => void,
): Promise<AnomalyComparison> {
  const { dataset, signal } = context
  const known = selectImages(
    dataset.train,
    indicesWhere(dataset.train, (other) => other !== label),
  )
  const errors = await withEngine(context, model.network, async (engine) => {
    const config = trainingSettings(context, known.count, { epochs, noiseStd: 0 })
    await train(engine, { train: known, test: dataset.test }, config, {
      signal,
      onEpoch: ({ epoch }) => report(epoch / epochs),
    })
    stopIfAborted(context)
    return engine.reconstructionErrors(dataset.test.rows)
  })
  const ofLabel = (wanted: boolean) => errors.filter((_, i) => (dataset.test.labels[i] === label) === wanted)
  return compare(String(label), ofLabel(false), ofLabel(true))
}

function compare(name: string, normal: Float64Array, anomalous: Float64Array): AnomalyComparison {
  const sum = anomalous.reduce((total, error) => total + error, 0)
  return { name, roc: rocCurve(normal, anomalous), meanError: sum / anomalous.length }
}

/** What the test images become when they are no digits any more. Every set is as large as the test set. */
function offDistributionSets(test: ImageSet, random: RandomSequence): { name: string; set: ImageSet }[] {
  const { width, height } = test
  const pixels = width * height
  const permutation = sampleIndices(random, pixels, pixels)
  const withRows = (rows: Uint8Array): ImageSet => ({ ...test, rows })
  const remapped = (source: (pixel: number) => number): ImageSet => {
    const images = new Uint8Array(test.rows.length)
    for (let i = 0; i < images.length; i++) {
      const pixel = i % pixels
      images[i] = test.rows[i - pixel + source(pixel)]
    }
    return { ...test, rows: images }
  }
  const sets = [
    { name: 'uniform noise', set: withRows(test.rows.map(() => random.below(256))) },
    { name: 'inverted', set: withRows(test.rows.map((value) => 255 - value)) },
    { name: 'shuffled pixels', set: remapped((pixel) => permutation[pixel]) },
  ]
  if (width !== height) return sets
  // A quarter turn clockwise: the pixel at (x, y) comes from column y of the row that lies x from the bottom.
  const quarterTurn = (pixel: number) => {
    const x = pixel % width
    const y = Math.floor(pixel / width)
    return (height - 1 - x) * width + y
  }
  return [...sets, { name: 'rotated by 90°', set: remapped(quarterTurn) }]
}

export function anomalyTable({ leftOut, offDistribution, testErrors }: AnomalyResult): Table {
  const row = (name: string, { roc, meanError }: AnomalyComparison) => [
    name,
    roc.area.toFixed(4),
    meanError.toFixed(4),
  ]
  const mean = testErrors.reduce((sum, error) => sum + error, 0) / testErrors.length
  return {
    columns: ['anomaly', 'AUROC', 'mean error'],
    rows: [
      ['(none: the test digits)', '–', mean.toFixed(4)],
      ...leftOut.map((comparison) => row(`digit ${comparison.name}, never trained on`, comparison)),
      ...offDistribution.map((comparison) => row(comparison.name, comparison)),
    ],
  }
}
