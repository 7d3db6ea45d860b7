/** The figures of the applications' results. Node only, as all that draws. */
import type { Dataset, ImageSet } from '../../data/dataset.ts'
import { drawHistogram } from '../../figures/histogram.ts'
import { drawImageGrid, type ImageCell } from '../../figures/image-grid.ts'
import { drawLatentMap } from '../../figures/latent-map.ts'
import { drawRocChart, type RocSeries } from '../../figures/roc-chart.ts'
import { drawSpreadChart } from '../../figures/spread-chart.ts'
import type { FloatArray } from '../../model/state.ts'
import type { NamedFigure } from '../sweep-figures.ts'
import { formatPercent } from '../table.ts'
import type { AnomalyComparison, AnomalyResult } from './anomaly.ts'
import type { DenoiseResult } from './denoise.ts'
import type { GenerateResult } from './generate.ts'
import type { LatentResult } from './latent.ts'
import { type PretrainResult, STARTS } from './pretrain.ts'

/** Images beside each other in a grid. */
const GRID_COLUMNS = 10

export async function drawLatentFigures(result: LatentResult): Promise<NamedFigure[]> {
  const figures: NamedFigure[] = []
  const accuracy = formatPercent(result.accuracies[0].accuracy)
  for (const { method, axes, points, labels } of result.maps) {
    const png = await drawLatentMap({
      title: `Test digits: ${method}`,
      subtitle: `${labels.length.toLocaleString('en-US')} test images; ${result.neighbours}-NN accuracy of the codes themselves ${accuracy}`,
      axes,
      points,
      labels,
    })
    figures.push({ name: `latent-${method.split(' ')[0].toLowerCase()}.png`, png })
  }
  return figures
}

export async function drawAnomalyFigures(result: AnomalyResult, test: ImageSet): Promise<NamedFigure[]> {
  const epochs = result.epochs === 1 ? 'one epoch' : `${result.epochs} epochs`
  const leftOut = result.leftOut.map((one) => rocSeries(one, `digit ${one.name}`))
  const offDistribution = result.offDistribution.map((one) => rocSeries(one, one.name))
  const worst = result.mostAnomalous.map(({ index, label, error }, position) => ({
    original: {
      pixels: imageOf(test.rows, test, index),
      captions: [String(label), `no. ${index}`],
    },
    reconstruction: {
      pixels: imageOf(result.reconstructions, test, position),
      captions: [error.toFixed(3)],
    },
  }))
  return [
    {
      name: 'anomaly-left-out.png',
      png: await drawRocChart(
        'A digit that was never trained on, found by its reconstruction error',
        `each by a model trained ${epochs} on the other ${leftOut.length - 1}; AUROC in the legend`,
        leftOut,
      ),
    },
    {
      name: 'anomaly-off-distribution.png',
      png: await drawRocChart(
        'Inputs that are no digits, found by their reconstruction error',
        'against the test digits; AUROC in the legend',
        offDistribution,
      ),
    },
    {
      name: 'anomaly-errors.png',
      png: await drawHistogram({
        title: 'Reconstruction errors of digits and of inputs that are none',
        xTitle: 'mean squared error per pixel',
        series: [
          { label: 'test digits', values: result.testErrors },
          ...result.offErrors.map(({ name, errors }) => ({ label: name, values: errors })),
        ],
      }),
    },
    {
      name: 'anomaly-worst.png',
      png: await drawImageGrid({
        title: 'The most anomalous test digits',
        subtitles: [
          'image with its label and number, below it the reconstruction with its mean squared error per pixel',
        ],
        imageWidth: test.width,
        imageHeight: test.height,
        rows: inRows(worst).flatMap((row) => [
          row.map(({ original }) => original),
          row.map(({ reconstruction }) => reconstruction),
        ]),
      }),
    },
  ]
}

function rocSeries({ name, roc }: AnomalyComparison, label: string): RocSeries {
  const { falsePositiveRate, truePositiveRate } = roc
  return {
    label: `${label || name}: ${roc.area.toFixed(3)}`,
    falsePositiveRate,
    truePositiveRate,
  }
}

export async function drawGenerateFigures(result: GenerateResult, train: ImageSet): Promise<NamedFigure[]> {
  const size = { imageWidth: train.width, imageHeight: train.height }
  const drawn = result.generated.filter(({ name }) => !name.startsWith('test images'))
  const figures: NamedFigure[] = []
  for (const { name, images } of drawn) {
    const count = images.length / (train.width * train.height)
    const indices = [...Array(Math.min(count, GRID_COLUMNS * GRID_COLUMNS)).keys()]
    const judgement = result.judgements.find((one) => one.name === name)
    figures.push({
      name: `generate-${name.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase()}.png`,
      png: await drawImageGrid({
        title: `Digits decoded from samples: ${name}`,
        subtitles: [
          `not chosen by hand; ${formatPercent(judgement?.confidentShare ?? Number.NaN)} of them are named by a classifier with at least 0.9 confidence`,
        ],
        ...size,
        rows: inRows(indices.map((index) => ({ pixels: imageOf(images, train, index) }))),
      }),
    })
  }
  const pairs = drawn.flatMap(({ images, nearest }) => [
    Array.from(nearest.subarray(0, GRID_COLUMNS), (_, i) => ({ pixels: imageOf(images, train, i) })),
    Array.from(nearest.subarray(0, GRID_COLUMNS), (index) => ({
      pixels: imageOf(train.rows, train, index),
    })),
  ])
  figures.push({
    name: 'generate-nearest.png',
    png: await drawImageGrid({
      title: 'Samples above their nearest training images',
      subtitles: ['nearest by squared difference of the pixels: a copy would look the same'],
      ...size,
      rowLabels: drawn.flatMap(({ name }) => [name, 'nearest in training']),
      rows: pairs,
    }),
  })
  return figures
}

