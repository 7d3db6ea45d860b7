/**
 * The five applications as `npm run apply` runs them: the flags of each, its table, its figures, its JSON.
 */
import { loadDataset } from '../src/data/node-files.ts'
import { FileError, UsageError } from '../src/errors.ts'
import { anomalyDetection, anomalyTable } from '../src/experiments/applications/anomaly.ts'
import type { ApplicationContext, Model } from '../src/experiments/applications/application.ts'
import { denoiseTable, denoising } from '../src/experiments/applications/denoise.ts'
import {
  drawAnomalyFigures,
  drawDenoiseFigures,
  drawGenerateFigures,
  drawLatentFigures,
  drawPretrainFigures,
} from '../src/experiments/applications/figures.ts'
import { generateDigits, generateTable } from '../src/experiments/applications/generate.ts'
import { latentSpace, latentTable } from '../src/experiments/applications/latent.ts'
import {
  pretraining,
  pretrainTable,
  USUAL_LABELS,
  usualLabels,
} from '../src/experiments/applications/pretrain.ts'
import { mostComponents } from '../src/experiments/code-sources.ts'
import type { NamedFigure } from '../src/experiments/sweep-figures.ts'
import type { Table } from '../src/experiments/table.ts'
import type { StoredModel } from '../src/formats/model-file.ts'
import { codeSize } from '../src/model/network.ts'
import { listOf, nonNegativeNumber, path, positiveNumber, wholeNumber } from './cli.ts'
import { checkOfImages, loadUsableModel, noiseNote, noiseOf } from './model-option.ts'

/**
 * Flags of single applications. None has a yargs default, so that one given to the wrong application is
 * noticed.
 */
export const applicationOptions = {
  neighbours: {
    describe: 'latent: neighbours that vote',
    defaultDescription: '5, or all of fewer',
    requiresArg: true,
    coerce: wholeNumber('neighbours', 1),
  },
  'umap-images': {
    describe: 'latent: test images on the UMAP',
    defaultDescription: '4000',
    requiresArg: true,
    coerce: wholeNumber('umap-images', 20),
  },
  epochs: {
    describe: 'anomaly, denoise: epochs of the models that are trained for it',
    defaultDescription: '10 and 20',
    requiresArg: true,
    coerce: wholeNumber('epochs', 1),
  },
  fashion: {
    describe:
      'anomaly: directory of Fashion-MNIST (or another set of this format) as more inputs that are no digits',
    requiresArg: true,
    coerce: path('fashion'),
  },
  samples: {
    describe: 'generate: images from each distribution',
    defaultDescription: '1000',
    requiresArg: true,
    coerce: wholeNumber('samples', 10),
  },
  components: {
    describe: 'generate: Gaussians in the mixture',
    defaultDescription: '30',
    requiresArg: true,
    coerce: wholeNumber('components', 1),
  },
  labels: {
    describe: 'pretrain: numbers of labelled images',
    defaultDescription: `${USUAL_LABELS}, as far as there are so many`,
    requiresArg: true,
    coerce: listOf('labels', wholeNumber('labels', 1)),
  },
  seeds: {
    describe: 'pretrain: runs of each',
    defaultDescription: '3',
    requiresArg: true,
    coerce: wholeNumber('seeds', 1),
  },
  steps: {
    describe: 'generate, pretrain: updates of a classifier',
    defaultDescription: '2000 and 3000',
    requiresArg: true,
    coerce: wholeNumber('steps', 1),
  },
  sigma: {
    describe: 'denoise: standard deviations of the noise',
    defaultDescription: '0.05,0.1,0.2,0.3,0.4,0.6,0.8',
    requiresArg: true,
    coerce: listOf('sigma', positiveNumber('sigma')),
  },
  clip: {
    describe: 'denoise: limit noisy images to [0, 1]; --no-clip for none',
    defaultDescription: 'true',
    type: 'boolean',
  },
  'denoising-model': {
    describe: 'denoise: model trained with noise, .pth or .safetensors',
    defaultDescription: 'trained here',
    requiresArg: true,
    coerce: path('denoising-model'),
  },
  'training-noise': {
    describe: 'denoise: noise that it is trained with here',
    defaultDescription: '0.3',
    requiresArg: true,
    coerce: nonNegativeNumber('training-noise'),
  },
} as const

export type ApplicationFlag = keyof typeof applicationOptions

type FlagValues = {
  readonly [Flag in ApplicationFlag]?:
    | (Flag extends 'clip'
        ? boolean
        : (typeof applicationOptions)[Flag] extends { coerce: (value: never) => infer Value }
          ? Value
          : never)
    | undefined
}

export interface ApplicationOutcome {
  readonly table: Table
  /** Numbers for `--json` and the results' file. */
  readonly summary: object
  readonly figures: () => Promise<NamedFigure[]>
}

export interface Application {
  readonly describe: string
  readonly flags: readonly ApplicationFlag[]
  readonly run: (context: ApplicationContext, model: Model, flags: FlagValues) => Promise<ApplicationOutcome>
}

