/** Application 3: new digits, decoded from samples of a distribution fitted to the codes; and how good they are. */
import type { ImageSet } from '../../data/dataset.ts'
import type { Engine } from '../../engines/engine.ts'
import type { Activation } from '../../model/network.ts'
import { codeSize, inputSize } from '../../model/network.ts'
import { classifier } from '../../model/recipes.ts'
import type { FloatArray } from '../../model/state.ts'
import { createRandomSequence } from '../../random/sequence.ts'
import { type Classification, classifierAccuracy, classify, trainClassifier } from '../classification.ts'
import { unitImages } from '../evaluation.ts'
import { indicesWhere } from '../image-sets.ts'
import { accuracy, nearestNeighbours } from '../knn.ts'
import { fitMixture, sampleMixture } from '../mixture.ts'
import { formatPercent, type Table } from '../table.ts'
import { type ApplicationContext, type Model, withEngine, withModel } from './application.ts'

export interface GenerateOptions {
  /** Images drawn from each distribution. */
  readonly samples?: number
  /** Components of the mixture over all classes. */
  readonly components?: number
  /** Updates of the classifier that judges the images. */
  readonly judgeSteps?: number
  /** Images whose nearest training image is looked for. */
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
  /** Number of classes in use: e to the entropy of the judge's class frequencies. 10 where all are equally frequent. */
  readonly effectiveClasses: number
  /** Mean over images of the root mean squared difference per pixel to the nearest training image. */
  readonly nearestDistance: number
}

export interface GeneratedImages {
  readonly name: string
  /** (n, pixels), in [0, 1] */
  readonly images: FloatArray
  /** Index of the nearest training image of the first of them. */
  readonly nearest: Uint32Array
}

export interface GenerateResult {
  readonly judgements: readonly Judgement[]
  readonly generated: readonly GeneratedImages[]
  /** The judge's share of right answers on the test set. */
  readonly judgeAccuracy: number
}

const JUDGE = { hidden: 392, bottleneck: 128, batchSize: 256, learningRate: 1e-3 } as const

/** Codes of one set of samples, with the class each was drawn for. */
interface Sampled {
  readonly name: string
  readonly codes: Float64Array
  readonly labels?: Uint8Array
}

export async function generateDigits(
  context: ApplicationContext,
  model: Model,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  const { samples = 1000, components = 30, judgeSteps = 2000, nearestSearches = 200 } = options
  const { dataset, onProgress, seed } = context
  const { layers, codeLayer } = model.network
  const bottleneck = codeSize(model.network)
  const input = inputSize(model.network)
  const latentActivation = layers[codeLayer].activation

  const produced = await withModel(context, model, async (engine) => {
    onProgress?.('fitting the codes', 0)
    const codes = await engine.encode(dataset.train.rows)
    const sampled = sampleCodes(codes, bottleneck, dataset.train, { samples, components, seed })
    const decoded: { name: string; images: FloatArray; labels?: Uint8Array }[] = []
    for (const set of sampled) {
      decoded.push({ ...set, images: await engine.decode(allowedCodes(set.codes, latentActivation)) })
    }
    const real = dataset.test.rows.subarray(0, Math.min(samples, dataset.test.count) * input)
    const labels = dataset.test.labels.subarray(0, real.length / input)
    decoded.push({ name: 'test images, reconstructed', images: await engine.forward(real), labels })
    decoded.push({ name: 'test images', images: unitImages(real), labels })
    return decoded
  })

  onProgress?.('training the judge', 0.3)
  const network = classifier({ input, ...JUDGE, classes: Math.max(...dataset.train.labels) + 1 })
  return withEngine(context, network, async (judge) => {
    await judge.initialize(seed)
    await trainClassifier(judge, dataset.train, { ...JUDGE, seed, steps: judgeSteps, signal: context.signal })
    const judgeAccuracy = await classifierAccuracy(judge, dataset.test)
    const trainImages = unitImages(dataset.train.rows)
    const judgements: Judgement[] = []
    const generated: GeneratedImages[] = []
    for (const { name, images, labels } of produced) {
      onProgress?.(`judging: ${name}`, 0.6 + (0.4 * judgements.length) / produced.length)
      const found = nearestNeighbours(images.subarray(0, nearestSearches * input), trainImages, input, 1)
      generated.push({ name, images, nearest: found.indices })
      judgements.push({ name, ...(await judgeImages(judge, images, found.squaredDistances, input, labels)) })
    }
    return { judgements, generated, judgeAccuracy }
  })
}