export async function drawPretrainFigures(result: PretrainResult): Promise<NamedFigure[]> {
  const png = await drawSpreadChart({
    title: `Accuracy of a classifier behind a bottleneck of ${result.bottleneck}`,
    subtitle: `${result.steps.toLocaleString('en-US')} updates each; mean ± standard deviation over seeds; small dots: single runs`,
    xTitle: 'labelled training images, log scale',
    yTitle: 'test accuracy (%)',
    xScale: 'logarithmic',
    series: STARTS.map((start) => ({
      label: start,
      points: result.cells
        .filter((cell) => cell.start === start)
        .map(({ labels, spread, accuracies }) => ({
          x: labels,
          mean: 100 * spread.mean,
          standardDeviation: 100 * spread.standardDeviation,
          values: accuracies.length > 1 ? accuracies.map((accuracy) => 100 * accuracy) : [],
        })),
    })),
  })
  return [{ name: 'pretrain.png', png }]
}

export async function drawDenoiseFigures(result: DenoiseResult, { test }: Dataset): Promise<NamedFigure[]> {
  const how = result.clip ? 'noisy images clipped to [0, 1]' : 'noise not clipped'
  const subtitle = `${result.images.toLocaleString('en-US')} test images, ${how}; above 0: closer to the clean image`
  const gains = (yTitle: string, gain: 'psnrGain' | 'ssimGain') =>
    drawSpreadChart({
      title: 'Denoising against classical filters',
      subtitle,
      xTitle: 'standard deviation of the noise, σ (black 0, white 1)',
      yTitle,
      baseline: 0,
      series: result.methods.map(({ name, levels }, index) => ({
        label: name,
        dash: index >= 2 ? 1 : 0,
        points: levels.map((level) => ({ x: level.sigma, mean: level[gain] ?? Number.NaN })),
      })),
    })
  // Every second σ and the last: neighbours look alike.
  const shown = result.noisy.filter((_, i) => i % 2 === 1 || i === result.noisy.length - 1)
  const isShown = (sigma: number) => shown.some((level) => level.sigma === sigma)
  const example = result.examples.filter(
    ({ index, sigma }) => index === result.examples[0]?.index && isShown(sigma),
  )
  const others = result.examples.filter(
    ({ index, sigma }) => index !== example[0]?.index && sigma === middleSigma(result),
  )
  const strip = ({ index, noisy, denoised }: DenoiseResult['examples'][number]): ImageCell[] => [
    { pixels: imageOf(test.rows, test, index) },
    { pixels: noisy },
    ...denoised.map((pixels) => ({ pixels })),
  ]
  const names = ['original', 'noisy', 'plain', 'trained with noise', 'Gaussian', 'median']
  const rows = [...example, ...others].map(strip)
  const hasSsim = result.noisy.some(({ quality }) => quality.ssim !== null)
  return [
    { name: 'denoise-psnr.png', png: await gains('PSNR gain over the noisy image (dB)', 'psnrGain') },
    ...(hasSsim
      ? [{ name: 'denoise-ssim.png', png: await gains('SSIM gain over the noisy image', 'ssimGain') }]
      : []),
    {
      name: 'denoise-strips.png',
      png: await drawImageGrid({
        title: 'Noisy digits, denoised',
        subtitles: [`${how}; plain: the autoencoder as given; filters at their best setting for each σ`],
        imageWidth: test.width,
        imageHeight: test.height,
        rowLabels: [...example, ...others].map(({ sigma }) => `σ ${sigma}`),
        rows: rows.map((row, index) =>
          index === 0 ? row.map((cell, column) => ({ ...cell, label: names[column] })) : row,
        ),
      }),
    },
  ]
}

function middleSigma({ noisy }: DenoiseResult): number {
  return noisy[Math.floor(noisy.length / 2)].sigma
}

function imageOf<Pixels extends Uint8Array | FloatArray>(
  images: Pixels,
  { width, height }: { width: number; height: number },
  index: number,
): Pixels {
  return images.subarray(index * width * height, (index + 1) * width * height) as Pixels
}

function inRows<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / GRID_COLUMNS) }, (_, row) =>
    items.slice(row * GRID_COLUMNS, (row + 1) * GRID_COLUMNS),
  )
}