export const applications = {
  latent: {
    describe: 'maps of the codes, k-NN accuracy',
    flags: ['neighbours', 'umap-images'],
    async run(context, model, flags) {
      const result = await latentSpace(
        context,
        model,
        given({ neighbours: flags.neighbours, umapImages: flags['umap-images'] }),
      )
      const { maps, ...summary } = result
      return { table: latentTable(result), summary, figures: () => drawLatentFigures(result) }
    },
  },
  anomaly: {
    describe: 'reconstruction error as anomaly score, ROC',
    flags: ['epochs', 'fashion'],
    async run(context, model, flags) {
      const others = flags.fashion === undefined ? [] : [await loadOther(flags.fashion, context)]
      const result = await anomalyDetection(context, model, { ...given({ epochs: flags.epochs }), others })
      const brief = ({ name, roc, meanError }: (typeof result.leftOut)[number]) => ({
        name,
        auroc: roc.area,
        meanError,
      })
      return {
        table: anomalyTable(result),
        summary: {
          epochs: result.epochs,
          leftOut: result.leftOut.map(brief),
          offDistribution: result.offDistribution.map(brief),
          mostAnomalous: result.mostAnomalous,
        },
        figures: () => drawAnomalyFigures(result, context.dataset.test),
      }
    },
  },
  generate: {
    describe: 'new digits from samples of the codes',
    flags: ['samples', 'components', 'steps'],
    async run(context, model, { samples, components, steps }) {
      if (components !== undefined) {
        const most = mostComponents(context.dataset.train.count, codeSize(model.network))
        if (components > most) {
          throw new UsageError(
            `--components: expected a whole number from 1 to ${most}, for so many training images and latent ` +
              `units, found ${components}`,
          )
        }
      }
      const result = await generateDigits(context, model, given({ samples, components, judgeSteps: steps }))
      const { judgements, judgeAccuracy } = result
      return {
        table: generateTable(result),
        summary: { judgeAccuracy, judgements },
        figures: () => drawGenerateFigures(result, context.dataset.train),
      }
    },
  },
  pretrain: {
    describe: "the encoder's weights as a classifier's start",
    flags: ['labels', 'seeds', 'steps'],
    async run(context, model, { labels, seeds, steps }) {
      const { count } = context.dataset.train
      if (labels === undefined && `${usualLabels(count)}` !== `${USUAL_LABELS}`) {
        console.error(`labels: ${usualLabels(count).join(', ')}, for there are ${count} training images`)
      }
      const result = await pretraining(context, model, given({ labels, seeds, steps }))
      return { table: pretrainTable(result), summary: result, figures: () => drawPretrainFigures(result) }
    },
  },
  denoise: {
    describe: 'gain over noise against classical filters',
    flags: ['sigma', 'clip', 'denoising-model', 'training-noise', 'epochs'],
    async run(context, model, flags) {
      const file = flags['denoising-model']
      for (const flag of ['epochs', 'training-noise'] as const) {
        if (file === undefined || flags[flag] === undefined) continue
        throw new UsageError(`--${flag}: expected none beside --denoising-model, which is trained, found one`)
      }
      const denoisingModel =
        file === undefined ? undefined : await loadFittingModel(file, context.dataset.train)
      const note = denoisingModel && noiseNote(denoisingModel, `${file}`)
      if (note !== undefined) console.error(note)
      const { clip, epochs } = flags
      const result = await denoising(context, model, {
        ...given({ sigmas: flags.sigma, clip, epochs, trainingNoise: flags['training-noise'] }),
        denoisingModel,
        modelNoise: denoisingModel && noiseOf(denoisingModel),
      })
      const { examples, ...measured } = result
      return {
        table: denoiseTable(result),
        summary: { ...measured, ...(file !== undefined && { denoisingModel: file }) },
        figures: () => drawDenoiseFigures(result, context.dataset),
      }
    },
  },
} as const satisfies Record<string, Application>

export type ApplicationName = keyof typeof applications
export const APPLICATION_NAMES = Object.keys(applications) as ApplicationName[]

/** The options that were given: an absent one must not overwrite a default with undefined. */
function given<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Options]?: NonNullable<Options[Name]>
  }
}

async function loadOther(directory: string, { dataset }: ApplicationContext) {
  const { name, test } = await loadDataset(directory)
  const { width, height } = dataset.test
  if (test.width !== width || test.height !== height) {
    throw new FileError(
      directory,
      `expected images of ${width} × ${height} pixels, found ${test.width} × ${test.height}`,
    )
  }
  return { name, set: test }
}

/** Reads a model for images of the given size; its warnings go to stderr. Throws FileError. */
export async function loadFittingModel(
  file: string,
  images: { width: number; height: number },
): Promise<StoredModel> {
  const model = await loadUsableModel(file)
  checkOfImages(model, file)
  const pixels = images.width * images.height
  const { inputs } = model.network.layers[0]
  if (inputs !== pixels) {
    throw new FileError(
      file,
      `expected a network of ${pixels} inputs for images of ${images.width} × ${images.height} pixels, found ${inputs}`,
    )
  }
  return model
}