function sampleCodes(
  codes: FloatArray,
  units: number,
  train: ImageSet,
  { samples, components, seed }: { samples: number; components: number; seed: number },
): Sampled[] {
  const gaussian = fitMixture(codes, units, { components: 1, seed }).mixture
  const mixture = fitMixture(codes, units, { components: Math.min(components, train.count), seed }).mixture
  const classes = [...new Set(train.labels)].sort((a, b) => a - b)
  // Class after class in turn, so that any first few of them show all classes.
  const perClass = Math.ceil(samples / classes.length)
  const labels = Uint8Array.from({ length: classes.length * perClass }, (_, i) => classes[i % classes.length])
  const classCodes = new Float64Array(labels.length * units)
  classes.forEach((label, position) => {
    const rows = selectRows(
      codes,
      units,
      indicesWhere(train, (other) => other === label),
    )
    const { mixture: ofClass } = fitMixture(rows, units, { components: 1, seed })
    const drawn = sampleMixture(ofClass, perClass, createRandomSequence(seed, 10 + label))
    for (let turn = 0; turn < perClass; turn++) {
      const code = drawn.subarray(turn * units, (turn + 1) * units)
      classCodes.set(code, (turn * classes.length + position) * units)
    }
  })
  return [
    { name: 'one Gaussian', codes: sampleMixture(gaussian, samples, createRandomSequence(seed, 3)) },
    {
      name: `mixture of ${components} Gaussians`,
      codes: sampleMixture(mixture, samples, createRandomSequence(seed, 4)),
    },
    { name: 'one Gaussian per digit', codes: classCodes, labels },
  ]
}

function selectRows(rows: FloatArray, width: number, indices: readonly number[]): Float64Array {
  const selected = new Float64Array(indices.length * width)
  indices.forEach((row, position) => {
    selected.set(rows.subarray(row * width, (row + 1) * width), position * width)
  })
  return selected
}

/** The codes that a bottleneck can give: a ReLU's are never negative, so its decoder never saw one. */
const CODE_RANGES: Partial<Record<Activation, readonly [number, number]>> = {
  relu: [0, Infinity],
  sigmoid: [0, 1],
  tanh: [-1, 1],
}

/** Samples are cut off where codes end. */
function allowedCodes(codes: Float64Array, latentActivation: Activation): Float32Array {
  const [least, most] = CODE_RANGES[latentActivation] ?? [-Infinity, Infinity]
  return Float32Array.from(codes, (code) => Math.min(most, Math.max(least, code)))
}

async function judgeImages(
  judge: Engine,
  images: FloatArray,
  squaredDistances: Float64Array,
  pixels: number,
  labels: Uint8Array | undefined,
): Promise<Omit<Judgement, 'name'>> {
  const { predictions, confidences } = await classify(judge, images)
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    meanConfidence: mean(confidences),
    confidentShare: mean(confidences.map((confidence) => (confidence >= 0.9 ? 1 : 0))),
    ...(labels && { accuracy: accuracy(predictions, labels) }),
    effectiveClasses: effectiveClasses(predictions),
    nearestDistance: mean(squaredDistances.map((distance) => Math.sqrt(distance / pixels))),
  }
}

function effectiveClasses(predictions: Classification['predictions']): number {
  const counts = new Float64Array(256)
  for (const label of predictions) counts[label]++
  let entropy = 0
  for (const count of counts) {
    const share = count / predictions.length
    if (share > 0) entropy -= share * Math.log(share)
  }
  return Math.exp(entropy)
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
