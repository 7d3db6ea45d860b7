/**
 * The five applications on a small data set: what each promises about its numbers, and that its figures are
 * drawn.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { limitImages } from '../../src/data/dataset.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { createReferenceEngine } from '../../src/engines/reference/reference-engine.ts'
import { anomalyDetection, anomalyTable } from '../../src/experiments/applications/anomaly.ts'
import type { ApplicationContext, Model } from '../../src/experiments/applications/application.ts'
import { denoiseTable, denoising } from '../../src/experiments/applications/denoise.ts'
import {
  drawAnomalyFigures,
  drawDenoiseFigures,
  drawGenerateFigures,
  drawLatentFigures,
  drawPretrainFigures,
} from '../../src/experiments/applications/figures.ts'
import { generateDigits, generateTable } from '../../src/experiments/applications/generate.ts'
import { latentSpace, latentTable } from '../../src/experiments/applications/latent.ts'
import { pretraining, pretrainTable, usualLabels } from '../../src/experiments/applications/pretrain.ts'
import { codeSources } from '../../src/experiments/code-sources.ts'
import { classCount } from '../../src/experiments/image-sets.ts'
import type { NamedFigure } from '../../src/experiments/sweep-figures.ts'
import type { Network } from '../../src/model/network.ts'
import { classifier, classifierOn, hourglass } from '../../src/model/recipes.ts'
import { train } from '../../src/training/trainer.ts'
import { smallDigits } from './small-digits.ts'

const dataset = smallDigits()
const engines: Engine[] = []
const disposed = new Set<Engine>()
const context: ApplicationContext = {
  async createEngine(network: Network) {
    const engine = createReferenceEngine(network)
    const dispose = engine.dispose.bind(engine)
    engine.dispose = () => {
      disposed.add(engine)
      return dispose()
    }
    engines.push(engine)
    return engine
  },
  dataset,
  seed: 3,
  training: { batchSize: 16, learningRate: 0.005, weightDecay: 0 },
}

async function trainModel(bottleneck: number): Promise<Model> {
  const network = hourglass({ input: 144, hidden: 24, bottleneck, latentActivation: 'identity' })
  const engine = createReferenceEngine(network)
  const config = { seed: 1, epochs: 20, batchSize: 16, learningRate: 0.005, weightDecay: 0, noiseStd: 0 }
  await train(engine, dataset, config)
  return { network, parameters: (await engine.readState()).parameters }
}

const model = await trainModel(4)

function checkFigures(figures: readonly NamedFigure[], names: readonly string[]): void {
  assert.equal(
    figures.map(({ name }) => name),
    names,
  )
  for (const { png } of figures) assert.is(Buffer.from(png.subarray(1, 4)).toString(), 'PNG')
}

test('latent: bars of four places are told apart in every space; one row a space', async () => {
  const result = await latentSpace(context, model, { umapImages: 50, neighbours: 3 })
  assert.equal(
    result.accuracies.map(({ space, dimensions }) => [space, dimensions]),
    [
      ['latent codes', 4],
      ['PCA of the pixels', 4],
      ['pixels', 144],
    ],
  )
  for (const { space, accuracy } of result.accuracies) assert.ok(accuracy > 0.95, `${space}: ${accuracy}`)
  assert.equal(
    result.maps.map(({ points, labels }) => [points.length / 2, labels.length]),
    [
      [60, 60],
      [50, 50],
    ],
  )
  assert.ok(result.maps.every(({ points }) => points.every(Number.isFinite)))
  assert.is(latentTable(result).rows.length, 3)
  checkFigures(await drawLatentFigures(result), ['latent-pca.png', 'latent-umap.png'])
})

test('latent: two units are their own map, the same each time; one unit is refused', async () => {
  const flat = await trainModel(2)
  const [first, second] = [await latentSpace(context, flat), await latentSpace(context, flat)]
  assert.equal(first, second)
  checkFigures(await drawLatentFigures(first), ['latent-codes.png'])
  const network = hourglass({ input: 144, hidden: 4, bottleneck: 1 })
  await latentSpace(context, { network, parameters: new Float32Array(2000) }).then(
    () => assert.unreachable('one unit has no map'),
    (error: Error) => assert.match(error.message, /at least 2 latent units, found 1/),
  )
})

test('latent: UMAP repeats for a seed', async () => {
  const map = async (seed: number) =>
    (await latentSpace({ ...context, seed }, model, { umapImages: 50 })).maps[1].points
  assert.equal(await map(3), await map(3))
  assert.not.equal(await map(3), await map(4))
})

test('anomaly: a bar in a place never trained on, and inputs that are no bars, stand out', async () => {
  const result = await anomalyDetection(context, model, {
    epochs: 20,
    others: [{ name: 'more', set: dataset.train }],
  })
  assert.equal(
    result.leftOut.map(({ name }) => name),
    ['0', '1', '2', '3'],
  )
  for (const { name, roc } of result.leftOut) assert.ok(roc.area > 0.9, `${name}: ${roc.area}`)
  assert.equal(
    result.offDistribution.map(({ name }) => name),
    ['uniform noise', 'inverted', 'shuffled pixels', 'rotated by 90°', 'more'],
  )
  for (const { name, roc } of result.offDistribution) {
    if (name === 'more') assert.ok(roc.area < 0.8, `${name}: ${roc.area}`)
    else assert.ok(roc.area > 0.95, `${name}: ${roc.area}`)
  }
  const worst = result.mostAnomalous
  assert.is(worst[0].error, Math.max(...result.testErrors))
  assert.is(worst[0].label, dataset.test.labels[worst[0].index])
  assert.is(result.reconstructions.length, worst.length * 144)
  assert.is(anomalyTable(result).rows.length, 10)
  checkFigures(await drawAnomalyFigures(result, dataset.test), [
    'anomaly-left-out.png',
    'anomaly-off-distribution.png',
    'anomaly-errors.png',
    'anomaly-worst.png',
  ])
})

test('generate: three distributions and two yardsticks, judged; test images are no copies of training images', async () => {
  const result = await generateDigits(context, model, {
    samples: 40,
    components: 4,
    judgeSteps: 200,
    nearestSearches: 20,
  })
  assert.equal(
    result.judgements.map(({ name }) => name),
    [
      'one Gaussian',
      'mixture of 4 Gaussians',
      'one Gaussian per digit',
      'test images, reconstructed',
      'test images',
    ],
  )
  assert.ok(result.judgeAccuracy > 0.95, `${result.judgeAccuracy}`)
  const perDigit = result.judgements[2]
  assert.ok((perDigit.accuracy ?? 0) > 0.9, `${perDigit.accuracy}`)
  assert.is(result.judgements[0].accuracy, undefined)
  for (const judgement of result.judgements) {
    assert.ok(judgement.effectiveClasses >= 1 && judgement.effectiveClasses <= 4.0001)
    assert.ok(judgement.nearestDistance > 0, 'an exact copy of a training image')
  }
  for (const { images } of result.generated) assert.ok(images.every((value) => value >= 0 && value <= 1))
  assert.is(generateTable(result).rows.length, 5)
  checkFigures(await drawGenerateFigures(result, dataset.train), [
    'generate-one-gaussian.png',
    'generate-mixture-of-4-gaussians.png',
    'generate-one-gaussian-per-digit.png',
    'generate-nearest.png',
  ])
})

test('pretrain: a cell for every start and number of labels; more labels than images are refused', async () => {
  const result = await pretraining(context, model, {
    labels: [8, 160],
    seeds: 2,
    steps: 200,
    batchSize: 16,
    learningRate: 0.01,
  })
  assert.is(result.cells.length, 6)
  for (const { accuracies } of result.cells) {
    assert.is(accuracies.length, 2)
    assert.ok(accuracies.every((accuracy) => accuracy >= 0 && accuracy <= 1))
  }
  const full = result.cells.find(({ labels, start }) => labels === 160 && start === 'encoder, fine-tuned')
  assert.ok((full?.spread.mean ?? 0) > 0.9, `${full?.spread.mean}`)
  assert.is(pretrainTable(result).rows.length, 2)
  checkFigures(await drawPretrainFigures(result), ['pretrain.png'])
  await pretraining(context, model, { labels: [161] }).then(
    () => assert.unreachable('161 of 160'),
    (error: Error) => assert.match(error.message, /from 1 to 160, found 161/),
  )
})

test('pretrain: the frozen encoder stays as it came, the fine-tuned one does not', async () => {
  const encoderLength = 24 * 144 + 24 + 4 * 24 + 4
  const judged: Float32Array[] = []
  const watched: ApplicationContext = {
    ...context,
    async createEngine(network) {
      const engine = createReferenceEngine(network)
      const forward = engine.forward.bind(engine)
      engine.forward = async (inputs) => {
        judged.push(Float32Array.from((await engine.readState()).parameters))
        return forward(inputs)
      }
      return engine
    },
  }
  await pretraining(watched, model, { labels: [32], seeds: 1, steps: 20, batchSize: 16 })
  const encoders = judged.map((parameters) => parameters.subarray(0, encoderLength))
  // The encoder's last layer is scaled, each unit by one factor; its first layer is the model's own.
  const firstLayer = 24 * 144 + 24
  const given = Float32Array.from(model.parameters.subarray(0, encoderLength))
  assert.is(encoders.length, 3)
  assert.not.equal(encoders[0].subarray(0, firstLayer), given.subarray(0, firstLayer), 'from scratch')
  assert.not.equal(encoders[1].subarray(0, firstLayer), given.subarray(0, firstLayer), 'fine-tuned')
  assert.equal(encoders[2].subarray(0, firstLayer), given.subarray(0, firstLayer), 'frozen')
  for (let unit = 0; unit < 4; unit++) {
    const row = firstLayer + 24 * unit
    const factor = encoders[2][row] / given[row]
    assert.ok(factor > 0)
    const ratios = [...Array(24).keys()].map((i) => encoders[2][row + i] / given[row + i])
    // Float32 rounds each weight by up to 2⁻²⁴ of itself.
    for (const ratio of ratios) assert.ok(Math.abs(ratio / factor - 1) < 1e-6, `${ratio}, expected ${factor}`)
  }
})

test('denoise: gains are differences to the noisy images; filters choose a setting', async () => {
  const result = await denoising(context, model, { sigmas: [0.1, 0.5], epochs: 10, trainingNoise: 0.3 })
  assert.equal(
    result.methods.map(({ name }) => name),
    ['autoencoder', 'autoencoder trained with noise (σ 0.3)', 'Gaussian filter', 'median filter'],
  )
  for (const { name, levels } of result.methods) {
    levels.forEach(({ psnrGain, quality, setting }, index) => {
      assert.is(psnrGain, quality.psnr - result.noisy[index].quality.psnr)
      assert.is(setting !== undefined, name.endsWith('filter'))
    })
  }
  const strong = result.methods.map(({ levels }) => levels[1].psnrGain)
  assert.ok(strong[1] > strong[0] + 0.5, `trained with noise ${strong[1]} dB, without ${strong[0]} dB`)
  assert.ok(strong[1] > 3, `trained with noise, at σ 0.5: ${strong[1]} dB`)
  assert.ok(result.noisy[0].quality.psnr > result.noisy[1].quality.psnr)
  assert.is(denoiseTable(result).rows.length, 2)
  checkFigures(await drawDenoiseFigures(result, dataset), [
    'denoise-psnr.png',
    'denoise-ssim.png',
    'denoise-strips.png',
  ])
  const given = await denoising(context, model, { sigmas: [0.1], denoisingModel: model, clip: false })
  assert.equal(given.methods[1].levels[0].quality, given.methods[0].levels[0].quality)
  const unclipped = given.noisy[0].quality.mse
  assert.ok(Math.abs(unclipped - 0.01) < 0.0005, `σ² of noise that is not clipped: ${unclipped}`)
})

test('the classifier has the encoder’s layers and a softmax head', () => {
  const network = classifierOn(model.network, 3)
  assert.equal(network.layers.slice(0, 2), model.network.layers.slice(0, 2))
  assert.equal(network.layers[2], {
    name: 'fc3',
    inputs: model.network.layers[1].outputs,
    outputs: 3,
    activation: 'softmax',
  })
  assert.is(network.loss, 'crossEntropy')
  assert.throws(() => classifier({ input: 9, hidden: 4, bottleneck: 2, classes: 1 }), /classes.*found 1/)
})

test('more images than a call takes arguments', async () => {
  const count = 200_000
  const labels = new Uint8Array(count).map((_, i) => i % 4)
  const many = { ...dataset.train, count, rows: new Uint8Array(count * 144), labels }
  assert.is(classCount(many.labels), 4)
})

test('what cannot work is refused before anything is computed', async () => {
  const untouched: ApplicationContext = {
    ...context,
    createEngine: () => assert.unreachable('an engine was made') as never,
  }
  const one = { ...dataset.test, labels: new Uint8Array(dataset.test.count).fill(3) }
  const refusals: [() => Promise<unknown>, RegExp][] = [
    [
      () => anomalyDetection({ ...untouched, dataset: { ...dataset, test: one } }, model),
      /^anomaly: expected test images of at least two classes, found those of 3 alone$/,
    ],
    [() => latentSpace(untouched, model, { neighbours: 161 }), /^neighbours: .*from 1 to 160, found 161$/],
    [
      () =>
        generateDigits(
          { ...untouched, dataset: { ...dataset, train: { ...dataset.train, labels: new Uint8Array(160) } } },
          model,
        ),
      /classes.*found 1/,
    ],
    [
      () =>
        generateDigits(untouched, {
          network: hourglass({ input: 144, hidden: 4, bottleneck: 9000 }),
          parameters: new Float32Array(),
        }),
      /^generate: expected a model of at most 8192 latent units, found 9000$/,
    ],
  ]
  for (const [work, pattern] of refusals) {
    await work().then(
      () => assert.unreachable('it was done'),
      (error: Error) => assert.match(error.message, pattern),
    )
  }
  assert.equal(usualLabels(60_000), [100, 1_000, 10_000, 60_000])
  assert.equal(usualLabels(900), [100, 900])
  assert.equal(usualLabels(60), [60])
})

test('a set as small as can be mapped', async () => {
  const few = { ...dataset, train: limitImages(dataset.train, 3), test: limitImages(dataset.test, 4) }
  const { neighbours, maps } = await latentSpace({ ...context, dataset: few }, model)
  assert.is(neighbours, 3)
  assert.ok(maps[1].points.every(Number.isFinite))
})

test('codes that are drawn in parts are those that are drawn at once', async () => {
  const codes = Float32Array.from({ length: 90 * 2 }, (_, i) => ((i * 37) % 41) / 8)
  const labels = Uint8Array.from({ length: 90 }, (_, i) => i % 3)
  const sources = () => codeSources(codes, labels, 2, { samples: 40, components: 100, seed: 5 })
  const parts = await sources()
  for (const [index, { name, count, classes, draw }] of (await sources()).entries()) {
    const whole = await draw(count)
    const drawn: number[] = []
    for (const size of [1, 4, 16, count - 21]) drawn.push(...(await parts[index].draw(size)))
    assert.equal(Float64Array.from(drawn), whole, name)
    assert.equal(classes, index === 2 ? [0, 1, 2] : undefined)
  }
  assert.equal(
    parts.map(({ name, count }) => [name, count]),
    [
      ['one Gaussian', 40],
      ['mixture of 90 Gaussians', 40],
      ['one Gaussian per digit', 42],
    ],
  )
})

test('an abort stops an application, and no engine is left behind', async () => {
  const controller = new AbortController()
  controller.abort()
  const aborted = { ...context, signal: controller.signal }
  for (const work of [
    () => latentSpace(aborted, model),
    () => anomalyDetection(aborted, model),
    () => generateDigits(aborted, model),
    () => pretraining(aborted, model, { labels: [10] }),
    () => denoising(aborted, model),
  ]) {
    await work().then(
      () => assert.unreachable('it went on'),
      (error: Error) => assert.match(String(error.stack), /interrupted/),
    )
  }
  assert.is(disposed.size, engines.length)
})

test.run()
