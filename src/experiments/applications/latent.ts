/**
 * Application 1: the codes as a low-dimensional picture of the digits, and how well neighbours in it agree.
 */
import { UMAP } from 'umap-js'
import type { ImageSet } from '../../data/dataset.ts'
import { checkInteger } from '../../engines/checks.ts'
import type { StopSignal } from '../../engines/stop-signal.ts'
import { UsageError } from '../../errors.ts'
import { codeSize, inputSize } from '../../model/network.ts'
import type { FloatArray } from '../../model/state.ts'
import { createRandomSequence, sampleIndices } from '../../random/sequence.ts'
import { Turns } from '../../run/turns.ts'
import { selectImages } from '../image-sets.ts'
import { knnAccuracy } from '../knn.ts'
import { principalComponents, project } from '../pca.ts'
import { formatPercent, type Table } from '../table.ts'
import { type ApplicationContext, type Model, stopIfAborted, withModel } from './application.ts'

export interface LatentOptions {
  /** Training images that vote, at most. The same ones for every space. */
  readonly references?: number
  /** Test images that are classified, at most. The map shows all. */
  readonly queries?: number
  /** Neighbours that vote; default 5, or all of fewer references. */
  readonly neighbours?: number
  /** Test images on the UMAP, at most: its time grows faster than their number. */
  readonly umapImages?: number
}

export interface LatentMap {
  /** `codes`, `PCA of the codes` or `UMAP of the codes`. */
  readonly method: string
  readonly axes: readonly [string, string]
  /** (n, 2) */
  readonly points: FloatArray
  /** (n) */
  readonly labels: Uint8Array
}

export interface LatentResult {
  readonly maps: readonly LatentMap[]
  readonly neighbours: number
  readonly references: number
  readonly queries: number
  readonly accuracies: readonly { space: string; dimensions: number; accuracy: number }[]
}

/**
 * Maps of the test codes, and the accuracy of a k-NN vote in latent space, in pixel space, and in the space
 * of as many principal components as there are latent units. Needs at least two latent units.
 */
export async function latentSpace(
  context: ApplicationContext,
  model: Model,
  options: LatentOptions = {},
): Promise<LatentResult> {
  const { references = 10_000, queries = 5_000, umapImages = 4_000 } = options
  const bottleneck = codeSize(model.network)
  const input = inputSize(model.network)
  if (bottleneck < 2)
    throw new UsageError(`latent: expected a model of at least 2 latent units, found ${bottleneck}`)
  const { dataset, onProgress, signal } = context
  const train = sampleSet(dataset.train, references, context.seed, 0)
  const test = sampleSet(dataset.test, queries, context.seed, 1)
  const { neighbours = Math.min(5, train.count) } = options
  checkInteger('neighbours', neighbours, 1, train.count)
  if (dataset.test.count < LEAST_MAPPED) {
    throw new UsageError(
      `latent: expected at least ${LEAST_MAPPED} test images to map, found ${dataset.test.count}`,
    )
  }
  const [trainCodes, testCodes, allCodes] = await withModel(context, model, async (engine) => [
    await engine.encode(train.rows),
    await engine.encode(test.rows),
    await engine.encode(dataset.test.rows),
  ])

  const accuracies: { space: string; dimensions: number; accuracy: number }[] = []
  const compare = async (
    space: string,
    dimensions: number,
    trainRows: FloatArray | Uint8Array,
    testRows: FloatArray | Uint8Array,
  ) => {
    stopIfAborted(context)
    const accuracy = await knnAccuracy(
      { rows: trainRows, labels: train.labels },
      { rows: testRows, labels: test.labels },
      dimensions,
      neighbours,
      signal,
    )
    accuracies.push({ space, dimensions, accuracy })
  }
  onProgress?.('k-NN of the codes', 0)
  await compare('latent codes', bottleneck, trainCodes, testCodes)
  onProgress?.('PCA of the pixels', 0.05)
  const pca = await principalComponents(train.rows, input, bottleneck, signal)
  const projected = [await project(pca, train.rows, signal), await project(pca, test.rows, signal)]
  await compare('PCA of the pixels', bottleneck, projected[0], projected[1])
  onProgress?.('k-NN of the pixels', 0.15)
  await compare('pixels', input, train.rows, test.rows)

  const maps: LatentMap[] = []
  const { labels } = dataset.test
  if (bottleneck === 2) {
    maps.push({ method: 'codes', axes: ['latent unit 1', 'latent unit 2'], points: allCodes, labels })
  } else {
    maps.push(await pcaMap(allCodes, bottleneck, labels, signal))
    stopIfAborted(context)
    onProgress?.('UMAP', 0.6)
    const drawn = Math.min(umapImages, labels.length)
    const codes = allCodes.subarray(0, drawn * bottleneck)
    maps.push(await umapMap(codes, bottleneck, labels.subarray(0, drawn), context))
  }
  onProgress?.('done', 1)
  return { maps, neighbours, references: train.count, queries: test.count, accuracies }
}

/** Fewer have no principal components, and no neighbours that a map could keep. */
const LEAST_MAPPED = 4

/** All images where there are no more than `limit`, else a random sample. */
function sampleSet(set: ImageSet, limit: number, seed: number, use: number): ImageSet {
  if (set.count <= limit) return set
  return selectImages(set, sampleIndices(createRandomSequence(seed, use), set.count, limit))
}

async function pcaMap(
  codes: FloatArray,
  units: number,
  labels: Uint8Array,
  signal: StopSignal | undefined,
): Promise<LatentMap> {
  const pca = await principalComponents(codes, units, 2, signal)
  const share = (component: number) => formatPercent(pca.variances[component] / pca.totalVariance)
  return {
    method: 'PCA of the codes',
    axes: [`component 1 (${share(0)} of the variance)`, `component 2 (${share(1)} of the variance)`],
    points: await project(pca, codes, signal),
    labels,
  }
}

/** Neighbours of a point whose distances the map keeps; fewer where there are not so many points. */
const UMAP_NEIGHBOURS = 15
/** Multiply-adds of a pair of neighbours in an epoch, about. */
const UMAP_WORK = 10

async function umapMap(
  codes: FloatArray,
  units: number,
  labels: Uint8Array,
  { seed, signal }: ApplicationContext,
): Promise<LatentMap> {
  const { uniform: random } = createRandomSequence(seed, 2)
  const nNeighbors = Math.min(UMAP_NEIGHBOURS, labels.length - 1)
  const umap = new UMAP({ nComponents: 2, nNeighbors, minDist: 0.1, random })
  const rows = Array.from(labels, (_, row) => Array.from(codes.subarray(row * units, (row + 1) * units)))
  const epochs = umap.initializeFit(rows)
  await new Turns(signal).run(epochs, UMAP_WORK * rows.length * nNeighbors, (from, to) => {
    for (let epoch = from; epoch < to; epoch++) umap.step()
  })
  return {
    method: 'UMAP of the codes',
    axes: ['UMAP 1 (no unit)', 'UMAP 2 (no unit)'],
    points: Float64Array.from(umap.getEmbedding().flat()),
    labels,
  }
}

export function latentTable({ accuracies, neighbours, queries, references }: LatentResult): Table {
  return {
    columns: ['space', 'dimensions', 'training images', 'test images', `accuracy of ${neighbours}-NN`],
    rows: accuracies.map(({ space, dimensions, accuracy }) => [
      space,
      String(dimensions),
      String(references),
      String(queries),
      formatPercent(accuracy),
    ]),
  }
}
